import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import LinearIndex, Waveguide
from photonics_core.devices.grating import BraggGrating, FabryPerot
from photonics_core.units import SPEED_OF_LIGHT

INDEX = LinearIndex(n_eff=2.433, n_g=4.18, wl0=1.547, thermo_optic=1.9e-4)
WL = np.linspace(1.537, 1.557, 401)


def uniform(coupling=0.02, periods=500, index=INDEX) -> BraggGrating:
    return BraggGrating(index, (periods,), 0.318, coupling)


def test_bragg_wavelength_solves_its_equation_and_drifts_as_a_resonance_does():
    grating = uniform()
    wl = grating.bragg_wavelength(1.55)
    np.testing.assert_allclose(wl, 2 * INDEX.effective_index(wl) * 0.318, rtol=1e-14)
    slope = jax.grad(lambda t: grating.bragg_wavelength(1.55, t))(300.0)
    np.testing.assert_allclose(slope, wl / INDEX.group_index(wl) * 1.9e-4, rtol=1e-12)


def test_peak_reflection_is_tanh_squared():
    wl = uniform().bragg_wavelength(1.55)
    np.testing.assert_allclose(jnp.abs(uniform().reflection(wl[None])) ** 2, np.tanh(0.02 * 159) ** 2, rtol=1e-12)


def test_stop_band_ends_at_the_first_zeros():
    grating = uniform(0.05)
    centre, band = float(grating.bragg_wavelength(1.55)), float(grating.stop_band(1.55))
    for side in (-1, 1):
        near = centre + side * band / 2 * np.linspace(0.97, 1.03, 2001)
        power = np.abs(grating.reflection(near)) ** 2
        assert power.min() < 1e-4
        np.testing.assert_allclose(near[power.argmin()], centre + side * band / 2, atol=0.01 * band)


def test_a_weak_grating_reflects_the_fourier_transform_of_its_profile():
    """First Born approximation: r = i kappa L sinc(delta L / pi) exp(i delta L)."""
    grating = uniform(1e-6)
    detuning = 2 * np.pi * np.asarray(INDEX.effective_index(WL)) / WL - np.pi / 0.318
    born = 1j * 1e-6 * 159 * np.sinc(detuning * 159 / np.pi) * np.exp(1j * detuning * 159)
    np.testing.assert_allclose(grating.reflection(WL), born, atol=1e-10)


def test_far_from_the_band_it_is_a_waveguide():
    """Amplitude, carrier included, and delay are those of the plain guide."""
    plain = Waveguide(0.318 * 500, INDEX)
    wl = np.linspace(1.50, 1.51, 5)
    np.testing.assert_allclose(uniform(0.0).transmission(wl), plain.transmission(wl), atol=1e-10)
    np.testing.assert_allclose(uniform(0.0).transmission_delay(wl), plain.delay(wl), rtol=1e-9)


def test_loss_takes_power_and_the_reflected_wave_less_of_it():
    index = LinearIndex(n_eff=2.433, n_g=4.18, wl0=1.547, loss_db_cm=30.0)
    s = uniform(index=index).scattering(WL)
    assert float(s.passivity_residual()) <= 1e-12
    far = uniform(0.0, index=index).transmission(WL)
    np.testing.assert_allclose(-20 * np.log10(np.abs(far)), 30.0 * 159e-4, rtol=1e-9)


def test_delay_of_reflection_is_that_of_a_mirror_inside():
    """On the Bragg wavelength of a strong grating light turns after 1 / (2 kappa): delay n_g / (c kappa)."""
    grating = uniform(0.1)
    wl = grating.bragg_wavelength(1.55)
    np.testing.assert_allclose(grating.reflection_delay(wl[None])[0], 4.18 / SPEED_OF_LIGHT / 0.1, rtol=2e-3)


def test_apodisation_lowers_the_side_lobes():
    flat = uniform(0.02, 1000)
    smooth = BraggGrating.apodised(INDEX, 1000, 0.318, 0.03, lambda x: np.cos(np.pi * x / 2) ** 2, 50)
    assert float(smooth.side_lobe_db(WL)) < float(flat.side_lobe_db(WL)) - 10


