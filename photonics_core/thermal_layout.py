"""Heaters and rings on a chip: the thermal coupling of each heater to each ring, without a grid.

The temperature at a probe for power in a heater depends on their displacement only. For a point of the heater and a
circle of the probe it is a function F of their distance (`kernels.radial_transform`), made once for each kind of circle
and slab from the temperatures of the layers (`kernels.heat`) on 280 wavenumbers. A coupling is then a sum of F over the
points of the heater's shape: many for the heaters nearest to a circle, few for those farther off. Positions enter
through distances alone, so that derivatives are exact, and cost some times the value.

A chip with edges is periodic with its mirror images: heat is reflected where no heat leaves, and taken up where the
edge is at the temperature of the surroundings. The nearest images are summed as heaters are, all others as modes of the
chip (`kernels.edges`), so that none is left out.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.heat_shapes import HeatShape, Point
from photonics_core.kernels.checks import (
    check_finite,
    check_kind,
    check_positive,
    check_range,
    is_concrete,
)
from photonics_core.kernels.heat import LayerStack, Slab
from photonics_core.kernels.laplace import inverted
from photonics_core.kernels.radial_transform import RadialGrid, radial_grid
from photonics_core.thermal_chip import Chip, check_inside
from photonics_core.thermal_coupling import Circles, Sources, alike, coupled, distinct, radial_tables, stacked
from photonics_core.thermal_edges import EdgeModes, edge_coupling, edge_transfers, mode_means
from photonics_core.thermal_map import temperature_map
from photonics_core.thermal_points import fitted, resolved_length
from photonics_core.thermal_stack import ThermalRegion, ThermalStack

Points = tuple[jax.Array, jax.Array, jax.Array]

#: Radius in um up to which a circle may be given as a traced number.
_TRACED_RADIUS = 1e4
#: Terms of the inverse Laplace transform in float32 and in float64: more would be rounding only.
_TERMS = (8, 12)


class ThermalLayout(Shown):
    """Heaters and probes in a stack of layers.

    Args:
        stack: the layers.
        heaters: regions in which power is put.
        probes: regions over which temperatures are averaged, rings as a `Circle` in the layer of the guides.
        chip: its edges; None for layers without end.
        scale: length in um that F is resolved to near a circle, at most some times the distance in height of heaters
            from probes; None for 0.25 or less where heights are known and closer.
        near: how many heaters next to a circle count with all of their points; the others with few.

    Shapes without counts of points get those their size and distance in height from the others ask for, where these are
    known when the layout is made; where they are traced, the least.

    Raises:
        ValueError: without heaters or probes, for one that is outside of its layer or of the chip, or one that would
            take too many points.
    """

    stack: ThermalStack
    heaters: tuple[ThermalRegion, ...] = eqx.field(converter=tuple)
    probes: tuple[ThermalRegion, ...] = eqx.field(converter=tuple)
    chip: Chip | None
    scale: float = eqx.field(static=True)
    near: int = eqx.field(static=True)

    def __init__(
        self,
        stack: ThermalStack,
        heaters: Sequence[ThermalRegion],
        probes: Sequence[ThermalRegion],
        chip: Chip | None = None,
        scale: float | None = None,
        near: int = 8,
    ) -> None:
        check_kind("stack", stack, ThermalStack)
        for name, regions in (("heaters", heaters), ("probes", probes)):
            _check_regions(name, regions)
        self.stack, self.chip, self.near = stack, chip, near
        self.heaters, self.probes = fitted(stack, heaters, probes)
        self.scale = resolved_length(stack, heaters, probes) if scale is None else scale

    def __check_init__(self) -> None:
        check_positive("scale", self.scale, "um")
        check_range("near", self.near, 1)
        if self.chip is not None:
            check_kind("chip", self.chip, Chip)
            for name, regions in (("heaters", self.heaters), ("probes", self.probes)):
                check_inside(name, regions, self.chip)

    def coupling(self) -> jax.Array:
        """Temperature of each probe for power in each heater in K/mW, shape [probes, heaters]."""
        return self._coupling(None)

    def temperature(self, power: Any) -> jax.Array:
        """Temperatures of the probes in K for powers in mW, shape [..., heaters] to [..., probes].

        Raises:
            ValueError: for powers that are not finite, or not one for each heater.
        """
        power = _for_each("power", power, len(self.heaters), "heater", "mW")
        return jnp.einsum("ph,...h->...p", self.coupling(), power, precision="highest")

    def power_for(self, temperature: Any) -> jax.Array:
        """Powers in mW that give temperatures in K, in least squares; shape [..., probes] to [..., heaters].

        They may be below zero, where a ring is to be colder than its neighbours leave it.

        Raises:
            ValueError: for temperatures that are not finite, or not one for each probe.
        """
        wanted = _for_each("temperature", temperature, len(self.probes), "probe", "K")
        return jnp.einsum("hp,...p->...h", jnp.linalg.pinv(self.coupling()), wanted, precision="highest")

    def temperature_map(
        self,
        power: Any,
        layer: str,
        height: Any = 0.0,
        thickness: Any = None,
        shape: tuple[int, int] = (256, 256),
        box: tuple[float, float] | None = None,
    ) -> jax.Array:
        """Temperature in K over a chip, averaged over a slab, in the middles of pixels (see `thermal_map`).

        Args:
            power: of the heaters in mW, shape [heaters].
            layer, height, thickness: the slab, as for a `ThermalRegion`.
            shape: pixels in x and y, static.
            box: width and height in um of a periodic box from (0, 0), instead of the chip and its edges.

        Returns:
            Array of `shape`.

        Raises:
            ValueError: for powers that are not finite or of another shape, without a chip and a box, for a heater
                outside of the box, or numbers of pixels that are not whole and above zero.
        """
        power = _for_each("power", power, len(self.heaters), "heater", "mW")
        if power.ndim != 1:
            raise ValueError(f"power of shape {power.shape} is not [{len(self.heaters)}], one number a heater")
        for count in shape:
            check_kind("number of pixels", count, int)
            check_range("number of pixels", count, 1)
        chip = self.chip if box is None else Chip(*box)
        if chip is None:
            raise ValueError("box = None, but the layout has no chip; give the size of the box")
        check_inside("heaters", self.heaters, chip)
        probe = self.stack.slab(ThermalRegion(Point(), layer, height, thickness))
        slabs = self._slabs(self.heaters)
        size = (chip.width, chip.height)
        return temperature_map(self.stack.kernel(), self.heaters, slabs, power, probe, size, chip.edges, shape)

    def impedance(self, rate: Any) -> jax.Array:
        """Laplace transform of the temperature for an impulse of heat, in K/mW, complex.

        Args:
            rate: s in 1/ps, a complex number with a real part of 0 or more; 2 pi i f in the convention
                exp(2 pi i f t). Use `jax.vmap` for many.

        Returns:
            Shape [probes, heaters]; at 0 it is `coupling`.

        Raises:
            ValueError: for a rate that is not one number, not finite, or to the left of the imaginary axis.
        """
        if np.ndim(rate):
            raise ValueError(f"rate of shape {np.shape(rate)} is not one number")
        if is_concrete(rate):
            check_range("real part of the rate", np.real(rate), 0.0, np.inf, "1/ps")
            check_finite("imaginary part of the rate", np.imag(rate), "1/ps")
        return self._coupling(jnp.asarray(rate, jnp.result_type(1j)))

    def step_response(self, time: Any, terms: int | None = None) -> jax.Array:
        """Temperature of each probe in K/mW a time in ps after a heater was turned on.

        Args:
            time: above 0, shape [times].
            terms: of `kernels.laplace`, static: the error is some 10^(-0.6 terms) of the final value. None for 12 in
                float64 and 8 in float32, where more are lost to rounding.

        Returns:
            Shape [probes, heaters, times].

        Raises:
            ValueError: for times that are not finite and above 0 or not along one axis, or terms below 1.
        """
        check_positive("time", time, "ps")
        if np.ndim(time) != 1:
            raise ValueError(f"time of shape {np.shape(time)} is not [times]")
        time = jnp.asarray(time, jnp.result_type(float))
        terms = _TERMS[int(time.dtype == jnp.float64)] if terms is None else terms
        check_range("terms", terms, 1)
        plan = self._plan()
        # Shapes and places do not depend on the rate: they come in once a time, with the functions of distance in time.
        values = inverted(lambda rate: jax.tree.map(lambda each: each / rate, self._functions(plan, rate)), time, terms)
        return jnp.moveaxis(jax.lax.map(lambda each: self._summed(plan, each), values), 0, -1)

    def _coupling(self, rate: jax.Array | None) -> jax.Array:
        plan = self._plan()
        return self._summed(plan, self._functions(plan, rate))

    def _plan(self) -> "_Plan":
        circles, kinds, share = self._circles()
        grid = radial_grid(self.scale, max(_largest(radius) for _, radius in kinds))
        (slabs, slab_of), (targets, target_of) = self._slabs(self.heaters), self._slabs(self.probes)
        screen = None if self.chip is None else self.chip.screen()
        plan = _Plan(self.stack.kernel(), grid, slabs, targets, circles, kinds, share, self._sources(slab_of), screen)
        if self.chip is None or screen is None:
            return plan
        modes = EdgeModes.of((self.chip.width, self.chip.height), screen, self.chip.edges == "fixed")
        heaters, probes = (
            (mode_means([region.shape for region in regions], modes.waves, modes.fixed), number)
            for regions, number in ((self.heaters, slab_of), (self.probes, target_of))
        )
        return plan._replace(edges=(modes, heaters, probes))

    def _functions(self, plan: "_Plan", rate: jax.Array | None) -> tuple[jax.Array, ...]:
        """All that depends on the rate: functions of distance, and transfers in the modes of a chip with edges."""
        tables = radial_tables(plan.stack, plan.grid, rate, plan.slabs, plan.targets, plan.kinds, plan.screen)
        if plan.edges is None:
            return (tables,)
        return tables, edge_transfers(plan.stack, rate, plan.edges[0], plan.slabs, plan.targets)

    def _summed(self, plan: "_Plan", functions: tuple[jax.Array, ...]) -> jax.Array:
        """Coupling from the functions: sums over points and images, and over modes."""
        count = plan.circles.x.size
        each = coupled(functions[0], plan.grid, plan.circles, plan.sources, len(plan.kinds), self.near)
        each = each * jnp.asarray(plan.sources.sign, each.dtype)[None, :]
        whole = jnp.sum(each.reshape(count, -1, len(self.heaters)), axis=1)
        direct = jnp.einsum("pc,ch->ph", plan.share.astype(whole.dtype), whole, precision="highest")
        return direct if plan.edges is None else direct + edge_coupling(functions[1], *plan.edges)

    def _slabs(self, regions: Sequence[ThermalRegion]) -> tuple[list[Slab], np.ndarray]:
        """Slabs without repetition, and the number of each region's."""
        firsts, number = distinct([(r.layer, r.height, "all" if r.thickness is None else r.thickness) for r in regions])
        return [self.stack.slab(regions[first]) for first in firsts], number

    def _circles(self) -> tuple[Circles, list[tuple[int, Any]], jax.Array]:
        """Circles of all probes; slab and radius of each kind; weight of each circle in each probe."""
        parts = [probe.shape.circles() for probe in self.probes]
        sizes = [len(part[2]) for part in parts]
        owner = np.repeat(np.arange(len(parts)), sizes)
        slab_of = self._slabs(self.probes)[1][owner]
        radii = [radius for part in parts for radius in part[2]]
        firsts, kind = distinct(list(zip(map(int, slab_of), radii, strict=True)))
        x, y = (
            stacked(at)[owner] + _joined([part[k] for part in parts])
            for k, at in enumerate(([p.shape.x for p in self.probes], [p.shape.y for p in self.probes]))
        )
        weight = _joined([part[3] for part in parts])
        share = jnp.where(owner[None, :] == np.arange(len(parts))[:, None], weight[None, :], 0.0)
        kinds = [(int(slab_of[first]), radii[first]) for first in firsts]
        return Circles(x, y, stacked(radii), kind), kinds, share

    def _sources(self, slab_of: np.ndarray) -> Sources:
        """Heaters, and behind them the images of all in the edges."""
        shapes = [heater.shape for heater in self.heaters]
        few, many = (_quadratures(shapes, coarse) for coarse in (True, False))
        x, y, reach = (stacked(e) for e in zip(*map(_whereabouts, shapes), strict=True))
        # Points are counted from the middle of the extent, which a polygon need not have at its (x, y).
        apart = x - stacked([s.x for s in shapes]), y - stacked([s.y for s in shapes])
        few, many = ((px - apart[0][:, None], py - apart[1][:, None], weight) for px, py, weight in (few, many))
        mirrors = [(1.0, 1, 0.0, 1, 0.0)] if self.chip is None else self.chip.mirrors()

        def reflected(points: Points) -> Points:
            px, py, weight = points
            return (
                jnp.concatenate([sx * px for _, sx, _, _, _ in mirrors]),
                jnp.concatenate([sy * py for _, _, _, sy, _ in mirrors]),
                jnp.tile(weight, (len(mirrors), 1)),
            )

        return Sources(
            jnp.concatenate([sx * x + dx for _, sx, dx, _, _ in mirrors]),
            jnp.concatenate([sy * y + dy for _, _, _, sy, dy in mirrors]),
            jnp.tile(reach, len(mirrors)),
            np.repeat([mirror[0] for mirror in mirrors], len(shapes)),
            np.tile(slab_of, len(mirrors)),
            reflected(few),
            reflected(many),
        )


