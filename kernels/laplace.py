"""Functions of time from their Laplace transforms.

Euler's summation of the Fourier series of the Bromwich integral (J. Abate and W. Whitt, INFORMS J. Comput. 18, 408
(2006), sec. 5): with M terms

    f(t) = 10^(M/3) / t sum_{k=0}^{2M} eta_k Re F(beta_k / t),   beta_k = M ln(10) / 3 + i pi k

where eta_k = (-1)^k xi_k; xi_0 = 1/2, xi_k = 1 up to M, xi_2M = 2^-M and xi_{2M-k} = xi_{2M-k+1} + 2^-M binom(M, k).
All rates lie to the right of the imaginary axis. For smooth f the relative error is some 10^(-0.6 M), and that of
rounding 10^(M/3) times the unit.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def euler_nodes(terms: int) -> tuple[np.ndarray, np.ndarray]:
    """beta_k and weights 10^(M/3) eta_k, each of shape [2 terms + 1]."""
    xi = np.ones(2 * terms + 1)
    xi[0], xi[-1] = 0.5, 2.0**-terms
    for k in range(1, terms):
        xi[2 * terms - k] = xi[2 * terms - k + 1] + 2.0**-terms * math.comb(terms, k)
    signs = np.where(np.arange(xi.size) % 2, -1.0, 1.0)
    return terms * math.log(10.0) / 3.0 + 1j * math.pi * np.arange(xi.size), 10.0 ** (terms / 3.0) * signs * xi


def inverted(transform: Callable[[jax.Array], Any], time: jax.Array, terms: int = 12) -> Any:
    """A function at times, from its transform at one complex rate: an array of any shape, or a tree of arrays.

    What is linear in the transform and does not depend on the rate is best done with what comes out of here: there are
    2 M + 1 rates a time. Rates are gone through one by one, and again for a derivative, which keeps nothing of them.

    Args:
        transform: F of a complex scalar s in 1/ps.
        time: above 0, in ps, shape [times].
        terms: M, static.

    Returns:
        Shape [times, ...], or a tree of such arrays.
    """
    nodes, weights = euler_nodes(terms)
    complex_type = jnp.result_type(1j)
    nodes, weights = jnp.asarray(nodes, complex_type), jnp.asarray(weights, time.dtype)

    def at(moment: jax.Array) -> Any:
        @jax.checkpoint
        def term(pair: tuple[jax.Array, jax.Array]) -> Any:
            node, weight = pair
            values = transform(node / moment.astype(complex_type))
            return jax.tree.map(lambda each: weight / moment * each.real, values)

        return jax.tree.map(lambda each: jnp.sum(each, axis=0), jax.lax.map(term, (nodes, weights)))

    return jax.lax.map(at, time)
