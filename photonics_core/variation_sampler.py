"""Draws of what varies, die by die or over a whole wafer, the same for any way to divide the work.

Die number g of all is die g mod D of wafer g // D, and wafer w belongs to lot w // wafers_per_lot. The numbers of a
die come from the key fold_in(key, g), those of a wafer and of a lot from keys of their own, so that a draw does not
depend on which others are made, nor in which order. (Batches of any size from two on give the same bits; a compiler may
round the last one otherwise in a batch of one, and outside `jit`.)

`die` takes the field within a die as independent of that of the next, and is exact otherwise (one Cholesky root for
all dies). `wafer` has the field run through the whole wafer, as a sum of waves.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels import random_field
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf
from photonics_core.variation import TERMS, ProcessVariation, Variation, wafer_terms
from photonics_core.wafer_grid import DieGrid

#: Waves of a field over a wafer.
WAVES = 1024
#: Places of a field that are worked on together.
CHUNK = 256
#: Kinds of numbers of a quantity, in the order of `DieSampler.normals`.
LEVELS = ("lot", "wafer", "die", "field", "local")


class DieSampler(Shown):
    """A process, the dies of its wafers and the devices of a die; made by `die_sampler`.

    Attributes:
        process: what varies.
        centres: centres of the dies in um, shape [D, 2].
        places: places of the devices from the centre of their die in um, shape [N, 2].
        roots: roots of the correlations of the devices by quantity, shape [N, N].
        averaging_length: length of each device in um over which line edges are averaged, shape [N].
        radius: of the wafer in um.
        wafers_per_lot: wafers of a lot.
    """

    process: ProcessVariation
    centres: Any
    places: Any
    roots: dict[str, Any]
    averaging_length: Any
    radius: float = eqx.field(static=True)
    wafers_per_lot: int = eqx.field(static=True)

    @property
    def dies(self) -> int:
        """Dies of a wafer, D."""
        return self.centres.shape[0]

    @property
    def devices(self) -> int:
        """Devices of a die, N."""
        return self.places.shape[0]

    @property
    def groups(self) -> dict[str, np.ndarray]:
        """Which of the numbers of `from_normals` belong to what, by names such as "width.field"."""
        found, sizes = {}, self._sizes()
        for k, name in enumerate(self.process.names):
            start = k * sum(sizes)
            for level, size in zip(LEVELS, sizes, strict=True):
                found[f"{name}.{level}"] = np.arange(start, start + size)
                start += size
        return found

    @property
    def size(self) -> int:
        """How many normal numbers a die has."""
        return len(self.process.names) * sum(self._sizes())

    def die(self, key: jax.Array, number: Any) -> dict[str, jax.Array]:
        """The quantities at the devices of die `number`, a whole number from 0 on, by name, shape [N] each."""
        return self._whole(self.deviations(key, number))

    def deviations(self, key: jax.Array, number: Any) -> dict[str, jax.Array]:
        """The same less the nominal values: in float32 a nanometre of a width keeps its digits."""
        return self.from_normals(self.normals(key, number), number)

    def normals(self, key: jax.Array, number: Any) -> jax.Array:
        """The independent normal numbers of a die, shape [size]."""
        number = _number("number", number)
        wafer = number // self.dies
        lot = wafer // self.wafers_per_lot
        parts = []
        for k in range(len(self.process.names)):
            parts += self._drawn(jax.random.fold_in(key, k), lot, wafer, number)
        return jnp.concatenate(parts)

    def from_normals(self, normals: Any, number: Any = 0) -> dict[str, jax.Array]:
        """Deviations from nominal of die `number` from normal numbers, shape [size]: for designs of experiments.

        Returns:
            Deviations by name, shape [N] each, linear in the numbers and in the standard deviations.
        """
        normals = jnp.asarray(normals, jnp.result_type(float))
        if normals.shape != (self.size,):
            raise ValueError(f"normals of shape {normals.shape} are not the {self.size} numbers of a die")
        terms = self._terms(_number("number", number) % self.dies, normals.dtype)
        found, sizes = {}, self._sizes()
        for k, name in enumerate(self.process.names):
            start = k * sum(sizes)
            ends = start + np.cumsum(sizes)
            lot, wafer, die, field, local = (normals[end - size : end] for end, size in zip(ends, sizes, strict=True))
            root = jnp.asarray(self.roots[name], normals.dtype)
            field = jnp.sum(root * field[None], axis=1)
            found[name] = self._value(name, terms, (lot, wafer), die[0], field, local)
        return found

    def wafer(self, key: jax.Array, number: Any, waves: int = WAVES) -> dict[str, jax.Array]:
        """The quantities at all devices of wafer `number`, with a field that runs through the wafer.

        Args:
            key: as for `die`; lots, wafers, dies and devices have the same numbers there, the field has its own.
            number: number of the wafer, from 0 on.
            waves: waves of a field; the correlation of one wafer is off by up to about (2 waves)^(-1/2), the mean over
                wafers is exact.

        Returns:
            Quantities by name, shape [D, N] each.
        """
        number = _number("number", number)
        check_range("waves", waves, 1, 1_000_000)
        dies = number * self.dies + jnp.arange(self.dies)
        dtype = jnp.result_type(float)
        terms = self._terms(jnp.arange(self.dies), dtype)
        places = (jnp.asarray(self.centres, dtype)[:, None] + jnp.asarray(self.places, dtype)[None]).reshape(-1, 2)
        found = {}
        for k, name in enumerate(self.process.names):
            own = jax.random.fold_in(key, k)
            lot, wafer, die, _, local = jax.vmap(
                lambda g, own=own: self._drawn(own, number // self.wafers_per_lot, number, g)
            )(dies)
            field = self._wave_field(self.process.quantities[name], jax.random.fold_in(own, 3), number, places, waves)
            shaped = field.reshape(self.dies, self.devices)
            found[name] = self._value(name, terms, (lot[0], wafer[0]), die, shaped, local)
        return self._whole(found)

    def _whole(self, deviations: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """Quantities from their deviations."""
        nominal = {name: each.nominal for name, each in self.process.quantities.items()}
        return {name: jnp.asarray(nominal[name], each.dtype) + each for name, each in deviations.items()}

    def _value(
        self,
        name: str,
        terms: jax.Array,
        maps: tuple[jax.Array, jax.Array],
        die: jax.Array,
        field: jax.Array,
        local: Any,
    ) -> jax.Array:
        """A deviation from its parts: terms [..., N, 7], numbers of lot and wafer [7], die [...] or [..., 1]."""
        one = self.process.quantities[name]
        dtype = field.dtype
        numbers = {key: jnp.asarray(getattr(one, key), dtype) for key in _NUMBERS}
        coefficients = numbers["wafer_mean"] + numbers["lot_sd"] * maps[0] + numbers["wafer_sd"] * maps[1]
        systematic = jnp.matmul(terms, coefficients, precision="highest")
        length = jnp.asarray(self.averaging_length, dtype)
        edge = numbers["local_sd"] * random_field.averaged_deviation(length, numbers["local_length"])
        edge = jnp.broadcast_to(edge, field.shape)
        die = jnp.broadcast_to(numbers["die_sd"] * die, field.shape)
        return systematic + die + numbers["field_sd"] * field + edge * local

    def _wave_field(
        self, one: Variation, key: jax.Array, number: jax.Array, places: jax.Array, waves: int
    ) -> jax.Array:
        keys = jax.random.split(jax.random.fold_in(key, number), 2)
        shift = jax.random.uniform(keys[0], (2,), places.dtype)
        vectors = random_field.wave_vectors(waves, jnp.asarray(one.field_length, places.dtype), one.kind, shift)
        cosines, sines = jax.random.normal(keys[1], (2, waves), places.dtype)

        def field(chunk: jax.Array) -> jax.Array:
            return random_field.wave_field(chunk, vectors, cosines, sines)

        if places.shape[0] <= CHUNK:
            return field(places)
        # A few places at a time: memory is that of a chunk.
        padded = jnp.pad(places, ((0, -places.shape[0] % CHUNK), (0, 0)))
        return jax.lax.map(field, padded.reshape(-1, CHUNK, 2)).reshape(-1)[: places.shape[0]]

    def _drawn(self, key: jax.Array, lot: jax.Array, wafer: jax.Array, die: jax.Array) -> list[jax.Array]:
        """Normal numbers of one quantity in the order of `LEVELS`."""
        dtype = jnp.result_type(float)
        sizes = self._sizes()
        found = [
            jax.random.normal(jax.random.fold_in(jax.random.fold_in(key, level), number), (size,), dtype)
            for level, (number, size) in enumerate(
                zip((lot, wafer, die), (sizes[0], sizes[1], sum(sizes[2:])), strict=True)
            )
        ]
        count = self.devices
        return [*found[:2], found[2][:1], found[2][1 : 1 + count], found[2][1 + count :]]

    def _terms(self, die: jax.Array, dtype: Any) -> jax.Array:
        """Terms of the polynomial at the devices of dies, shape [..., N, 7]."""
        centres = jnp.asarray(self.centres, dtype)[die]
        places = jnp.asarray(self.places, dtype)
        there = centres[..., None, :] + places.reshape((1,) * (centres.ndim - 1) + places.shape)
        return wafer_terms(there, self.radius)

    def _sizes(self) -> tuple[int, int, int, int, int]:
        return len(TERMS), len(TERMS), 1, self.devices, self.devices


_NUMBERS = ("wafer_mean", "lot_sd", "wafer_sd", "die_sd", "field_sd", "local_sd", "local_length")


def die_sampler(
    process: ProcessVariation, grid: DieGrid, places: Any, averaging_length: Any, wafers_per_lot: int = 25
) -> DieSampler:
    """Prepare draws of a process at the devices of a layout.

    Args:
        process: what varies. With plain numbers the roots are formed in float64 on the host; traced ones work too, for
            derivatives by correlation lengths, in the precision at hand.
        grid: the dies of a wafer.
        places: places of the N devices from the centre of a die in um, shape [N, 2].
        averaging_length: length in um over which a device averages its line edges, 2 pi R for a ring: a number or [N].
        wafers_per_lot: wafers of a lot.

    Raises:
        ValueError: for places that are not [N, 2], or a number outside its range.
    """
    check_kind("process", process, ProcessVariation)
    check_kind("grid", grid, DieGrid)
    places = as_leaf(places)
    if np.ndim(places) != 2 or np.shape(places)[1] != 2 or not np.shape(places)[0]:
        raise ValueError(f"places of shape {np.shape(places)} are not [N, 2]")
    check_finite("places", places, "um")
    check_positive("averaging_length", averaging_length, "um")
    count = np.shape(places)[0]
    if np.shape(averaging_length) not in ((), (count,)):
        raise ValueError(f"averaging_length of shape {np.shape(averaging_length)} is not a number or one for {count}")
    check_range("wafers_per_lot", wafers_per_lot, 1, 1_000_000)
    if int(wafers_per_lot) != wafers_per_lot:
        raise ValueError(f"wafers_per_lot = {wafers_per_lot!r} is not a whole number")
    for axis, half in enumerate(grid.die_size):
        # Half a die from its centre, but for rounding: places in other units, or of another corner, are beyond.
        check_range("places", places[:, axis], -0.5 * half * (1.0 + 1e-6), 0.5 * half * (1.0 + 1e-6), "um")
    lengths = as_leaf(averaging_length)
    lengths = np.broadcast_to(lengths, (count,)) if is_concrete(lengths) else jnp.broadcast_to(lengths, (count,))
    roots = {name: _root(each, places) for name, each in process.quantities.items()}
    return DieSampler(process, grid.places, places, roots, lengths, grid.radius, int(wafers_per_lot))


def _root(one: Variation, places: Any) -> Any:
    """The root of the correlations of the devices, on the host where all numbers are."""
    if is_concrete(one.field_length, places):
        return random_field.correlation_root(np.asarray(places, float), float(np.asarray(one.field_length)), one.kind)
    dtype = jnp.result_type(float)
    numbers = jnp.asarray(places, dtype), jnp.asarray(one.field_length, dtype)
    return random_field.correlation_root(*numbers, one.kind)


def _number(name: str, number: Any) -> jax.Array:
    """A number of a die or a wafer, once it is known to be whole and not below 0."""
    if is_concrete(number) and np.asarray(number).dtype.kind not in "iu":
        raise ValueError(f"{name} = {number!r} is not a whole number")
    check_range(name, number, 0, 2**31 - 1)
    return jnp.asarray(number)
