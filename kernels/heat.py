"""Heat in a stack of layers: temperature in a slab over power into another, mode by mode in lateral Fourier space.

For a mode exp(i kappa . r) and a rate s (0 in the steady state), with conductivities k_z through and k_p in the plane
and heat capacity c per volume, the temperature of each layer obeys

    d/dz (k_z dT/dz) - (k_p kappa^2 + s c) T = -q,    m^2 = (k_p kappa^2 + s c) / k_z

Seen from a plane, what lies below (or above) is an admittance Y, flux over temperature: infinite at a fixed
temperature, h for convection, 0 where no heat leaves. It is carried through a layer of thickness d by

    Y' = (Y + k_z m tanh(m d)) / (1 + Y tanh(m d) / (k_z m))

and through a contact of resistance R by Y' = Y / (1 + R Y). These are the transfer matrices of the layer (H. S. Carslaw
and J. C. Jaeger, Conduction of Heat in Solids, 2nd ed. (1959), sec. 3.7) in a form in which nothing overflows. Within a
layer the temperature is a product of two solutions, one that obeys what lies below and one what lies above; its means
over slabs have closed forms. Everything is even in m and finite at m = 0.

Both kappa^2 and s may be complex: m is the root with a real part above zero.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array
Pair = tuple[Array, Array]

#: m^2 is at least this, so that a root and its derivative are finite; no result changes.
_LEAST = 1e-30


class LayerStack(NamedTuple):
    """A stack of L layers from the bottom, in coherent units (um, mW, K, ps).

    Args:
        thickness: of each layer in um, shape [L].
        through: conductivity across the layers in mW/(um K), shape [L].
        in_plane: conductivity along the layers in mW/(um K), shape [L].
        capacity: heat capacity in fJ/(um^3 K), shape [L].
        contact: resistance between each layer and what is below it in um^2 K/mW, shape [L].
        bottom, top: admittance of the boundary as a pair (p, q), Y = p / q in mW/(um^2 K): (1, 0) for a fixed
            temperature, (h, 1) for convection, (0, 1) where no heat leaves; scalars.
    """

    thickness: Array
    through: Array
    in_plane: Array
    capacity: Array
    contact: Array
    bottom: Pair
    top: Pair


class Slab(NamedTuple):
    """Part of a layer: its number, static, and the heights of its faces over the bottom of the layer in um, scalars."""

    layer: int
    low: Array
    high: Array


class _Medium(NamedTuple):
    """m, k_z and d of a layer, or of all with a leading axis, in the type of the modes."""

    m: Array
    k: Array
    d: Array


class _Faces(NamedTuple):
    """Admittances as pairs at the bottom face of each layer looking down, and at its top face looking up.

    `fall` is the temperature beyond the contact above each layer over that at its top face, times q of the pair here.
    Arrays have the layers in front, shape [L, modes].
    """

    media: _Medium
    down: Pair
    up: Pair
    fall: Array

    def of(self, layer: int) -> tuple[_Medium, Pair, Pair]:
        """The layer of a number."""
        media, down, up = (tuple(part[layer] for part in parts) for parts in (self.media, self.down, self.up))
        return _Medium(*media), down, up  # pyright: ignore[reportReturnType]


def slab_transfer(stack: LayerStack, kappa_square: Array, rate: Array, source: Slab, probe: Slab) -> Array:
    """Mean temperature over one slab for unit power in another, spread evenly over its thickness.

    It does not change when source and probe are swapped.

    Args:
        stack: the layers.
        kappa_square: square of the lateral wavenumber in 1/um^2, real or complex, any shape.
        rate: s in 1/ps, scalar of the type of `kappa_square`, 0 for the steady state.
        source, probe: slabs, of one layer or of two, also overlapping.

    Returns:
        Temperature over power per area in K um^2/mW, of the shape of `kappa_square`.
    """
    faces = _faces(stack, kappa_square, rate)
    source, probe = (Slab(s.layer, *(jnp.asarray(e, kappa_square.dtype) for e in s[1:])) for s in (source, probe))
    low, high = (source, probe) if source.layer < probe.layer else (probe, source)
    flat = _within(faces, source, probe) if source.layer == probe.layer else _across(faces, low, high)
    return flat.reshape(kappa_square.shape)


def boundary_flux(stack: LayerStack, kappa_square: Array, rate: Array, source: Slab) -> Pair:
    """Flux out of the bottom and out of the top of the stack for unit power in a slab; for mode 0 they add to 1.

    Args:
        stack: the layers.
        kappa_square: square of the lateral wavenumber in 1/um^2, any shape.
        rate: s in 1/ps, scalar of the type of `kappa_square`.
        source: the slab.

    Returns:
        Two fluxes over power per area, each of the shape of `kappa_square`.
    """
    thickness, through, in_plane, capacity = (part[::-1] for part in stack[:4])
    contact = jnp.roll(stack.contact[::-1], 1).at[0].set(0.0)
    # The contact of the bottom layer with its boundary is that of the last layer of the mirrored stack with its top.
    top = _behind(stack.bottom, stack.contact[0])
    upside_down = LayerStack(thickness, through, in_plane, capacity, contact, stack.top, top)
    depth = jnp.asarray(stack.thickness)[source.layer]
    mirrored = Slab(len(stack.thickness) - 1 - source.layer, depth - source.high, depth - source.low)
    return _flux_up(upside_down, kappa_square, rate, mirrored), _flux_up(stack, kappa_square, rate, source)


def _flux_up(stack: LayerStack, kappa_square: Array, rate: Array, source: Slab) -> Array:
    """Flux through the top of the stack for unit power in a slab."""
    faces = _faces(stack, kappa_square, rate)
    source = Slab(source.layer, *(jnp.asarray(e, kappa_square.dtype) for e in source[1:]))
    amplitude, last = _amplitude_up(faces, source), len(stack.thickness) - 1
    for layer in range(source.layer, last):
        above, _, pair = faces.of(layer + 1)
        amplitude = amplitude * faces.fall[layer] / _solution(above, pair, above.d) * jnp.exp(-above.m * above.d)
    return (amplitude * faces.up[0][last]).reshape(kappa_square.shape)


def _faces(stack: LayerStack, kappa_square: Array, rate: Array) -> _Faces:
    """What each layer sees, by a scan over the layers from either side; modes are flat."""
    dtype, modes = kappa_square.dtype, kappa_square.ravel()[None, :]
    d, k, along, c, contact = (jnp.asarray(part).astype(dtype)[:, None] for part in stack[:5])
    square = (along / k) * modes + rate * (c / k)
    m = jnp.sqrt(jnp.where(jnp.abs(square) < _LEAST, jnp.asarray(_LEAST, dtype), square))
    media = _Medium(m, k, d)

    def ends(pair: Pair) -> Pair:
        return tuple(jnp.broadcast_to(jnp.asarray(e).astype(dtype), m[0].shape) for e in pair)  # pyright: ignore

    def climb(pair: Pair, layer: tuple[_Medium, Array]) -> tuple[Pair, Pair]:
        here = _behind(pair, layer[1])
        return _carried(here, layer[0]), here

    def descend(pair: Pair, layer: tuple[_Medium, Array]) -> tuple[Pair, tuple[Pair, Array]]:
        # The contact is that above the layer; what lies beyond it has the temperature q.
        here = _behind(pair, layer[1])
        return _carried(here, layer[0]), (here, pair[1])

    above = jnp.concatenate([contact[1:], jnp.zeros_like(contact[:1])])
    down = jax.lax.scan(climb, ends(stack.bottom), (media, contact))[1]
    up, fall = jax.lax.scan(descend, ends(stack.top), (media, above), reverse=True)[1]
    return _Faces(media, down, up, fall)


def _behind(pair: Pair, resistance: Array) -> Pair:
    p, q = pair
    return p, q + resistance * p


def _carried(pair: Pair, medium: _Medium) -> Pair:
    """The pair on the other side of a layer, as (Y, 1)."""
    p, q = pair
    whole = medium.d * over_exponential(2.0 * medium.m * medium.d) * 2.0  # (1 - exp(-2 m d)) / m
    slope = whole / (1.0 + jnp.exp(-2.0 * medium.m * medium.d))  # tanh(m d) / m
    admittance = (p + medium.k * medium.m**2 * slope * q) / (q + slope / medium.k * p)
    return admittance, jnp.ones_like(admittance)


def _solution(medium: _Medium, pair: Pair, height: Array) -> Array:
    """exp(-m z) times the solution q cosh(m z) + p sinh(m z) / (k m) at a height z over a face of this pair."""
    p, q = pair
    double = 2.0 * medium.m * height
    return 0.5 * q * (1.0 + jnp.exp(-double)) + p / medium.k * height * over_exponential(double)


def _determinant(medium: _Medium, down: Pair, up: Pair, depth: Array) -> Array:
    """exp(-m d) times k (u v' - u' v) of the solutions from below and above, a depth d apart."""
    fall = jnp.exp(-2.0 * medium.m * depth)
    slope = depth * over_exponential(2.0 * medium.m * depth)  # exp(-m d) sinh(m d) / m
    crossed = down[0] * up[1] + up[0] * down[1]
    return 0.5 * crossed * (1.0 + fall) + slope * (
        medium.k * medium.m**2 * down[1] * up[1] + down[0] * up[0] / medium.k
    )


def _amplitude_up(faces: _Faces, source: Slab) -> Array:
    """Temperature at the top face of the source's layer over q of the pair there."""
    medium, down, up = faces.of(source.layer)
    middle = 0.5 * (source.low + source.high)
    mean = over_exponential(medium.m * (source.high - source.low)) * _solution(medium, down, middle)
    return jnp.exp(-medium.m * (medium.d - source.high)) * mean / _determinant(medium, down, up, medium.d)


