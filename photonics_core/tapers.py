"""Tapers by local modes: forward waves that follow the guide and are coupled by its change, and the best profile.

With modes of the guide as it is at each place, and C(w) the coupling for a change of a dimension w,

    dA/dz = i beta(w) A + C(w) w'(z) A,

C is antisymmetric without loss, so power is kept; reflections are left out. C comes from overlaps of neighbouring
slices of a `ModeExpansion`; between the samples beta and C go on cubics without kinks, and so do derivatives by a
profile. A taper is adiabatic where |C_jk w'| is small against |beta_j - beta_k|; the best profile of a given length
holds their ratio constant.

Power in 1e-5 that a taper from 500 to 900 nm takes from TE0 (silicon wire 220 nm high, 25 slices, 3 modes; slices as
in `eigenmode_expansion`, reflections included):

    length (um)               2      4      6      8     12
    straight, slices         94     25     10     11    4.3
    straight, local modes    92     24    8.5    5.9    2.5
    best, local modes        47    0.9    6.2   0.15   0.33

Local modes: Marcuse, Theory of Dielectric Optical Waveguides, 2nd ed. (1991), section 3.3. Constant adiabaticity:
Love et al., IEE Proc. J 138, 343 (1991); Fu et al., Opt. Express 22, A1 (2014).
"""

import functools
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.bounds import within
from photonics_core.display import Shown
from photonics_core.eigenmode_expansion import ModeExpansion
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.coupled_mode import gauss_points, magnus_propagators
from photonics_core.kernels.transfer_matrix import transfer_chain

#: Points in which the best profile is integrated, for each slice.
FINE = 16


class LocalModes(Shown):
    """Local modes of a guide over one of its dimensions; made by `local_modes`.

    Args:
        widths: values of the dimension in um, rising, shape [K].
        beta: propagation constants in rad/um, shape [K, N].
        coupling: C in the middles of the intervals, of a mode (second index) into another (first) for a change of the
            dimension, in 1/um, shape [K - 1, N, N].
    """

    widths: jax.Array
    beta: jax.Array
    coupling: jax.Array

    def propagator(self, profile: Any, length: Any) -> jax.Array:
        """Transfer matrix of a taper, [N, N], the phase of all its modes included.

        Args:
            profile: the dimension in um at equal steps from one end to the other, shape [steps + 1]. Each step is of
                fourth order in its length; the dimension is linear within it.
            length: length in um.

        Raises:
            ValueError: for a profile that leaves `widths`, or a length not above zero.
            equinox.EquinoxRuntimeError: for a profile that does so only when a compiled function runs.
        """
        profile = self._checked(profile)
        check_positive("length", length, "um")
        return _propagator(self, profile, jnp.asarray(length, profile.dtype))

    def adiabaticity(self, profile: Any, length: Any, mode: int = 0) -> jax.Array:
        """The measure |C_kj w'| / |beta_j - beta_k| of a mode j with each other k, shape [steps, N], 0 for j itself.

        Small against one where the taper is adiabatic; |.|^2 is the order of the power that leaves the mode. Arguments
        and errors as for `propagator`, and `mode` the number of the mode.
        """
        profile = self._checked(profile)
        check_positive("length", length, "um")
        _check_whole("mode", mode, 0, self.beta.shape[1] - 1)
        slope = jnp.diff(profile) * (profile.shape[0] - 1) / jnp.asarray(length, profile.dtype)
        return jnp.abs(slope)[:, None] * _sensitivity(self, 0.5 * (profile[1:] + profile[:-1]), mode)

    def best_profile(self, steps: int, mode: int = 0) -> jax.Array:
        """The profile from the first of `widths` to the last whose adiabaticity is the same all along.

        w' is proportional to 1 / (sum over k of |C_kj / (beta_j - beta_k)|^2)^(1/2); the length only scales it.

        Args:
            steps: number of equal steps.
            mode: the mode j that shall be kept.

        Returns:
            The dimension in um at the steps, shape [steps + 1], for `propagator`.

        Raises:
            ValueError: for `steps` that are not a whole number above 0 or a mode that is not there.
        """
        _check_whole("steps", steps, 1, 1_000_000)
        _check_whole("mode", mode, 0, self.beta.shape[1] - 1)
        return _best_profile(self, int(steps), int(mode))

    def _checked(self, profile: Any) -> jax.Array:
        check_finite("profile", profile, "um")
        if len(np.shape(profile)) != 1 or np.shape(profile)[0] < 2:
            raise ValueError(f"profile of shape {np.shape(profile)} is not [steps + 1]")
        widths = np.asarray(self.widths) if is_concrete(self.widths) else self.widths
        return within("profile", profile, widths[0], widths[-1], "um", slack=1e-9).astype(self.widths.dtype)