@pytest.mark.slow
def test_chirp_widens_the_band_and_spreads_the_delay():
    chirped = BraggGrating.chirped(INDEX, 2000, 0.3170, 0.3190, 0.02, 100)
    power = np.abs(chirped.reflection(WL)) ** 2
    assert np.sum(power > 0.5) > 1.5 * np.sum(np.abs(uniform(0.02, 2000).reflection(WL)) ** 2 > 0.5)
    delay = np.asarray(chirped.reflection_delay(np.linspace(1.545, 1.549, 81)))
    # The period grows along the grating, so longer wavelengths turn back further in.
    assert np.polyfit(np.arange(81), delay, 1)[0] > 0


def test_sampling_repeats_the_band_at_the_beat_of_its_period():
    sampled = BraggGrating.sampled(INDEX, 0.318, 0.004, on=100, off=300, repeats=12)
    wl = np.linspace(1.530, 1.564, 3401)
    power = np.abs(sampled.reflection(wl)) ** 2
    peaks = [i for i in range(50, 3350) if power[i] == power[i - 50 : i + 51].max() and power[i] > 0.2]
    spacing = np.mean(np.diff(wl[peaks]))
    np.testing.assert_allclose(spacing, 1.547**2 / (2 * 4.18 * 400 * 0.318), rtol=0.03)


def test_fabry_perot_is_lossless_and_resonates_a_free_spectral_range_apart():
    grating = uniform(0.05, 60)
    cavity = FabryPerot(grating, Waveguide(200.0, INDEX), grating)
    s = cavity.scattering(np.linspace(1.540, 1.554, 4001))
    assert float(s.unitarity_residual()) < 1e-12
    power = np.asarray(s.power("in", "out"))
    peaks = [i for i in range(1, 4000) if power[i - 1] < power[i] > power[i + 1]]
    assert power[peaks].min() > 0.99
    # Each mirror adds a depth tanh(kappa L) / (2 kappa) to the cavity.
    length = 200.0 + np.tanh(0.05 * 60 * 0.318) / 0.05
    np.testing.assert_allclose(np.mean(np.diff(s.wl[peaks])), 1.547**2 / (2 * 4.18 * length), rtol=0.05)


@pytest.mark.parametrize("wl", [1.5472258146068683, 1.5508, 1.5], ids=["centre", "edge", "far"])
def test_every_leaf_has_its_gradient(wl, assert_gradient):
    grating = BraggGrating(INDEX, (200, 100, 200), np.array([0.318, 0.3179, 0.3181]), np.full(3, 0.02), np.full(3, 0.1))
    assert_gradient(lambda g: jnp.abs(g.reflection(np.array([wl]))[0]) ** 2, grating)


def test_gradient_is_finite_at_the_band_edge_and_without_coupling():
    wl = uniform().bragg_wavelength(1.55)
    edge = 2 * np.pi * float(INDEX.effective_index(1.5485)) / 1.5485
    on_edge = BraggGrating(INDEX, (500,), 0.318, abs(edge - np.pi / 0.318))
    for grating, at in ((on_edge, 1.5485), (uniform(0.0), float(wl))):
        gradient = jax.grad(lambda g, at=at: jnp.abs(g.reflection(np.array([at]))[0]) ** 2)(grating)
        assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(gradient))


def gratings_of_narrow_lines():
    """Power transmitted by a long shifted grating, by a long uniform one and by a cavity of half a millimetre."""
    wl = np.linspace(1.5470, 1.5475, 501)
    shifted = BraggGrating.phase_shifted(INDEX, 4000, 0.318, 0.004)
    long, mirror = uniform(0.002, 10_000), uniform(0.02, 800)
    cavity = FabryPerot(mirror, Waveguide(500.0, INDEX), mirror)
    amplitudes = shifted.transmission(wl), long.transmission(wl), cavity.scattering(wl).values[:, 1, 0]
    return [np.abs(np.asarray(amplitude)) ** 2 for amplitude in amplitudes]


@pytest.mark.slow
def test_single_precision_keeps_the_detuning():
    double = gratings_of_narrow_lines()
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        single = gratings_of_narrow_lines()
    # The cavity's mirrors pass 1.5e-4 of the power: its own arithmetic, not the detuning, leaves that part of rounding.
    for mine, reference, limit in zip(single, double, (1e-4, 1e-4, 2e-3), strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine, reference, atol=limit)


