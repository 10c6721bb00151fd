"""From the tip of an edge coupler to its wire: modes of the samples, and what a taper of a length and a profile loses.

A weakly held mode lies close to the modes of the cladding, into which a taper that is too short scatters. In a window
of electric walls these are modes of the box. `expand_tips` finds the fundamental mode of each sample and those of the
box just below the cladding's index, by two searches, since the wire's index is far above. Modes are followed from
sample to sample by their overlaps: those of the box cross without coupling. Then both methods of the package apply:
`photonics_core.tapers` (forward waves, derivatives in profile and length at no cost) and
`photonics_core.eigenmode_expansion` (steps, reflections).

The taper is adiabatic where its length is large against wl / (n_eff - n_cladding), 100 um at a tip of 180 nm; the best
profile is slow at the tip and quick at the wire.
"""

import functools
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.bounds import within
from photonics_core.cross_section import DEGREES
from photonics_core.devices.edge_tips import EdgeTips
from photonics_core.display import Shown
from photonics_core.eigenmode_expansion import ModeExpansion
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.mode_overlaps import mode_norms, mode_overlaps
from photonics_core.mode_solver import fundamental_walls, solve_classes
from photonics_core.runtime import map_points
from photonics_core.tapers import LocalModes, local_modes
from photonics_core.units import REFERENCE_TEMPERATURE

PROFILES = ("straight", "best")
#: Steps in which a taper is integrated. Of a profile that bends, straight within each, they are of second order: 400
#: lose 1e-4 dB too much of the best one at 160 um and more, 1600 some 1e-5 dB.
STEPS = {"straight": 400, "best": 1600}
#: The search for modes of the box starts this far below the index of the cladding, relatively.
BELOW = 1e-4
#: Relative difference of beta^2 below which the fundamental mode was found twice; above single precision's rounding.
SAME = 1e-5


class EdgeTransition(Shown):
    """A taper from the tip to the wire. Made by `solve_transition`.

    Args:
        local: modes over the place, in um for one core whose width is the place, or from 0 to 1.
        expansion: the same modes as slices.
        polarization: theirs, "te" or "tm", static.
    """

    local: LocalModes
    expansion: ModeExpansion
    polarization: str = eqx.field(static=True, default="te")

    def profile(self, start: Any = None, kind: str = "straight", steps: int | None = None) -> jax.Array:
        """The place at equal steps along the taper, shape [steps + 1].

        Args:
            start: where the taper begins, within the samples; None for the first.
            kind: "straight", or "best" for the same adiabaticity all along.
            steps: number of steps; by default as many as the loss needs.
        """
        check_choice("kind", kind, PROFILES)
        steps = STEPS[kind] if steps is None else steps
        check_range("steps", steps, 1, 1_000_000)
        places = self.local.widths
        known = np.asarray(places) if is_concrete(places) else places
        start = places[0] if start is None else within("start", start, known[0], known[-1], slack=1e-9)
        parts = jnp.linspace(0.0, 1.0, steps + 1, dtype=places.dtype)
        if kind == "straight":
            return start + (places[-1] - start) * parts
        whole = self.local.best_profile(4 * steps)
        z = _place_of(whole, start)
        # Single precision rounds over the ends.
        return jnp.clip(_between(whole, z + (1.0 - z) * parts), start, places[-1])

    def loss_db(self, length: Any, start: Any = None, kind: str = "straight") -> jax.Array:
        """Loss in dB from the mode of the tip to that of the wire, by local modes; traceable in both numbers.

        Args:
            length: length in um, one number.
            start, kind: as for `profile`.
        """
        carried = self.local.propagator(self.profile(start, kind), length)
        return -10.0 * jnp.log10(carried[0, 0].real ** 2 + carried[0, 0].imag ** 2)

    def sliced_loss_db(self, length: Any, kind: str = "straight") -> jax.Array:
        """The same from the first sample on by slices, with what is reflected; lengths [...] in um at once."""
        check_positive("length", length, "um")
        check_choice("kind", kind, PROFILES)
        parts = _slice_parts(self, kind)
        length = jnp.asarray(length, parts.dtype)
        lengths = length[..., None] * parts.reshape(*(1,) * length.ndim, -1)
        count = self.expansion.n_eff.shape[1]
        across = self.expansion.scattering(lengths).values[..., count, 0]
        return -10.0 * jnp.log10(across.real**2 + across.imag**2)


def solve_transition(
    tips: Sequence[EdgeTips],
    places: Any,
    wl: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    count: int = 8,
    polarization: str = "te",
    accuracy: str = "fast",
) -> EdgeTransition:
    """Modes of the samples of a taper; from then on lengths, starts and profiles cost little.

    Args:
        tips: sections from the tip to the wire, all of one kind and in one window.
        places: a rising number for each, shape [K]: the width in um for one core, else any from 0 to 1.
        wl, temperature, count, polarization, accuracy: as for `expand_tips`.
    """
    kept = {"count": count, "polarization": polarization, "accuracy": accuracy}
    expansion = expand_tips(tips, wl, temperature, **kept)
    return EdgeTransition(local_modes(expansion, places), expansion, polarization)


