"""Variation and yield: closed forms, coverage of intervals, convergence, and rings that were measured on one die."""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import binom

from photonics_core.cross_section import CrossSection
from photonics_core.global_sensitivity import sobol_indices
from photonics_core.index_sensitivity import strip_sensitivities
from photonics_core.kernels.random_field import ORDERS, averaged_deviation, correlation
from photonics_core.low_discrepancy import normal_points
from photonics_core.materials import SILICA, SILICON
from photonics_core.mode_solver import fundamental_mode
from photonics_core.optimize import minimize
from photonics_core.rare_events import rare_failure
from photonics_core.ring_scatter import NeighbourScatter, deviation_interval, neighbour_scatter
from photonics_core.validation.measured import SOURCE, silicon
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case
from photonics_core.variation import ProcessVariation, Variation, silicon_process
from photonics_core.variation_sampler import DieSampler, die_sampler
from photonics_core.wafer_grid import die_grid
from photonics_core.yield_estimate import METHODS, estimate_yield
from photonics_core.yield_smoothing import smooth_yield, yield_objective
from photonics_core.yield_spec import Limit, Spec

#: Repeats of the coverage of an interval: 95 % of them are 950 give or take 7.
REPEATS = 1000
#: Places of four rings in a row, as far apart as fibres of an array; their places on the chip are not public.
ROW = np.stack([127.0 * np.arange(4), np.zeros(4)], axis=1)
#: A rule of thumb, so within a factor of two. It has no wl / n_g: with wl / n_eff our derivatives are 1.0 and 2.4.
RULE = "about 1 nm/nm of width and 2 nm/nm of thickness (Selvaraja 2010, Xing 2018), second hand; a factor of two"
RULED = {"width": (0.5, 2.0), "thickness": (1.0, 4.0)}
#: Shift of a resonance of the measured O-band rings (350 x 220 nm, 1.3194 um) by width and thickness, nm/nm: solved.
O_BAND = {"width": 0.9346, "thickness": 1.0202}
SITES = tuple(f"si_oband_add_drop_r10_gap160_site{site}.mat" for site in (1, 2, 3, 4))


def row_sampler(kind: str = "gaussian", **more: float) -> DieSampler:
    """Eight devices 200 um apart on dies of 5 mm, one quantity with a field of 1 nm and 600 um."""
    process = ProcessVariation({"width": Variation(0.5, field_sd=1e-3, field_length=600.0, kind=kind, **more)})
    places = np.stack([200.0 * np.arange(8) - 700.0, np.zeros(8)], axis=1)
    return die_sampler(process, die_grid(100e3, (5e3, 5e3)), places, 60.0)


def expected_correlations(kind: str) -> np.ndarray:
    """Correlations of the eight devices."""
    apart = 200.0 * np.abs(np.arange(8)[:, None] - np.arange(8)[None])
    return np.asarray(correlation(apart**2, 600.0, kind))


@case("wafer.field_covariance", source="the covariance that was asked for", kind="analytic", is_long=True)
@in_float64
def field_covariance() -> Evidence:
    """Largest error of the covariance of 20 000 drawn dies over the four kinds, in standard errors."""
    worst = 0.0
    for kind in ORDERS:
        sampler = row_sampler(kind)
        drawn = jax.jit(jax.vmap(lambda n, s=sampler: s.deviations(jax.random.key(0), n)["width"]))(jnp.arange(20_000))
        found, expected = np.cov(1e3 * np.asarray(drawn).T), expected_correlations(kind)
        error = np.sqrt((1.0 + expected**2) / 20_000)
        worst = max(worst, float(np.max(np.abs(found - expected) / error)))
    return Evidence(worst, 0.0, 4.5)


