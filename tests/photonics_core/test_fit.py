"""Rings of known truth are recovered within their error bars, measured ones as others found them."""

import json
import math

import numpy as np
import pytest

from photonics_core.coupler_fit import fit_coupled_pair, fit_directional_coupler
from photonics_core.fit import fit_ring, fit_series
from photonics_core.resonance_search import identify_ports
from photonics_core.robust import level, positive_level
from photonics_core.spectra import Spectrum, SpectrumError

WL = np.arange(1.52, 1.58, 4e-6)


def phase(wl, radius, n_eff=2.4, n_g=4.2):
    """Round-trip phase of a waveguide whose group index does not change."""
    n = n_eff + (n_eff - n_g) * (wl - 1.55) / 1.55
    return 2.0 * math.pi * n * 2.0 * math.pi * radius / wl


def measured(powers, seed=0, noise=0.003, floor=1e-6, ripple=0.01):
    """Channels as an instrument gives them: envelope, fringes, noise, detector floor, idle channel."""
    chance = np.random.default_rng(seed)
    envelope = 10.0 ** (-2.0 - ((WL - 1.55) / 0.02) ** 2 / 10.0 * 6.0)
    envelope = envelope * (1.0 + ripple * np.cos(2.0 * math.pi * WL / 2.3e-3))
    rows = [
        envelope * power * (1.0 + noise * chance.normal(size=WL.size)) + floor * np.abs(chance.normal(size=WL.size))
        for power in powers
    ]
    rows.append(floor * np.abs(chance.normal(size=WL.size)) + 1e-9)
    names = tuple(f"channel_{i + 1}" for i in range(len(rows)))
    return Spectrum(WL, 10.0 * np.log10(np.array(rows)), names, "ring.mat")


def all_pass(radius, loss_db_cm, coupling, seed=0, split=0.0, **noise):
    a = 10.0 ** (-loss_db_cm * 2.0 * math.pi * radius * 1e-4 / 20.0)
    t = math.sqrt(1.0 - coupling)
    waves = [np.exp(1j * (phase(WL, radius) + sign * split)) for sign in (-1.0, 1.0)]
    amplitude = sum(0.5 * (t - a * wave) / (1.0 - t * a * wave) for wave in waves)
    return measured([np.abs(amplitude) ** 2], seed, **noise)


def add_drop(radius, loss_db_cm, coupling, seed=0, **noise):
    a = 10.0 ** (-loss_db_cm * 2.0 * math.pi * radius * 1e-4 / 20.0)
    t = math.sqrt(1.0 - coupling)
    wave = np.exp(1j * phase(WL, radius))
    through = np.abs((t - t * a * wave) / (1.0 - t * t * a * wave)) ** 2
    drop = coupling**2 * a / np.abs(1.0 - t * t * a * wave) ** 2
    # The two ports end in gratings that are not alike.
    return measured([0.7 * drop, through], seed, **noise)


def pull(estimate, truth):
    return (estimate.value - truth) / estimate.se


@pytest.mark.parametrize(("loss", "coupling"), [(3.0, 0.08), (60.0, 0.02), (20.0, 0.05)])
def test_all_pass_ring_shows_two_candidates_and_one_is_true(loss, coupling):
    fit = fit_ring(all_pass(15.0, loss, coupling), radius=15.0)
    assert fit.ports.drop is None and fit.regime is None and fit.loss_db_cm is None
    absorbed = 1.0 - 10.0 ** (-loss * 2.0 * math.pi * 15.0 * 1e-5)
    true = next(c for c in fit.candidates if c.regime == ("under" if absorbed > coupling else "over"))
    assert abs(pull(true.loss_db_cm, loss)) < 4.0 and abs(pull(true.power_coupling, coupling)) < 4.0
    assert true.power_coupling.value == pytest.approx(coupling, rel=0.05)
    assert abs(pull(fit.n_g, 4.2)) < 4.0 and fit.n_g.value == pytest.approx(4.2, rel=1e-3)