class _Plan(NamedTuple):
    """What of a layout does not depend on the rate; `edges` are modes, and means and slabs of heaters and probes."""

    stack: LayerStack
    grid: RadialGrid
    slabs: list[Slab]
    targets: list[Slab]
    circles: Circles
    kinds: list[tuple[int, Any]]
    share: jax.Array
    sources: Sources
    screen: float | None
    edges: tuple[EdgeModes, tuple[jax.Array, np.ndarray], tuple[jax.Array, np.ndarray]] | None = None


def _check_regions(name: str, regions: Any) -> None:
    if isinstance(regions, ThermalRegion) or not isinstance(regions, Sequence):
        raise ValueError(f"{name} = {regions!r} are not a list of ThermalRegion")
    if not regions:
        raise ValueError(f"{name} is empty")
    for number, region in enumerate(regions):
        check_kind(f"{name}[{number}]", region, ThermalRegion)
        check_kind(f"shape of {name}[{number}]", region.shape, HeatShape)


def _for_each(name: str, values: Any, count: int, what: str, unit: str) -> jax.Array:
    """Numbers of which the last axis has one for each heater or probe."""
    check_finite(name, values, unit)
    array = jnp.asarray(values, jnp.result_type(float))
    if array.ndim == 0 or array.shape[-1] != count:
        raise ValueError(f"{name} of shape {array.shape} is not [{count}], one number a {what}")
    return array