@case("wafer.wave_covariance", source="the covariance that was asked for", kind="analytic", is_long=True)
@in_float64
def wave_covariance() -> Evidence:
    """Largest error of the covariance between devices of fields over 4000 wafers, matern32, in standard errors."""
    sampler = row_sampler("matern32")
    sampler = die_sampler(sampler.process, die_grid(15e3, (5e3, 5e3), edge_exclusion=0.0), sampler.places, 60.0)
    drawn = jax.lax.map(
        lambda n: sampler.wafer(jax.random.key(0), n, 256)["width"], jnp.arange(4000), batch_size=50
    ).reshape(4000, -1)
    all_places = (sampler.centres[:, None] + sampler.places[None]).reshape(-1, 2)
    square = np.sum((all_places[:, None] - all_places[None]) ** 2, axis=-1)
    expected = np.asarray(correlation(square, 600.0, "matern32"))
    found = np.cov(1e3 * (np.asarray(drawn) - 0.5).T)
    return Evidence(float(np.max(np.abs(found - expected) / np.sqrt((1.0 + expected**2) / 4000))), 0.0, 4.5)


@case("wafer.edge_average", source="double sum of exp(-|x - x'| / Lc) over 4000 cells of the length", kind="analytic")
@in_float64
def edge_average() -> Evidence:
    """Largest relative error of the standard deviation of an averaged edge, lengths of 0.01 to 300 Lc."""
    worst = 0.0
    for length in (0.01, 0.3, 3.0, 30.0, 300.0):
        lags = np.arange(1, 4000) / 4000.0
        direct = (1.0 + 2.0 * np.sum((1.0 - lags) * np.exp(-length * lags))) / 4000.0
        # The middle of cells counts the diagonal by its height: the error is (length / 4000)^2 / 12 of it.
        found = float(averaged_deviation(jnp.asarray(length), jnp.asarray(1.0))) ** 2
        worst = max(worst, abs(found / direct - 1.0))
    return Evidence(worst, 0.0, 6e-4)


@case("wafer.shift_by_width", source=RULE, kind="range", is_long=True)
@in_float64
def shift_by_width() -> Evidence:
    """Shift of a resonance of a silicon strip of 500 x 220 nm, TE, 1550 nm, by width, in nm/nm."""
    return Evidence(float(silicon_slopes()["width"]), RULED["width"], 0.0, "nm/nm")


@case("wafer.shift_by_thickness", source=RULE, kind="range", is_long=True)
@in_float64
def shift_by_thickness() -> Evidence:
    """The same by thickness."""
    return Evidence(float(silicon_slopes()["thickness"]), RULED["thickness"], 0.0, "nm/nm")


@case("wafer.shift_by_solves", source="differences of mode solves, (wl / n_g) dn_eff", kind="analytic", is_long=True)
@in_float64
def shift_by_solves() -> Evidence:
    """Largest relative error of both derivatives beside solves at 490 and 510 nm of width, 215 and 225 of thickness."""
    by_solves = solved_slopes()
    return Evidence(max(abs(float(silicon_slopes()[name]) / by_solves[name] - 1.0) for name in by_solves), 0.0, 1e-3)


def solved_slopes() -> dict[str, float]:
    """Those derivatives by central differences of an index, of the second order in the step."""

    def index(width: float, thickness: float) -> tuple[float, float]:
        mode = fundamental_mode(CrossSection.strip(width, thickness, SILICON, SILICA), 1.55)
        return float(mode.n_eff.real), float(mode.n_g.real)

    by_width = (index(0.51, 0.22)[0] - index(0.49, 0.22)[0]) / 0.02
    by_thickness = (index(0.5, 0.225)[0] - index(0.5, 0.215)[0]) / 0.01
    scale = 1.55 / index(0.5, 0.22)[1]
    return {"width": scale * by_width, "thickness": scale * by_thickness}


@functools.cache
def silicon_slopes() -> dict[str, jax.Array]:
    """Derivatives of a resonance of that strip."""
    return strip_sensitivities(0.5, 0.22, wl=1.55)


@functools.cache
def measured_resonances() -> np.ndarray:
    """The resonance nearest to 1.3194 um of four rings of one die, in um."""
    rings = [silicon(name) for name in SITES]
    return np.asarray([min((r.wl for r in ring.resonances), key=lambda wl: abs(wl - 1.3194)) for ring in rings])


def modelled_scatter(confidence: float = 0.95) -> NeighbourScatter:
    """The scatter of four rings of 10 um in a row, with width and thickness as Lu et al. (2017)."""
    return neighbour_scatter(silicon_process(0.35), O_BAND, ROW, 2.0 * math.pi * 10.0, confidence=confidence)


