"""The compiled part of the fit of many lines: one batch, one pass."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from photonics_core.kernels.batched_least_squares import BatchFit, fit_rows, invert_definite
from photonics_core.kernels.line_shapes import (
    DEPTH,
    LEVEL,
    LOG_WIDTH,
    LineSamples,
    split_line,
    through_line,
    two_port_line,
)
from photonics_core.lineshape import RELATIVE_FLOOR

HIGHEST = jax.lax.Precision.HIGHEST
#: A reading that the fit follows all the way tells nothing of its own error: its residual is widened by no more.
MOST_FOLLOWED = 0.1
#: Tolerance of the passes but the last, which only find the window and the weights.
EARLY_TOLERANCE = 1e-3


class SolvedLines(NamedTuple):
    """Outcome of one batch: the fit, the covariance by the readings' own scatter, and what a doublet would explain."""

    fit: BatchFit
    own_scatter: jax.Array
    gain: jax.Array


class CutLines(NamedTuple):
    """Lines of one batch cut out of their spectra, shape [lines, ...]; the powers of both ports side by side."""

    start: Any
    phase: Any
    powers: Any
    centre: Any
    half_width: Any
    level: Any
    count: Any


def line_model(ports: int, split: bool) -> Callable[..., Any]:
    """The kernel's line for one port or two, single or split."""
    if split:
        return split_line
    return through_line if ports == 1 else two_port_line


@partial(jax.jit, static_argnames=("model",))
def solve_lines(model: Any, cut: CutLines, is_last: Any, steps: Any) -> SolvedLines:
    """The fit of one batch; the two other parts are those of the last pass only."""
    places = jnp.arange(cut.phase.shape[1], dtype=cut.phase.dtype)
    inside = (places[None, :] < cut.count[:, None]).astype(cut.phase.dtype)
    place = inside * (cut.phase - cut.centre[:, None]) / cut.half_width[:, None]
    samples = LineSamples(jnp.sin(0.5 * cut.phase), jnp.cos(0.5 * cut.phase), place)
    target = cut.powers / cut.level[:, None]
    weights = _weights(model(cut.start, samples)[0], inside)
    tolerance = jnp.where(is_last, 0.0, EARLY_TOLERANCE)
    fit = fit_rows(model, cut.start, samples, target, weights, steps=steps, tolerance=tolerance)

    def finish() -> tuple[jax.Array, jax.Array]:
        values, slopes = model(fit.parameters, samples)
        covariance = _own_scatter(fit, slopes * weights[:, None, :])
        is_split = model is split_line
        gain = jnp.zeros_like(cut.level) if is_split else _doublet_gain(fit, values, slopes, samples, inside)
        return covariance, gain

    return SolvedLines(fit, *jax.lax.cond(is_last, finish, lambda: (fit.covariance, jnp.zeros_like(cut.level))))


def _own_scatter(fit: BatchFit, weighted: jax.Array) -> jax.Array:
    """Covariance of the parameters where each reading scatters by its own residual, shape [lines, N, N].

    Of noise that does not follow the weights this stays right (J. MacKinnon, H. White, J. Econometrics 29, 305 (1985),
    HC3). `weighted` are the derivatives.
    """
    followed = jnp.sum(jnp.einsum("rij,rjs->ris", fit.covariance, weighted, precision=HIGHEST) * weighted, axis=1)
    pulled = weighted * (fit.residuals / jnp.maximum(1.0 - followed, MOST_FOLLOWED))[:, None, :]
    middle = jnp.einsum("ris,rjs->rij", pulled, pulled, precision=HIGHEST)
    return jnp.einsum("rij,rjk,rkl->ril", fit.covariance, middle, fit.covariance, precision=HIGHEST)


def _weights(values: jax.Array, inside: jax.Array) -> jax.Array:
    """Inverse errors of the readings, from the line and not from the readings: those would bias the fit."""
    ports = jnp.abs(values).reshape(inside.shape[0], -1, inside.shape[1])
    level = jnp.max(ports * inside[:, None, :], axis=2, keepdims=True)
    size = ports + RELATIVE_FLOOR * level
    weights = inside[:, None, :] / jnp.where(size > 0.0, size, 1.0)
    return weights.reshape(values.shape)


def _doublet_gain(
    fit: BatchFit, values: jax.Array, slopes: jax.Array, samples: LineSamples, inside: jax.Array
) -> jax.Array:
    """Share of the squared residuals that a small splitting of either sign would explain."""
    weights = _weights(values, inside)
    known = [slopes[:, place] * weights for place in (LOG_WIDTH, DEPTH, LEVEL)]
    total = jnp.maximum(jnp.sum(fit.residuals**2, axis=1), jnp.finfo(values.dtype).tiny)
    depth = jnp.sqrt(jnp.maximum(1.0 - fit.parameters[:, DEPTH], 0.0))
    split = 0.5 * jnp.exp(jnp.clip(fit.parameters[:, LOG_WIDTH], -30.0, 5.0))
    # Both signs at once: the line stands in the compiled program a single time.
    trials = [fit.parameters.at[:, DEPTH].set(sign * depth) for sign in (1.0, -1.0)]
    trial = jnp.concatenate([jnp.concatenate(trials), jnp.tile(split, 2)[:, None]], axis=1)
    twice = LineSamples(*(jnp.tile(each, (2, 1)) for each in samples))
    change = (split_line(trial, twice)[0] - jnp.tile(values, (2, 1))) * jnp.tile(weights, (2, 1))
    design = jnp.stack([change, *(jnp.tile(each, (2, 1)) for each in known)], axis=1)
    inverse, _ = invert_definite(jnp.einsum("ris,rjs->rij", design, design, precision=HIGHEST))
    along = jnp.einsum("ris,rs->ri", design, jnp.tile(fit.residuals, (2, 1)), precision=HIGHEST)
    explained = jnp.einsum("ri,rij,rj->r", along, inverse, along, precision=HIGHEST)
    return jnp.max(explained.reshape(2, -1), axis=0) / total