def test_add_drop_ring_is_decided_alone():
    fit = fit_ring(add_drop(10.0, 8.0, 0.06), radius=10.0)
    assert (fit.ports.through, fit.ports.drop, fit.regime) == ("channel_2", "channel_1", "under")
    assert abs(pull(fit.power_coupling, 0.06)) < 4.0 and fit.power_coupling.value == pytest.approx(0.06, rel=0.03)
    assert abs(pull(fit.loss_db_cm, 8.0)) < 4.0 and fit.loss_db_cm.se < 2.0
    a, t = 10.0 ** (-8.0 * 2.0 * math.pi * 10.0 * 1e-4 / 20.0), math.sqrt(0.94)
    p, length = t * t * a, 2.0 * math.pi * 10.0
    q = math.pi * 4.2 * length * math.sqrt(p) / (1.55 * (1.0 - p))
    assert fit.q.value == pytest.approx(q, rel=0.02)
    assert fit.fsr.value == pytest.approx(np.mean(fit.band) ** 2 / (4.2 * length), rel=2e-3)


@pytest.mark.parametrize("kind", [all_pass, add_drop])
def test_standard_errors_have_the_right_size(kind):
    truths = {"loss": 12.0, "coupling": 0.05}
    pulls = []
    for seed in range(10):
        fit = fit_ring(kind(12.0, truths["loss"], truths["coupling"], seed, ripple=0.0, floor=1e-8), radius=12.0)
        # A round trip of 12 dB/cm loses 2 %, less than the coupling.
        reading = fit.candidates[-1]
        pulls.append(
            [
                pull(reading.loss_db_cm, truths["loss"]),
                pull(reading.power_coupling, truths["coupling"]),
                pull(fit.n_g, 4.2),
            ]
        )
    spread = np.sqrt(np.mean(np.square(pulls), axis=0))
    assert np.all(spread < 2.0), spread
    assert np.all(spread > 0.2), spread


def test_a_series_of_gaps_decides_the_regime():
    gaps, loss = [0.2, 0.28, 0.45, 0.55], 20.0
    couplings = [0.3 * math.exp(-8.0 * (gap - 0.2)) for gap in gaps]
    spectra = [all_pass(20.0, loss, coupling, seed) for seed, coupling in enumerate(couplings)]
    fits = fit_series(spectra, radius=20.0, gaps=gaps)
    assert [fit.regime for fit in fits] == ["over", "over", "under", "under"]
    for fit, coupling in zip(fits, couplings, strict=True):
        assert fit.loss_db_cm.value == pytest.approx(loss, rel=0.1)
        assert fit.power_coupling.value == pytest.approx(coupling, rel=0.05)
    assert fit_series(spectra[:1], radius=20.0, gaps=gaps[:1])[0].regime is None


@pytest.mark.slow
def test_split_resonances_are_counted_and_their_regime_is_seen():
    for loss, coupling, regime in ((1.5, 0.03, "over"), (14.0, 0.012, "under")):
        fit = fit_ring(all_pass(25.0, loss, coupling, split=0.015), radius=25.0)
        split = [r for r in fit.resonances if r.splitting]
        assert len(split) > len(fit.resonances) / 2
        assert all(r.split_regime == regime for r in split)
        fsr = np.mean(fit.band) ** 2 / (4.2 * 2.0 * math.pi * 25.0)
        assert np.median([r.splitting for r in split]) == pytest.approx(2.0 * 0.015 / (2.0 * math.pi) * fsr, rel=0.1)
        assert any("split" in note for note in fit.notes)


def test_without_a_radius_only_the_spectrum_speaks():
    fit = fit_ring(all_pass(15.0, 3.0, 0.08))
    assert fit.n_g is None and fit.candidates == () and fit.q is not None and fit.fsr is not None
    assert any("radius" in note for note in fit.notes)


def test_result_is_plain_json():
    plain = json.loads(json.dumps(fit_ring(all_pass(15.0, 3.0, 0.08), radius=15.0).to_json(), allow_nan=False))
    for name in ("q", "fsr_nm", "n_g", "loss_db_cm", "power_coupling"):
        assert name in plain and f"{name}_se" in plain
    assert plain["regime"] is None and plain["loss_db_cm"] is None
    assert [candidate["regime"] for candidate in plain["candidates"]] == ["under", "over"]
    assert plain["fsr_nm"] == pytest.approx(6.05, abs=0.1)


