"""Transverse fields of fibre ends and chip edges on a square grid, each of power 1, and fibres of several cores.

A `SampledField` holds E_x and E_y in 1/um at x_j = (j - (n - 1) / 2) step, so that the sum of |E|^2 step^2 is the part
of the power that the window and the step can hold: 1 but for what lies outside or changes faster than the grid. The
fields of a chip's mode jump at its walls; they come onto the grid through their spectrum, integrated between the lines
of mesh and grid, and so lose nothing but what is finer than the grid.
"""

import functools
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.beams import GaussianBeam, floating, jones_vector
from photonics_core.display import Shown
from photonics_core.fibre import StepIndexFibre
from photonics_core.kernels import angular_spectrum
from photonics_core.kernels.checks import (
    check_choice,
    check_finite,
    check_kind,
    check_positive,
    check_range,
    is_concrete,
)
from photonics_core.kernels.elements import Mesh
from photonics_core.kernels.mode_overlaps import common_points
from photonics_core.modes import IMPEDANCE, Mode
from photonics_core.runtime import as_leaf


class FieldGrid(Shown):
    """A square of points, with the origin in the middle.

    Args:
        count: points along a side, an even number from 8 on, static.
        step: distance of points in um.
    """

    count: int = eqx.field(static=True)
    step: Any = eqx.field(converter=as_leaf)

    def __check_init__(self) -> None:
        check_kind("count", self.count, int)
        check_range("count", self.count, 8)
        if self.count % 2:
            raise ValueError(f"count = {self.count} is not even")
        check_positive("step", self.step, "um")

    @staticmethod
    def over(window: Any, count: int) -> "FieldGrid":
        """A grid of `count` points a side over a window of this width in um."""
        check_positive("window", window, "um")
        check_range("count", count, 8)
        return FieldGrid(count, as_leaf(window) / count)

    @property
    def window(self) -> Any:
        """Width in um."""
        return self.count * self.step

    def points(self) -> tuple[jax.Array, jax.Array]:
        """Positions x and y in um, each of shape [n, n], x along the first axis."""
        r = angular_spectrum.coordinates(self.count, floating(self.step))
        x, y = jnp.meshgrid(r, r, indexing="ij")
        return x, y