@case("wafer.neighbours_expected", source=f"{SOURCE}; 95 % interval of four independent rings", kind="measured")
def neighbours_expected() -> Evidence:
    """Scatter that the model expects for rings 127 um apart (assumed), against the interval of the measured, in nm."""
    low, high = deviation_interval(float(np.std(measured_resonances(), ddof=1)), 4)
    return Evidence(1e3 * modelled_scatter().expected, (1e3 * low, 1e3 * high), 0.0, "nm")


@case("wafer.neighbours_measured", source=f"{SOURCE}; 95 % interval of the model, 127 um apart", kind="measured")
def neighbours_measured() -> Evidence:
    """Scatter of the measured rings (n - 1), against the interval of the model for 127 um (assumed), in nm.

    The model would be refuted by rings that turn out to be less than 73 um or more than 1.5 mm apart.
    """
    scatter = modelled_scatter()
    measured = 1e3 * float(np.std(measured_resonances(), ddof=1))
    return Evidence(measured, (1e3 * scatter.low, 1e3 * scatter.high), 0.0, "nm")


def coverage(share: float, dies: int, method: str = METHODS[0]) -> float:
    """Part of the repeats in which the interval of independent dies holds the yield."""
    random = np.random.default_rng(1)
    drawn = random.random((REPEATS, dies)) < share
    found = [estimate_yield(row, method=method) for row in drawn]
    return float(np.mean([each.low <= share <= each.high for each in found]))


def exact_coverage(shares: np.ndarray, dies: int, method: str = METHODS[0]) -> np.ndarray:
    """The same without repeats: the chances of all counts whose interval holds the yield, for many yields."""
    rows = (np.arange(dies) < k for k in range(dies + 1))
    ends = np.asarray([(each.low, each.high) for each in (estimate_yield(row, method=method) for row in rows)])
    holds = (ends[:, :1] <= shares[None]) & (shares[None] <= ends[:, 1:])
    return np.sum(holds * binom.pmf(np.arange(dies + 1)[:, None], dies, shares[None]), axis=0)


def wafer_coverage(share: float, wafers: int, dies: int, common: float, *, is_told: bool = True) -> float:
    """The same for dies whose latent normal numbers have a part of their variance in common on a wafer."""
    random = np.random.default_rng(2)
    number, limit, held = np.repeat(np.arange(wafers), dies), ndtri(share), []
    for _ in range(REPEATS):
        of_wafer = math.sqrt(common) * random.standard_normal(wafers)[number]
        latent = of_wafer + math.sqrt(1.0 - common) * random.standard_normal(number.size)
        found = estimate_yield(latent < limit, number if is_told else None)
        held.append(found.low <= share <= found.high)
    return float(np.mean(held))


@case("wafer.coverage", source="yield of 90 % that is known, 400 dies, 1000 repeats", kind="analytic")
def independent_coverage() -> Evidence:
    """Coverage of the 95 % interval of independent dies."""
    return Evidence(coverage(0.9, 400), 0.95, 0.02)


@case("wafer.coverage_least", source="Clopper and Pearson: at least as often as it says", kind="range")
def least_coverage() -> Evidence:
    """Least coverage of the 95 % interval of 400 dies over yields of 90 to 99.9 %, by the binomial distribution."""
    return Evidence(float(np.min(exact_coverage(np.linspace(0.9, 0.999, 200), 400))), (0.95, 1.0), 0.0)


@case("wafer.coverage_wafers", source="normal threshold, 90 %, 24 wafers of 60 dies, 1000 repeats", kind="analytic")
def correlated_coverage() -> Evidence:
    """Coverage of the 95 % interval where 20 % of the variance is common to the dies of a wafer."""
    return Evidence(wafer_coverage(0.9, 24, 60, 0.2), 0.95, 0.02)


def ishigami(x: np.ndarray) -> np.ndarray:
    """Ishigami's function of uniform numbers in (0, 1), with a = 7 and b = 0.1."""
    x = math.pi * (2.0 * np.asarray(x) - 1.0)
    return np.sin(x[:, 0]) + 7.0 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def ishigami_indices() -> tuple[np.ndarray, np.ndarray]:
    """First-order and total indices from V_1 = (1 + b pi^4 / 5)^2 / 2, V_2 = a^2 / 8 and V_13 = 8 b^2 pi^8 / 225."""
    one, two, both = 0.5 * (1.0 + 0.1 * math.pi**4 / 5.0) ** 2, 49.0 / 8.0, 8.0 * 0.01 * math.pi**8 / 225.0
    total = one + two + both
    return np.array([one, two, 0.0]) / total, np.array([one + both, two, both]) / total


