"""Heat in a cross-section of cells: finite volumes, conductivities that may change with temperature, Newton's method.

Between two cells beside each other, of widths a and b, flows (T_1 - T_2) / (a / (2 k_1) + b / (2 k_2) + R) through each
area of their face, R being a contact: exact across a step of the conductivity in one dimension, and of second order in
the size of the cells else. What flows out of a cell is the power put into it, F(T) = outflow(T) - q = 0.

Columns of cells are blocks of a block-tridiagonal Jacobian, the kernel that the modes of waveguides use too. After the
last step of Newton's method one more is taken, with the Jacobian held: it carries the derivatives.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from photonics_core.kernels.block_tridiagonal import BlockTridiagonal, solve

Pair = tuple[jax.Array, jax.Array]
#: Conductivities across and upwards in mW/(um K), shape [K, n], at a temperature rise in K of that shape.
Conductivity = Callable[[jax.Array], Pair]


class Cells(NamedTuple):
    """K columns of n cells, in coherent units (um, mW, K), for each um of length.

    Args:
        width: of the columns in um, shape [K].
        height: of the rows from the bottom in um, shape [n].
        contact: resistance between each row and what is below it in um^2 K/mW, shape [n].
        bottom, top: admittance of the boundary as a pair (p, q), Y = p / q, as in `kernels.heat`; scalars.
    """

    width: jax.Array
    height: jax.Array
    contact: jax.Array
    bottom: Pair
    top: Pair


class Flows(NamedTuple):
    """Heat in mW/um through the faces of cells: to the right [K - 1, n], upwards [K, n - 1], out of both ends [K]."""

    right: jax.Array
    up: jax.Array
    bottom: jax.Array
    top: jax.Array


def section_temperature(cells: Cells, conductivity: Conductivity, power: jax.Array, steps: int = 1) -> jax.Array:
    """Temperature rise of all cells in K, shape [K, n].

    Args:
        cells: the cells. Heat leaves at the bottom and at the top only.
        conductivity: of the cells, each by its own temperature.
        power: put into each cell in mW/um, shape [K, n].
        steps: of Newton's method; 1 suffices where conductivities do not change.
    """

    def newton(rise: jax.Array, _: None) -> tuple[jax.Array, None]:
        return lax.stop_gradient(_improved(cells, conductivity, power, rise)), None

    rise, _ = lax.scan(newton, jnp.zeros_like(power), None, length=steps)
    return _improved(cells, conductivity, power, rise)


def section_flows(cells: Cells, conductivity: Conductivity, rise: jax.Array) -> Flows:
    """Heat through all faces at a temperature rise in K, shape [K, n]."""
    ends = _out(cells, conductivity, rise)
    return Flows(_right(cells, conductivity, rise, rise), _up(cells, conductivity, rise, rise), *ends)


def outflow(flows: Flows) -> jax.Array:
    """What flows out of each cell in mW/um, shape [K, n]."""
    total = jnp.pad(flows.right, ((0, 1), (0, 0))) - jnp.pad(flows.right, ((1, 0), (0, 0)))
    total = total + jnp.pad(flows.up, ((0, 0), (0, 1))) - jnp.pad(flows.up, ((0, 0), (1, 0)))
    return total.at[:, 0].add(flows.bottom).at[:, -1].add(flows.top)


def _improved(cells: Cells, conductivity: Conductivity, power: jax.Array, rise: jax.Array) -> jax.Array:
    missing = power - outflow(section_flows(cells, conductivity, rise))
    jacobian = jax.tree.map(lax.stop_gradient, _jacobian(cells, conductivity, rise))
    return rise + solve(jacobian, missing[..., None])[..., 0]


def _right(cells: Cells, conductivity: Conductivity, left: jax.Array, right: jax.Array) -> jax.Array:
    """To the right, from the temperatures of all cells as those on the left and as those on the right of a face."""
    half, ones = 0.5 * cells.width[:, None], jnp.ones_like(cells.height)[None, :]
    resistance = (half * ones / conductivity(left)[0])[:-1] + (half * ones / conductivity(right)[0])[1:]
    return cells.height[None, :] * (left[:-1] - right[1:]) / resistance


def _up(cells: Cells, conductivity: Conductivity, below: jax.Array, above: jax.Array) -> jax.Array:
    half = 0.5 * cells.height[None, :] * jnp.ones_like(cells.width)[:, None]
    resistance = (half / conductivity(below)[1])[:, :-1] + (half / conductivity(above)[1])[:, 1:]
    return cells.width[:, None] * (below[:, :-1] - above[:, 1:]) / (resistance + cells.contact[None, 1:])


def _out(cells: Cells, conductivity: Conductivity, rise: jax.Array) -> Pair:
    """Out of the bottom and out of the top."""
    half, k = 0.5 * cells.height[None, :] * jnp.ones_like(rise), conductivity(rise)[1]

    def end(row: int, pair: Pair, contact: jax.Array | float) -> jax.Array:
        p, q = pair
        return cells.width * p * rise[:, row] / (q + p * (half[:, row] / k[:, row] + contact))

    return end(0, cells.bottom, cells.contact[0]), end(-1, cells.top, 0.0)


def _jacobian(cells: Cells, conductivity: Conductivity, rise: jax.Array) -> BlockTridiagonal:
    """Of what flows out of the cells. Each flow depends on the cells beside its face only, one by one."""
    ones = jnp.ones_like(rise)

    def slopes(flow: Callable[..., jax.Array]) -> Pair:
        """By the temperature on either side of the face."""
        first = jax.jvp(lambda one: flow(cells, conductivity, one, rise), (rise,), (ones,))[1]
        return first, jax.jvp(lambda other: flow(cells, conductivity, rise, other), (rise,), (ones,))[1]

    (left, right), (below, above) = slopes(_right), slopes(_up)
    ends = jax.jvp(lambda one: _out(cells, conductivity, one), (rise,), (ones,))[1]
    main = jnp.pad(left, ((0, 1), (0, 0))) - jnp.pad(right, ((1, 0), (0, 0)))
    main = main + jnp.pad(below, ((0, 0), (0, 1))) - jnp.pad(above, ((0, 0), (1, 0)))
    main = main.at[:, 0].add(ends[0]).at[:, -1].add(ends[1])
    diagonal = jax.vmap(jnp.diag)(main) + jax.vmap(functools.partial(jnp.diag, k=1))(above)
    diagonal = diagonal - jax.vmap(functools.partial(jnp.diag, k=-1))(below)
    return BlockTridiagonal(diagonal, -jax.vmap(jnp.diag)(left), jax.vmap(jnp.diag)(right))
