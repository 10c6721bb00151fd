"""Error ratios, crosstalk statistics, error correction and receivers: closed forms, draws, figures of standards."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special, stats

from photonics_core.crosstalk_statistics import log_disturbed_tail
from photonics_core.devices.detector import Photodiode, Receiver, even_powers, transimpedance_density_pa
from photonics_core.error_correction import KP4, KR4
from photonics_core.error_rate import log10_error_ratio
from photonics_core.kernels.gaussian_tail import log_gaussian_tail
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

LN10 = np.log(10.0)
#: Aggressors of two levels: eight that fall off geometrically, as those of rings further and further away.
AGGRESSORS = np.outer(np.geomspace(0.8, 0.05, 8), [-1.0, 1.0])
#: IEEE 802.3cm, 138.1.1.
RANDOM_ERRORS = "IEEE 802.3cm, 138.1.1 (second hand): 2.4e-4 before correction, frame loss 1.7e-12 of 64-octet frames"


@case("errors.normal_tail", source="scipy.special.log_ndtr, -8 to 1000", kind="peer")
@in_float64
def normal_tail() -> Evidence:
    """Largest relative difference of the logarithm of the tail."""
    x = np.concatenate([np.linspace(-8.0, 40.0, 4001), np.geomspace(40.0, 1e3, 100)])
    return Evidence(float(np.max(abs(np.asarray(log_gaussian_tail(x)) / special.log_ndtr(-x) - 1.0))), 0.0, 1e-12)


@case("errors.nrz", source="log Q of half the distance over the noise, SciPy", kind="analytic")
@in_float64
def nrz() -> Evidence:
    """Largest relative difference of the logarithm of the bit error ratio, 0.3 to 1e-600."""
    q = np.linspace(0.5, 52.0, 200)
    levels = np.stack([np.full(q.size, 0.1), 0.1 + 0.04 * q], axis=-1)
    found = np.asarray(log10_error_ratio(levels, [0.02, 0.02]))
    return Evidence(float(np.max(abs(found * LN10 / special.log_ndtr(-q) - 1.0))), 0.0, 1e-12)


@case("errors.pam4", source="(3 Q(q) + 2 Q(3q) - Q(5q)) / 4, Gray code counted by hand", kind="analytic")
@in_float64
def pam4() -> Evidence:
    """Largest relative difference of the bit error ratio of even levels and noise."""
    q = np.linspace(0.2, 12.0, 100)
    exact = (3.0 * stats.norm.sf(q) + 2.0 * stats.norm.sf(3 * q) - stats.norm.sf(5 * q)) / 4.0
    found = 10.0 ** np.asarray(log10_error_ratio(np.arange(4) * 2.0, np.tile(1.0 / q[:, None], 4)))
    return Evidence(float(np.max(abs(found / exact - 1.0))), 0.0, 1e-11)


@case("errors.saddle_point", source="enumeration of 2^8 states by SciPy, ratios of 1e-3 to 1e-15", kind="analytic")
@in_float64
def saddle_point() -> Evidence:
    """Largest difference of the logarithm of the ratio in decades."""
    x = np.linspace(2.0, 11.0, 181)
    sums = np.array([sum(states) for states in itertools.product(*AGGRESSORS)])
    exact = np.log10(np.mean(stats.norm.sf(x[:, None] - sums), axis=1))
    found = np.asarray(log_disturbed_tail(x, 1.0, AGGRESSORS, method="saddle")) / LN10
    inside = (exact < -3.0) & (exact > -15.0)
    return Evidence(float(np.max(abs(found - exact)[inside])), 0.0, 0.005, "decades")


@case("errors.gaussian_crosstalk", source="enumeration of 2^8 states: bounded crosstalk is no noise", kind="range")
@in_float64
def gaussian_crosstalk() -> Evidence:
    """Decades by which crosstalk taken for Gaussian noise overstates an error ratio of 1e-12."""
    x = np.linspace(8.0, 11.0, 301)
    exact, guess = (
        np.asarray(log_disturbed_tail(x, 1.0, AGGRESSORS, method=each)) / LN10 for each in ("exact", "gaussian")
    )
    at = np.argmin(abs(exact + 12.0))
    return Evidence(float(guess[at] - exact[at]), (1.0, 4.0), 0.0, "decades")


@case("errors.crosstalk_draws", source="four million draws of 16 aggressors of four levels", kind="analytic")
@in_float64
def crosstalk_draws() -> Evidence:
    """Count beyond a threshold that one in some thousand passes, less what is expected, in standard errors."""
    random = np.random.default_rng(7)
    aggressors = np.outer(random.uniform(0.05, 0.4, 16), [0.0, 1 / 3, 2 / 3, 1.0])
    count = 0
    for _ in range(4):
        draws = 0.3 * random.standard_normal(1_000_000)
        for states in aggressors:
            draws += states[random.integers(0, 4, draws.size)]
        count += np.sum(draws > 3.35)
    expected = 4e6 * float(jnp.exp(log_disturbed_tail(3.35, 0.3, aggressors)))
    return Evidence(float((count - expected) / np.sqrt(expected)), 0.0, 4.0)


@case("errors.gradient", source="central differences of fourth order", kind="analytic", is_long=True)
@in_float64
def gradient() -> Evidence:
    """Largest relative difference of slopes of log10 BER by levels, noise and disturbances, threshold at its best."""
    start = jnp.asarray([0.1, 1.1, 0.06, 0.09, 0.0, 0.1, 0.0, 0.04])

    @jax.jit
    def ratio(x: jax.Array) -> jax.Array:
        return log10_error_ratio(x[:2], x[2:4], disturbances=x[4:].reshape(2, 2), method="saddle")

    exact, step = np.asarray(jax.jit(jax.grad(ratio))(start)), 2e-4
    offsets = step * np.eye(8)
    by_steps = [
        (8.0 * (ratio(start + one) - ratio(start - one)) - ratio(start + 2 * one) + ratio(start - 2 * one))
        / (12.0 * step)
        for one in offsets
    ]
    return Evidence(float(np.max(abs(np.array(by_steps) / exact - 1.0))), 0.0, 1e-6)


@case("errors.kp4_frame_loss", source=RANDOM_ERRORS, kind="published", is_long=True)
@in_float64
def kp4_frame_loss() -> Evidence:
    """The ratio before correction that loses 1.7e-12 of all frames, spread over two codewords in turn."""
    return Evidence(1e4 * float(10.0 ** KP4.threshold(np.log10(1.7e-12), "frame", interleaved=2)), 2.4, 0.05, "1e-4")


@case(
    "errors.kp4_bit",
    source="2.2e-4 for 1e-15, the field's rounded figure (second hand)",
    kind="published",
    is_long=True,
)
@in_float64
def kp4_bit() -> Evidence:
    """The ratio before correction that leaves a bit error ratio of 1e-15."""
    return Evidence(1e4 * float(10.0 ** KP4.threshold(-15.0)), 2.2, 0.1, "1e-4")


@case("errors.lost_codewords", source="scipy.stats.binom, KP4 and KR4, 1e-2 to 1e-5", kind="peer", is_long=True)
@in_float64
def lost_codewords() -> Evidence:
    """Largest difference of the decimal logarithm of lost codewords."""
    ratios, worst = np.linspace(-5.0, -2.0, 31), 0.0
    for code in (KP4, KR4):
        symbol = -np.expm1(10.0 * np.log1p(-(10.0**ratios)))
        exact = stats.binom.logsf(code.correctable, code.codeword, symbol) / LN10
        worst = max(worst, float(np.max(abs(np.asarray(code.log10_codeword_error_ratio(ratios)) - exact))))
    return Evidence(worst, 0.0, 1e-9, "decades")


@case("errors.sensitivity", source="quadratic equation of the Q-factor, shot and intensity noise", kind="analytic")
@in_float64
def sensitivity() -> Evidence:
    """Largest relative difference of Q (sigma_1 + sigma_0) from R OMA at the sensitivity of the closed form."""
    receiver, worst = Receiver(Photodiode(0.9), 16.0, 0.022), 0.0
    for rin in (None, -145.0, -135.0):
        powers = even_powers(receiver.sensitivity_by_q(-12.0, 4.0, rin_db_hz=rin), 4.0)
        current, noise = receiver.current(powers), receiver.noise(powers, rin)
        q = stats.norm.isf(1e-12)
        worst = max(worst, abs(float(q * jnp.sum(noise) / (current[1] - current[0])) - 1.0))
    return Evidence(worst, 0.0, 1e-9)


@case("errors.resistor_noise", source="4.07 pA/sqrt(Hz) of 1 kOhm at 300 K (4 k T / R)", kind="published")
@in_float64
def resistor_noise() -> Evidence:
    """Current noise of a feedback resistance."""
    return Evidence(float(transimpedance_density_pa(1.0, 300.0)), 4.07, 0.005, "pA/sqrt(Hz)")
