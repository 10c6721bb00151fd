"""Benchmarks of thin films: 20 absorbing layers, 1000 wavelengths x 100 angles, both polarisations.

The peers compute the same stack in an environment of their own; see `film_case` for what it is.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.films import film_powers
from photonics_core.validation.benchmarks import Benchmark, Pair, Prepare
from photonics_core.validation.peer import Peer

LAYERS, WAVELENGTHS, ANGLES = 20, 1000, 100


def film_case() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Indices [L + 2], thicknesses (um) [L], wavelengths (um) [W] and angles (rad) [A], in double precision."""
    k = np.arange(LAYERS)
    layers = 1.45 + 0.9 * (k % 2) + 0.01 * np.cos(k) + 1e-3j * (k % 3)
    n = np.concatenate([[1.0], layers, [1.5]])
    return n, 0.1 + 0.03 * np.sin(k), np.linspace(0.8, 1.6, WAVELENGTHS), np.linspace(0.0, 1.5, ANGLES)


def film_arguments() -> tuple[jax.Array, ...]:
    """The case as arguments of `film_powers`, in the present precision; results are of shape [W, A]."""
    n, thickness, wl, angle = film_case()
    indices = np.broadcast_to(n[:, None, None], (LAYERS + 2, WAVELENGTHS, 1))
    floating, complex_type = jnp.result_type(float), jnp.result_type(complex)
    real = (jnp.asarray(x, floating) for x in (thickness, wl[:, None], angle))
    return jnp.asarray(indices, complex_type), *real


def ours_forward() -> Callable[[], Any]:
    """Closure that gives R_s, R_p, T_s, T_p of shape [4, W, A]."""
    arguments = film_arguments()
    forward = jax.jit(lambda *x: jnp.stack(jax.tree.leaves(film_powers(*x))))
    return lambda: jax.block_until_ready(forward(*arguments))


def ours_gradient() -> Callable[[], Any]:
    """Closure that gives the gradient of sum(R_s + R_p) in the thicknesses, [L]; that in the indices is there too."""
    arguments = film_arguments()
    gradient = jax.jit(jax.grad(_total_reflection, argnums=(1, 0)))
    return lambda: jax.block_until_ready(gradient(*arguments))[0]


def _total_reflection(*arguments: jax.Array) -> jax.Array:
    return sum(jnp.sum(part) for part in film_powers(*arguments).reflection)  # type: ignore[return-value]


def beside(peer: str, gradient: bool) -> Prepare:
    """Preparation of a benchmark beside `peer`, "tmm_fast" or "tmmax"."""

    def prepare(peers: Path | None) -> Pair:
        n, thickness, wl, angle = film_case()
        case = {"n_real": np.real(n).tolist(), "n_imag": np.imag(n).tolist(), "thickness": thickness.tolist()}
        arguments = {**case, "wl": wl.tolist(), "angle": angle.tolist(), "gradient": gradient}
        return ours_gradient() if gradient else ours_forward(), Peer(peers, f"{peer}_films", arguments)

    return prepare


BENCHMARKS = (
    Benchmark("films.forward", "tmm_fast", beside("tmm_fast", gradient=False), "float64"),
    Benchmark("films.gradient", "tmm_fast", beside("tmm_fast", gradient=True), "float64"),
    Benchmark("films.forward_float32", "tmmax", beside("tmmax", gradient=False), "float32"),
    Benchmark("films.gradient_float32", "tmmax", beside("tmmax", gradient=True), "float32"),
)
