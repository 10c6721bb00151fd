import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, optimize, stats

from photonics_core.devices import wdm_penalties as penalties
from photonics_core.devices.coupler import PointCoupler
from photonics_core.devices.ring import AddDropRing
from photonics_core.index import LinearIndex
from photonics_core.scattering import power


def exact_ring(scale: float) -> AddDropRing:
    """A ring whose couplings and loss go with `scale`, and so its linewidth, but not its shape."""
    index = LinearIndex(n_eff=2.44, n_g=4.48, wl0=1.31, loss_db_cm=40.0 * scale)
    return AddDropRing(5.0, PointCoupler.from_power(0.16 * scale), PointCoupler.from_power(0.12 * scale), index)


@jax.jit
def lorentzian_error(scale: float) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Finesse, and the largest errors of the Lorentzians over eight linewidths: of both flanks' mean, and of one."""
    ring = exact_ring(scale)
    center = ring.resonance(1.31)
    width = ring.linewidth(center)
    wl = center + width * jnp.linspace(-8.0, 8.0, 801)
    at = ring.amplitudes(wl)
    peak = power(ring.amplitudes(center[None]).drop)[0]
    drop = penalties.lorentzian_drop(wl - center, width, peak)
    through = penalties.lorentzian_through(wl - center, width, ring.minimum_transmission(center))
    errors = jnp.stack([drop - power(at.drop), through - power(at.through)])
    even = 0.5 * (errors + errors[:, ::-1])
    return ring.finesse(center), jnp.max(jnp.abs(even)), jnp.max(jnp.abs(errors))


def test_a_ring_is_a_lorentzian_but_for_the_square_of_its_finesse():
    """In the mean of both flanks: a single one is of first order in d / wl, as wavelength is not frequency."""
    (low, coarse, _), (high, fine, flank) = (lorentzian_error(scale) for scale in (0.2, 0.05))
    assert high > 3.5 * low and fine < 1e-5 and flank < 2e-5
    np.testing.assert_allclose(np.log(coarse / fine) / np.log(high / low), 2.0, atol=0.03)


def test_the_parts_of_the_modulator_make_up_its_penalty():
    one, zero = 0.71, 0.18
    parts = penalties.modulator_penalty_db(one, zero)
    np.testing.assert_allclose(sum(parts), -10 * np.log10((one - zero) / 2), rtol=1e-14)
    perfect = penalties.modulator_penalty_db(1.0, 0.0)
    np.testing.assert_allclose(perfect, [0.0, 10 * np.log10(2.0), 0.0], atol=1e-14)
    detuned = penalties.ring_pair_penalty_db(0.0, 3.0, 2.0, 0.1, 0.8)
    np.testing.assert_allclose(detuned, -10 * np.log10(0.4 * 0.9 * 0.9), rtol=1e-14)


@pytest.mark.parametrize("levels", [2, 4])
def test_gaussian_crosstalk_by_its_definition(levels):
    """The amplitude is raised until noise and disturbance together leave the same Q, found by a root search."""
    spans, q = np.array([0.03, 0.01, 0.02]), 4.0
    steps = np.linspace(-0.5, 0.5, levels)
    variance = np.sum(spans**2) * np.mean(steps**2)

    def miss(amplitude):
        return amplitude / (2 * (levels - 1)) / np.sqrt(1.0 + amplitude**2 * variance) - q

    raised = optimize.brentq(miss, 1.0, 1e3) / (2 * (levels - 1) * q)
    found = penalties.gaussian_crosstalk_penalty_db(spans, q, levels=levels)
    np.testing.assert_allclose(found, 10 * np.log10(raised), rtol=1e-10)


@pytest.mark.parametrize("levels", [2, 4])
def test_closure_bounds_the_exact_penalty_and_many_small_aggressors_are_gaussian(levels):
    """Against the mean of the Gaussian tails over all patterns of the aggressors, with the threshold in the middle."""
    q = 4.0

    def exact_penalty(spans):
        offsets = [sum(row) for row in itertools.product(*(span * np.linspace(-0.5, 0.5, levels) for span in spans))]
        height = 0.5 / (levels - 1)

        def miss(level_db):
            amplitude = 2 * (levels - 1) * q * 10 ** (level_db / 10)
            return np.mean(stats.norm.sf(amplitude * (height - np.array(offsets)))) / stats.norm.sf(q) - 1.0

        return float(np.asarray(optimize.brentq(miss, 0.0, 20.0)))

    few, many = np.full(2, 0.04), np.full(8 if levels == 2 else 6, 0.01)
    for spans in (few, many):
        assert exact_penalty(spans) < penalties.closure_penalty_db(spans, levels=levels)
    np.testing.assert_allclose(
        penalties.gaussian_crosstalk_penalty_db(many, q, levels=levels), exact_penalty(many), rtol=0.03
    )


def test_mean_powers_become_spans():
    np.testing.assert_allclose(penalties.crosstalk_span(0.02), 0.02, rtol=1e-15)
    # Powers 3 and 1 beside 0.03 and 0.01 have the mean ratio 0.01 and the same extinction.
    np.testing.assert_allclose(penalties.crosstalk_span(0.01, 3.0, 3.0), 0.01, rtol=1e-14)
    np.testing.assert_allclose(penalties.crosstalk_span(0.01, 3.0), 0.04 / (3.0 - 1.0), rtol=1e-14)


