"""What a VCSEL does in time: small-signal response, bandwidth, intensity noise, and the answer to any current.

The rate equations of `photonics_core.devices.vcsel` about a point at rest, the temperature held (heat takes 0.1 us):

    d/dt (n, s) = (j, 0) - ((G_nn, G_ns), (-G_sn, G_ss)) (n, s)
    G_nn = R' + v g_N S,  G_ns = v g + v g_S S,  G_sn = Gamma (v g_N S + beta R_sp'),
    G_ss = 1 / t_p - Gamma (v g + v g_S S)
    s / j = G_sn / (w_R^2 - w^2 - i w G),    w_R^2 = G_ns G_sn + G_nn G_ss,    G = G_nn + G_ss

and so H = w_R^2 / (w_R^2 - w^2 - i w G) with the time dependence exp(-i w t). Without compression and spontaneous
emission v g is 1 / (Gamma t_p) and G_ss is zero, so that w_R^2 = v g_N S / t_p exactly, S = Gamma t_p eta_i (I - I_th)
/ (q V). To first order in eps, G_ss = eps S / t_p, whence G = K f_R^2 + R' with K = 4 pi^2 (t_p + eps / (v g_N)).
The pole of the parasitics (1 - i f / f_p)^-1 comes before all this.

Noise (Coldren, Corzine and Masanovic, ch. 5 and app. 13, from memory; derived anew in numbers of particles n, s): every
event is a shot. With r = beta R_sp V spontaneous photons a ps in the mode and stimulated emission r s (Einstein),

    D_ss = 2 r (s + 1),  D_nn = 2 (R V + r s),  D_ns = -(2 r (s + 1) - s / t_p),  D_oo = f,  D_so = -f

for a Poisson pump, o being the light that leaves, f = eta_o s / t_p photons a ps of it. RIN = 2 S_f / f^2, one-sided.
Its end at high frequency is the shot noise 2 h nu / P. One mode is assumed: several modes part their light unevenly,
and a fibre that loses some of them sees more noise.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.devices.vcsel import OperatingPoint, Vcsel
from photonics_core.devices.vcsel_rest import as_type
from photonics_core.eye import ELEMENTARY_CHARGE
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range
from photonics_core.kernels.exponential_steps import exponential_steps
from photonics_core.signals import filtered
from photonics_core.units import REFERENCE_TEMPERATURE

#: Halvings, and Newton's steps with derivatives, for the -3 dB bandwidth.
_HALVINGS, _POLISH = 50, 2


class Linearised(NamedTuple):
    """Rates in 1/ps of small changes about a point at rest, in densities; see the module."""

    nn: jax.Array
    ns: jax.Array
    sn: jax.Array
    ss: jax.Array

    @property
    def resonance(self) -> jax.Array:
        """w_R^2 in 1/ps^2."""
        return self.ns * self.sn + self.nn * self.ss

    @property
    def damping(self) -> jax.Array:
        """G in 1/ps."""
        return self.nn + self.ss


def linearise(vcsel: Vcsel, point: OperatingPoint) -> Linearised:
    """The rates about a point at rest, of its shape."""
    check_kind("vcsel", vcsel, Vcsel)
    return _linearised(as_type(vcsel, point.carriers.dtype), point)


@jax.jit
def _linearised(vcsel: Vcsel, point: OperatingPoint) -> Linearised:
    def rates(n: Any, s: Any) -> Any:
        return vcsel.rates(n, s, point.temperature, jnp.zeros_like(n))

    n, s = point.carriers, point.photons
    by_n = jax.jvp(lambda n: rates(n, s), (n,), (jnp.ones_like(n),))[1]
    by_s = jax.jvp(lambda s: rates(n, s), (s,), (jnp.ones_like(s),))[1]
    return Linearised(*(jnp.asarray(each, n.dtype) for each in (-by_n[0], -by_s[0], by_n[1], -by_s[1])))


def relaxation_frequency(vcsel: Vcsel, current: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
    """Relaxation-oscillation frequency f_R = w_R / (2 pi) in THz; current in mA, ambient in K, any shapes."""
    at = linearise(vcsel, vcsel.operating_point(current, temperature))
    return jnp.sqrt(at.resonance) / (2.0 * math.pi)


def damping_rate(vcsel: Vcsel, current: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
    """Damping G in 1/ps; current in mA, ambient in K, any shapes."""
    return linearise(vcsel, vcsel.operating_point(current, temperature)).damping


def k_factor(vcsel: Vcsel, current: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
    """K in ps, the slope of the damping over f_R^2 as the current in mA changes, ambient in K; not at no current."""
    current = jnp.asarray(current, jnp.result_type(float))

    def both(i: Any) -> Any:
        return damping_rate(vcsel, i, temperature), relaxation_frequency(vcsel, i, temperature) ** 2

    damping, square = jax.jvp(both, (current,), (jnp.ones_like(current),))[1]
    return damping / square


def d_factor(vcsel: Vcsel, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
    """D in THz/sqrt(mA) of f_R = D sqrt(I - I_th) near threshold, for an active region at a temperature in K.

    D = sqrt(v g_N Gamma eta_i / (q V)) / (2 pi), g_N at the threshold.
    """
    check_positive("temperature", temperature, "K")
    temperature = jnp.asarray(temperature, jnp.result_type(float))
    n = jnp.asarray(vcsel.threshold_carriers(temperature), temperature.dtype)
    zero = jnp.zeros_like(n)
    slope = jax.jvp(lambda n: vcsel.material_gain(n, zero, temperature), (n,), (jnp.ones_like(n),))[1]
    per_current = vcsel.confinement * vcsel.injection_efficiency / (ELEMENTARY_CHARGE * vcsel.volume)
    return jnp.sqrt(jnp.asarray(vcsel.group_velocity * per_current, n.dtype) * slope) / (2.0 * math.pi)


def vcsel_small_signal(
    vcsel: Vcsel,
    current: Any,
    frequency: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    parasitics: bool = True,
) -> jax.Array:
    """Response of the light to a small modulation of the current, over that at low frequency.

    Args:
        vcsel: the device.
        current: bias in mA, any shape.
        frequency: in THz, broadcast with it.
        temperature: of the ambient in K, of the shape of `current` or a number.
        parasitics: count the pole before the junction.

    Returns:
        H, complex, for exp(-2 pi i f t). Times `Vcsel.slope_efficiency` it is mW/mA, but for compression.

    Raises:
        ValueError: for a frequency below zero, and as `operating_point` does.
    """
    check_range("frequency", frequency, 0.0, np.inf, "THz")
    at = linearise(vcsel, vcsel.operating_point(current, temperature))
    f = jnp.asarray(frequency, at.nn.dtype)
    w = 2.0 * math.pi * f
    real, imaginary = jnp.broadcast_arrays(1.0 - w**2 / at.resonance, -w * at.damping / at.resonance)
    inner = 1.0 / lax.complex(real, imaginary)
    if not parasitics:
        return inner
    pole = f / jnp.asarray(vcsel.parasitic_bandwidth, f.dtype)
    return inner / lax.complex(jnp.ones_like(pole), -pole)


def vcsel_bandwidth(
    vcsel: Vcsel, current: Any, temperature: Any = REFERENCE_TEMPERATURE, *, parasitics: bool = True
) -> jax.Array:
    """Frequency in THz at which |H|^2 is half of that at no frequency.

    ((w_R^2 - y)^2 + y G^2) (1 + y / w_p^2) = 2 w_R^4 for y = w^2. Where a slow pole pulls the response below half
    before its peak lifts it again, one of three roots is given.

    Args:
        vcsel: the device.
        current: bias in mA, any shape.
        temperature: of the ambient in K.
        parasitics: count the pole before the junction.
    """
    at = linearise(vcsel, vcsel.operating_point(current, temperature))
    pole = jnp.asarray(vcsel.parasitic_bandwidth if parasitics else jnp.inf, at.nn.dtype)
    return _half_power(at, pole, parasitics)


@functools.partial(jax.jit, static_argnums=2)
def _half_power(at: Linearised, pole: Any, parasitics: bool) -> jax.Array:
    ratio, own = at.damping**2 / at.resonance, (2.0 * math.pi * pole) ** 2 / at.resonance
    half = 1.0 - 0.5 * ratio
    # Parasitics only take away, so the root without them bounds the other; written so that nothing cancels.
    root = jnp.sqrt(half**2 + 1.0)
    y = jnp.where(half > 0.0, half + root, 1.0 / (root - jnp.where(half > 0.0, 0.0, half)))
    if parasitics:

        def excess(y: Any) -> Any:
            return ((1.0 - y) ** 2 + y * ratio) * (1.0 + y / own) - 2.0

        y = _halved(excess, lax.stop_gradient(y))
        for _ in range(_POLISH):
            value, slope = jax.jvp(excess, (y,), (jnp.ones_like(y),))
            y = y - value / slope
    return jnp.sqrt(y * at.resonance) / (2.0 * math.pi)


def _halved(excess: Any, high: Any) -> Any:
    def halve(bounds: Any, _: Any) -> tuple[Any, None]:
        low, high = bounds
        middle = 0.5 * (low + high)
        above = lax.stop_gradient(excess(middle)) > 0.0
        return (jnp.where(above, low, middle), jnp.where(above, middle, high)), None

    low, high = lax.scan(halve, (jnp.zeros_like(high), high), length=_HALVINGS)[0]
    return 0.5 * (low + high)


def vcsel_rin(vcsel: Vcsel, current: Any, frequency: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
    """Relative intensity noise of the light, shot noise included, as a one-sided density in 1/THz.

    Args:
        vcsel: the device.
        current: bias in mA, above zero, any shape.
        frequency: in THz, broadcast with it.
        temperature: of the ambient in K.

    Returns:
        RIN in 1/THz; 10 lg of it less 120 is in dB/Hz.

    Raises:
        ValueError: for a current that is not above zero, or a frequency below zero.
    """
    check_positive("current", current, "mA")
    check_range("frequency", frequency, 0.0, np.inf, "THz")
    point = vcsel.operating_point(current, temperature)
    own, f = as_type(vcsel, point.power.dtype), jnp.asarray(frequency, point.power.dtype)
    return _noise(own, point, f)


@jax.jit
def _noise(vcsel: Vcsel, point: OperatingPoint, f: jax.Array) -> jax.Array:
    at, volume, w = _linearised(vcsel, point), vcsel.volume, 2.0 * math.pi * f
    # Numbers of particles: an s is S V / Gamma.
    number = point.photons * volume / vcsel.confinement
    seed = vcsel.beta * vcsel.spontaneous(point.carriers) * volume
    sn, escape = at.sn / vcsel.confinement, vcsel.outcoupling / vcsel.photon_lifetime
    flux = escape * number
    d_ss = 2.0 * seed * (number + 1.0)
    d_nn = 2.0 * (vcsel.losses(point.carriers, point.temperature) * volume + seed * number)
    d_ns = number / vcsel.photon_lifetime - d_ss
    size = (at.resonance - w**2) ** 2 + (w * at.damping) ** 2
    inner = (sn**2 * d_nn + (at.nn**2 + w**2) * d_ss + 2.0 * sn * at.nn * d_ns) / size
    # Re of (G_nn - i w) / (w_R^2 - w^2 - i w G), times D_so = -f.
    cross = -flux * (at.nn * (at.resonance - w**2) + w**2 * at.damping) / size
    return 2.0 * (escape**2 * inner + 2.0 * escape * cross + flux) / flux**2


def vcsel_transient(
    vcsel: Vcsel, current: Any, step: Any, temperature: Any = REFERENCE_TEMPERATURE, *, periods: int = 1
) -> jax.Array:
    """Light of a current that repeats for ever, by exponential steps of fourth order.

    The start is the point at rest of the mean current, whose temperature is nearly that of a fast pattern; carriers and
    photons forget it within some 0.1 ns, the temperature in some 0.1 us.

    Args:
        vcsel: the device.
        current: one period in mA at equal steps, nowhere below zero, shape [K], K at least 4; such as
            `drive_waveform` makes, with its swing and bias in mA.
        step: time between samples in ps; a tenth of the photon lifetime or so.
        temperature: of the ambient in K.
        periods: how many are gone through; the last one is given.

    Returns:
        Light in mW at the samples, shape [K].

    Raises:
        ValueError: for another shape, a current below zero, or a step or a number of periods not above zero.
    """
    if np.ndim(current) != 1 or np.size(current) < 4:
        raise ValueError(f"current of shape {np.shape(current)} is not [K] with K > 3")
    check_range("current", current, 0.0, np.inf, "mA")
    check_finite("current", current, "mA")
    check_positive("step", step, "ps")
    check_positive("periods", periods)
    current = jnp.asarray(current, jnp.result_type(float))
    start = vcsel.operating_point(jnp.mean(current), temperature)
    step, temperature = jnp.asarray(step, current.dtype), jnp.asarray(temperature, current.dtype)
    return _transient(as_type(vcsel, current.dtype), current, step, temperature, start[:3], periods)


@functools.partial(jax.jit, static_argnums=5)
def _transient(cast: Vcsel, current: Any, step: Any, ambient: Any, start: Any, periods: int) -> jax.Array:
    pole = cast.parasitic_bandwidth
    junction = filtered(current, step, lambda f: 1.0 / lax.complex(jnp.ones_like(f), -f / pole))
    scales = cast.transparency_density, cast.transparency_density * cast.confinement, cast.temperature0

    def derivative(y: Any, drive: Any) -> Any:
        n, s, t = _physical(y, scales)
        inside, outside = drive
        heat = cast.thermal_resistance * (outside * cast.voltage(outside) - cast.emitted(s))
        up, more = cast.rates(n, s, t, inside)
        return up / scales[0], more / scales[1], (ambient + heat - t) / (cast.thermal_time * scales[2])

    def rates(y: Any, drive: Any) -> Any:
        # What is fast while the device is off: photons in wells that absorb them.
        n, s, t = _physical(y, scales)
        gain = cast.group_velocity * cast.material_gain(n, s, t)
        return jnp.zeros_like(n), cast.confinement * gain - 1.0 / cast.photon_lifetime, jnp.zeros_like(t)

    drive = tuple(jnp.tile(each, periods) for each in (junction, current))
    first = tuple(each / scale for each, scale in zip(start, scales, strict=True))
    photons = exponential_steps(rates, derivative, first, drive, step)[1][-current.size :]
    return cast.emitted(photons * scales[1])


def _physical(y: Any, scales: Any) -> tuple[Any, Any, Any]:
    """States in their units."""
    return y[0] * scales[0], y[1] * scales[1], y[2] * scales[2]