class SampledField(Shown):
    """The field that an end sends out, on a grid. Made of arrays by `SampledField.of`.

    Args:
        grid: the grid.
        e: E_x and E_y in 1/um, complex, shape [2, n, n], of power 1 or less; a little more for a chip's mode.
        distance: how far in front of the end the field is known, in um.
        wl: free-space wavelength in um for which it was made, of which joints see that it is theirs; None for any.

    Raises:
        ValueError: for a shape that is not that of the grid, NaN, or no power.
    """

    grid: FieldGrid
    e: Any
    distance: Any = eqx.field(converter=as_leaf, default=0.0)
    wl: Any = eqx.field(converter=as_leaf, default=None)

    def __check_init__(self) -> None:
        check_kind("grid", self.grid, FieldGrid)
        check_finite("distance", self.distance, "um")
        if self.wl is not None:
            check_positive("wl", self.wl, "um")
        if np.shape(self.e) != (2, self.grid.count, self.grid.count):
            raise ValueError(f"e of shape {np.shape(self.e)} is not [2, {self.grid.count}, {self.grid.count}]")
        if is_concrete(self.e):
            check_finite("real part of the field", np.real(self.e), "1/um")
            check_finite("imaginary part of the field", np.imag(self.e), "1/um")
            check_positive("power of the field", np.sum(np.abs(self.e) ** 2))

    @staticmethod
    def of(grid: FieldGrid, e: Any, azimuth: Any = 0.0, ellipticity: Any = 0.0, wl: Any = None) -> "SampledField":
        """A field of any scale, which is brought to power 1.

        Args:
            grid: the grid.
            e: complex or real, [2, n, n] for E_x and E_y, or [n, n] for a field of one polarisation.
            azimuth, ellipticity: that polarisation, as of `GaussianBeam`.
            wl: free-space wavelength in um, if it is of one.
        """
        check_kind("grid", grid, FieldGrid)
        e = jnp.asarray(e).astype(jnp.result_type(complex))
        if e.ndim == 2:
            e = _polarized(e, azimuth, ellipticity)
        field = SampledField(grid, e)
        square = jnp.sum(e.real**2 + e.imag**2)
        return SampledField(field.grid, e / (jnp.sqrt(square) * floating(grid.step)).astype(e.dtype), 0.0, wl)

    @staticmethod
    def of_beam(beam: GaussianBeam, grid: FieldGrid, wl: Any, index: Any = 1.0) -> "SampledField":
        """The field of a Gaussian beam, in the plane midway between its two waists; `wl` in um.

        Raises:
            ValueError: for a step of more than 0.75 of a waist.
        """
        check_kind("beam", beam, GaussianBeam)
        check_kind("grid", grid, FieldGrid)
        check_step(beam, grid)
        check_positive("wl", wl, "um")
        check_range("index", index, 1.0, np.inf)
        distance = 0.5 * (floating(beam.distance_x) + floating(beam.distance_y))
        field = _gaussian(beam, distance, grid, 2.0 * math.pi * floating(index) / floating(wl))
        return SampledField(grid, _polarized(field, beam.azimuth, beam.ellipticity), distance, wl)

    @staticmethod
    def of_fibre(
        fibre: StepIndexFibre,
        wl: Any,
        grid: FieldGrid,
        mode: str = "LP01",
        azimuth: Any = 0.0,
        ellipticity: Any = 0.0,
        orientation: Any = 0.0,
    ) -> "SampledField":
        """The field of a mode of a step-index fibre: of an LP mode, or the transverse one of an exact vector mode.

        Args:
            fibre: the fibre.
            wl: free-space wavelength in um.
            grid: the grid.
            mode: "LP01", "HE11", ...
            azimuth, ellipticity: polarisation of an LP mode, as of `GaussianBeam`.
            orientation: angle in rad by which the pattern is turned; HE11 is polarised along it.

        Raises:
            ValueError: for a mode that the fibre does not guide, or a polarisation of a vector mode, which has its own.
        """
        check_kind("fibre", fibre, StepIndexFibre)
        check_kind("grid", grid, FieldGrid)
        x, y = grid.points()
        if not mode.startswith("LP"):
            for name, value in (("azimuth", azimuth), ("ellipticity", ellipticity)):
                check_range(f"{name} of {mode}, which its orientation gives,", value, 0.0, 0.0, "rad")
            e = fibre.vector_field(x, y, wl, mode, orientation).e[:2]
            size = jnp.sqrt(_transverse_power(fibre, wl, mode)).astype(e.dtype)
            return SampledField(grid, e / size, 0.0, wl)
        check_finite("orientation", orientation, "rad")
        order = fibre_order(mode)
        radius = jnp.sqrt(x**2 + y**2)
        field = fibre.field(radius, wl, mode) * jnp.cos(order * (jnp.arctan2(y, x) - floating(orientation)))
        field = field.astype(jnp.result_type(complex))
        return SampledField(grid, _polarized(field, azimuth, ellipticity), 0.0, wl)

    @staticmethod
    def of_mode(mode: Mode, grid: FieldGrid, x: Any = 0.0, y: Any = 0.0) -> "SampledField":
        """The field that a chip's mode, of power 1, sends out at the chip's edge.

        Of E and H at the edge the part that runs forward in a medium of the mode's index n, (E - (Z_0 / n) z x H) / 2,
        in the unit of a wave of power 1 there. Its overlap with another wave is that of E x H, the power; that of the
        shapes of E alone counts the light in the core too low (0.17 dB for a silicon tip 180 nm wide and a spot of
        3 um). It says less of wires held tightly, whose edge sends a part back.

        Args:
            mode: a solved mode.
            grid: the grid; what lies outside its window is left out.
            x, y: the place in the mode's section, in um, that becomes the origin.
        """
        check_kind("mode", mode, Mode)
        check_kind("grid", grid, FieldGrid)
        e = _of_mode(mode, floating(grid.step), floating(x), floating(y), grid.count)
        return SampledField(grid, e, 0.0, mode.wl)

    def power(self) -> jax.Array:
        """Power on the grid, 1 but for what the grid does not hold."""
        return jnp.sum(jnp.abs(jnp.asarray(self.e)) ** 2) * floating(self.grid.step) ** 2

    def propagated(self, z: Any, wl: Any, index: Any = 1.0, model: str = "exact") -> "SampledField":
        """The field `z` um in front of the end in a medium, taken as that of an end there; `wl` in um.

        Raises:
            ValueError: for an index below 1 or another model than "exact" or "paraxial".
        """
        step, k, z = self._medium(z, wl, index, model)
        way = z - floating(self.distance)
        e = angular_spectrum.propagate(jnp.asarray(self.e), step, k, way, model)
        return SampledField(self.grid, e, 0.0, self.wl)

    def cut_power(self, z: Any, wl: Any, index: Any = 1.0, model: str = "exact") -> jax.Array:
        """Part of the power that `propagated` leaves out, since it would run beyond half the window."""
        step, k, z = self._medium(z, wl, index, model)
        z = z - floating(self.distance)
        return angular_spectrum.cut_power(jnp.asarray(self.e), step, k, z, model)

    def _medium(self, z: Any, wl: Any, index: Any, model: str) -> tuple[jax.Array, jax.Array, jax.Array]:
        check_finite("z", z, "um")
        check_positive("wl", wl, "um")
        check_range("index", index, 1.0, np.inf)
        check_choice("model", model, angular_spectrum.MODELS)
        return floating(self.grid.step), 2.0 * math.pi * floating(index) / floating(wl), floating(z)


