"""A resonance of a ring in time: temporal coupled-mode theory, its small-signal response and its response to a drive.

With the amplitude a in the frame of the laser (|a|^2 is the energy in fJ, |s|^2 a power in mW),

    da/dt = (2 pi i d - 1/tau) a + i mu s,    1/tau = 1/tau_e + 1/tau_d + 1/tau_l,    mu^2 = 2 / tau_e,
    through = s + i mu a,    drop = i mu_d a,

where d is the frequency of the laser less that of the resonance in THz, and tau_e, tau_d and tau_l are time constants
of the amplitude for the input coupler, the drop coupler and all loss (Little et al., J. Lightwave Technol. 15, 998
(1997)). Energy decays twice as fast: the photon lifetime is tau / 2. Against the ring itself the line is that of one
pole: it is good to a part of one over the finesse, and so are frequencies far below the free spectral range.

A drive that moves the resonance, or its loss, by a little gives sidebands at both sides of the laser; see `response`.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.ring import AddDropRing, AllPassRing
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_positive, check_range, is_concrete
from photonics_core.kernels.driven_resonance import driven_amplitudes
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE

TURN = 2.0 * math.pi
#: Halvings of the interval in which a bandwidth lies: to the last digit, also of one far below the linewidth.
HALVINGS = 80


class Resonator(Shown):
    """One resonance beside one guide, or between two.

    Args:
        input_time: tau_e in ps.
        loss_time: tau_l in ps; infinite for none.
        drop_time: tau_d in ps; infinite where there is no second guide.

    Raises:
        ValueError: for a time that is not above zero.
    """

    input_time: Any = eqx.field(converter=as_leaf)
    loss_time: Any = eqx.field(converter=as_leaf, default=math.inf)
    drop_time: Any = eqx.field(converter=as_leaf, default=math.inf)

    def __check_init__(self) -> None:
        check_positive("input_time", self.input_time, "ps")
        for name in ("loss_time", "drop_time"):
            value = getattr(self, name)
            if is_concrete(value) and not np.all(np.asarray(value) > 0):
                raise ValueError(f"{name} = {np.min(np.asarray(value)):g} ps is outside (0, inf]")

    @classmethod
    def of_ring(cls, ring: AllPassRing | AddDropRing, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> "Resonator":
        """The resonance of a ring at `wl` in um: what a round trip leaves of the field becomes a rate.

        The poles are the ring's own: field t a after a time T of the round trip decays as exp(-t / tau) with
        1 / tau = -ln(t a) / T.

        Raises:
            ValueError: for another device.
        """
        if not isinstance(ring, AllPassRing | AddDropRing):
            raise ValueError(f"ring = {ring!r} is not of the kind AllPassRing or AddDropRing")
        trip = ring.round_trip_time(wl, temperature)
        times = [-trip / jnp.log(jnp.abs(jnp.cos(each.coupling_angle(wl)))) for each in ring.couplers]
        return cls(times[0], trip / ring.round_trip_loss(wl, temperature), *times[1:])

    @property
    def rate(self) -> jax.Array:
        """1 / tau of the amplitude in 1/ps."""
        return sum(1.0 / jnp.asarray(each) for each in (self.input_time, self.loss_time, self.drop_time))  # pyright: ignore[reportReturnType]

    @property
    def photon_lifetime(self) -> jax.Array:
        """Decay time of the energy in ps, tau / 2."""
        return 0.5 / self.rate

    @property
    def bandwidth(self) -> jax.Array:
        """Full width at half depth of the line in THz, 1 / (2 pi photon_lifetime): the photon-lifetime bandwidth."""
        return self.rate / math.pi

    def amplitude(self, detuning: Any) -> jax.Array:
        """Steady amplitude a / s in ps^(1/2) for a laser `detuning` THz above the resonance."""
        check_finite("detuning", detuning, "THz")
        rate = jnp.asarray(self.rate)
        below = jax.lax.complex(*jnp.broadcast_arrays(rate, -TURN * jnp.asarray(detuning, rate.dtype)))
        return 1j * self._mu().astype(below.dtype) / below

    def through(self, detuning: Any) -> jax.Array:
        """Steady amplitude through / in."""
        inside = self.amplitude(detuning)
        return 1.0 + 1j * self._mu().astype(inside.dtype) * inside

    def drop(self, detuning: Any) -> jax.Array:
        """Steady amplitude drop / in."""
        inside = self.amplitude(detuning)
        return 1j * as_coupling(self.drop_time).astype(inside.dtype) * inside

    def transmission(self, detuning: Any) -> jax.Array:
        """Power through / in."""
        out = self.through(detuning)
        return out.real**2 + out.imag**2

    def response(self, frequency: Any, detuning: Any, loss_slope: Any = 0.0, pole: Any = math.inf) -> jax.Array:
        """Small-signal response of the power through / in to a shift of the resonance, exact at any detuning.

        A resonance that moves by x cos(2 pi f t) THz gives a power that moves by Re(H x exp(-2 pi i f t)). With
        lambda = 2 pi i d - 1/tau, its derivative lambda' = -2 pi i - loss_slope and a, s_out the steady amplitudes,

            H = conj(s_out) i mu lambda' a / (-2 pi i f - lambda) + s_out conj(i mu lambda' a) / (-2 pi i f - lambda^*).

        For a shift alone |H(f) / H(0)| is |(1 + i W tau_x) (1/tau^2 + D^2) / ((i W + 1/tau)^2 + D^2)| with W = 2 pi f,
        D = 2 pi d, 1/tau_x = 2 (1/tau - 1/tau_e): poles at D, hence the peak beside the resonance.

        Args:
            frequency: f in THz.
            detuning: d in THz.
            loss_slope: change of 1/tau, in 1/ps, with the shift in THz, as by carriers.
            pole: bandwidth in THz of a first-order low-pass before it, as of an RC circuit; infinite for none.

        Returns:
            H in 1/THz, complex.
        """
        upper, lower = self._sidebands(frequency, detuning, loss_slope)
        ratio = jnp.asarray(frequency, upper.real.dtype) / jnp.asarray(pole, upper.real.dtype)
        return (upper + lower) / jax.lax.complex(jnp.ones_like(ratio), -ratio)

    def chirp(self, frequency: Any, detuning: Any, loss_slope: Any = 0.0) -> jax.Array:
        """Small-signal chirp parameter alpha, complex; above zero where light turns blue while its power rises.

        The frequency of the light through moves by (alpha / 4 pi) d ln P / dt. It is infinite where the power does not
        answer, as on resonance. Arguments as for `response`.
        """
        upper, lower = self._sidebands(frequency, detuning, loss_slope)
        return 1j * (upper - lower) / (upper + lower)

    def _sidebands(self, frequency: Any, detuning: Any, loss_slope: Any) -> tuple[jax.Array, jax.Array]:
        """conj(s_out) times the sideband above the laser, and s_out times the conjugate of that below, for x = 1."""
        check_finite("frequency", frequency, "THz")
        rate = jnp.asarray(self.rate)
        f, d, slope = (jnp.asarray(each, rate.dtype) for each in (frequency, detuning, loss_slope))
        f, d, slope, rate = jnp.broadcast_arrays(f, d, slope, rate)
        lam, driven = jax.lax.complex(-rate, TURN * d), jax.lax.complex(-slope, jnp.full_like(d, -TURN))
        out, sideband = self.through(d), 1j * self._mu().astype(driven.dtype) * driven * self.amplitude(d)
        turning = jax.lax.complex(jnp.zeros_like(f), -TURN * f)
        return out.conj() * sideband / (turning - lam), out * sideband.conj() / (turning - lam.conj())

    def electro_optic_response_db(self, frequency: Any, detuning: Any, pole: Any = math.inf) -> jax.Array:
        """|H(f) / H(0)| in dB of electrical power, 20 lg, behind a photodiode; arguments as for `response`.

        By its closed form for a shift alone, which on resonance, where both vanish, is the limit. Infinite without loss
        and drop coupler, where only the response at zero vanishes.
        """
        check_finite("frequency", frequency, "THz")
        rate, lost = jnp.asarray(self.rate), 1.0 / jnp.asarray(self.loss_time) + 1.0 / jnp.asarray(self.drop_time)
        parts = (jnp.asarray(each, rate.dtype) for each in (frequency, detuning, pole))
        f, d, pole, rate, lost = jnp.broadcast_arrays(*parts, rate, lost)
        x, flat = (TURN * f) ** 2, lost == 0.0
        square = rate**2 + (TURN * d) ** 2
        above = 1.0 + x / jnp.where(flat, 1.0, 2.0 * lost) ** 2
        below = ((1.0 - x / square) ** 2 + x * (2.0 * rate / square) ** 2) * (1.0 + (f / pole) ** 2)
        return jnp.where(flat, jnp.inf, 10.0 * jnp.log10(above / below))

    def electro_optic_bandwidth(self, detuning: Any, loss_slope: Any = 0.0, pole: Any = math.inf) -> jax.Array:
        """First frequency in THz at which |H(f)|^2 has fallen to half of |H(0)|^2; arguments as for `response`.

        These are 3.01 dB of electrical power behind a photodiode. A response that peaks counts up to where it falls
        through that level after the peak; one that dips through it and comes back, as where a slow pole meets a far
        detuning, counts up to the dip. With x = (2 pi f)^2, k = 1/tau, e = k - mu^2, D = 2 pi d, s the loss slope,
        A = k^2 + D^2 and p = 2 pi pole, twice the power of `response` over that at zero is

            2 A^2 (1 + x tau_x^2) / (((A - x)^2 + 4 k^2 x) (1 + x / p^2)),
            tau_x = (s e - 2 pi D) / (s (k e - D^2) - 2 pi D (k + e)),

        so x is the least positive root of a cubic. On resonance a shift alone has no response; its limit is given. It
        is infinite where only the response at zero vanishes. First and second derivatives are those of the root.
        """
        rate, mu_square = jnp.asarray(self.rate), 2.0 / jnp.asarray(self.input_time)
        parts = (jnp.asarray(each, rate.dtype) for each in (detuning, loss_slope, pole))
        d, slope, pole, rate, mu_square = jnp.broadcast_arrays(*parts, rate, mu_square)
        turn, rest = TURN * d, rate - mu_square
        above, below = slope * rest - TURN * turn, slope * (rate * rest - turn**2) - TURN * turn * (rate + rest)
        still = (above == 0.0) & (below == 0.0)
        above, below = jnp.where(still, 1.0, above), jnp.where(still, rate + rest, below)
        square = rate**2 + turn**2
        flat = below == 0.0
        zero = square * (above / jnp.where(flat, 1.0, below)) ** 2
        root = _least_root(2.0 * rate**2 / square - 1.0, square / (TURN * pole) ** 2, zero)
        return jnp.where(flat, jnp.inf, jnp.sqrt(square * root) / TURN)

    def drive(
        self, detuning: Any, step: Any, source: Any = 1.0, loss_rate: Any = None, start: Any = None
    ) -> tuple[jax.Array, jax.Array]:
        """Amplitudes out and in the resonator while its resonance moves.

        Args:
            detuning: d in THz at equal steps, shape [..., K]; a batch of resonators goes through `jax.vmap`.
            step: time between samples in ps. The error falls with its fourth power; steps shall follow the drive and
                1 / d, some 8 to a period.
            source: amplitude s in sqrt(mW), shape [..., K] or a number.
            loss_rate: 1 / tau_l in 1/ps at the samples, instead of that of the resonator.
            start: a at the first sample in sqrt(fJ), shape [...]; None for the steady state there.

        Returns:
            Amplitudes through in sqrt(mW) and a in sqrt(fJ), shape [..., K].

        Raises:
            ValueError: for fewer than two samples, shapes that do not go together, or values that are not finite.
        """
        decay, offset, source = self.equation(detuning, source, loss_rate)
        coupling = 1j * self._mu().astype(source.dtype)
        inside = driven_amplitudes(decay, offset, coupling * source, step, start)
        return source + coupling * inside, inside

    def slope(self, detuning: Any, inside: Any, source: Any = 1.0, loss_rate: Any = None) -> jax.Array:
        """d(through)/dt in sqrt(mW)/ps at the samples, by the equation of motion; for `photonics_core.chirp`.

        Args:
            detuning, loss_rate: as for `drive`.
            inside: a in sqrt(fJ), as `drive` gives it, shape [..., K].
            source: amplitude s in sqrt(mW) of a laser that stays as it is.
        """
        decay, offset, source = self.equation(detuning, source, loss_rate)
        coupling = 1j * self._mu().astype(source.dtype)
        rates = jax.lax.complex(*jnp.broadcast_arrays(-decay, offset))
        return coupling * (rates * jnp.asarray(inside) + coupling * source)

    def equation(
        self, detuning: Any, source: Any = 1.0, loss_rate: Any = None
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """1 / tau in 1/ps, 2 pi d in rad/ps and s of da/dt at the samples, s complex; arguments of `drive`.

        What does not change in time stays a number.

        Raises:
            ValueError: for fewer than two samples, different numbers of samples, or values that are not finite.
        """
        shapes = [np.shape(each) for each in (detuning, source, loss_rate) if each is not None]
        if any(shapes) and len({shape[-1] for shape in shapes if shape and shape[-1] != 1} - {0}) != 1:
            text = ", ".join(map(str, shapes))
            raise ValueError(f"detuning, source and loss_rate of shapes {text} are not [..., K], one K from 2 on")
        check_finite("detuning", detuning, "THz")
        detuning = jnp.asarray(detuning, jnp.result_type(float))
        rate = self.rate.astype(detuning.dtype)
        if loss_rate is not None:
            check_range("loss_rate", loss_rate, 0.0, np.inf, "1/ps")
            rate = rate + jnp.asarray(loss_rate, detuning.dtype) - jnp.asarray(1.0 / self.loss_time, detuning.dtype)
        return rate, TURN * detuning, as_complex(source, detuning.dtype)

    def _mu(self) -> jax.Array:
        return as_coupling(self.input_time)


def as_coupling(time: Any) -> jax.Array:
    """sqrt(2 / time) in 1/sqrt(ps); for an infinite time in ps it is 0, and so is its derivative."""
    rate = 2.0 / jnp.asarray(time)
    none = rate == 0.0
    return jnp.where(none, 0.0, jnp.sqrt(jnp.where(none, 1.0, rate)))


def as_complex(values: Any, dtype: Any) -> jax.Array:
    """Amplitudes as complex numbers, real ones of this type."""
    values = jnp.asarray(values)
    if jnp.iscomplexobj(values):
        return values
    return jax.lax.complex(values.astype(dtype), jnp.zeros(values.shape, dtype))


def _least_root(c: jax.Array, q: jax.Array, t: jax.Array) -> jax.Array:
    """Least positive root of (y^2 + 2 c y + 1) (1 + q y) = 2 (1 + t y), |c| <= 1, q >= 0, t >= 0, with derivatives."""

    def missing(y: jax.Array, c: jax.Array, q: jax.Array, t: jax.Array) -> jax.Array:
        return (y * (y + 2.0 * c) + 1.0) * (1.0 + q * y) - 2.0 * (1.0 + t * y)

    fixed = c0, q0, t0 = tuple(jax.lax.stop_gradient(each) for each in (c, q, t))
    # Without q the root is highest; it bounds all others. It is formed without differences.
    size = jnp.hypot(1.0, t0 - c0)
    high = jnp.where(t0 > c0, t0 - c0 + size, 1.0 / (size + jnp.abs(t0 - c0)))
    # Where the curve rises above zero and falls again, the first root lies before its top.
    bend, start = 1.0 + 2.0 * c0 * q0, q0 + 2.0 * c0 - 2.0 * t0
    inside = bend**2 - 3.0 * q0 * start
    top = start / jnp.where(bend < 0.0, jnp.sqrt(jnp.maximum(inside, 0.0)) - bend, 1.0)
    has_top = (bend < 0.0) & (inside > 0.0) & (start > 0.0)
    top = jnp.where(has_top, top, high)
    high = jnp.where(missing(top, *fixed) >= 0.0, jnp.minimum(top, high), high)

    def halved(_: Any, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        middle = 0.5 * (ends[0] + ends[1])
        over = missing(middle, *fixed) > 0.0
        return jnp.where(over, ends[0], middle), jnp.where(over, middle, ends[1])

    low, high = jax.lax.fori_loop(0, HALVINGS, halved, (jnp.zeros_like(high), high))
    y = jax.lax.stop_gradient(0.5 * (low + high))
    # Each step of Newton's method, its slope not held, adds an order of the derivatives: the first, then the second.
    for _ in range(2):
        slope = 2.0 * (y + c) * (1.0 + q * y) + q * (y * (y + 2.0 * c) + 1.0) - 2.0 * t
        y = y - missing(y, c, q, t) / slope
    return y