def inverse_taper(
    tip: EdgeTips,
    wire: Any,
    wl: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    samples: int = 41,
    **options: Any,
) -> EdgeTransition:
    """The transition of one core from a tip to a wire of width `wire` in um; samples lie closer where it is narrow.

    Args:
        tip: the narrowest tip of interest; couplers may start wider.
        wire: width of the wire in um, above the tip's.
        wl, temperature: wavelength in um and temperature in K.
        samples: number of samples.
        options: `count`, `polarization` and `accuracy`.
    """
    check_kind("tip", tip, EdgeTips)
    check_range("number of cores", tip.count, 1, 1)
    check_range("wire", wire, float(tip.width), np.inf, "um", exclusive=True)
    check_range("samples", samples, 3, 1000)
    # Equal steps of 1 / width.
    widths = 1.0 / np.linspace(1.0 / float(tip.width), 1.0 / float(wire), samples)
    sections = [eqx.tree_at(lambda each: each.width, tip, width) for width in widths]
    return solve_transition(sections, widths, wl, temperature, **options)


def expand_tips(
    tips: Sequence[EdgeTips],
    wl: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    count: int = 8,
    polarization: str = "te",
    accuracy: str = "fast",
) -> ModeExpansion:
    """The fundamental mode of each section and the first ones of the box, and their overlaps.

    Args:
        tips: K sections of one kind, of numbers of their own.
        wl: free-space wavelength in um.
        temperature: temperature in K.
        count: number N of modes, the fundamental one among them. All have to propagate.
        polarization: "te" or "tm".
        accuracy: as for `solve_modes`.

    Returns:
        `ModeExpansion`, the fundamental mode first in each slice; the others are followed by their overlaps.

    Raises:
        ValueError: for sections of several kinds or windows, or a count out of range.
    """
    tips = list(tips)
    check_range("number of sections", len(tips), 2, 10_000)
    check_range("count", count, 2, 40)
    for k, each in enumerate(tips):
        check_kind(f"tips[{k}]", each, EdgeTips)
        if jax.tree.structure(each) != jax.tree.structure(tips[0]):
            raise ValueError(f"tips[{k}] has other cores or media than tips[0]")
    if is_concrete(*(each.window for each in tips)) and len({float(each.window) for each in tips}) > 1:
        raise ValueError(f"tips have windows of {sorted({float(each.window) for each in tips})} um, not one")
    stack = jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *tips)
    return _expand(stack, wl, temperature, count=count, polarization=polarization, accuracy=accuracy)


@functools.partial(jax.jit, static_argnames=("count", "polarization", "accuracy"))
def _expand(
    tips: EdgeTips, wl: Any, temperature: Any, *, count: int, polarization: str, accuracy: str
) -> ModeExpansion:
    degree = DEGREES[accuracy]
    wl = jnp.asarray(wl, jnp.result_type(float))
    slices = map_points(lambda tip: _slice_modes(tip, wl, temperature, count, polarization, accuracy), tips)

    def overlap(pair: Any) -> tuple[jax.Array, jax.Array]:
        (mesh_a, a, beta_a, scale_a), (mesh_b, b, beta_b, scale_b) = pair
        forward, backward = mode_overlaps(mesh_a, a, mesh_b, b, degree)
        electric = (scale_a / beta_a)[:, None] * forward * scale_b[None]
        return electric, scale_a[:, None] * backward * (scale_b / beta_b)[None]

    left, right = (jax.tree.map(lambda part, k=k: part[k : part.shape[0] - 1 + k], slices) for k in (0, 1))
    electric, magnetic = map_points(overlap, (left, right))
    order, signs = _followed(electric)
    beta = jnp.take_along_axis(slices[2], order, axis=1)
    joints = []
    for part in (electric, magnetic):
        part = jnp.take_along_axis(part, order[:-1, :, None], axis=1)
        part = jnp.take_along_axis(part, order[1:, None, :], axis=2)
        joints.append((part * signs[:-1, :, None] * signs[1:, None, :]).astype(jnp.result_type(complex)))
    n_eff = beta * wl / (2.0 * np.pi)
    ranked = jnp.sort(beta**2, axis=1)
    separation = jnp.min(jnp.diff(ranked, axis=1) / ranked[:, 1:], axis=1)
    return ModeExpansion(n_eff.astype(jnp.result_type(complex)), joints[0], joints[1], separation, wl)