class CorePositions(NamedTuple):
    """Where the cores of an end lie in um, seen along the light, each of shape [N]."""

    x: Any
    y: Any

    @staticmethod
    def row(count: int, pitch: Any) -> "CorePositions":
        """Cores in a row along x, centred: an array of fibres."""
        check_kind("count", count, int)
        check_range("count", count, 1)
        check_positive("pitch", pitch, "um")
        x = (np.arange(count) - 0.5 * (count - 1)) * as_leaf(pitch)
        return CorePositions(x, np.zeros(count))

    @staticmethod
    def ring(count: int, pitch: Any, angle: Any = 0.0, has_centre: bool = True) -> "CorePositions":
        """Cores on a circle of radius `pitch` in um, from `angle` in rad on, and one in the middle; 7 for a hexagon."""
        check_kind("count", count, int)
        check_range("count", count, 2)
        check_positive("pitch", pitch, "um")
        check_finite("angle", angle, "rad")
        number = np.arange(count) - int(has_centre)
        size = np.where(number < 0, 0.0, 1.0)
        turns = 2.0 * math.pi * number / (count - has_centre) + as_leaf(angle)
        numerics = np if is_concrete(angle) else jnp
        return CorePositions(
            as_leaf(pitch) * (size * numerics.cos(turns)), as_leaf(pitch) * (size * numerics.sin(turns))
        )


def fibre_order(mode: str) -> int:
    """Azimuthal order of a mode by its name."""
    from photonics_core.fibre_labels import parse

    return parse(mode).order


#: Widest step of a grid over the waist of a beam on it: the sum of squares is right to 6e-4 there.
WIDEST_STEP = 0.75


def check_step(beam: GaussianBeam, grid: FieldGrid) -> None:
    """Raise a `ValueError` for a grid too coarse for a beam, whose overlaps would be wrong in silence."""
    if is_concrete(beam.waist_x, beam.waist_y, grid.step):
        least = min(np.min(beam.waist_x), np.min(beam.waist_y))
        check_range(f"step of the grid for a waist of {least:.6g} um,", grid.step, 0.0, WIDEST_STEP * least, "um")


def part_outside(beam: GaussianBeam, grid: FieldGrid, wl: Any, index: Any) -> float:
    """Part of a beam's power that the window of a grid does not hold, on the host, at most."""
    radii = beam.radii(0.5 * (floating(beam.distance_x) + floating(beam.distance_y)), wl, index)
    first, second = (float(radius) ** 2 for radius in radii)
    part = math.cos(float(beam.angle)) ** 2
    half = 0.5 * float(grid.window)
    sizes = part * first + (1.0 - part) * second, part * second + (1.0 - part) * first
    return sum(math.erfc(half * math.sqrt(2.0 / size)) for size in sizes)


