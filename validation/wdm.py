"""Channels of wavelength-division links: all patterns, conservation, symmetry, and closed forms of penalties."""

import itertools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy import optimize, stats

from photonics_core.devices import wdm, wdm_penalties
from photonics_core.devices.bus import RingBus
from photonics_core.devices.coupler import PointCoupler
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.transmitter import RingTransmitter, wavelength_grid
from photonics_core.devices.waveguide import Waveguide
from photonics_core.index import LinearIndex
from photonics_core.validation.precision import in_float64, in_precision
from photonics_core.validation.registry import Evidence, case

N_EFF, N_G, CENTER = 2.44, 4.48, 1.31
#: Q for an error ratio of 1e-12.
Q_FACTOR = 7.03


def reference_bus(count: int, couplings: tuple[float, float], loss_db_cm: float = 10.0) -> RingBus:
    """Rings of 5 um on a bus, stepped as lines 200 GHz apart are."""
    index = LinearIndex(N_EFF, N_G, wl0=CENTER, thermo_optic=2.1e-4, loss_db_cm=loss_db_cm)
    one, other = (PointCoupler.from_power(each) for each in couplings)
    rings = [AddDropRing(5.0 + 0.008 * k, one, other, index) for k in range(count)]
    return RingBus(rings, Waveguide(50.0, index))


def reference_chain(count: int, spacing_ghz: float = 200.0) -> tuple[RingTransmitter, wdm.RingReceiver]:
    """Modulators of Q = 6000 with a drive of 150 pm, and filters with a linewidth of 43 GHz, around 1310 nm."""
    lines = wavelength_grid(CENTER, spacing_ghz, count)
    transmitter = RingTransmitter(reference_bus(count, (0.08, 0.02)), lines, np.full(count, 6e-5), 1.5e-4, 0.15)
    return transmitter, wdm.RingReceiver(reference_bus(count, (0.06, 0.06)), lines)


@eqx.filter_jit
def patterns(chain: Any, temperature: Any, levels: int) -> tuple[wdm.ChannelPowers, jax.Array]:
    """The additive form, and what it lacks of the exact powers for each pattern, shape [patterns, N]."""
    transmitter, receiver = chain
    powers = wdm.channel_powers(transmitter, receiver, temperature, levels=levels)
    symbols = wdm.all_symbols(receiver.count, levels)
    exact = wdm.detector_powers(transmitter, receiver, symbols, temperature, levels=levels)
    return powers, exact - wdm.additive_powers(powers, symbols)


@case("wdm.additive_error", source="the product over all rings for each of 256 patterns", kind="range", is_long=True)
@in_float64
def additive_error() -> Evidence:
    """Largest error of the additive form over all patterns of four rings with four levels, over the amplitude."""
    powers, error = patterns(reference_chain(4), 330.0, 4)
    return Evidence(float(np.max(np.abs(error) / np.asarray(powers.amplitude)[None])), (2e-4, 1.5e-3), 0.0)


@case("wdm.additive_mean", source="mean of the product over all rings for all patterns", kind="analytic")
@in_float64
def additive_mean() -> Evidence:
    """Error of the additive form in the mean over all patterns, over the amplitude."""
    powers, error = patterns(reference_chain(4), 330.0, 2)
    return Evidence(float(np.max(np.abs(np.mean(error, axis=0)) / np.asarray(powers.amplitude))), 0.0, 1e-13)


@case(
    "wdm.power_conservation",
    source="all power of lossless rings is at a drop or leaves the bus",
    kind="analytic",
)
@in_float64
def power_conservation() -> Evidence:
    """Power missing from eight lossless filters over 4001 wavelengths, from either end of the bus."""
    receiver = wdm.RingReceiver(reference_bus(8, (0.06, 0.05), 0.0), wavelength_grid(CENTER, 200.0, 8))
    wl = jnp.linspace(1.29, 1.33, 4001)
    left = receiver.through_powers(310.0, wl)
    ends = (jnp.sum(receiver.drop_powers(310.0, wl, backwards=end), axis=0) for end in (False, True))
    return Evidence(max(float(jnp.max(jnp.abs(left + dropped - 1.0))) for dropped in ends), 0.0, 1e-12)


@case("wdm.single_precision", source="the same in float64", kind="analytic", is_long=True)
def single_precision() -> Evidence:
    """Largest relative difference of own and leaked powers of eight channels, float32 against float64."""
    found = []
    for name in ("float32", "float64"):
        with in_precision(name):
            compiled = eqx.filter_jit(wdm.channel_powers)
            transmitter, receiver = reference_chain(8)
            powers = compiled(transmitter, receiver, np.dtype(name).type(330.0))
            found.append([np.asarray(part, np.float64) for part in (powers.own, powers.leaked + np.eye(8)[..., None])])
    return Evidence(max(float(np.max(np.abs(one / two - 1.0))) for one, two in zip(*found, strict=True)), 0.0, 1e-3)


@case("wdm.ring_pair", source="Lorentzians of both rings; the difference falls as 1 / finesse^2", kind="analytic")
@in_float64
def ring_pair() -> Evidence:
    """Power of the finesse with which the penalty of a modulator and a filter nears that of their Lorentzians."""
    (low, coarse), (high, fine) = (_pair_difference(scale) for scale in (0.4, 0.1))
    return Evidence(float(np.log(coarse / fine) / np.log(low / high)), -2.0, 0.02)


