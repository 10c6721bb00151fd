"""Sums over the images of a function that falls slowly with distance, in two parts that both converge quickly.

A chip of rectangular outline, adiabatic or at a fixed temperature at its edges, is one of a lattice of its own mirror
images. With G(kappa^2) the temperature over power of a mode of the open layers, the field of all images is

    1 / (Lx Ly) sum_{m, n >= 0} e_m e_n G(a_m^2 + b_n^2) cos(a_m x) cos(b_n y) cos(a_m x') cos(b_n y')

with a_m = m pi / Lx, b_n = n pi / Ly and e = 1 for 0 and else 2; sines for fixed edges. It needs as many modes as a
source close by asks for, and the sum over images as many as the chip is thick. So G is split, by differences of
order N in steps of mu^2 (in the spirit of P. P. Ewald, Ann. Phys. 369, 253 (1921), with another splitting function):

    G = S + B,   S(kappa^2) = -sum_{j=1}^N (-1)^j binom(N, j) G(kappa^2 + j mu^2),   B = G - S

The singularities of G lie at kappa^2 <= 0 and those of S at kappa^2 <= -mu^2: its field falls as exp(-mu r) whatever
the layers are, and images farther than `REACH` / mu do not matter. B is the N-th difference of G, which falls faster
than G by (mu / kappa)^(2 N): modes above `HIGHEST` mu do not matter. For N = 8 each leaves out some 1e-9.

B is a function of one number, smooth in log kappa: its singularities are half a turn away, and a quarter for rates
next to the imaginary axis. So it is computed at few kappa^2 and interpolated to all modes.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

#: N, the exponent exp(-mu r) of images left out, and the highest mode over mu.
ORDER, REACH, HIGHEST = 8, 22.0, 7.0
#: kappa over mu from which on G is all of S, up to 1e-11, and below which S has no part in an integral.
_BARE, _NOTHING = 10.0, 1e-6
#: Digits to which B is interpolated.
_DIGITS = 11.0

Function = Callable[[jax.Array], jax.Array]


def screened(function: Function, squares: jax.Array, screen: float) -> jax.Array:
    """S of a function of kappa^2, which falls as exp(-screen r) in space.

    Args:
        function: G, from shape [modes] to [..., modes].
        squares: kappa^2 in 1/um^2, real or complex, shape [modes].
        screen: mu in 1/um.
    """
    steps = jnp.asarray(screen**2 * np.arange(1, ORDER + 1), squares.dtype)
    values = function((squares[None, :] + steps[:, None]).ravel())
    values = values.reshape(*values.shape[:-1], ORDER, squares.size)
    weights = [-((-1.0) ** j) * math.comb(ORDER, j) for j in range(1, ORDER + 1)]
    return jnp.einsum("...jm,j->...m", values, jnp.asarray(weights, values.dtype), precision="highest")


def screened_along(function: Function, squares: np.ndarray, screen: float, dtype: np.dtype) -> jax.Array:
    """S along a line of kappa^2 in rising order, as an integral of S kappa dkappa asks for it.

    Far above the screen S is the function itself, and far below it has no weight.

    Args:
        function: G, from shape [modes] to [..., modes].
        squares: kappa^2 in 1/um^2, on the host, shape [modes].
        screen: mu in 1/um.
        dtype: type of the squares given to the function.
    """
    first, last = (int(np.sum(np.abs(squares) < (factor * screen) ** 2)) for factor in (_NOTHING, _BARE))
    middle = screened(function, jnp.asarray(squares[first:last], dtype), screen)
    above = function(jnp.asarray(squares[last:], dtype))
    return jnp.concatenate([jnp.zeros((*above.shape[:-1], first), above.dtype), middle, above], axis=-1)


def mode_nodes(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Few kappa^2 from which B follows at many, and the weights, shapes [nodes] and [modes, nodes]."""
    still, logarithm = squares == 0.0, np.log(squares[squares > 0.0])
    low, high = (np.min(logarithm), np.max(logarithm)) if logarithm.size else (0.0, 0.0)
    half = 0.5 * (high - low) + 1e-3
    count = math.ceil(_DIGITS * math.log(10.0) / math.asinh(0.5 * math.pi / half))
    if count >= logarithm.size:
        return squares, np.eye(squares.size)
    places = np.cos(math.pi * (np.arange(count) + 0.5) / count)
    to_polynomials = np.linalg.inv(np.polynomial.chebyshev.chebvander(places, count - 1))
    weights = np.zeros((squares.size, count + 1))
    weights[still, 0] = 1.0
    within = (logarithm - 0.5 * (low + high)) / half
    weights[~still, 1:] = np.polynomial.chebyshev.chebvander(within, count - 1) @ to_polynomials
    nodes = np.concatenate([[0.0], np.exp(0.5 * (low + high) + half * places)])
    kept = slice(None) if np.any(still) else slice(1, None)
    return nodes[kept], weights[:, kept]


def remainder(function: Function, squares: jax.Array, screen: float) -> jax.Array:
    """B of a function of kappa^2: what `screened` leaves."""
    return function(squares) - screened(function, squares, screen)


def screen_for(distance: float) -> float:
    """mu in 1/um for images that are left out from a distance in um on."""
    return REACH / distance


def edge_modes(width: float, height: float, screen: float, fixed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """kx and ky of all modes that matter in 1/um, and weights e_m e_n / (Lx Ly), three arrays of shape [modes]."""
    highest = HIGHEST * screen
    kx, ky = (
        math.pi / size * np.arange(int(fixed), math.ceil(size * highest / math.pi) + 1) for size in (width, height)
    )
    kx, ky = (each.ravel() for each in np.meshgrid(kx, ky, indexing="ij"))
    kept = kx**2 + ky**2 <= highest**2
    kx, ky = kx[kept], ky[kept]
    weight = np.where(kx == 0.0, 1.0, 2.0) * np.where(ky == 0.0, 1.0, 2.0) / (width * height)
    return kx, ky, weight
