"""Drift: closed forms, the sum over media, integration over temperature, athermal rates, gradients."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from photonics_core import (
    SILICA,
    SILICON,
    AllPassRing,
    CrossSection,
    GuideDrift,
    PointCoupler,
    drift_pm_k,
    fundamental_mode,
    silicon_expansion,
    walk_off_pm,
)

SHARES, MEDIA = (1.067, 0.239), (SILICON, SILICA)
WIRE = GuideDrift(SHARES, MEDIA, 2.446, 4.191, 1.55)


def is_medium(node):
    return node is SILICON or node is SILICA


@functools.cache
def mode():
    return fundamental_mode(CrossSection.strip(0.5, 0.22), 1.55, accuracy="fast")


def test_the_figure_of_a_silicon_ring():
    assert float(drift_pm_k(1.55, 4.0, 1.86e-4)) == pytest.approx(72.075, rel=1e-14)
    # The length that expands adds n_eff alpha.
    assert float(drift_pm_k(1.55, 4.0, 1.86e-4, 2.4, 2.6e-6)) == pytest.approx(72.075 + 1.55 / 4 * 2.4 * 2.6, rel=1e-13)


def test_it_is_the_weighted_sum_of_the_media():
    at = 1.55, 320.0
    rate = sum(s * float(m.thermo_optic(*at)) for s, m in zip(SHARES, MEDIA, strict=True))
    assert float(WIRE.thermo_optic(*at)) == pytest.approx(rate, rel=1e-13)
    bare = GuideDrift(SHARES, MEDIA, 2.446, 4.191, 1.55, 0.0)
    growth = 1e6 * 1.55 / 4.191 * 2.446 * float(silicon_expansion(300.0))
    assert float(WIRE.drift_pm_k() - bare.drift_pm_k()) == pytest.approx(growth, rel=1e-10)
    # Numbers, functions and materials are told apart.
    mixed = GuideDrift(SHARES, (lambda wl, t: 1e-4 + 1e-7 * (t - 300.0) + 0.0 * wl, 1e-5), 2.446, 4.191, 1.55)
    assert float(mixed.thermo_optic(temperature=310.0)) == pytest.approx(1.067 * 1.01e-4 + 0.239e-5, rel=1e-13)


@pytest.mark.slow
def test_of_a_solved_mode():
    guide = GuideDrift.of_mode(mode())
    assert 60.0 < float(guide.drift_pm_k()) < 90.0
    assert float(jnp.sum(guide.sensitivities)) > 1.2
    deposited = GuideDrift.of_mode(mode(), {1: 0.95e-5})
    more = 1e6 * 1.55 / float(guide.n_g) * float(guide.sensitivities[1]) * (0.95e-5 - 8.5e-6)
    assert float(deposited.drift_pm_k() - guide.drift_pm_k()) == pytest.approx(more, rel=1e-9)


def test_large_shifts_follow_the_equation():
    """d wl / dT = wl (dn_eff/dT + n_eff alpha) / n_g, by another solver."""

    @jax.jit
    def slope(t, wl):
        wl = wl[0]
        rise = sum(s * (m.index(wl, t) - m.index(wl, 300.0)) for s, m in zip(SHARES, MEDIA, strict=True))
        group = sum(s * (m.group_index(wl, t) - m.group_index(wl, 300.0)) for s, m in zip(SHARES, MEDIA, strict=True))
        n_eff = 2.446 + (2.446 - 4.191) * (wl - 1.55) / 1.55 + rise
        rate = WIRE.thermo_optic(wl, t) + n_eff * silicon_expansion(t)
        return wl[None] * rate / (4.191 + group)

    exact = (
        solve_ivp(
            lambda t, wl: np.asarray(slope(t, wl)), (273.15, 358.15), [1.55], method="DOP853", rtol=1e-12, atol=1e-14
        ).y[0, -1]
        - 1.55
    )
    assert float(WIRE.shift_pm(273.15, 358.15)) == pytest.approx(1e6 * exact, rel=1e-8)


def test_shifts_add_up_and_go_back():
    first = WIRE.shift_pm(273.15, 310.0)
    rest = WIRE.shift_pm(310.0, 358.15, 1.55 + 1e-6 * first)
    assert float(first + rest) == pytest.approx(float(WIRE.shift_pm(273.15, 358.15)), rel=1e-9)
    assert float(WIRE.shift_pm(310.0, 273.15, 1.55 + 1e-6 * first)) == pytest.approx(-float(first), rel=1e-9)
    assert WIRE.shift_pm(300.0, np.linspace(273.15, 358.15, 5)).shape == (5,)
    assert float(WIRE.shift_pm(300.0, 300.0)) == 0.0


def test_a_constant_rate_misses_part_of_the_shift():
    """Opt. Express 27, 27229 (2019): up to 10 % between 22 and 80 degrees Celsius."""
    low, high = 295.15, 353.15
    for wl in (1.31, 1.55):
        silicon = GuideDrift((1.0,), (SILICON,), 3.5, 3.7, wl, 0.0)
        flat = GuideDrift((1.0,), (float(SILICON.thermo_optic(1.55, low)),), 3.5, 3.7, wl, 0.0)
        missed = 1.0 - float(flat.shift_pm(low, high) / silicon.shift_pm(low, high))
        assert 0.02 < missed < 0.10


def test_rings_drift_as_the_guide():
    index = WIRE.linear_index(300.0)
    ring = AllPassRing(10.0, PointCoupler(0.1), index)
    assert float(ring.drift_pm_k(1.55)) == pytest.approx(float(WIRE.drift_pm_k()), rel=1e-9)
    # The slope is that of the optical length: besides those of dn/dT and of the expansion, index and length grow both.
    rate = float(WIRE.thermo_optic())
    slope = (WIRE.thermo_optic(temperature=301.0) - WIRE.thermo_optic(temperature=299.0)) / 2.0
    growth = 2.446 * float(silicon_expansion(301.0) - silicon_expansion(299.0)) / 2.0
    both = float(silicon_expansion(300.0)) * (2.0 * rate + 2.446 * float(silicon_expansion(300.0)))
    assert float(index.thermo_optic_slope) == pytest.approx(float(slope) + growth + both, rel=1e-5)


@pytest.mark.parametrize("temperature", [273.15, 350.0])
def test_index_models_about_any_temperature_have_their_resonances_at_one_place(temperature):
    """A model about 350 K with the indices of 300 K is 3.9 nm off."""
    about = {t: AllPassRing(10.0, PointCoupler(0.1), WIRE.linear_index(t)) for t in (300.0, temperature)}
    start = float(about[300.0].resonance(1.55, 300.0))
    shift = float(WIRE.shift_pm(300.0, temperature, start))
    there = float(about[temperature].resonance(start + 1e-6 * shift, temperature))
    assert 1e6 * (there - start) == pytest.approx(shift, abs=0.05)
    drift = float(WIRE.drift_pm_k(1.55, temperature))
    assert float(about[temperature].drift_pm_k(1.55, temperature)) == pytest.approx(drift, rel=1e-10)


def test_rates_that_grow_are_integrated():
    """The rise of the index of dn/dT = a (T - 300)^2 is a third of its value times the rise of temperature."""
    guide = GuideDrift((1.0,), (lambda wl, t: 1e-8 * (t - 300.0) ** 2 + 0.0 * wl,), 2.4, 4.0, 1.55, 0.0)
    rise = float(guide.linear_index(360.0).n_eff) - 2.4
    assert rise == pytest.approx(1e-8 * 60.0**3 / 3.0, rel=1e-9)


def test_the_athermal_rate_stops_the_drift():
    for temperature in (280.0, 300.0, 340.0):
        rate = WIRE.athermal_rate(1, temperature=temperature)
        assert -1.5e-3 < float(rate) < -5e-4
        still = GuideDrift(SHARES, (SILICON, rate), 2.446, 4.191, 1.55)
        # The rise of n_eff since 300 K differs between the two claddings, and n_eff alpha with it, by 1e-9 / K.
        assert abs(float(still.drift_pm_k(temperature=temperature))) < 2e-2
    assert abs(float(GuideDrift(SHARES, (SILICON, WIRE.athermal_rate(1)), 2.446, 4.191, 1.55).drift_pm_k())) < 1e-10


def test_walk_off_of_a_ring_from_its_laser():
    ring = WIRE.shift_pm(300.0, 320.0)
    assert float(walk_off_pm(ring, 0.0, 20.0)) == float(ring)
    assert float(walk_off_pm(ring, 100.0, 20.0)) == pytest.approx(float(ring) - 2000.0, rel=1e-12)


def test_derivatives(assert_gradient):
    def shift(tree):
        guide = GuideDrift(tree["s"], (SILICON, tree["rate"]), tree["n"], tree["g"], tree["wl"])
        return jnp.stack([guide.shift_pm(280.0, tree["t"]), guide.athermal_rate(1) * 1e6])

    tree = {"s": np.array(SHARES), "rate": 1e-5, "n": 2.446, "g": 4.191, "wl": 1.55, "t": 340.0}
    assert_gradient(shift, tree, rtol=1e-6)


@pytest.mark.slow
def test_float32(float32):
    guide = GuideDrift(SHARES, MEDIA, 2.446, 4.191, 1.55)
    shift = guide.shift_pm(273.15, 358.15)
    assert shift.dtype == jnp.float32
    assert float(shift) == pytest.approx(6580.0, rel=3e-3)
    assert np.isfinite(float(jax.grad(lambda t: guide.shift_pm(300.0, t))(300.0)))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"sensitivities of shape \(3,\) are not one for each medium"):
        GuideDrift((1.0, 0.2, 0.1), MEDIA, 2.4, 4.2, 1.55)
    with pytest.raises(ValueError, match=r"temperature = 450 K is outside \[250, 400\]"):
        WIRE.drift_pm_k(temperature=450.0)
    with pytest.raises(ValueError, match=r"wl = 1.1 um is outside \[1.2, 3.71\]"):
        WIRE.drift_pm_k(1.1)
    with pytest.raises(ValueError, match="medium = 2 is outside"):
        WIRE.athermal_rate(2)
    with pytest.raises(ValueError, match=r"wl = 1550 um is outside \[0.2, 20\]"):
        drift_pm_k(1550.0, 4.0, 1.86e-4)
    with pytest.raises(ValueError, match="thermo_optic = 186 1/K is outside"):
        drift_pm_k(1.55, 4.0, 186.0)
    with pytest.raises(ValueError, match=r"media\[1\] = 8.5 1/K is outside"):
        GuideDrift(SHARES, (SILICON, 8.5), 2.446, 4.191, 1.55)
    with pytest.raises(ValueError, match="expansion = 2.6 1/K is outside"):
        GuideDrift(SHARES, MEDIA, 2.446, 4.191, 1.55, 2.6)
    with pytest.raises(ValueError, match="n_g = 0 is outside"):
        drift_pm_k(1.55, 0.0, 1e-4)
    plain = eqx.tree_at(lambda mode: mode.section.media, mode(), (np.asarray(3.48), SILICA), is_leaf=is_medium)
    with pytest.raises(ValueError, match=r"medium 0 of the mode has no dn/dT of its own: give rates=\{0: ...\}"):
        GuideDrift.of_mode(plain)
    with pytest.raises(ValueError, match="number of a medium in rates = 5 is outside"):
        GuideDrift.of_mode(plain, {5: 1e-5})