@jax.jit
def _pair_difference(scale: Any) -> tuple[jax.Array, jax.Array]:
    """Finesse of the modulator, and its penalty in dB with a filter less the closed form.

    The modulator's cold resonance is on the line; otherwise its heater adds to the path, and so narrows the resonance
    by up to a per cent. The drive moves it by equal steps of frequency.
    """
    index = LinearIndex(N_EFF, N_G, wl0=CENTER, loss_db_cm=40.0 * scale)
    radius = 58 * CENTER / (2 * np.pi * N_EFF)
    pairs = ((0.24 * scale, 0.02 * scale), (0.2 * scale, 0.2 * scale))
    couplers = [[PointCoupler.from_power(each) for each in pair] for pair in pairs]
    modulator, drop = (AddDropRing(radius, one, other, index) for one, other in couplers)
    line, width = jnp.full(1, CENTER), modulator.linewidth(CENTER)
    detuning, shift = 0.3 * width, 0.8 * width
    guide = Waveguide(0.0, LinearIndex(N_EFF, N_G, wl0=CENTER))
    first, second = (
        RingBus(jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], ring), guide) for ring in (modulator, drop)
    )
    transmitter = RingTransmitter(first, line, detuning[None], shift, 0.15)
    own = wdm.channel_powers(transmitter, wdm.RingReceiver(second, line)).own[0]
    low, peak = modulator.minimum_transmission(CENTER), 10 ** (-0.1 * drop.drop_loss_db(CENTER))
    by_frequency = shift * CENTER / (CENTER + detuning)
    closed = wdm_penalties.ring_pair_penalty_db(detuning, by_frequency, width, low, peak)
    return modulator.finesse(CENTER), jnp.abs(-10 * jnp.log10(0.5 * (own[1] - own[0])) - closed)


@case(
    "wdm.crosstalk_penalty",
    source="Gaussian tails over all 2^7 patterns of the other rings",
    kind="analytic",
    is_long=True,
)
@in_float64
def crosstalk_penalty() -> Evidence:
    """Gaussian closed form in dB of the worst of eight channels 200 GHz apart, at 1e-12."""
    closed, _, exact = _crosstalk_penalties(200.0)
    return Evidence(closed, exact, 0.003, "dB")


@case(
    "wdm.crosstalk_bound",
    source="closure of the eye, which the Gaussian form exceeds here",
    kind="range",
    is_long=True,
)
@in_float64
def crosstalk_bound() -> Evidence:
    """Exact penalty in dB of the worst of eight channels 100 GHz apart, two linewidths: few and strong aggressors."""
    closed, closure, exact = _crosstalk_penalties(100.0)
    return Evidence(exact, (0.5 * closure, min(closed, closure)), 0.0, "dB")


def _crosstalk_penalties(spacing_ghz: float) -> tuple[float, float, float]:
    """Gaussian form, closure of the eye and exact penalty in dB of the worst of eight channels."""
    powers = wdm.channel_powers(*reference_chain(8, spacing_ghz))
    closed = np.asarray(wdm_penalties.gaussian_crosstalk_penalty_db(powers.crosstalk, Q_FACTOR))
    worst = int(np.argmax(closed))
    added = np.delete(np.asarray(powers.disturbances)[worst], worst, axis=0) / float(powers.amplitude[worst])
    closure = float(wdm_penalties.closure_penalty_db(powers.crosstalk)[worst])
    return float(closed[worst]), closure, exact_penalty_db(added - np.mean(added, axis=1, keepdims=True), Q_FACTOR)


def exact_penalty_db(added: np.ndarray, q: float) -> float:
    """Penalty in dB of on-off keying for disturbances [K, 2] over the amplitude, with a threshold in the middle."""
    offsets = np.array([sum(row) for row in itertools.product(*added)])

    def miss(level_db: float) -> float:
        tails = stats.norm.logsf(2.0 * q * 10 ** (level_db / 10.0) * (0.5 - offsets))
        return float(np.logaddexp.reduce(tails)) - np.log(offsets.size) - float(stats.norm.logsf(q))

    return float(np.asarray(optimize.brentq(miss, 0.0, 20.0)))


@case(
    "wdm.truncation", source="all patterns of ten symbols through the recurrence of the filter's field", kind="analytic"
)
@in_float64
def truncation() -> Evidence:
    """Penalty in dB of a filter of 40 GHz on rectangular symbols of 64 GBd with an extinction of 5."""
    kept = np.exp(-np.pi * 40.0 / 64.0)
    fields = np.array(list(itertools.product([np.sqrt(0.2), 1.0], repeat=10)))
    inside = fields[:, 0]
    for symbol in fields.T[1:]:
        inside = symbol + (inside - symbol) * kept
    ones = fields[:, -1] == 1.0
    eye = (np.min(inside[ones] ** 2) - np.max(inside[~ones] ** 2)) / 0.8
    found = float(wdm_penalties.truncation_penalty_db(40.0, 64.0))
    return Evidence(found, -10.0 * float(np.log10(eye)), 1e-6, "dB")