@case("wafer.sobol_indices", source="closed form of Ishigami's function", kind="analytic")
def ishigami_error() -> Evidence:
    """Largest error of the six indices, 8 replicates of 2048 points."""
    found = sobol_indices(ishigami, {"a": 0, "b": 1, "c": 2}, points=2048, distribution="uniform")
    pairs = zip((found.first, found.total), ishigami_indices(), strict=True)
    return Evidence(max(float(np.max(np.abs(np.array([*a.values()]) - b))) for a, b in pairs), 0.0, 4e-3)


def fitted_order(errors: Callable[[int], float], powers: range) -> float:
    """Slope of the logarithm of an error over that of the number of points 2^k."""
    values = [math.log2(errors(2**k)) for k in powers]
    return float(np.polyfit(list(powers), values, 1)[0])


def yield_error(points: int, *, is_sobol: bool, width: float = 0.0, repeats: int = 64) -> float:
    """Root mean square error of the yield of 4 devices within +-1.5 sd whose values are correlated by one half."""
    mixing = np.linalg.cholesky(0.5 * np.eye(4) + 0.5)
    random, errors = np.random.default_rng(5), []
    for k in range(repeats):
        z = normal_points(points, 4, k) if is_sobol else random.standard_normal((points, 4))
        x = z @ mixing.T
        passes = ndtr((1.5 - x) / width) * ndtr((1.5 + x) / width) if width else np.abs(x) <= 1.5
        errors.append(np.mean(np.prod(passes, axis=1)) - equicorrelated_yield(width))
    return float(np.sqrt(np.mean(np.square(errors))))