def test_a_reference_wavelength_far_off_leaves_the_grating_where_it_is():
    far = LinearIndex(n_eff=2.4, n_g=2.4, wl0=1.2)
    near = LinearIndex(n_eff=2.4, n_g=2.4, wl0=1.53)
    wl = np.linspace(1.5, 1.55, 21)
    mine, reference = (BraggGrating(index, (500,), 0.318, 0.02).scattering(wl).values for index in (far, near))
    np.testing.assert_allclose(np.abs(mine), np.abs(reference), atol=1e-10)
    short = LinearIndex(n_eff=2.4, n_g=2.4, wl0=0.85)
    second = BraggGrating(short, (500,), 0.318, 0.02).reflection(np.linspace(0.75, 0.8, 5))
    assert np.all(np.abs(second) < 0.1)  # the band of second order is none of this grating


def test_numbers_and_rows_of_any_kind():
    grating = uniform(periods=np.int64(500))
    assert BraggGrating(INDEX, 500, 0.318, 0.02).periods == grating.periods == (500,)
    wl = [1.54, 1.55]
    np.testing.assert_array_equal(grating.reflection(wl), grating.reflection(np.array(wl)))
    assert FabryPerot(grating, Waveguide(5.0, INDEX), grating).scattering(wl).values.shape == (2, 2, 2)
    one = BraggGrating(LinearIndex(2.4, 2.4, 1.0), 500, 0.2, 0.02)
    np.testing.assert_allclose(one.reflection_delay(1), one.reflection_delay(1.0), rtol=1e-14)


def test_delay_without_reflection_and_mean_period():
    np.testing.assert_array_equal(uniform(0.0).reflection_delay(WL[:3]), 0.0)
    uneven = BraggGrating(INDEX, (1000, 10), [0.318, 0.4], 0.02)
    mean = (318.0 * 0.318 + 4.0 * 0.4) / 322.0
    expected = BraggGrating(INDEX, 1010, mean, 0.02).bragg_wavelength(1.55)
    np.testing.assert_allclose(uneven.bragg_wavelength(1.55), expected, rtol=1e-14)


def test_parts_of_a_cavity_and_samples_of_a_lobe_are_checked():
    with pytest.raises(ValueError, match="(?s)cavity = .* is not of the kind Waveguide"):
        FabryPerot(uniform(), uniform(), 3.0)
    with pytest.raises(ValueError, match=r"right = 3.0 is not of the kind BraggGrating"):
        FabryPerot(uniform(), Waveguide(1.0, INDEX), 3.0)
    for wl in (1.55, np.full((2, 3), 1.55), []):
        with pytest.raises(ValueError, match="is not a row of wavelengths"):
            uniform().side_lobe_db(wl)


def test_a_very_strong_grating_does_not_overflow():
    with jax.enable_x64(False):
        s = BraggGrating(INDEX, (20_000,), 0.318, 0.5).scattering(np.array([1.5472, 1.5]))
        assert np.all(np.isfinite(s.values))
        assert abs(float(s.power("in", "in")[0]) - 1) < 1e-5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"periods": (0,)}, r"periods = 0 is outside \[1"),
        ({"periods": ()}, "number of sections = 0"),
        ({"periods": 0}, r"periods = 0 is outside \[1"),
        ({"periods": None}, "periods = None is not of the kind int"),
        ({"periods": (2.5,)}, "periods = 2.5 is not of the kind int"),
        ({"period": -0.3}, "period = -0.3 um"),
        ({"coupling": [0.1, 0.2, 0.3]}, r"coupling of shape \(3,\) is neither"),
        ({"coupling": np.nan}, "coupling = nan"),
        ({"index": 2.4}, "index = 2.4 is not of the kind IndexModel"),
    ],
)
def test_bad_values_are_named(change, message):
    fields = {"index": INDEX, "periods": (100, 100), "period": 0.318, "coupling": 0.02} | change
    with pytest.raises(ValueError, match=message):
        BraggGrating(**fields)
