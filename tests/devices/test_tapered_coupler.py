"""Couplers that change along the way: closed forms, Landau and Zener, reciprocity, gradients, local supermodes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import TaperedCoupler, expand_modes, local_modes, pair_section
from photonics_core.kernels.eigenmodes import Walls

WL = jnp.array([1.5, 1.55, 1.6])


def sweep(kappa, reach, length, **options):
    """Constant coupling, the detuning from -reach to reach."""
    return TaperedCoupler(np.log([[kappa]]), [[0.0], [reach]], length, **options)


def test_a_uniform_one_is_a_directional_coupler():
    length, kappa, delta = 23.0, 0.05, 0.03
    coupler = TaperedCoupler(np.log([[kappa]]), [[delta]], length, steps=1)
    total = np.hypot(kappa, delta)
    crossed = (kappa / total * np.sin(total * length)) ** 2
    np.testing.assert_allclose(coupler.scattering(WL).power("in", "cross"), crossed, rtol=1e-13)


def test_a_slow_sweep_crosses_by_landau_and_zener():
    kappa, reach = 0.02, 4.0
    for length in (1000.0, 4000.0):
        left = 1.0 - sweep(kappa, reach, length, steps=20_000).scattering(1.55).power("in", "cross")
        # Ends at finite detuning add kappa / (2 delta) in amplitude.
        expected = np.exp(-np.pi * kappa**2 * length / (2 * reach))
        np.testing.assert_allclose(left, expected, atol=2 * np.sqrt(expected) * kappa / reach + (kappa / reach) ** 2)


def test_power_is_kept_and_ways_are_equal():
    coupler = TaperedCoupler(np.log([[0.05], [0.6]]), [[0.02], [0.04], [0.01]], 40.0)
    values = np.asarray(coupler.scattering(WL).values)
    np.testing.assert_allclose(values, np.swapaxes(values, -1, -2), atol=1e-15)
    np.testing.assert_allclose(values @ np.conj(values), np.broadcast_to(np.eye(4), values.shape), atol=1e-13)
    z, amplitudes = coupler.amplitudes_along(1.55)
    powers = np.abs(amplitudes) ** 2
    np.testing.assert_allclose(np.sum(powers, axis=1), 1.0, atol=1e-13)
    np.testing.assert_allclose(powers[-1, 1], coupler.scattering(1.55).power("in", "cross"), rtol=1e-12)
    assert z[-1] == 40.0


@pytest.mark.slow
def test_steps_are_of_fourth_order():
    def crossed(steps):
        return float(sweep(0.05, 0.2, 100.0, steps=steps).scattering(1.55).power("in", "cross"))

    exact = crossed(4000)
    errors = [abs(crossed(steps) - exact) for steps in (40, 80)]
    assert 3.7 < np.log2(errors[0] / errors[1]) < 4.3


def test_adiabaticity_says_whether_light_follows():
    assert float(sweep(0.05, 0.2, 10.0).adiabaticity(1.55)) > 1.0
    slow = sweep(0.05, 0.2, 1000.0)
    # At the middle d(theta)/dz = 2 reach / (kappa L), beside 2 kappa.
    assert float(slow.adiabaticity(1.55)) == pytest.approx(0.2 / (0.05**2 * 1000.0), rel=1e-3)


@pytest.mark.slow
def test_gradients_are_those_of_differences():
    place = jnp.linspace(0.0, 1.0, 41)

    def crossed(numbers, bend):
        coupler = TaperedCoupler(numbers[:1, None], numbers[1:3, None], numbers[3], place + bend * place * (1 - place))
        return coupler.scattering(1.55).power("in", "cross")

    at, step = jnp.array([jnp.log(0.05), 0.01, 0.08, 60.0]), 1e-5
    exact, bend = jax.grad(crossed, argnums=(0, 1))(at, 0.3)
    for k, one in enumerate(np.eye(4)):
        difference = (crossed(at + step * one, 0.3) - crossed(at - step * one, 0.3)) / (2 * step)
        np.testing.assert_allclose(exact[k], difference, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(bend, (crossed(at, 0.3 + step) - crossed(at, 0.3 - step)) / (2 * step), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sweep(0.05, 0.2, -1.0), "length = -1 um is outside"),
        (lambda: sweep(0.05, 0.2, 10.0, profile=[0.0, 1.2]), r"profile = 1.2 is outside \[0, 1\]"),
        (lambda: sweep(0.05, 0.2, [1.0, 2.0]), r"length of shape \(2,\) is not a number"),
        (lambda: sweep(0.05, 0.2, 10.0, wl_range=(1.6, 1.5)), "longest wavelength = 1.5 um is outside"),
        (lambda: TaperedCoupler([0.0], [[0.0]], 1.0), r"coupling of shape \(1,\) is not"),
        (lambda: sweep(0.05, 0.2, 10.0).scattering(1.7), r"wl = 1.7 um is outside"),
        (lambda: TaperedCoupler.solve((0.5, 0.4), (0.4, 0.5), -0.2, 50.0), r"gap\[0\] = -0.2 um is outside"),
        (lambda: TaperedCoupler.solve((0.5,), (0.4, 0.5), 0.2, 50.0), "number of values in first = 1 is outside"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("argument", "message", "call"),
    [
        (1.7, r"wl is outside \[1.5, 1.6\] um", lambda wl: sweep(0.05, 0.2, 10.0).local(0.5, wl)[0]),
        (1.7, r"wl is outside", lambda wl: sweep(0.05, 0.2, 10.0).scattering(wl).values),
        (
            1.2,
            "place is outside",
            lambda end: sweep(0.05, 0.2, 9.0, profile=jnp.stack([0.0 * end, end])).adiabaticity(WL[0]),
        ),
    ],
)
def test_what_is_outside_stops_a_compiled_function(argument, message, call):
    with pytest.raises(Exception, match=message):
        jax.block_until_ready(jax.jit(call)(argument))


def test_the_ends_of_the_band_belong_to_it(float32):
    coupler = sweep(0.05, 0.2, 10.0, wl_range=(1.5, 1.6))
    assert np.all(np.isfinite(coupler.scattering(jnp.array([1.5, 1.6])).values))


@pytest.mark.slow
def test_geometry_agrees_with_local_supermodes():
    """Widths that swap: guides 480 and 420 nm wide become 420 and 480; TE at a gap of 200 nm."""
    first, second, gap, length = (0.48, 0.42), (0.42, 0.48), 0.2, 100.0
    coupler = TaperedCoupler.solve(first, second, gap, length, core=3.476, cladding=1.444, wl=(1.54, 1.56))
    place = np.linspace(0.0, 1.0, 33)
    sections = [
        pair_section(
            [first[0] + (first[1] - first[0]) * s, second[0] + (second[1] - second[0]) * s], 0.22, gap, 3.476, 1.444
        )
        for s in place
    ]
    local = local_modes(expand_modes(sections, 1.55, count=2, symmetry=Walls(bottom="magnetic")), place)
    half = 0.5 * (local.beta[:, 0] - local.beta[:, 1]).real
    kappa, delta = coupler.local(place, 1.55)
    np.testing.assert_allclose(half, jnp.hypot(kappa, delta), rtol=0.02)
    # From guides to supermodes and back, by the mixing at the ends.
    angles = -0.5 * np.arctan2(kappa, delta)[[0, -1]]
    start, end = (np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]]) for t in angles)
    between = end.T @ np.asarray(local.propagator(np.linspace(0.0, 1.0, 401), length)) @ start
    assert abs(between[1, 0]) ** 2 == pytest.approx(float(coupler.scattering(1.55).power("in", "cross")), abs=0.005)
    np.testing.assert_allclose(delta, -delta[::-1], rtol=1e-6, atol=1e-9)