def _slice_modes(
    tip: EdgeTips, wl: jax.Array, temperature: Any, count: int, polarization: str, accuracy: str
) -> tuple[Any, jax.Array, jax.Array, jax.Array]:
    """Mesh, vectors, propagation constants and scales of unit flux of the modes of a slice, real all of them."""
    section = tip.section()
    walls = [fundamental_walls(section, polarization)]
    solve = functools.partial(solve_classes, section, wl, temperature, walls=walls, accuracy=accuracy)
    (first,) = solve(guess=tip.highest_index(wl, temperature, polarization))
    others = solve(guess=lax.stop_gradient(tip.cladding_index(wl, temperature)) * (1.0 - BELOW), count=count)
    index = jnp.stack([mode.n_eff for mode in others])
    twice = jnp.abs(index**2 / first.n_eff**2 - 1.0) < SAME
    order = lax.stop_gradient(jnp.argsort(-jnp.where(twice, 0.0, index**2)))[: count - 1]
    vectors = jnp.concatenate([first.vector[None], jnp.stack([mode.vector for mode in others])[order]])
    beta = jnp.concatenate([first.n_eff[None], index[order]]) * (2.0 * np.pi / wl)
    beta = eqx.error_if(beta, ~jnp.all(beta > 0.0), "a mode of the box does not propagate: ask for a smaller count")
    return first.mesh, vectors, beta, jnp.sqrt(beta / mode_norms(first.mesh, vectors, DEGREES[accuracy]))


def _followed(overlaps: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Of each slice the numbers of the modes in the order of the first slice's, and their signs, [K, N] each."""
    held = lax.stop_gradient(overlaps)
    start = jnp.arange(overlaps.shape[-1])

    def step(carry: tuple[jax.Array, jax.Array], overlap: jax.Array) -> tuple[Any, Any]:
        order, sign = carry
        rows = overlap[order]
        order = _assigned(jnp.abs(rows))
        sign = sign * jnp.where(jnp.take_along_axis(rows, order[:, None], axis=1)[:, 0] < 0.0, -1.0, 1.0).astype(
            sign.dtype
        )
        return (order, sign), (order, sign)

    first = start, jnp.ones_like(start, held.dtype)
    _, (orders, signs) = lax.scan(step, first, held)
    return jnp.concatenate([start[None], orders]), jnp.concatenate([first[1][None], signs])


def _assigned(sizes: jax.Array) -> jax.Array:
    """For each row its column, the largest elements first; row 0 always gets column 0, the fundamental mode."""

    def pick(_: int, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        left, columns = state
        row, column = jnp.divmod(jnp.argmax(left), left.shape[1])
        return left.at[row, :].set(-1.0).at[:, column].set(-1.0), columns.at[row].set(column)

    start = sizes.at[0, :].set(-1.0).at[:, 0].set(-1.0)
    columns = jnp.zeros(sizes.shape[0], jnp.argmax(sizes).dtype)
    return lax.fori_loop(0, sizes.shape[0] - 1, pick, (start, columns))[1]


def _between(samples: jax.Array, at: jax.Array) -> jax.Array:
    """Values on cubics through samples at equal steps over [0, 1], without kinks, so that derivatives have none."""
    last = samples.shape[0] - 1
    s = jnp.clip(at, 0.0, 1.0) * last
    k = jnp.clip(jnp.floor(lax.stop_gradient(s)).astype(int), 0, last - 1)
    t, slopes, rise = s - k.astype(s.dtype), jnp.gradient(samples), samples[k + 1] - samples[k]
    bends = (1.0 - t) * (slopes[k] - rise) - t * (slopes[k + 1] - rise)
    return samples[k] + t * rise + t * (1.0 - t) * bends


def _place_of(samples: jax.Array, value: jax.Array) -> jax.Array:
    """Where on [0, 1] rising samples have a value; two steps of Newton's method carry its derivatives."""
    parts = jnp.linspace(0.0, 1.0, samples.shape[0], dtype=samples.dtype)
    z = lax.stop_gradient(jnp.interp(value, samples, parts))
    for _ in range(2):
        found, slope = jax.jvp(lambda at: _between(samples, at), (z,), (jnp.ones_like(z),))
        z = z - (found - value) / slope
    return z


def _slice_parts(transition: EdgeTransition, kind: str) -> jax.Array:
    """Lengths of the slices as parts of the whole: steps lie where the profile passes between two samples."""
    places = transition.local.widths
    middles = jnp.concatenate([places[:1], 0.5 * (places[1:] + places[:-1]), places[-1:]])
    profile = transition.profile(None, kind, 8000)
    z = jnp.linspace(0.0, 1.0, profile.shape[0], dtype=profile.dtype)
    parts = jnp.diff(jnp.interp(middles, profile, z))
    return jnp.maximum(parts, 1e-9)