def test_interference_at_its_worst_phase():
    ratio, extinction = 1e-4, 8.0
    one, zero = 1.0, 1.0 / extinction
    field = np.sqrt(ratio)
    phases = np.exp(1j * np.linspace(0, 2 * np.pi, 721))
    ones, zeros = (np.abs(np.sqrt(level) + field * phases) ** 2 for level in (one, zero))
    closed = (ones.min() - zeros.max()) / (one - zero)
    # The power of the aggressor itself is the same in both and drops out.
    np.testing.assert_allclose(
        penalties.interference_penalty_db([ratio], extinction), -10 * np.log10(closed), rtol=1e-4
    )
    np.testing.assert_allclose(
        penalties.interference_penalty_db(np.array([ratio])), -10 * np.log10(1 - 2 * field), rtol=1e-12
    )


def test_truncated_power_is_the_integral_of_the_spectrum():
    width, rate = 40.0, 50.0

    def density(f):
        return np.sinc(f / rate) ** 2 / rate / (1 + (2 * f / width) ** 2)

    modulated = 2 * sum(integrate.quad(density, rate * k, rate * (k + 1))[0] for k in range(200))
    np.testing.assert_allclose(penalties.truncated_power(width, rate), 0.5 + 0.5 * modulated, rtol=1e-5)
    field = 0.5
    carrier, moving = 0.75**2, 0.25**2
    expected = (carrier + moving * modulated) / (carrier + moving)
    np.testing.assert_allclose(penalties.truncated_power(width, rate, 1 / field**2), expected, rtol=1e-5)


@pytest.mark.parametrize("extinction", [3.0, np.inf])
def test_truncation_closes_the_eye_of_every_pattern(extinction):
    """All patterns of ten symbols through the recurrence of the field, decided at the end of the last one."""
    width, rate = 30.0, 50.0
    kept = np.exp(-np.pi * width / rate)
    fields = np.array(list(itertools.product([np.sqrt(1.0 / extinction), 1.0], repeat=10)))
    inside = fields[:, 0]
    for symbol in fields.T[1:]:
        inside = symbol + (inside - symbol) * kept
    last_one = fields[:, -1] == 1.0
    eye = (np.min(inside[last_one] ** 2) - np.max(inside[~last_one] ** 2)) / (1 - 1.0 / extinction)
    found = penalties.truncation_penalty_db(width, rate)
    np.testing.assert_allclose(found, -10 * np.log10(eye), rtol=1e-6)
    assert np.isinf(penalties.truncation_penalty_db(0.2 * rate, rate))


def test_filter_crosstalk_is_that_of_each_line():
    found = penalties.filter_crosstalk(1.2, 0.5, 2, 1)
    np.testing.assert_allclose(found, [1 / (1 + 9.6**2), 1 / (1 + 4.8**2), 1 / (1 + 4.8**2)], rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "point"),
    [
        (lambda x: penalties.gaussian_crosstalk_penalty_db(jnp.stack([x, 0.5 * x]), 5.0), 0.05),
        (lambda x: penalties.closure_penalty_db(x[None]), 0.1),
        (lambda x: penalties.interference_penalty_db(x[None], 6.0), 0.01),
        (lambda x: penalties.truncation_penalty_db(x, 50.0), 30.0),
        (lambda x: penalties.truncated_power(x, 50.0, 5.0), 30.0),
        (lambda x: penalties.ring_pair_penalty_db(x, 1.0, 1.3, 0.05), 0.2),
    ],
)
def test_gradients_are_differences(function, point):
    step = 1e-5 * point
    difference = (function(jnp.asarray(point + step)) - function(jnp.asarray(point - step))) / (2 * step)
    np.testing.assert_allclose(jax.grad(function)(point), difference, rtol=1e-7)


def test_where_no_power_helps_the_penalty_is_infinite_and_its_gradient_finite():
    """Also without any aggressor, where roots of powers have no derivative of their own."""
    assert np.isinf(penalties.gaussian_crosstalk_penalty_db(jnp.array([0.2]), 7.0))
    assert np.isinf(penalties.closure_penalty_db(jnp.array([0.5, 0.6])))
    for function in (
        lambda x: penalties.gaussian_crosstalk_penalty_db(x, 7.0),
        penalties.closure_penalty_db,
        penalties.interference_penalty_db,
    ):
        for spans in (jnp.zeros(2), jnp.full(2, 0.9)):
            assert np.all(np.isfinite(jax.grad(function)(spans)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: penalties.modulator_penalty_db(1.2, 0.1), "one = 1.2"),
        (lambda: penalties.modulator_penalty_db(0.0, 0.0), "one = 0"),
        (lambda: penalties.modulator_penalty_db(0.2, 0.5), "zero = 0.5 is outside"),
        (lambda: penalties.gaussian_crosstalk_penalty_db([-0.1], 7.0), "spans = -0.1"),
        (lambda: penalties.gaussian_crosstalk_penalty_db([0.1], 7.0, levels=3), "levels = 3"),
        (lambda: penalties.crosstalk_span(0.1, 0.9), "extinction = 0.9"),
        (lambda: penalties.truncation_penalty_db(0.0, 50.0), "linewidth_ghz = 0 GHz"),
    ],
)
def test_bad_values_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