def _across(faces: _Faces, low: Slab, high: Slab) -> Array:
    """Slabs of two layers."""
    amplitude = _amplitude_up(faces, low)
    for layer in range(low.layer, high.layer):
        above, _, pair = faces.of(layer + 1)
        # Over the contact, then divided by the solution at the bottom of the layer above; exp(-m d) follows.
        amplitude = amplitude * faces.fall[layer] / _solution(above, pair, above.d)
        if layer + 1 < high.layer:
            amplitude = amplitude * jnp.exp(-above.m * above.d)
    medium, _, pair = faces.of(high.layer)
    from_top = medium.d - 0.5 * (high.low + high.high)
    mean = over_exponential(medium.m * (high.high - high.low)) * _solution(medium, pair, from_top)
    return amplitude * jnp.exp(-medium.m * high.low) * mean


def _within(faces: _Faces, source: Slab, probe: Slab) -> Array:
    """Slabs of one layer, cut at each other's faces into parts that are apart or the same."""
    edges = jnp.stack([source.low, source.high, probe.low, probe.high])
    order = jnp.argsort(edges.real, stable=True)
    cuts = edges[order]
    # Whether each of the three intervals lies in the source and in the probe.
    in_source, in_probe = (
        jnp.cumsum(jnp.asarray(steps, edges.dtype)[order])[:3] for steps in ((1, -1, 0, 0), (0, 0, 1, -1))
    )
    lengths = cuts[1:] - cuts[:-1]
    a, b = lengths * in_source, lengths * in_probe
    medium, down, up = faces.of(source.layer)
    total = 0.0
    for i in range(3):
        total = total + a[i] * b[i] * _same(medium, down, up, cuts[i], cuts[i + 1])
        for j in range(i + 1, 3):
            part = _apart(medium, down, up, (cuts[i], cuts[i + 1]), (cuts[j], cuts[j + 1]))
            total = total + (a[i] * b[j] + a[j] * b[i]) * part
    return total / ((source.high - source.low) * (probe.high - probe.low))