@pytest.mark.parametrize(
    "power_db",
    [
        np.zeros(WL.size),
        np.random.default_rng(1).normal(size=WL.size) - 60.0,
        np.where(WL > 1.55, -70.0, -20.0),
        -20.0 - 3.0 * np.cos(WL / 1e-3),
        np.linspace(-20.0, -60.0, WL.size),
        -20.0 - 20.0 * (np.abs(WL - 1.55) < 1e-5),
        -20.0 - 20.0 * (np.abs(WL - 1.521) < 1e-4),
        np.where(np.arange(WL.size) == 7, -20.0, -290.0),
    ],
)
@pytest.mark.parametrize("samples", [16, 40, WL.size])
def test_spectra_without_a_ring_give_an_error_or_finite_numbers(power_db, samples):
    spectrum = Spectrum(WL[:samples], power_db[None, :samples], ("channel_1",), "none.mat")
    for fit in (fit_ring, fit_coupled_pair):
        try:
            result = fit(spectrum, radius=10.0)
        except SpectrumError as error:
            assert "none.mat" in str(error)
        else:
            if fit is fit_ring:
                json.dumps(result.to_json(), allow_nan=False)


def test_wrong_arguments_are_named():
    spectrum = all_pass(15.0, 3.0, 0.08)
    with pytest.raises(ValueError, match="radius"):
        fit_ring(spectrum, radius=-1.0)
    with pytest.raises(ValueError, match="gaps"):
        fit_series([spectrum], radius=15.0, gaps=[0.1, 0.2])
    with pytest.raises(ValueError, match="lengths"):
        fit_directional_coupler([spectrum, spectrum], [1.0, 2.0])


def test_median_with_trend_ignores_an_outlier():
    x = np.linspace(1.5, 1.6, 9)
    y, errors = 10.0 + 30.0 * (x - 1.55), np.full(9, 0.1)
    y[7] = 40.0
    assert level(x, y, errors, 1.55).value == pytest.approx(10.0, abs=0.2)
    growing = np.exp(20.0 * (x - 1.55))
    assert positive_level(x, growing, 0.01 * growing, 1.55).value == pytest.approx(1.0, rel=1e-6)


def test_directional_coupler_of_known_coupling():
    def spectrum(length):
        angle = 0.08 * (length + 2.5)
        cross = np.sin(2.0 * angle) ** 2 * np.cos(0.5 * phase(WL, 10.0)) ** 2
        return measured([1.0 - cross, cross], int(length))

    lengths = [0.0, 3.0, 6.0, 9.0, 12.0]
    fit = fit_directional_coupler([spectrum(length) for length in lengths], lengths)
    assert fit.coupling.value == pytest.approx(0.08, rel=0.02)
    assert fit.bend_length.value == pytest.approx(2.5, rel=0.05)


# --- measured rings -------------------------------------------------------------------------------


@pytest.mark.parametrize(("gap", "q"), [(80, 6370.0), (90, 7550.0), (100, 9500.0)])
def test_silicon_rings(openebl, gap, q):
    fit = fit_ring(openebl / f"si_add_drop_r10_gap{gap}.mat")
    assert (fit.ports.through, fit.ports.drop, fit.regime) == ("channel_2", "channel_1", "under")
    assert fit.n_g.value == pytest.approx(4.183, rel=0.003)
    near = [r for r in fit.resonances if 1.53 < r.wl < 1.568]
    spacing = np.diff([r.wl for r in near])
    assert spacing.min() == pytest.approx(8.97e-3, rel=0.005) and spacing.max() == pytest.approx(9.29e-3, rel=0.005)
    middle = min(near, key=lambda r: abs(r.wl - 1.548))
    assert middle.q == pytest.approx(q, rel=0.1)
    assert 1.0 < fit.loss_db_cm.value < 12.0 and fit.loss_db_cm.se < 2.5
    assert 0.04 < fit.power_coupling.value < 0.09


def test_silicon_couplings_fall_with_the_gap(openebl):
    fits = [fit_ring(openebl / f"si_add_drop_r10_gap{gap}.mat") for gap in (80, 90, 100)]
    couplings = [fit.power_coupling.value for fit in fits]
    assert couplings[0] > couplings[1] > couplings[2]
    small = fit_ring(openebl / "si_add_drop_r5_gap80.mat")
    assert small.n_g.value == pytest.approx(4.186, rel=0.003)
    assert small.power_coupling.value < couplings[0] and small.loss_db_cm.value > 3.0


