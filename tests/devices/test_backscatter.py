"""A resonance split by backscattering: energy, reciprocity, the doublet, and a time domain that agrees with it."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from photonics_core import Resonator, SplitResonance
from photonics_core.lineshape import Resonance, _double

RING = Resonator(30.0, 40.0, 60.0)
# Conserving, lossy, almost one way, one way, and none at all.
COUPLINGS = [(0.05 + 0.02j, None), (0.05, 0.02 + 0.01j), (0.04, 1e-12), (0.0, 0.04j), (0.0, 0.0)]
DETUNING = np.linspace(-0.03, 0.03, 60)


@jax.jit
def compiled(into_forward, into_backward, detuning, step, start):
    return SplitResonance(RING, into_forward, into_backward).drive(detuning, step, start=start)


def driven(into_forward, into_backward, detuning, step=3.0, start=None):
    """All of one kind, so that two compiled programs do: from the steady state, and from a start."""
    begin = None if start is None else tuple(jnp.asarray(each, complex) for each in start)
    rates = (jnp.asarray(each, complex) for each in (into_forward, into_backward))
    return compiled(*rates, jnp.asarray(detuning), jnp.asarray(step), begin)


@pytest.mark.parametrize("scattering", [0.05, 0.05 + 0.02j, -0.03j, 0.2])
def test_light_is_nowhere_but_at_the_ports_and_in_the_loss(scattering):
    split = SplitResonance(RING, scattering)
    inside = sum(abs(each) ** 2 for each in split.amplitudes(DETUNING))
    ports = sum(abs(port(DETUNING)) ** 2 for port in (split.through, split.drop, split.reflected, split.add))
    np.testing.assert_allclose(ports + 2.0 / 40.0 * inside, 1.0, rtol=1e-14)
    np.testing.assert_allclose(split.transmission(DETUNING), abs(split.through(DETUNING)) ** 2, rtol=1e-14)
    np.testing.assert_allclose(split.reflection(DETUNING), abs(split.reflected(DETUNING)) ** 2, rtol=1e-13)


@pytest.mark.slow
def test_nothing_that_passes_the_check_gives_light_and_the_limit_is_sharp():
    """Ports take at most what comes in; at the limit one state loses nothing by scattering and loss together."""
    random = np.random.default_rng(4)
    limit, best = 2.0 / 40.0, 0.0
    for _ in range(200):
        phase = np.exp(2j * np.pi * random.uniform(size=2))
        one = 0.2 * random.uniform() * phase[0]
        split = SplitResonance(RING, one, np.conj(one) + limit * phase[1])
        ports = sum(abs(port(DETUNING)) ** 2 for port in (split.through, split.drop, split.reflected, split.add))
        best = max(best, float(jnp.max(ports)))
        matrix = np.array([[-1 / 40.0, 1j * split.into_forward], [1j * split.into_backward, -1 / 40.0]])
        assert np.linalg.eigvalsh(matrix + matrix.conj().T)[1] == pytest.approx(0.0, abs=1e-15)
    assert 0.99 < best <= 1.0 + 1e-12


def test_light_passes_as_much_from_the_other_side():
    split = SplitResonance(RING, 0.05, 0.02 + 0.01j)
    back = split.reversed()
    np.testing.assert_array_equal(back.through(DETUNING), split.through(DETUNING))
    np.testing.assert_array_equal(back.drop(DETUNING), split.drop(DETUNING))
    # What is reflected need not be the same: the scattering may be stronger one way.
    ratio = back.reflection(DETUNING) / split.reflection(DETUNING)
    np.testing.assert_allclose(ratio, abs(0.05 / (0.02 + 0.01j)) ** 2, rtol=1e-12)
    twice = SplitResonance(RING, 0.05 + 0.02j).reversed().reversed()
    assert complex(twice.into_forward) == 0.05 + 0.02j and complex(twice.into_backward) == 0.05 - 0.02j


def test_no_scattering_leaves_the_resonator_as_it_is():
    split = SplitResonance(RING, 0.0)
    np.testing.assert_array_equal(split.through(DETUNING), RING.through(DETUNING))
    np.testing.assert_array_equal(split.drop(DETUNING), RING.drop(DETUNING))
    assert not np.any(split.reflected(DETUNING))
    assert float(split.splitting) == 0.0
    np.testing.assert_array_equal(split.bandwidths, RING.bandwidth)
    for one, other in ((0.0, 0.0), (0.0, 0.04)):
        through, reflected, (forward, _) = driven(one, other, DETUNING)
        expected, inside = RING.drive(DETUNING, 3.0)
        np.testing.assert_allclose(through, expected, rtol=1e-13)
        np.testing.assert_allclose(forward, inside, rtol=1e-13)
        assert np.any(reflected) == (other != 0.0)


def test_a_doublet_has_its_depths():
    """b real: in the middle 1 - (2 / tau_e tau) / (1/tau^2 + b^2); each half that of the mean of two lines."""
    b, rate = 0.3, float(RING.rate)
    split = SplitResonance(RING, b)
    assert float(split.splitting) == pytest.approx(2 * b / (2 * math.pi), rel=1e-14)
    np.testing.assert_allclose(split.bandwidths, float(RING.bandwidth), rtol=1e-14)
    depth = 2 / 30.0
    assert complex(split.through(0.0)) == pytest.approx(1 - depth * rate / (rate**2 + b**2), rel=1e-14)
    assert abs(split.reflected(0.0)) == pytest.approx(depth * b / (rate**2 + b**2), rel=1e-14)
    for side in (-0.5, 0.5):
        at = side * float(split.splitting)
        half = 0.5 * depth * (1 / rate + 1 / (rate - 4j * math.pi * at))
        assert complex(split.through(at)) == pytest.approx(1 - half, rel=1e-13)
    # Apart by much, each half has half of the depth in amplitude and its own minimum.
    fine = np.linspace(-0.1, 0.1, 20001)
    least = fine[np.argmin(split.transmission(fine))]
    assert abs(least) == pytest.approx(0.5 * float(split.splitting), rel=0.01)


def test_lossy_scattering_makes_one_half_wider():
    split = SplitResonance(RING, 0.05, 0.03 - 0.02j)
    matrix = np.array([[0.0, 0.05j], [1j * (0.03 - 0.02j), 0.0]]) - float(RING.rate) * np.eye(2)
    values = np.linalg.eigvals(matrix)
    values = values[np.argsort(-values.imag)]
    assert float(split.splitting) == pytest.approx(abs(np.diff(values.imag)[0]) / (2 * math.pi), rel=1e-12)
    # d = f - f0 and exp(-i w t): an eigenvalue i r of the middle stands at the frequency -r / 2 pi.
    np.testing.assert_allclose(split.bandwidths, -values.real / math.pi, rtol=1e-12)


@pytest.mark.parametrize("couplings", COUPLINGS)
def test_time_is_that_of_the_matrix_exponential_at_any_step(couplings):
    """Constant rates, steps of 3 ps, from the steady state, from nothing and from light in both directions."""
    b12, b21 = complex(couplings[0]), np.conj(couplings[0]) if couplings[1] is None else complex(couplings[1])
    rate = 2j * np.pi * 0.01 - float(RING.rate)
    matrix = np.array([[rate, 1j * b12], [1j * b21, rate]])
    steady = -np.linalg.solve(matrix, [1j * math.sqrt(2 / 30.0), 0.0])
    np.testing.assert_allclose(SplitResonance(RING, b12, b21).amplitudes(0.01), steady, rtol=1e-13, atol=1e-16)
    step = expm(3.0 * matrix)
    for start in (None, (0.0, 0.0), (0.3 + 0.1j, -0.2j)):
        _, _, found = driven(b12, b21, np.full(60, 0.01), 3.0, start)
        expected = [steady if start is None else np.array(start)]
        for _ in range(59):
            expected.append(steady + step @ (expected[-1] - steady))
        np.testing.assert_allclose(np.stack(found, axis=1), expected, atol=2e-14)


def test_the_settled_time_domain_is_the_frequency_domain():
    for b12, b21 in ((0.05, 0.02), (0.0, 0.03), (0.3, 0.3)):
        split = SplitResonance(RING, b12, b21)
        through, reflected, _ = driven(b12, b21, np.full(60, 0.02), 10.0, (0.0, 0.0))
        assert abs(through[-1] - split.through(0.02)) < 1e-10
        assert abs(reflected[-1] - split.reflected(0.02)) < 1e-10


def test_a_moving_doublet_is_that_of_an_adaptive_integrator():
    """A detuning that moves over the doublet; the error falls with the fourth power of the step."""
    b12, b21, u = 0.06 + 0.01j, 0.05, np.array([1j * math.sqrt(2 / 30.0), 0.0])
    coupling = np.array([[0.0, 1j * b12], [1j * b21, 0.0]]) - float(RING.rate) * np.eye(2)

    def detuning(t):
        return 0.015 * np.sin(0.2 * t) + 0.005

    def slope(t, state):
        return coupling @ state + 2j * np.pi * detuning(t) * state + u

    start, errors = np.array(SplitResonance(RING, b12, b21).amplitudes(detuning(0.0))), []
    for step in (2.0, 1.0):
        t = step * np.arange(60)
        exact = solve_ivp(slope, (0, t[-1]), start, "DOP853", t, rtol=1e-11, atol=1e-13).y
        _, _, found = driven(b12, b21, detuning(t), step)
        errors.append(np.max(np.abs(np.stack(found) - exact)))
    assert errors[1] < 3e-5
    assert np.log2(errors[0] / errors[1]) > 3.5


@jax.jit
def outputs(rates):
    """Last samples out of a resonance with b12, b21 = rates[0] + i rates[1], rates[2] + i rates[3]."""
    pair = jax.lax.complex(rates[0], rates[1]), jax.lax.complex(rates[2], rates[3])
    detuning = 0.01 + 0.005 * np.sin(0.3 * np.arange(40))
    through, reflected, _ = SplitResonance(RING, *pair).drive(detuning, 1.5)
    return jnp.stack([through[-1].real, through[-1].imag, reflected[-1].real, reflected[-1].imag])


slopes = jax.jit(jax.jacrev(outputs))


@pytest.mark.slow
@pytest.mark.parametrize("rates", [[0.03, 0.01, 0.03, -0.02], [0.0, 0.0, 0.03, 0.01], [0.0] * 4])
def test_derivatives_at_and_off_the_exceptional_point(rates):
    def difference(step):
        sides = [np.stack([outputs(np.array(rates) + side * unit) for unit in np.eye(4)], 1) for side in (step, -step)]
        return (sides[0] - sides[1]) / (2.0 * step)

    # Extrapolated to a step of zero.
    expected = (4.0 * difference(5e-5) - difference(1e-4)) / 3.0
    np.testing.assert_allclose(slopes(np.array(rates)), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_both_ways_to_sum_meet():
    """At the radius where the series takes over: no jump in the values, nor in the derivatives."""
    radius = float(RING.rate) * np.finfo(float).eps ** (1 / 13)
    sides = [np.array([radius**2 / 0.03 * (1 + side), 0.0, 0.03, 0.0]) for side in (-1e-12, 1e-12)]
    np.testing.assert_allclose(*(outputs(each) for each in sides), rtol=0, atol=1e-13)
    np.testing.assert_allclose(*(slopes(each) for each in sides), rtol=0, atol=1e-9)


def test_the_steady_state_has_derivatives_everywhere(assert_gradient):
    def numbers(leaves):
        b = leaves["b"]
        resonator = Resonator(leaves["times"][0], leaves["times"][1], leaves["times"][2])
        split = SplitResonance(resonator, jax.lax.complex(b[0], b[1]), jax.lax.complex(b[2], b[3]))
        parts = [split.transmission(leaves["d"]), split.reflection(leaves["d"]), jnp.abs(split.add(leaves["d"]))]
        return jnp.stack([*parts, split.splitting, *split.bandwidths])

    times = np.array([30.0, 40.0, 60.0])
    assert_gradient(numbers, {"b": np.array([0.05, 0.01, 0.03, 0.02]), "times": times, "d": 0.01})
    at_point = jax.jacrev(numbers)({"b": jnp.array([0.0, 0.0, 0.03, 0.0]), "times": jnp.asarray(times), "d": 0.0})
    assert all(np.all(np.isfinite(each)) for each in jax.tree.leaves(at_point))


def test_ports_that_are_not_there_have_derivatives():
    for port in ("drop", "add"):
        slope = jax.grad(
            lambda t, port=port: jnp.abs(getattr(SplitResonance(Resonator(30.0, 40.0, t), 0.05), port)(0.01))
        )
        assert float(slope(jnp.inf)) == 0.0


def test_a_loss_that_falls_must_still_take_what_scattering_gives():
    # At the limit it passes, and nothing is gained; a coupling that conserves energy needs no loss.
    detuning = np.full(60, 0.01)
    for rates, least in (((0.05, 0.03), 0.01), ((0.05, None), 0.0)):
        through, reflected, _ = SplitResonance(RING, *rates).drive(detuning, 3.0, loss_rate=np.full(60, least))
        assert np.max(np.abs(through) ** 2 + np.abs(reflected) ** 2) <= 1.0 + 1e-9


@pytest.mark.slow
def test_resonances_batch():
    rates = jnp.array([0.0, 0.0, 0.05, 0.0])
    found = jax.vmap(outputs)(jnp.stack([0.0 * rates, rates, 2.0 * rates]))
    np.testing.assert_allclose(found[1], outputs(rates), rtol=1e-12)
    assert np.max(np.abs(found[0, 2:])) < 1e-16
    # With derivatives, at exceptional points too.
    batch = jnp.stack([0.0 * rates, rates])
    np.testing.assert_allclose(jax.vmap(jax.jacrev(outputs))(batch)[0], slopes(batch[0]), atol=1e-10)


@pytest.mark.slow
def test_sources_and_starts_batch_and_add_up():
    split = SplitResonance(RING, 0.05, 0.02)
    starts = (np.array([0.0, 0.2]), np.array([[0.1j], [0.0], [0.3]]))
    source = np.array([1.0, 2.0])[:, None] * np.ones(60)
    found = split.drive(DETUNING, 3.0, source, start=starts)
    assert found[0].shape == found[2][1].shape == (3, 2, 60)
    _, _, driven_only = driven(0.05, 0.02, DETUNING, 3.0, (0.0, 0.0))
    _, _, forward = driven(0.05, 0.02, DETUNING, 3.0, (0.2, 0.0))
    _, _, backward = driven(0.05, 0.02, DETUNING, 3.0, (0.0, 0.3))
    for k in range(2):
        expected = forward[k] + backward[k]
        np.testing.assert_allclose(found[2][k][2, 1], expected, atol=1e-13)
        np.testing.assert_allclose(found[2][k][1, 0], driven_only[k], atol=1e-13)
    again = split.drive(DETUNING, 3.0, source)
    np.testing.assert_allclose(again[1][1], 2.0 * driven(0.05, 0.02, DETUNING)[1], rtol=1e-12)


@pytest.mark.parametrize("regime", ["under", "over"])
def test_a_fitted_doublet_has_the_line_that_the_fit_has(regime):
    t, a = (0.9990, 0.9985) if regime == "under" else (0.9985, 0.9990)
    p, split, trip, frequency = t * a, 0.004, 0.8, 299.792458 / 1.55
    g = (1 - p) / (2 * math.sqrt(p))
    values = dict.fromkeys((field.name for field in dataclasses.fields(Resonance)), 0.0)
    values |= {"wl": 1.55, "q": math.pi * frequency * trip / (2 * g), "round_trip": p, "difference": 0.0005}
    values |= {"splitting": 1.55 / frequency * 2 * split / (2 * math.pi * trip), "split_regime": regime}
    found = SplitResonance.of_fit(Resonance(**values))
    assert float(found.splitting) == pytest.approx(2 * split / (2 * math.pi * trip), rel=1e-12)
    assert float(found.resonator.input_time) == pytest.approx(-trip / math.log(t), rel=1e-9)
    assert float(found.resonator.loss_time) == pytest.approx(-trip / math.log(a), rel=1e-9)
    phase = np.linspace(-0.02, 0.02, 101)
    line, _, _ = _double(phase, math.log(g), (t - a) / (1 - p), split)
    # To a part of one over the finesse, some 1200.
    np.testing.assert_allclose(found.transmission(phase / (2 * math.pi * trip)), line, atol=2e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SplitResonance(0.1, 0.1), "resonator = 0.1 is not of the kind Resonator"),
        (lambda: SplitResonance(RING, np.nan), "into_forward = nan rad/ps is outside the finite numbers"),
        (lambda: SplitResonance(RING, 0.1, np.inf), "into_backward = inf rad/ps is outside the finite numbers"),
        (
            lambda: SplitResonance(RING, 0.05, 0.05j),
            r"conj\(into_backward\)\| = 0.0707107 rad/ps is outside \[0, 2 / loss_time\] = \[0, 0.05\]",
        ),
        (lambda: SplitResonance(Resonator(10.0), 0.05, 0.04), "gives light that no loss takes"),
        (
            lambda: SplitResonance(RING, 0.05, 0.03).drive(DETUNING, 1.0, loss_rate=np.linspace(0.02, 0.005, 60)),
            r"conj\(into_backward\)\| = 0.02 rad/ps is outside \[0, 2 min\(loss_rate\)\] = \[0, 0.01\]",
        ),
        (lambda: SplitResonance.of_splitting(RING, -0.1), r"splitting = -0.1 THz is outside \[0, inf\)"),
        (lambda: SplitResonance.of_fit(0.1), "fit = 0.1 is not of the kind Resonance"),
        (lambda: SplitResonance(RING, np.array([0.1, 0.2])).drive(DETUNING, 1.0), r"into_forward of shape \(2,\) is"),
        (lambda: SplitResonance(RING, 0.1).drive(DETUNING, 0.0), "step = 0 ps is outside"),
        (lambda: SplitResonance(RING, 0.1).through(np.nan), "detuning = nan THz is outside"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_single_precision(float32):
    @jax.jit
    def settled(b12, b21):
        split = SplitResonance(Resonator(30.0, 40.0, 60.0), b12, b21)
        through, reflected, _ = split.drive(np.full(60, 0.01), 10.0, start=(0.0, 0.0))
        return (through[-1], reflected[-1]), (split.through(0.01), split.reflected(0.01))

    for b12, b21 in ((0.0, 0.04), (0.05, 0.03)):
        found, expected = settled(b12, b21)
        assert found[0].dtype == np.complex64
        np.testing.assert_allclose(found, expected, rtol=2e-5)
