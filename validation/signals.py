"""Signals: published patterns, the filter of SciPy, and the limits of TDECQ and of the energy of a drive."""

import hashlib
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import signal, special

from photonics_core.closure import IDEAL_Q, Closure, tdecq
from photonics_core.energy import drive_energy
from photonics_core.signals import (
    NRZ,
    PAM4,
    bessel_thomson_response,
    drive_waveform,
    gray_encode,
    prbs,
    prbs13q,
    run_lengths,
    ssprq,
)
from photonics_core.validation.precision import in_float64, in_precision
from photonics_core.validation.registry import Evidence, case

O150 = "ITU-T O.150 and O.151, IEEE 802.3 (second hand): period 2^n - 1"
TDECQ_CLAUSE = "IEEE 802.3, 121.8.5.3 (second hand)"
#: Orders, and the prime factors of their periods.
PERIOD_PRIMES: dict[int, tuple[int, ...]] = {
    7: (127,),
    9: (7, 73),
    11: (23, 89),
    13: (8191,),
    15: (7, 31, 151),
    23: (47, 178481),
}
BAUD = 53.125
SAMPLES = 8


@case("signals.prbs_period", source=O150, kind="published")
def prbs_period() -> Evidence:
    """Orders, 31 aside, whose register returns to its first state after its period and not before."""
    right = 0
    for order, primes in PERIOD_PRIMES.items():
        bits, period = prbs(order, 2**order - 1 + order), 2**order - 1
        # A shorter period would lack one of the prime factors.
        lags = [period, *(period // prime for prime in primes)]
        same = [np.array_equal(bits[lag : lag + order], bits[:order]) for lag in lags]
        right += same == [True] + [False] * len(primes)
    return Evidence(float(right), float(len(PERIOD_PRIMES)), 0.0)


@case(
    "signals.prbs_balance", source=f"{O150}, one more 1 than 0, longest runs n ones and n - 1 zeros", kind="published"
)
def prbs_balance() -> Evidence:
    """Orders, 31 aside, with that balance and those runs."""
    right = 0
    for order in PERIOD_PRIMES:
        bits = prbs(order)
        _, symbol, length = run_lengths(bits)
        runs = (length[symbol == 1].max(), length[symbol == 0].max())
        right += bool(bits.sum() == 2 ** (order - 1) and runs == (order, order - 1))
    return Evidence(float(right), float(len(PERIOD_PRIMES)), 0.0)


@case(
    "signals.prbs13q",
    source="IEEE 802.3 program for the channel operating margin, hash in public code",
    kind="published",
)
def prbs13q_symbols() -> Evidence:
    """1 where 4095 symbols, from the first that the program gives, have the hash of that program's."""
    digits = "".join(map(str, prbs13q())) * 2
    start = digits.find("21110003102131230333200310232202")
    found = hashlib.sha256(digits[start : start + 4095].encode()).hexdigest()
    return Evidence(float(found == "7b18e164d4d8b13c80c5db3955f86dbb1b097a24ffc937585d755f9b7b2ad81f"), 1.0, 0.0)


@case("signals.ssprq", source="IEEE 802.3, 120.5.11.2, file of the symbols, hash in public code", kind="published")
def ssprq_symbols() -> Evidence:
    """1 where the 65535 symbols have the hash of the published ones."""
    found = hashlib.sha256(ssprq().tobytes()).hexdigest()
    return Evidence(float(found == "f17f5effb8e68863e5355258186456e1c3b3c48b5519c1a0c46dac855fae3582"), 1.0, 0.0)


@case("signals.bessel_thomson_3db", source="-3.0103 dB by definition", kind="analytic")
@in_float64
def bessel_thomson_3db() -> Evidence:
    """Gain at the bandwidth."""
    return Evidence(float(20.0 * np.log10(np.abs(bessel_thomson_response(0.0265, 0.0265)))), -3.010299957, 1e-8, "dB")


@case("signals.bessel_thomson", source="scipy.signal.bessel, analogue, fourth order", kind="peer")
@in_float64
def bessel_thomson_gain() -> Evidence:
    """Largest difference of the complex response up to five bandwidths."""
    f = np.linspace(0.0, 5.0, 1001)
    polynomials: Any = signal.bessel(4, 2.0 * np.pi, analog=True, norm="mag")
    expected = signal.freqs(*polynomials, worN=2.0 * np.pi * f)[1]  # pyright: ignore[reportArgumentType]
    return Evidence(float(np.max(np.abs(np.conj(bessel_thomson_response(f, 1.0)) - expected))), 0.0, 1e-9)


@case("signals.bessel_thomson_delay", source="scipy.signal.bessel, group delay by its poles", kind="peer")
@in_float64
def bessel_thomson_delay() -> Evidence:
    """Largest relative difference of the group delay up to the bandwidth, within which SciPy's falls by 0.2 %."""

    def phase(f: Any) -> jax.Array:
        return jnp.angle(bessel_thomson_response(f, 1.0)) / (2.0 * np.pi)

    f = np.linspace(0.0, 1.0, 101)
    ours = jax.vmap(jax.grad(phase))(f)
    zeros_poles_gain: Any = signal.bessel(4, 2.0 * np.pi, analog=True, norm="mag", output="zpk")
    poles: Any = np.asarray(zeros_poles_gain[1])
    theirs = np.sum(-poles.real / np.abs(2j * np.pi * f[:, None] - poles) ** 2, axis=1)
    return Evidence(float(np.max(np.abs(ours / theirs - 1.0))), 0.0, 1e-9)


def _pattern() -> np.ndarray:
    return gray_encode(prbs(9, 1022))


def _rectangular(weights: tuple[float, ...], **options: Any) -> Closure:
    """TDECQ without a filter of an ideal PAM4 wave of 1 mW, each symbol with the next ones' and last ones' share."""
    levels, middle = np.asarray(PAM4)[_pattern()], len(weights) // 2
    values = sum(weight * np.roll(levels, k - middle) for k, weight in enumerate(weights))
    return tdecq(np.repeat(0.5 + values, SAMPLES), _pattern(), bandwidth=None, **options)


@case("signals.tdecq_ideal", source=f"{TDECQ_CLAUSE}: an ideal signal has none", kind="analytic", is_long=True)
@in_float64
def tdecq_ideal() -> Evidence:
    """TDECQ of a rectangular wave without the receiver's filter."""
    return Evidence(float(_rectangular((1.0,)).tdecq_db), 0.0, 0.01, "dB")


@case("signals.tdecq_noise", source="-5 lg(1 - 0.6^2), noise adds up by squares", kind="analytic", is_long=True)
@in_float64
def tdecq_noise() -> Evidence:
    """TDECQ of a rectangular wave that comes with 0.6 of the noise that it bears."""
    penalty = _rectangular((1.0,), noise=0.6 / (6.0 * IDEAL_Q)).tdecq_db
    return Evidence(float(penalty), -5.0 * float(np.log10(1.0 - 0.36)), 0.01, "dB")


@case("signals.tdecq_scattered", source="-5 lg(1 - 0.6^2), noise adds up by squares", kind="analytic", is_long=True)
@in_float64
def tdecq_scattered() -> Evidence:
    """The same with Gaussian noise on the symbols themselves, but for the runs that the amplitude is measured in."""
    symbols = prbs13q()
    ranks = np.random.default_rng(0).permutation(symbols.size)
    noise = 0.6 / (6.0 * IDEAL_Q) * special.ndtri((ranks + 0.5) / symbols.size)
    begin, _, length = run_lengths(symbols)
    for first, count in zip(begin[length > 5], length[length > 5], strict=True):
        noise[first : first + count] = 0.0
    levels = 0.5 + np.asarray(PAM4)[symbols] + noise
    penalty = tdecq(np.repeat(levels, SAMPLES), symbols, bandwidth=None).tdecq_db
    return Evidence(float(penalty), -5.0 * float(np.log10(1.0 - 0.36)), 0.05, "dB")


@case(
    "signals.tdecq_equaliser",
    source="inverse of the interference, noise by the root of its sum of squares",
    kind="analytic",
    is_long=True,
)
@in_float64
def tdecq_equaliser() -> Evidence:
    """TDECQ of a rectangular wave with 0.03 of the next symbol and 0.05 of the last, less that of the exact inverse."""
    weights = np.array([0.03, 0.92, 0.05])
    # The inverse by a long Fourier series; what five taps cannot hold of it is some 1e-3.
    inverse = np.fft.ifft(1.0 / np.fft.fft(np.concatenate([weights[1:], np.zeros(61), weights[:1]]))).real
    exact = 5.0 * np.log10(np.sum(inverse**2))
    return Evidence(float(_rectangular(tuple(weights)).tdecq_db), float(exact), 0.01, "dB")


@case("signals.tdecq_interference", source="the narrower a driver, the more", kind="range", is_long=True)
@in_float64
def tdecq_interference() -> Evidence:
    """Smallest step of TDECQ from drivers of 40 to 30, 20 and 15 GHz, behind the receiver's filter at 53 GBd."""
    found = []
    for bandwidth in (0.04, 0.03, 0.02, 0.015):
        options = {"levels": PAM4, "bias": 1.0, "rise_time": 8.0, "bandwidth": bandwidth, "order": 2}
        found.append(float(tdecq(drive_waveform(_pattern(), BAUD, SAMPLES, **options)[0], _pattern()).tdecq_db))
    return Evidence(float(np.min(np.diff(found))), (0.05, 10.0), 0.0, "dB")


@case("signals.tdecq_gradient", source="central differences", kind="analytic", is_long=True)
@in_float64
def tdecq_gradient() -> Evidence:
    """Relative difference of the derivative of TDECQ with respect to the bandwidth of the driver."""

    def penalty(bandwidth: Any) -> jax.Array:
        options = {"levels": PAM4, "bias": 1.0, "rise_time": 8.0, "bandwidth": bandwidth, "order": 2}
        return tdecq(drive_waveform(_pattern(), BAUD, SAMPLES, **options)[0], _pattern()).tdecq_db

    step = 2e-6
    differences = float(penalty(0.022 + step) - penalty(0.022 - step)) / (2.0 * step)
    return Evidence(float(jax.grad(penalty)(0.022)) / differences, 1.0, 1e-5)


@case("signals.tdecq_float32", source="the same in float64", kind="analytic", is_long=True)
def tdecq_float32() -> Evidence:
    """Difference of TDECQ of a driver of 22 GHz at 53 GBd between single and double precision."""
    found = []
    for name in ("float32", "float64"):
        with in_precision(name):
            options = {"levels": PAM4, "bias": 1.0, "rise_time": 8.0, "bandwidth": 0.022, "order": 2}
            found.append(float(tdecq(drive_waveform(_pattern(), BAUD, SAMPLES, **options)[0], _pattern()).tdecq_db))
    return Evidence(found[0], found[1], 1e-3, "dB")


def _register_energy(name: str, levels: tuple[float, ...], share: float) -> None:
    @case(f"signals.energy_{name}", source="all transitions one by one, C dV^2 / 2 each", kind="analytic")
    @in_float64
    def compare() -> Evidence:
        steps = [(a - b) ** 2 for a, b in itertools.product(levels, levels)]
        enumerated = 0.5 * float(np.mean(steps)) / np.log2(len(levels))
        # Both the enumeration and the closed form are to agree.
        difference = max(abs(float(drive_energy(1.0, 1.0, levels)) / each - 1.0) for each in (enumerated, share))
        return Evidence(float(difference), 0.0, 1e-12)


_register_energy("nrz", NRZ, 1.0 / 4.0)
_register_energy("pam4", PAM4, 5.0 / 72.0)