def _apart(medium: _Medium, down: Pair, up: Pair, low: Pair, high: Pair) -> Array:
    """Two slabs one above the other."""
    below = _solution(medium, down, 0.5 * (low[0] + low[1])) * over_exponential(medium.m * (low[1] - low[0]))
    above = _solution(medium, up, medium.d - 0.5 * (high[0] + high[1]))
    above = above * over_exponential(medium.m * (high[1] - high[0]))
    return jnp.exp(-medium.m * (high[0] - low[1])) * below * above / _determinant(medium, down, up, medium.d)


def _same(medium: _Medium, down: Pair, up: Pair, low: Array, high: Array) -> Array:
    """A slab and itself: the double mean of the solutions between admittances at its own two faces."""
    t = high - low
    bottom, top = _moved(medium, down, low), _moved(medium, up, medium.d - high)
    y_down, y_up = bottom[0] / medium.k, top[0] / medium.k
    x = medium.m * t
    sinh, first, second = _means(x)
    sums = bottom[1] * top[1] * sinh + (y_down * top[1] + y_up * bottom[1]) * t * first
    return (sums + 2.0 * y_down * y_up * t**2 * second) / _determinant(medium, bottom, top, t)


def _moved(medium: _Medium, pair: Pair, height: Array) -> Pair:
    """The pair at a height over the face, both times exp(-m z): never infinite, for a height of 0 as well."""
    p, q = pair
    double = 2.0 * medium.m * height
    cosh, sinh = 0.5 * (1.0 + jnp.exp(-double)), height * over_exponential(double)
    return p * cosh + q * medium.k * medium.m**2 * sinh, q * cosh + p / medium.k * sinh


def _means(x: Array) -> tuple[Array, Array, Array]:
    """exp(-x) times sinh(x)/x, (cosh x - sinh x/x)/x^2 and (x sinh(x)/2 - cosh x + 1)/x^4."""
    small = jnp.abs(x) < 1.5
    square = jnp.where(small, x, 0.0) ** 2
    first, second = jnp.zeros_like(x), jnp.zeros_like(x)
    factorial = [1.0]
    for k in range(1, 28):
        factorial.append(factorial[-1] * k)
    for n in range(11, -1, -1):
        first = first * square + (2 * n + 2) / factorial[2 * n + 3]
        second = second * square + (n + 1) / factorial[2 * n + 4]
    fall = jnp.exp(-x)
    safe = jnp.where(small, 2.0, x)
    sinh, cosh = 0.5 * (1.0 - jnp.exp(-2.0 * safe)), 0.5 * (1.0 + jnp.exp(-2.0 * safe))
    first_far = (cosh - sinh / safe) / safe**2
    second_far = (0.5 * safe * sinh - cosh + jnp.exp(-safe)) / safe**4
    return (
        over_exponential(2.0 * x),
        jnp.where(small, fall * first, first_far),
        jnp.where(small, fall * second, second_far),
    )


def over_exponential(x: Array) -> Array:
    """(1 - exp(-x)) / x, with its limit and derivatives at 0; real or complex."""
    small = jnp.abs(x) < 0.1
    near, far = jnp.where(small, x, 0.0), jnp.where(small, 1.0, x)
    series = jnp.ones_like(near)
    for n in range(10, 1, -1):
        series = 1.0 - near / n * series
    return jnp.where(small, series, (1.0 - jnp.exp(-far)) / far)