def _check_whole(name: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ValueError(f"{name} = {value!r} is not of the kind int")
    check_range(name, value, low, high)


def local_modes(expansion: ModeExpansion, widths: Any) -> LocalModes:
    """Local modes from an expansion whose slices are samples of one dimension.

    Args:
        expansion: the modes of the samples and their overlaps.
        widths: the dimension at the samples in um, rising, shape [K]. Intervals shall be small enough for overlaps of
            a mode with itself to stay near one: C is of second order in them.

    Raises:
        ValueError: for widths that do not rise or do not go with the slices, or modes below cutoff.
    """
    check_kind("expansion", expansion, ModeExpansion)
    slices = expansion.n_eff.shape[0]
    if np.shape(widths) != (slices,) or slices < 2:
        raise ValueError(f"widths of shape {np.shape(widths)} is not [{slices}], one for each of two slices or more")
    check_positive("steps of widths", jnp.diff(jnp.asarray(widths)) if is_concrete(widths) else widths, "um")
    if is_concrete(expansion.n_eff):
        least = float(jnp.min(expansion.n_eff.real))
        check_positive("least real n_eff of the modes", least)
    widths = jnp.asarray(widths, expansion.separation.dtype)
    # Forward waves into forward waves: half of what E and what H would carry over.
    across = 0.5 * jnp.swapaxes(expansion.electric + expansion.magnetic, -1, -2)
    coupling = 0.5 * (across - jnp.swapaxes(across, -1, -2)) / jnp.diff(widths)[:, None, None].astype(across.dtype)
    return LocalModes(widths, expansion.beta, coupling)


@jax.jit
def _propagator(local: LocalModes, profile: jax.Array, length: jax.Array) -> jax.Array:
    steps = profile.shape[0] - 1
    parts = gauss_points(1.0, steps).astype(profile.dtype) * steps - jnp.arange(steps, dtype=profile.dtype)[:, None]
    change = jnp.diff(profile)[:, None]
    at = profile[:-1, None] + change * parts
    beta, coupling = _at(local, at)
    slope = (change * steps / length)[..., None, None].astype(coupling.dtype)
    one = jnp.eye(beta.shape[-1], dtype=beta.dtype)
    matrices = beta[..., None] * one[None, None] - 1j * slope * coupling
    return transfer_chain(magnus_propagators(matrices, length / steps))


def _at(local: LocalModes, widths: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Propagation constants and coupling, between the samples on cubics."""
    middles = 0.5 * (local.widths[1:] + local.widths[:-1])
    return _interpolated(local.widths, local.beta, widths), _interpolated(middles, local.coupling, widths)


def _interpolated(nodes: jax.Array, values: jax.Array, at: jax.Array) -> jax.Array:
    """Values [K, ...] at nodes [K] carried to any places by Hermite cubics, beyond the ends on parabolas."""
    if values.shape[0] == 1:
        return jnp.broadcast_to(values[0], (*at.shape, *values.shape[1:]))
    k = jnp.clip(jnp.searchsorted(nodes, at, side="right") - 1, 0, nodes.shape[0] - 2)
    step = nodes[k + 1] - nodes[k]
    step, t = (part.reshape(*at.shape, *(1,) * (values.ndim - 1)) for part in (step, (at - nodes[k]) / step))
    step, t = step.astype(values.dtype), t.astype(values.dtype)
    slopes = _slopes(nodes, values)
    rise = values[k + 1] - values[k]
    bends = step * slopes[k] - rise, step * slopes[k + 1] - rise
    return values[k] + t * rise + t * (1.0 - t) * ((1.0 - t) * bends[0] - t * bends[1])


def _slopes(nodes: jax.Array, values: jax.Array) -> jax.Array:
    """Slopes at the nodes of the parabolas through three neighbours; that of the line where there are but two nodes."""
    steps = jnp.diff(nodes).reshape(-1, *(1,) * (values.ndim - 1)).astype(values.dtype)
    chords = jnp.diff(values, axis=0) / steps
    if values.shape[0] == 2:
        return jnp.concatenate([chords, chords])
    left, right = steps[:-1], steps[1:]
    inner = (right * chords[:-1] + left * chords[1:]) / (left + right)
    return jnp.concatenate([2.0 * chords[:1] - inner[:1], inner, 2.0 * chords[-1:] - inner[-1:]])


def _sensitivity(local: LocalModes, widths: jax.Array, mode: int) -> jax.Array:
    """|C_kj| / |beta_j - beta_k| for a unit slope, shape [..., N]; none for the mode itself."""
    beta, coupling = _at(local, widths)
    itself = jnp.arange(beta.shape[-1]) == mode
    gap = jnp.abs(jnp.where(itself, 1.0, beta[..., mode : mode + 1] - beta))
    return jnp.where(itself, 0.0, jnp.abs(jnp.where(itself, 1.0, coupling[..., mode]))) / gap


@functools.partial(jax.jit, static_argnames=("steps", "mode"))
def _best_profile(local: LocalModes, steps: int, mode: int) -> jax.Array:
    parts = jnp.linspace(0.0, 1.0, FINE * (local.widths.shape[0] - 1) + 1, dtype=local.widths.dtype)
    widths = local.widths[0] + (local.widths[-1] - local.widths[0]) * parts
    square = jnp.sum(_sensitivity(local, 0.5 * (widths[1:] + widths[:-1]), mode) ** 2, axis=-1)
    # dz/dw is this root; a floor keeps z rising where nothing couples.
    rate = jnp.sqrt(square + 1e-12 * jnp.mean(square) + jnp.finfo(square.dtype).tiny)
    z = jnp.concatenate([jnp.zeros(1, rate.dtype), jnp.cumsum(rate * jnp.diff(widths))])
    return jnp.interp(jnp.linspace(0.0, 1.0, steps + 1, dtype=z.dtype), z / z[-1], widths)