@functools.cache
def equicorrelated_yield(width: float = 0.0) -> float:
    """The same yield by quadrature over the number that all devices share."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    weights, root = weights / math.sqrt(2.0 * math.pi), math.sqrt(0.5)
    if width:
        x = root * (nodes[:, None] + nodes[None])
        each = (ndtr((1.5 - x) / width) * ndtr((1.5 + x) / width)) @ weights
    else:
        each = ndtr(1.5 / root - nodes) - ndtr(-1.5 / root - nodes)
    return float(np.sum(weights * each**4))


@case("wafer.order_monte_carlo", source="error as the root of the number of points", kind="analytic")
def order_monte_carlo() -> Evidence:
    """Fitted order of the error of a yield by independent draws, 2^7 to 2^13 points."""
    return Evidence(fitted_order(lambda n: yield_error(n, is_sobol=False), range(7, 14)), -0.5, 0.12)


@case("wafer.order_sobol", source="above 1/2, and below 1 where the integrand jumps", kind="range")
def order_sobol() -> Evidence:
    """Fitted order of the error of the same yield by scrambled Sobol points."""
    return Evidence(fitted_order(lambda n: yield_error(n, is_sobol=True), range(7, 14)), (-1.1, -0.6), 0.0)


@case("wafer.order_sobol_smooth", source="1 or above where the integrand is smooth", kind="range")
def order_sobol_smooth() -> Evidence:
    """Fitted order for the smoothed yield, s = 0.5 sd."""
    return Evidence(fitted_order(lambda n: yield_error(n, is_sobol=True, width=0.5), range(7, 14)), (-2.0, -0.9), 0.0)


#: 4.2649 standard deviations: a failure of 1e-5.
RARE = float(-ndtri(1e-5))


def linear_margin(z: jax.Array) -> jax.Array:
    """Fails with a probability of 1e-5, in a direction that is none of the axes."""
    direction = jnp.asarray(np.array([3.0, -1.0, 2.0, 0.5, 1.0, 0.0]) / np.linalg.norm([3.0, 1.0, 2.0, 0.5, 1.0, 0.0]))
    return RARE - jnp.sum(direction.astype(z.dtype) * z)


def parabola_margin(z: jax.Array) -> jax.Array:
    """A limit that bends towards the origin."""
    return 4.5 - z[0] - 0.1 * jnp.sum(z[1:3] ** 2)


def parabola_probability() -> float:
    """The same by quadrature: z_1^2 + z_2^2 = 2 r with r of an exponential distribution."""
    r, w = np.polynomial.legendre.leggauss(300)
    r, w = 50.0 * (r + 1.0), 50.0 * w
    return float(np.sum(w * np.exp(-r) * ndtr(-(4.5 - 0.2 * r))))


def two_sided_margin(z: jax.Array) -> jax.Array:
    """Fails on both sides of a band, with 1e-5 together."""
    return -ndtri(0.5e-5) - jnp.abs(z[0])


def _deviation(margin: Callable[[jax.Array], jax.Array], dimension: int, expected: float) -> Evidence:
    found = rare_failure(margin, dimension, jax.random.key(3))
    assert found.is_reliable
    return Evidence((found.probability - expected) / found.standard_error, 0.0, 3.0)


@case("wafer.rare_linear", source="Phi(-b) = 1e-5", kind="analytic", is_long=True)
@in_float64
def rare_linear() -> Evidence:
    """Importance sampling of a linear limit in 6 dimensions, 20 000 draws, in standard errors."""
    return _deviation(linear_margin, 6, 1e-5)


@case(
    "wafer.rare_parabola",
    source="quadrature over the distribution of a sum of two squares",
    kind="analytic",
    is_long=True,
)
@in_float64
def rare_parabola() -> Evidence:
    """The same of a limit that bends towards the origin, where the first order is too low."""
    return _deviation(parabola_margin, 4, parabola_probability())


@case("wafer.rare_two_sided", source="2 Phi(-b) = 1e-5", kind="analytic", is_long=True)
@in_float64
def rare_two_sided() -> Evidence:
    """The same where failures lie on both sides."""
    return _deviation(two_sided_margin, 3, 1e-5)


def band_margin(z: jax.Array) -> jax.Array:
    """Eight devices within two limits each: sixteen ways to fail, with 1e-5 together but for products."""
    return -ndtri(1e-5 / 16.0) - jnp.max(jnp.abs(z))


@case("wafer.rare_devices", source="1 - (1 - 2 Phi(-b))^8", kind="analytic", is_long=True)
@in_float64
def rare_devices() -> Evidence:
    """The same of eight devices within two limits each, all sixteen likeliest failures found."""
    return _deviation(band_margin, 8, -math.expm1(8.0 * math.log1p(-1e-5 / 8.0)))


#: Limits that are not symmetric about the start: the best centre is 0.5, by symmetry of the normal distribution.
BAND = Spec([Limit("value", -1.0, 2.0)])


@case(
    "wafer.smooth_order", source="Y_s is the yield with an error of sd s added; bias of second order", kind="analytic"
)
@in_float64
def smooth_order() -> Evidence:
    """Fitted order of the bias of a smoothed yield over its width, s = 0.05 to 0.4."""
    z = normal_points(2**15, 1)[:, 0]
    widths = 0.05 * 2.0 ** np.arange(4)
    spec = Spec([Limit("value", upper=1.0)])
    bias = [abs(float(smooth_yield({"value": jnp.asarray(z)}, spec, float(s))) - ndtr(1.0)) for s in widths]
    return Evidence(float(np.polyfit(np.log(widths), np.log(bias), 1)[0]), 2.0, 0.1)


def centred_yield() -> tuple[float, float]:
    """Centre and smoothed yield that `minimize` finds from the edge, for a normal value of sd 0.6."""

    def metrics(design: dict[str, jax.Array], z: jax.Array) -> dict[str, jax.Array]:
        return {"value": design["centre"] + 0.6 * z[0]}

    objective = yield_objective(metrics, normal_points(8192, 1), BAND, 0.2)
    best = minimize(objective, {"centre": -0.9}, {"centre": -3.0}, {"centre": 3.0}, optimizer="lbfgs", steps=40)
    return float(best.parameters["centre"]), math.exp(-best.value)


@case("wafer.centring", source="middle of the limits, by symmetry", kind="analytic")
@in_float64
def centring() -> Evidence:
    """Centre that the smoothed yield leads to."""
    return Evidence(centred_yield()[0], 0.5, 1e-3)
