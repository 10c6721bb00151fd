"""A resonance split by backscattering: light that runs forward in a ring, and what roughness sends backward.

Two counter-propagating modes of one resonance feed each other (Little et al., Opt. Lett. 22, 4 (1997); Li, Van
Vaerenbergh, De Heyn, Bienstman and Bogaerts, Laser Photonics Rev. 10, 420 (2016)):

    da+/dt = lambda a+ + i b12 a- + i mu s,    da-/dt = lambda a- + i b21 a+,    lambda = 2 pi i d - 1/tau,

with units and couplers as in `Resonator`. The forward mode leaves by the ports through and drop, the backward one by
the port that light came in at, and by `add`. The supermodes are at lambda +- i r with r^2 = b12 b21: Re r splits the
resonance, Im r makes one half of it wider and the other narrower. Scattering that only redirects light has b21 =
conj(b12). In general it takes |a+|^2 + |a-|^2 away at rates down to 2/tau_l - |b12 - conj(b21)|, the lower eigenvalue
of the dissipation; this must not be below zero, since tau_l holds all loss, that by scattering included.

In time both modes share lambda(t), with which the coupling commutes. With w(r) the amplitude of one driven mode at
lambda(t) + i r, C = (w(r) + w(-r)) / 2 and S = (w(r) - w(-r)) / 2r are smooth functions of r^2 = b12 b21, and

    a+ = C,    a- = b21 S    (light that starts inside comes on top).

Where r -> 0, at an exceptional point, the difference loses its digits and r its derivative. There C and S are summed
as series in r^2, whose coefficients come from w on a circle around r = 0 (Cauchy's integral, in a few points).
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.devices.resonator import TURN, Resonator, as_complex, as_coupling
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_kind, check_range, is_concrete
from photonics_core.kernels.driven_resonance import driven_amplitudes
from photonics_core.runtime import as_leaf
from photonics_core.units import SPEED_OF_LIGHT

#: Points on the circle. What they leave of a series in r tau is the radius to this power, while the first coefficient
#: loses digits as its inverse: the radius at which both are equal is eps^(1 / (POINTS + 1)).
POINTS = 12
#: Rounding that is allowed at the limit of passivity.
ROUNDING = 1e-9


def _as_rate(value: Any) -> Any:
    """A complex rate; plain numbers stay on the host in full precision."""
    value = as_leaf(value)
    if isinstance(value, complex | np.ndarray):
        return np.asarray(value, np.complex128)
    return value


class SplitResonance(Shown):
    """A resonance whose two directions are coupled by scattering.

    Args:
        resonator: the resonance of one direction.
        into_forward: b12 in rad/ps, the rate at which backward light is scattered into the forward mode; complex.
        into_backward: b21 in rad/ps, from forward into backward; None for conj(b12), which conserves energy.

    Raises:
        ValueError: for rates that are not finite, or that give more light than the loss takes.
    """

    resonator: Resonator
    into_forward: Any = eqx.field(converter=_as_rate)
    into_backward: Any = eqx.field(converter=_as_rate, default=None)

    def __check_init__(self) -> None:
        check_kind("resonator", self.resonator, Resonator)
        for name in ("into_forward", "into_backward"):
            value = getattr(self, name)
            if value is not None and is_concrete(value):
                check_finite(name, np.real(value), "rad/ps")
                check_finite(name, np.imag(value), "rad/ps")
        if is_concrete(self.resonator.loss_time):
            self._check_passive(1.0 / np.asarray(self.resonator.loss_time), "2 / loss_time")

    def _check_passive(self, loss_rate: Any, limit: str) -> None:
        """A `ValueError` for scattering that gives more than a loss at `loss_rate` in 1/ps takes, as far as known."""
        if self.into_backward is None or not is_concrete(self.into_forward, self.into_backward, loss_rate):
            return
        excess = np.abs(np.asarray(self.into_forward) - np.conj(np.asarray(self.into_backward)))
        excess, most = np.broadcast_arrays(excess, 2.0 * np.asarray(loss_rate))
        wrong = excess > (1.0 + ROUNDING) * most
        if np.any(wrong):
            raise ValueError(
                f"|into_forward - conj(into_backward)| = {excess[wrong][0]:.6g} rad/ps is outside "
                f"[0, {limit}] = [0, {most[wrong][0]:.6g}]: the scattering gives light that no loss takes"
            )

    @classmethod
    def of_splitting(cls, resonator: Resonator, splitting: Any) -> "SplitResonance":
        """Scattering that conserves energy and sets the two halves `splitting` THz apart.

        Raises:
            ValueError: for a splitting below zero.
        """
        check_range("splitting", splitting, 0.0, np.inf, "THz")
        return cls(resonator, math.pi * as_leaf(splitting))

    @classmethod
    def of_fit(cls, fit: Any) -> "SplitResonance":
        """What `fit_ring` found of one resonance of an all-pass ring: its width, depth, splitting and regime.

        The fit lets light enter two standing waves alike, at round-trip phases -+ half of the splitting: the doublet
        of a real b12 = b21. The round-trip time follows from the width in phase and in frequency. A second coupler of
        the ring counts as loss.

        Args:
            fit: a `photonics_core.lineshape.Resonance`. Of a single one, whose regime the fit cannot see, the coupler
                is taken to pass more than the loss leaves (undercoupling).

        Raises:
            ValueError: for something else, or a fit whose noise makes a loss negative.
        """
        from photonics_core.lineshape import Resonance

        check_kind("fit", fit, Resonance)
        frequency = SPEED_OF_LIGHT / fit.wl
        # Half width g in sine of half the phase: q = pi f T / (2 g).
        trip = fit.q * (1.0 - fit.round_trip) / (math.pi * frequency * math.sqrt(fit.round_trip))
        part = 0.5 * (-fit.difference if fit.split_regime == "over" else fit.difference)
        passed = part + math.hypot(part, math.sqrt(fit.round_trip))
        times = (-trip / math.log(each) for each in (passed, fit.round_trip / passed))
        return cls.of_splitting(Resonator(*times), frequency / fit.wl * fit.splitting)

    def reversed(self) -> "SplitResonance":
        """The same resonance as light from the other side meets it: the two rates change places."""
        other = self.into_forward.conj() if self.into_backward is None else self.into_backward
        return SplitResonance(self.resonator, other, self.into_forward)

    @property
    def splitting(self) -> jax.Array:
        """Distance of the two halves in THz, 2 Re sqrt(b12 b21) / (2 pi).

        It grows as a square root from an exceptional point, where its derivative is infinite; 0 is given there.
        """
        return _root(self._product(jnp.result_type(complex))).real / math.pi

    @property
    def bandwidths(self) -> jax.Array:
        """Full widths in THz of the half at the lower and of that at the higher frequency, shape [..., 2].

        (1/tau +- Im sqrt(b12 b21)) / pi; derivatives as for `splitting`.
        """
        extra, rate = _root(self._product(jnp.result_type(complex))).imag / math.pi, self.resonator.bandwidth
        return jnp.stack([rate + extra, rate - extra], axis=-1)

    def amplitudes(self, detuning: Any) -> tuple[jax.Array, jax.Array]:
        """Steady amplitudes a+ / s and a- / s in ps^(1/2) for a laser `detuning` THz above the middle."""
        check_finite("detuning", detuning, "THz")
        rate = jnp.asarray(self.resonator.rate)
        parts = jnp.broadcast_arrays(rate, -TURN * jnp.asarray(detuning, rate.dtype))
        below = lax.complex(*parts)
        forward = 1j * self._mu(below.dtype) / (below + self._product(below.dtype) / below)
        return forward, 1j * self._rates(below.dtype)[1] * forward / below

    def through(self, detuning: Any) -> jax.Array:
        """Steady amplitude through / in."""
        forward, _ = self.amplitudes(detuning)
        return 1.0 + 1j * self._mu(forward.dtype) * forward

    def reflected(self, detuning: Any) -> jax.Array:
        """Steady amplitude out of the port that light comes in at, over that in."""
        _, backward = self.amplitudes(detuning)
        return 1j * self._mu(backward.dtype) * backward

    def drop(self, detuning: Any) -> jax.Array:
        """Steady amplitude drop / in."""
        forward, _ = self.amplitudes(detuning)
        return 1j * self._mu_drop(forward.dtype) * forward

    def add(self, detuning: Any) -> jax.Array:
        """Steady amplitude out of the port add, the drop of the other direction, over that in."""
        _, backward = self.amplitudes(detuning)
        return 1j * self._mu_drop(backward.dtype) * backward

    def transmission(self, detuning: Any) -> jax.Array:
        """Power through / in."""
        return _power(self.through(detuning))

    def reflection(self, detuning: Any) -> jax.Array:
        """Power reflected / in."""
        return _power(self.reflected(detuning))

    def drive(
        self, detuning: Any, step: Any, source: Any = 1.0, loss_rate: Any = None, start: tuple[Any, Any] | None = None
    ) -> tuple[jax.Array, jax.Array, tuple[jax.Array, jax.Array]]:
        """Amplitudes out and inside while the resonance moves; the scattering stays.

        Args:
            detuning: laser less the middle of the resonance in THz at equal steps, shape [..., K]; a batch of
                resonances goes through `jax.vmap`.
            step: time between samples in ps. The error falls with its fourth power; steps shall follow the drive, 1 / d
                and the inverse of the splitting.
            source: amplitude s in sqrt(mW), shape [..., K] or a number.
            loss_rate: 1 / tau_l in 1/ps at the samples, instead of that of the resonator; scattering included.
            start: a+ and a- at the first sample in sqrt(fJ), shape [...] each; None for the steady state there.

        Near an exceptional point this takes twelve solutions instead of two.

        Returns:
            Amplitudes through and reflected in sqrt(mW), and the pair a+ and a- in sqrt(fJ), shape [..., K] each.

        Raises:
            ValueError: as for `Resonator.drive`, and for a loss that falls below what the scattering gives.
        """
        decay, offset, source = self.resonator.equation(detuning, source, loss_rate)
        for name, value in zip(("into_forward", "into_backward"), self._rates(source.dtype), strict=True):
            if value.ndim:
                raise ValueError(f"{name} of shape {value.shape} is not one number; use jax.vmap for a batch")
        if loss_rate is not None and is_concrete(loss_rate):
            self._check_passive(np.min(np.asarray(loss_rate)), "2 min(loss_rate)")
        into_forward, into_backward = self._rates(source.dtype)
        begin = () if start is None else tuple(as_complex(each, offset.dtype) for each in start)
        shape = jnp.broadcast_shapes(decay.shape, offset.shape, source.shape, *((*each.shape, 1) for each in begin))
        decay, offset = (jnp.broadcast_to(each, shape) if each.ndim else each for each in (decay, offset))
        mu = 1j * self._mu(source.dtype)
        if not begin:
            forward, crossed = self._even_odd(decay, offset, mu * source, step, None)
            backward = into_backward * crossed
        else:
            # Light that is driven and began forward, and beside it light that began backward and is not.
            pair = jnp.stack([jnp.broadcast_to(mu * source, shape), jnp.zeros(shape, source.dtype)])
            begin = jnp.stack([jnp.broadcast_to(each, shape[:-1]) for each in begin])
            straight, crossed = self._even_odd(decay, offset, pair, step, begin)
            forward = straight[0] + into_forward * crossed[1]
            backward = straight[1] + into_backward * crossed[0]
        return jnp.broadcast_to(source, shape) + mu * forward, mu * backward, (forward, backward)

    def _even_odd(
        self, decay: jax.Array, offset: jax.Array, drive: jax.Array, step: Any, start: Any
    ) -> tuple[jax.Array, jax.Array]:
        """C and S of the module's text: what stays in the mode that is driven, and what goes over, for b = 1."""
        product = self._product(drive.dtype)
        # The slowest decay says from where on r counts as small.
        slowest = lax.stop_gradient(jnp.min(decay))
        radius = slowest * float(jnp.finfo(decay.dtype).eps) ** (1.0 / (POINTS + 1))
        axes = max(decay.ndim, offset.ndim, drive.ndim)
        decay, offset = (each.reshape((1,) * (axes + 1 - each.ndim) + each.shape) for each in (decay, offset))

        def driven(r: jax.Array) -> jax.Array:
            first = None if start is None else jnp.broadcast_to(start, r.shape + start.shape)
            r = r.reshape(r.shape + (1,) * axes)
            return driven_amplitudes(decay + r.imag, offset + r.real, drive, step, first)

        def apart(product: jax.Array) -> tuple[jax.Array, jax.Array]:
            # In a batch both ways are taken: the one that is not used must yet be finite.
            r = jnp.sqrt(jnp.where(jnp.abs(product) > radius**2, product, 1.0))
            w = driven(jnp.stack([r, -r]))
            return 0.5 * (w[0] + w[1]), 0.5 * (w[0] - w[1]) / r

        def together(product: jax.Array) -> tuple[jax.Array, jax.Array]:
            turns = np.exp(2j * np.pi * np.arange(POINTS) / POINTS)
            w = driven(jnp.asarray(turns, drive.dtype) * radius.astype(drive.dtype))
            scaled = [
                jnp.tensordot(jnp.asarray(turns**-k / POINTS, w.dtype), w, 1, precision="highest")
                for k in range(POINTS)
            ]
            ratio = product / (radius**2).astype(product.dtype)
            return _series(scaled[0::2], ratio), _series(scaled[1::2], ratio) / radius.astype(product.dtype)

        return lax.cond(jnp.abs(product) > radius**2, apart, together, product)

    def _rates(self, dtype: Any) -> tuple[jax.Array, jax.Array]:
        """b12 and b21."""
        forward = jnp.asarray(self.into_forward).astype(dtype)
        backward = forward.conj() if self.into_backward is None else jnp.asarray(self.into_backward).astype(dtype)
        return forward, backward

    def _product(self, dtype: Any) -> jax.Array:
        forward, backward = self._rates(dtype)
        return forward * backward

    def _mu(self, dtype: Any) -> jax.Array:
        return jnp.sqrt(2.0 / jnp.asarray(self.resonator.input_time)).astype(dtype)

    def _mu_drop(self, dtype: Any) -> jax.Array:
        return as_coupling(self.resonator.drop_time).astype(dtype)


def _series(coefficients: list[jax.Array], at: jax.Array) -> jax.Array:
    """sum_k c_k at^k."""
    total = coefficients[-1]
    for each in coefficients[-2::-1]:
        total = total * at + each
    return total


def _root(product: jax.Array) -> jax.Array:
    """Square root with a real part not below zero; its derivative at zero is 0."""
    nothing = product == 0.0
    return jnp.where(nothing, 0.0, jnp.sqrt(jnp.where(nothing, 1.0, product)))


def _power(amplitude: jax.Array) -> jax.Array:
    return amplitude.real**2 + amplitude.imag**2