def _quadratures(shapes: Sequence[HeatShape], coarse: bool) -> Points:
    """Points of all shapes, filled up with points of no weight; three arrays of shape [shapes, points]."""
    groups = alike(shapes)
    parts = [jax.vmap(lambda shape: shape.points(coarse))(together) for _, together in groups]
    most = max(part[0].shape[1] for part in parts)
    order = np.argsort(np.concatenate([numbers for numbers, _ in groups]))
    filled = ([jnp.pad(e, ((0, 0), (0, most - e.shape[1]))) for e in each] for each in zip(*parts, strict=True))
    return tuple(jnp.concatenate(each)[order] for each in filled)  # pyright: ignore[reportReturnType]


def _joined(values: Sequence[Any]) -> jax.Array:
    """Vectors one behind the other, on the host where they all are there."""
    dtype = jnp.result_type(float)
    if is_concrete(*values):
        return jnp.asarray(np.concatenate([np.asarray(value) for value in values]), dtype)
    return jnp.concatenate([jnp.asarray(value, dtype) for value in values])


def _whereabouts(shape: HeatShape) -> tuple[Any, Any, Any]:
    """Middle of the extent, and the farthest distance of a part from it in um, or more."""
    (left, right), (low, high) = shape.extent()
    library = np if is_concrete(left, right, low, high) else jnp
    return 0.5 * (left + right), 0.5 * (low + high), 0.5 * library.hypot(right - left, high - low)


def _largest(radius: Any) -> float:
    return float(radius) if is_concrete(radius) else _TRACED_RADIUS
