"""Heaters and rings on a chip: the thermal coupling of each heater to each ring, without a grid.

The temperature at a probe for power in a heater depends on their displacement only. For a point of the heater and a
circle of the probe it is a function F of their distance (`kernels.radial_transform`), made once for each kind of circle
and slab from the temperatures of the layers (`kernels.heat`) on 280 wavenumbers. A coupling is then a sum of F over the
points of the heater's shape: many for the heaters nearest to a circle, few for those farther off. Positions enter
through distances alone, so that derivatives are exact, and cost some times the value.

A chip with edges is periodic with its mirror images: heat is reflected where no heat leaves, and taken up where the
edge is at the temperature of the surroundings. Images beyond `Chip.images` are left out.
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.heat_shapes import HeatShape, Point
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.heat import Slab
from photonics_core.kernels.laplace import inverted
from photonics_core.kernels.radial_transform import radial_grid
from photonics_core.thermal_coupling import Circles, Sources, coupled, distinct, radial_tables
from photonics_core.thermal_map import temperature_map
from photonics_core.thermal_stack import ThermalRegion, ThermalStack

Points = tuple[jax.Array, jax.Array, jax.Array]

#: Radius in um up to which a circle may be given as a traced number.
_TRACED_RADIUS = 400.0


class Chip(eqx.Module):
    """The chip seen from above, from (0, 0) to (width, height) in um, and its edges.

    Args:
        width, height: in um.
        edges: "open" for layers that go on beyond, "adiabatic" where no heat leaves, "fixed" where the edge is as warm
            as the surroundings.
        images: largest number of reflections in x, and in y, that are kept. What is left out falls off with their
            distance over the thickness of the chip: adiabatic edges need several where the chip is not many times wider
            than thick (in 1.04 mm of seven layers and 1 mm wide, far coupling is 3.5 % low with 1, 1.3 % with 2 and
            0.2 % with 4). `ThermalLayout.temperature_map` leaves nothing out.

    Raises:
        ValueError: for sizes that are not above zero, or unknown edges.
    """

    width: float = eqx.field(static=True)
    height: float = eqx.field(static=True)
    edges: str = eqx.field(static=True, default="open")
    images: int = eqx.field(static=True, default=1)

    def __check_init__(self) -> None:
        check_positive("width", self.width, "um")
        check_positive("height", self.height, "um")
        check_choice("edges", self.edges, ("open", "adiabatic", "fixed"))
        check_range("images", self.images, 1, 100)

    def mirrors(self) -> list[tuple[float, int, float, int, float]]:
        """Sign, and factor and shift of x and of y, of each image; the first is the thing itself."""
        if self.edges == "open":
            return [(1.0, 1, 0.0, 1, 0.0)]
        odd = -1.0 if self.edges == "fixed" else 1.0
        across, along = (_reflections(size, self.images) for size in (self.width, self.height))
        return [((odd if sx != sy else 1.0), sx, dx, sy, dy) for sx, dx in across for sy, dy in along]


def _reflections(size: float, images: int) -> list[tuple[int, float]]:
    """Factor and shift of x after up to so many reflections in the edges 0 and `size`."""
    found = [(1, 0.0)]
    for order in range(1, images + 1):
        if order % 2:
            found += [(-1, (order + 1) * size), (-1, (1 - order) * size)]
        else:
            found += [(1, order * size), (1, -order * size)]
    return found


class ThermalLayout(eqx.Module):
    """Heaters and probes in a stack of layers.

    Args:
        stack: the layers.
        heaters: regions in which power is put.
        probes: regions over which temperatures are averaged, rings as a `Circle` in the layer of the guides.
        chip: its edges; None for layers without end.
        scale: length in um that F is resolved to near a circle; at most the distance in height of heaters from probes.
        near: how many heaters next to a circle count with all of their points; the others with few.

    Raises:
        ValueError: without heaters or probes, or for one that is outside of its layer or of the chip.
    """

    stack: ThermalStack
    heaters: tuple[ThermalRegion, ...] = eqx.field(converter=tuple)
    probes: tuple[ThermalRegion, ...] = eqx.field(converter=tuple)
    chip: Chip | None = None
    scale: float = eqx.field(static=True, default=0.25)
    near: int = eqx.field(static=True, default=8)

    def __check_init__(self) -> None:
        check_positive("scale", self.scale, "um")
        check_range("near", self.near, 1)
        for name, regions in (("heaters", self.heaters), ("probes", self.probes)):
            if not regions:
                raise ValueError(f"{name} is empty")
            for number, region in enumerate(regions):
                check_kind(name, region, ThermalRegion)
                self.stack.slab(region)
                self._check_inside(f"{name}[{number}]", region.shape)

    def coupling(self) -> jax.Array:
        """Temperature of each probe for power in each heater in K/mW, shape [probes, heaters]."""
        return self._coupling(None)

    def temperature(self, power: Any) -> jax.Array:
        """Temperatures of the probes in K for powers in mW, shape [..., heaters] to [..., probes]."""
        power = jnp.asarray(power, jnp.result_type(float))
        return jnp.einsum("ph,...h->...p", self.coupling(), power, precision="highest")

    def power_for(self, temperature: Any) -> jax.Array:
        """Powers in mW that give temperatures in K, in least squares; shape [..., probes] to [..., heaters]."""
        wanted = jnp.asarray(temperature, jnp.result_type(float))
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
            box: width and height in um of a periodic box, where there is no chip.

        Returns:
            Array of `shape`.

        Raises:
            ValueError: for powers of another shape, or without a chip and a box.
        """
        power = jnp.asarray(power, jnp.result_type(float))
        if power.shape != (len(self.heaters),):
            raise ValueError(f"power of shape {power.shape} is not [{len(self.heaters)}], one number a heater")
        chip = self.chip if box is None else Chip(*box)
        if chip is None:
            raise ValueError("box = None, but the layout has no chip; give the size of the box")
        probe = self.stack.slab(ThermalRegion(Point(), layer, height, thickness))
        slabs = self._slabs(self.heaters)
        size = (chip.width, chip.height)
        return temperature_map(self.stack.kernel(), self.heaters, slabs, power, probe, size, chip.edges, shape)

    def impedance(self, rate: Any) -> jax.Array:
        """Laplace transform of the temperature for an impulse of heat, in K/mW, complex.

        Args:
            rate: s in 1/ps, complex with a real part of 0 or more; 2 pi i f in the convention exp(2 pi i f t).

        Returns:
            Shape [probes, heaters]; at 0 it is `coupling`.
        """
        return self._coupling(jnp.asarray(rate, jnp.result_type(1j)))

    def step_response(self, time: Any, terms: int = 12) -> jax.Array:
        """Temperature of each probe in K/mW a time in ps after a heater was turned on.

        Args:
            time: above 0, shape [times].
            terms: of `kernels.laplace`, static: the error is some 10^(-0.6 terms) of the value. In float32 no more than
                4 are of use.

        Returns:
            Shape [probes, heaters, times].
        """
        check_positive("time", time, "ps")
        time = jnp.asarray(time, jnp.result_type(float))
        response = inverted(lambda rate: self._coupling(rate) / rate, time, terms)
        return jnp.moveaxis(response, 0, -1)

    def _coupling(self, rate: jax.Array | None) -> jax.Array:
        circles, kinds, share = self._circles()
        grid = radial_grid(self.scale, max(_largest(radius) for _, radius in kinds))
        slabs, slab_of = self._slabs(self.heaters)
        sources = self._sources(slab_of)
        tables = radial_tables(self.stack.kernel(), grid, rate, slabs, self._slabs(self.probes)[0], kinds)
        each = coupled(tables, grid, circles, sources, len(kinds), self.near)
        each = each * jnp.asarray(sources.sign, each.dtype)[None, :]
        whole = jnp.sum(each.reshape(circles.x.size, -1, len(self.heaters)), axis=1)
        return jnp.einsum("pc,ch->ph", share.astype(whole.dtype), whole, precision="highest")

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
            _stacked(at)[owner] + _joined([part[k] for part in parts])
            for k, at in enumerate(([p.shape.x for p in self.probes], [p.shape.y for p in self.probes]))
        )
        weight = _joined([part[3] for part in parts])
        share = jnp.where(owner[None, :] == np.arange(len(parts))[:, None], weight[None, :], 0.0)
        kinds = [(int(slab_of[first]), radii[first]) for first in firsts]
        return Circles(x, y, _stacked(radii), kind), kinds, share

    def _sources(self, slab_of: np.ndarray) -> Sources:
        """Heaters, and behind them the images of all in the edges."""
        shapes = [heater.shape for heater in self.heaters]
        few, many = (_quadratures(shapes, coarse) for coarse in (True, False))
        x, y = (_stacked(e) for e in zip(*((s.x, s.y) for s in shapes), strict=True))
        reach = _stacked([_reach(shape) for shape in shapes])
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

    def _check_inside(self, name: str, shape: Any) -> None:
        check_kind(name, shape, HeatShape)
        if self.chip is None or not is_concrete(*jax.tree.leaves(shape)):
            return
        across, along = shape.half_sizes()
        for axis, place, half, size in (
            ("x", shape.x, across, self.chip.width),
            ("y", shape.y, along, self.chip.height),
        ):
            if float(place - half) < -1e-9 or float(place + half) > size + 1e-9:
                raise ValueError(
                    f"{name} from {axis} = {float(place - half):g} to {float(place + half):g} um is outside the chip, "
                    f"[0, {size:g}] um"
                )


