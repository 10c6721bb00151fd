"""Coupling of heaters to circles as sums of radial functions: the arrays behind `ThermalLayout`.

Heaters are points with weights, probes circles with weights. What is the same for many of them (a slab, a radius) is
found on the host, by value where there is one and by identity where it is traced, and computed once.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import is_concrete
from photonics_core.kernels.edges import screened_along
from photonics_core.kernels.heat import LayerStack, Slab, slab_transfer
from photonics_core.kernels.radial_transform import (
    STEADY,
    TRANSIENT,
    RadialGrid,
    radial_table,
    radial_value,
    ray_basis,
    ray_places,
)

#: Distance over the scale of a grid that is added in squares, so that a distance of 0 has derivatives. Values change by
#: 1e-10, and what rounding leaves of the slope at 0 is divided by this much in a second derivative.
_TOUCH = 1e-5


class Circles(NamedTuple):
    """Circles of all probes, arrays of shape [circles]; `table` says which radial function is theirs."""

    x: jax.Array
    y: jax.Array
    radius: jax.Array
    table: np.ndarray


class Sources(NamedTuple):
    """Points of all sources: few of each, and all of each; `table` says which slab is theirs.

    Args:
        x, y, reach: middle and farthest part, shape [sources].
        sign: 1, or -1 for an image that takes heat up, shape [sources].
        table: number of the slab, shape [sources].
        few, many: places relative to the middle and weights, three arrays of shape [sources, points].
    """

    x: jax.Array
    y: jax.Array
    reach: jax.Array
    sign: np.ndarray
    table: np.ndarray
    few: tuple[jax.Array, jax.Array, jax.Array]
    many: tuple[jax.Array, jax.Array, jax.Array]


def distinct(things: Sequence[Sequence[Any]]) -> tuple[list[int], np.ndarray]:
    """Numbers of the first of each kind among tuples of numbers, and the kind of each thing."""
    kinds: dict[Any, int] = {}
    firsts, kind_of = [], []
    for number, thing in enumerate(things):
        key = tuple(_key(value) for value in thing)
        if key not in kinds:
            kinds[key] = len(kinds)
            firsts.append(number)
        kind_of.append(kinds[key])
    return firsts, np.asarray(kind_of)


def _key(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return float(value) if is_concrete(value) and np.ndim(value) == 0 else ("by identity", id(value))


def stacked(values: Sequence[Any]) -> jax.Array:
    """An array of numbers, made on the host where they all are there."""
    dtype = jnp.result_type(float)
    if is_concrete(*values):
        return jnp.asarray(np.stack([np.asarray(value) for value in values]), dtype)
    return jnp.stack([jnp.asarray(value, dtype) for value in values])


def alike(shapes: Sequence[Any]) -> list[tuple[list[int], Any]]:
    """Numbers of the shapes of each kind, and one of them with arrays for its numbers.

    Those of one kind are handled together, or programs of many heaters would take long to compile.
    """
    kinds: dict[Any, list[int]] = {}
    for number, shape in enumerate(shapes):
        kinds.setdefault((jax.tree.structure(shape), *map(np.shape, jax.tree.leaves(shape))), []).append(number)
    return [
        (numbers, jax.tree.map(lambda *leaves: stacked(leaves), *(shapes[k] for k in numbers)))
        for numbers in kinds.values()
    ]


def transfers(
    stack: LayerStack, squares: jax.Array, rate: jax.Array, sources: Sequence[Slab], probes: Sequence[Slab]
) -> jax.Array:
    """Transfer of each slab to each, shape [sources, probes, wavenumbers]."""
    whole = jnp.zeros((len(sources), len(probes), squares.size), squares.dtype)
    for one, at_one in _by_layer(sources).items():
        for two, at_two in _by_layer(probes).items():

            def pair(source: Any, probe: Any, layers: tuple[int, int] = (one, two)) -> jax.Array:
                return slab_transfer(stack, squares, rate, Slab(layers[0], *source), Slab(layers[1], *probe))

            faces = [_faces([slabs[k] for k in at]) for slabs, at in ((sources, at_one), (probes, at_two))]
            block = jax.vmap(jax.vmap(pair, (None, 0)), (0, None))(faces[0], faces[1])
            whole = whole.at[np.ix_(at_one, at_two)].set(block)
    return whole


def radial_tables(
    stack: LayerStack,
    grid: RadialGrid,
    rate: jax.Array | None,
    sources: Sequence[Slab],
    probes: Sequence[Slab],
    kinds: Sequence[tuple[int, Any]],
    screen: float | None = None,
) -> jax.Array:
    """Radial functions of each slab of a source for each kind of circle.

    Args:
        stack: the layers.
        grid: cells of the functions.
        rate: Laplace's s in 1/ps, complex; None for the steady state, in which the functions are real.
        sources: slabs, [sources].
        probes: slabs of probes.
        kinds: number of the slab, and radius in um, of each kind of circle, [kinds].
        screen: wavenumber in 1/um below which waves are left to `thermal_edges`; None to keep all.

    Returns:
        Coefficients, shape [sources * kinds, cells, terms].
    """
    dtype = jnp.result_type(1j)
    angle = STEADY if rate is None else TRANSIENT
    places, rates = ray_places(angle), jnp.zeros((), dtype) if rate is None else rate

    def at(squares: jax.Array) -> jax.Array:
        return transfers(stack, squares, rates, sources, probes)

    def along(squares: np.ndarray) -> jax.Array:
        return at(jnp.asarray(squares, dtype)) if screen is None else screened_along(at, squares, screen, dtype)

    values = along(places)
    mirrored = None if rate is None else along(places.conj())
    firsts, radius_of = distinct([(radius,) for _, radius in kinds])
    slab_of = np.asarray([slab for slab, _ in kinds])
    tables, order = [], []
    for number, first in enumerate(firsts):
        chosen = np.flatnonzero(radius_of == number)
        back = None if mirrored is None else mirrored[:, slab_of[chosen]]
        tables.append(radial_table(_basis(kinds[first][1], grid, angle), values[:, slab_of[chosen]], back))
        order.append(chosen)
    whole = jnp.concatenate(tables, axis=1)[:, np.argsort(np.concatenate(order))]
    return whole.reshape(-1, *whole.shape[2:])


def coupled(
    tables: jax.Array, grid: RadialGrid, circles: Circles, sources: Sources, kinds: int, near: int
) -> jax.Array:
    """Temperature of each circle for unit power in each source, shape [circles, sources].

    Args:
        tables: of `radial_tables`.
        grid: its cells.
        circles, sources: places and shapes.
        kinds: number of probes' kinds in the tables.
        near: how many sources next to a circle count with all of their points.
    """
    count, every = circles.x.size, sources.sign.size
    rows = np.arange(count)[:, None]
    if near >= every:
        at = np.broadcast_to(np.arange(every), (count, every))
        return _summed(tables, grid, circles, sources, sources.many, at, kinds)
    all_of_them = np.broadcast_to(np.arange(every), (count, every))
    values = _summed(tables, grid, circles, sources, sources.few, all_of_them, kinds)
    apart = circles.x[:, None] - sources.x[None, :], circles.y[:, None] - sources.y[None, :]
    # From the circle itself, not from its middle, which others may be closer to.
    apart = jnp.abs(_distance(*apart, grid) - circles.radius[:, None])
    nearest = jax.lax.top_k(jax.lax.stop_gradient(sources.reach[None, :] - apart), near)[1]
    return values.at[rows, nearest].set(_summed(tables, grid, circles, sources, sources.many, nearest, kinds))


def _summed(
    tables: jax.Array,
    grid: RadialGrid,
    circles: Circles,
    sources: Sources,
    points: tuple[jax.Array, jax.Array, jax.Array],
    at: Any,
    kinds: int,
) -> jax.Array:
    """Sum over the points of the sources `at`, shape [circles, some]."""
    x, y, weight = (values[at] for values in points)
    across = (sources.x[at] - circles.x[:, None])[..., None] + x
    along = (sources.y[at] - circles.y[:, None])[..., None] + y
    shape = across.shape
    which = jnp.asarray(sources.table)[at] * kinds + jnp.asarray(circles.table)[:, None]
    which = jnp.broadcast_to(which[..., None], shape)
    radius = jnp.broadcast_to(circles.radius[:, None, None], shape)
    value = radial_value(tables, grid, which, _distance(across, along, grid), radius)
    return jnp.sum(value * weight.astype(value.dtype), axis=-1)


def _distance(x: jax.Array, y: jax.Array, grid: RadialGrid) -> jax.Array:
    return jnp.sqrt(x**2 + y**2 + (_TOUCH * grid.scale) ** 2)


def _basis(radius: Any, grid: RadialGrid, angle: float) -> jax.Array:
    """Weights of a radius; on the host they are no part of a traced program."""
    dtype = jnp.result_type(float)
    if is_concrete(radius):
        with jax.ensure_compile_time_eval():
            return ray_basis(jnp.asarray(radius, dtype), grid, angle)
    return ray_basis(jnp.asarray(radius, dtype), grid, angle)


def _by_layer(slabs: Sequence[Slab]) -> dict[int, list[int]]:
    places: dict[int, list[int]] = {}
    for number, slab in enumerate(slabs):
        places.setdefault(slab.layer, []).append(number)
    return places


def _faces(slabs: Sequence[Slab]) -> tuple[jax.Array, jax.Array]:
    dtype = jnp.result_type(float)
    return (
        jnp.stack([jnp.asarray(slab.low, dtype) for slab in slabs]),
        jnp.stack([jnp.asarray(slab.high, dtype) for slab in slabs]),
    )