def test_neighbouring_o_band_rings(openebl):
    fits = [fit_ring(openebl / f"si_oband_add_drop_r10_gap160_site{site}.mat") for site in range(1, 5)]
    for fit in fits:
        assert fit.ports.drop == "channel_1"
        assert fit.n_g.value == pytest.approx(4.48, rel=0.003)
        spacing = 1e3 * np.diff([r.wl for r in fit.resonances if r.wl > 1.312])
        assert np.all((spacing > 6.10) & (spacing < 6.40))
    for order in (1.319, 1.3253, 1.3316):
        places = [min((r.wl for r in fit.resonances), key=lambda wl: abs(wl - order)) for fit in fits]
        assert 1e3 * np.std(places, ddof=1) == pytest.approx(0.17, abs=0.04)


def test_nitride_rings_of_radius_25(openebl):
    gaps = (300, 500, 900, 1100)
    fits = fit_series([openebl / f"sin_all_pass_r25_gap{gap}.mat" for gap in gaps])
    assert [fit.regime for fit in fits] == ["over", "over", "under", "under"]
    for fit, coupling in zip(fits, (0.402, 0.152, 0.0165, 0.0058), strict=True):
        assert fit.power_coupling.value == pytest.approx(coupling, rel=0.05)
        assert abs(fit.loss_db_cm.value - 24.0) < max(0.5, 3.0 * fit.loss_db_cm.se)
    # The two gaps whose dips stand clear of the fringes carry the figure.
    for fit in fits[1:3]:
        assert fit.loss_db_cm.value == pytest.approx(24.0, abs=0.5)


def test_nitride_rings_of_radius_50(openebl):
    fits = fit_series([openebl / f"sin_all_pass_r50_gap{gap}.mat" for gap in (500, 700, 900)])
    assert [fit.regime for fit in fits] == ["over", "over", "over"]
    for fit, coupling in zip(fits, (0.258, 0.100, 0.032), strict=True):
        assert fit.power_coupling.value == pytest.approx(coupling, rel=0.2)
        assert abs(fit.loss_db_cm.value - 1.65) < max(0.15, 1.5 * fit.loss_db_cm.se)
    for fit, q in zip(fits, (8.1e3, 2.1e4, 5.4e4), strict=True):
        assert fit.q.value == pytest.approx(q, rel=0.15)


def test_nitride_bend_loss(openebl):
    gaps = (300, 500, 900, 1100)
    names = [f"sin_all_pass_r{radius}_gap850.mat" for radius in (20, 30, 50)]
    names += [f"sin_all_pass_r25_gap{gap}.mat" for gap in gaps]
    fits = fit_series([openebl / name for name in names])
    assert [fit.regime for fit in fits[:3:2]] == ["under", "over"]
    losses = [fit.loss_db_cm.value for fit in fits[:3:2]]
    assert losses[0] == pytest.approx(63.0, rel=0.2) and losses[1] == pytest.approx(1.75, rel=0.2)


def test_a_ring_that_crosses_critical_coupling_within_the_band(openebl):
    fit = fit_ring(openebl / "sin_all_pass_r30_gap850.mat")
    assert fit.regime is None
    # Its two readings lie close together, because t and a do.
    under, over = (candidate.loss_db_cm.value for candidate in fit.candidates)
    assert under == pytest.approx(6.8, rel=0.2) and over == pytest.approx(6.8, rel=0.1)


def test_two_coupled_rings(openebl):
    fit = fit_coupled_pair(openebl / "sin_crow2_r50p00_50p00_gap500.mat")
    near = fit.wl[(fit.wl[:, 0] > 1.548) & (fit.wl[:, 0] < 1.561)]
    splitting = 1e3 * (near[:, 1] - near[:, 0])
    assert np.all((splitting > 0.55) & (splitting < 0.585))
    assert 1e3 * np.mean(np.diff(near.mean(axis=1))) == pytest.approx(3.88, rel=0.005)
    unequal = fit_coupled_pair(openebl / "sin_crow2_r50p00_50p02_gap500.mat")
    assert unequal.splitting.value > fit.splitting.value + 1e-4


def test_directional_couplers(openebl):
    fit = fit_directional_coupler(sorted(openebl.glob("si_directional_coupler_cband_*.mat")))
    assert fit.bend_length.value == pytest.approx(2.76, rel=0.1)
    assert fit.coupling.value == pytest.approx(0.0796, rel=0.03)


def test_ports_of_measured_devices(openebl):
    from photonics_core.spectra import read_spectrum

    for path in sorted(openebl.glob("sin_all_pass_*.mat")):
        ports = identify_ports(read_spectrum(path))
        assert (ports.through, ports.drop) == ("channel_3", None)