def _quadratures(shapes: Sequence[HeatShape], coarse: bool) -> Points:
    """Points of all shapes, filled up with points of no weight; three arrays of shape [shapes, points].

    Those of one kind are made together, or programs of many heaters would take long to compile.
    """
    kinds: dict[Any, list[int]] = {}
    for number, shape in enumerate(shapes):
        kinds.setdefault((jax.tree.structure(shape), *map(np.shape, jax.tree.leaves(shape))), []).append(number)
    parts = []
    for numbers in kinds.values():
        together = jax.tree.map(lambda *leaves: _stacked(leaves), *(shapes[k] for k in numbers))
        parts.append(jax.vmap(lambda shape: shape.points(coarse))(together))
    most = max(part[0].shape[1] for part in parts)
    order = np.argsort(np.concatenate(list(kinds.values())))
    filled = ([jnp.pad(e, ((0, 0), (0, most - e.shape[1]))) for e in each] for each in zip(*parts, strict=True))
    return tuple(jnp.concatenate(each)[order] for each in filled)  # pyright: ignore[reportReturnType]


def _stacked(values: Sequence[Any]) -> jax.Array:
    """An array of numbers, made on the host where they all are there."""
    dtype = jnp.result_type(float)
    if is_concrete(*values):
        return jnp.asarray(np.stack([np.asarray(value) for value in values]), dtype)
    return jnp.stack([jnp.asarray(value, dtype) for value in values])


def _joined(values: Sequence[Any]) -> jax.Array:
    """Vectors one behind the other, on the host where they all are there."""
    dtype = jnp.result_type(float)
    if is_concrete(*values):
        return jnp.asarray(np.concatenate([np.asarray(value) for value in values]), dtype)
    return jnp.concatenate([jnp.asarray(value, dtype) for value in values])


def _reach(shape: HeatShape) -> Any:
    """Farthest distance of a part from the middle in um, or more."""
    across, along = shape.half_sizes()
    return np.hypot(across, along) if is_concrete(across, along) else jnp.hypot(across, along)


def _largest(radius: Any) -> float:
    return float(radius) if is_concrete(radius) else _TRACED_RADIUS