def _transverse_power(fibre: StepIndexFibre, wl: Any, mode: str) -> jax.Array:
    """Integral of |E_x|^2 + |E_y|^2 of a vector mode over the whole plane, by Gauss-Legendre along the radius."""
    nodes, weights = np.polynomial.legendre.leggauss(96)
    nodes, weights = 0.5 * (nodes + 1.0), 0.5 * weights
    turns = 2.0 * math.pi * np.arange(4 * fibre_order(mode) + 12) / (4 * fibre_order(mode) + 12)
    cladding = fibre.indices(wl)[1]
    decay = 2.0 * math.pi / floating(wl) * jnp.sqrt(fibre.n_eff(wl, mode) ** 2 - cladding**2)
    radius = floating(fibre.radius)
    # The cladding over the logarithm of the radius, up to where the square has fallen by exp(-40).
    reach = jax.lax.stop_gradient(jnp.log1p(20.0 / (decay * radius)))
    outer = radius * jnp.exp(reach * jnp.asarray(nodes, radius.dtype))
    r = jnp.concatenate([radius * jnp.asarray(nodes, radius.dtype), outer])
    widths = jnp.concatenate([jnp.full(nodes.shape, radius), reach * outer]) * jnp.asarray(np.tile(weights, 2), r.dtype)
    c, s = (jnp.asarray(part, r.dtype)[None] for part in (np.cos(turns), np.sin(turns)))
    e = fibre.vector_field(r[:, None] * c, r[:, None] * s, wl, mode).e[:2]
    ring = 2.0 * math.pi * jnp.mean(jnp.sum(e.real**2 + e.imag**2, axis=0), axis=1)
    return jnp.sum(ring * r * widths)


def _gaussian(beam: GaussianBeam, plane: jax.Array, grid: FieldGrid, k: jax.Array) -> jax.Array:
    size, phase = beam.envelope(*grid.points(), plane, k)
    return angular_spectrum.wave(phase) * size.astype(jnp.result_type(complex))


#: Points of Gauss a side between two lines of the mesh, or of every second line of the grid, over which a wave at the
#: end of the grid's band runs by a turn: the integral over it is right to 1e-6.
_POINTS = 6


@functools.partial(jax.jit, static_argnames="count")
def _of_mode(mode: Mode, step: jax.Array, x: jax.Array, y: jax.Array, count: int) -> jax.Array:
    """Field of a mode on a grid through its spectrum, integrated between the lines of the mesh, where it jumps."""
    lines = (2.0 * jnp.arange(count // 2 + 1, dtype=step.dtype) - 0.5 * count) * step
    cells = Mesh(jnp.broadcast_to((x + lines)[:, None], (lines.size,) * 2), y + lines, jnp.zeros((), step.dtype))
    u, v, area = common_points(_unfolded(mode), cells, _POINTS)
    rows, columns = u.shape[0] * _POINTS, u.shape[2] * _POINTS
    u, v, area = (part.reshape(rows, columns) for part in (u, v, area))
    inside = (jnp.abs(u - x) <= 0.5 * count * step) & (jnp.abs(v - y) <= 0.5 * count * step)
    n = mode.n_eff.real
    field = mode.field_at(u, v)
    turned = jnp.stack([field.h[1], -field.h[0]]) * (IMPEDANCE / n).astype(field.h.dtype)
    scale = jnp.where(inside, area, 0.0) * jnp.sqrt(0.125 * n / IMPEDANCE)
    weighted = (field.e[:2] + turned) * scale.astype(field.e.dtype)[None]
    k = angular_spectrum.wavenumbers(count, step)

    def along(row: tuple[jax.Array, jax.Array]) -> jax.Array:
        phases = angular_spectrum.wave(-k[:, None] * (row[0] - x)[None])
        return jnp.matmul(row[1], phases.T.astype(row[1].dtype), precision="highest")

    # Row by row, and once more for derivatives, so that phases never lie in memory together.
    waves = jax.lax.map(jax.checkpoint(along), (u, jnp.swapaxes(weighted, 0, 1)))
    across = angular_spectrum.wave(-k[:, None] * (v[:, 0] - y)[None]).astype(waves.dtype)
    return angular_spectrum.from_spectrum(jnp.einsum("lp,pck->ckl", across, waves, precision="highest"), step)


def _unfolded(mode: Mode) -> Mesh:
    """The mesh of the whole section, mirror images and all."""
    x, y = mode.mesh.x.real, mode.mesh.y.real
    if mode.section.mirrored[0]:
        x = jnp.concatenate([-x[:0:-1], x])
    if mode.section.mirrored[1]:
        x, y = jnp.concatenate([x[:, :0:-1], x], axis=1), jnp.concatenate([-y[:0:-1], y])
    return Mesh(x, y, jnp.zeros((), x.dtype))


@functools.partial(jax.jit, inline=True)
def _polarized(field: jax.Array, azimuth: Any, ellipticity: Any) -> jax.Array:
    return field[None] * jones_vector(azimuth, ellipticity)[:, None, None].astype(field.dtype)
