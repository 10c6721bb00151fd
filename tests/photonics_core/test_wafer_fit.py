"""A wafer of rings of known truth comes back, outliers are flagged, files that cannot be used are listed."""

import numpy as np
import pytest

from photonics_core.fit import fit_series
from photonics_core.spectra import Spectrum
from photonics_core.store import load
from photonics_core.validation import wafer_test
from photonics_core.validation.hostile_files import mutated_folder
from photonics_core.validation.synthetic_wafers import RADIUS, Truth, resonances, spectra
from photonics_core.wafer_fit import fit_folder, fit_spectra


def thin(spectrum, step=4):
    return Spectrum(spectrum.wl[::step], spectrum.power_db[:, ::step], spectrum.channel_names, spectrum.source)


def truth(count, n_g=4.2):
    chance = np.random.default_rng(0)
    return Truth(2.4 + 0.003 * chance.normal(size=count), np.full(count, n_g), 20.0, 0.08)


@pytest.fixture(scope="module")
def wafer():
    """Twenty-five rings on a grid: one of another coupling, one twice as noisy, one without light, one flat."""
    true = truth(25)
    made = [thin(each) for each in spectra(true)]
    made[7] = thin(spectra(Truth(true.n_eff[7:8], true.n_g[7:8], 20.0, 0.16))[0])
    made[12] = thin(spectra(Truth(true.n_eff[12:13], true.n_g[12:13], 20.0, 0.08), noise=0.08)[0])
    made[20] = Spectrum(made[20].wl, 0.0 * made[20].power_db - 60.0, ("through",), "dark")
    x, y = np.meshgrid(1e4 * np.arange(5.0), 1e4 * np.arange(5.0))
    places = np.stack([x.ravel(), y.ravel()], axis=1)
    return true, fit_spectra(made, radius=RADIUS, positions=places, regime="over"), places


def test_values_within_their_errors(wafer):
    true, fit, places = wafer
    assert [name for name, _ in fit.bad] == ["dark"] and "no resonance" in fit.bad[0][1]
    good = np.delete(np.arange(25), 20)
    np.testing.assert_array_equal(fit.positions, places[good])
    usual = ~np.isin(good, (7, 12))
    for name, exact in (("n_g", 4.2), ("loss_db_cm", 20.0), ("power_coupling", 0.08)):
        for weighted in (False, True):
            value, error = fit.values(name, weighted=weighted)
            assert np.all(np.abs(value - exact)[usual] < 4.5 * error[usual])
            assert np.all(error[usual] < 0.05 * exact)
    lines = fit.lines_near(1.55)
    exact = resonances(Truth(true.n_eff[good], true.n_g[good], 20.0, 0.08), lines["wl"][:, None])[:, 0]
    assert np.all(np.abs(lines["wl"] - exact) < 5.0 * lines["wl_se"])
    assert np.all(np.abs(lines["n_g"] - 4.2)[usual] < 4.5 * lines["n_g_se"][usual])


def test_outliers_are_flagged(wafer):
    _, fit, _ = wafer
    flagged = {name: np.nonzero(which)[0].tolist() for name, which in fit.flags.items()}
    assert flagged == {"few_lines": [], "residual": [12], "asymmetric": [], "not_settled": [], "off_trend": [7]}
    assert np.nonzero(fit.outliers)[0].tolist() == [7, 12]


def test_the_table_holds_all(wafer, tmp_path):
    _, fit, _ = wafer
    fit.save(tmp_path / "wafer.h5")
    table = load(tmp_path / "wafer.h5")
    assert table["n_g"].dims == ("device",) and table["fsr"].units == "um"
    np.testing.assert_array_equal(table["loss_db_cm"].values, fit.values("loss_db_cm")[0])
    np.testing.assert_array_equal(table["weighted/n_g_se"].values, fit.values("n_g", weighted=True)[1])
    assert list(table["file"].values) == [file.name for file in fit.files]
    assert list(table["bad/file"].values) == ["dark"]
    assert table["lines/wl"].values.size == sum(len(each.resonances) for each in fit.fits)
    counts = np.bincount(table["lines/device"].values, weights=table["lines/used"].values)
    np.testing.assert_array_equal(counts, table["used_count"].values)
    assert set(table["regime"].values) == {"over"} and np.all(np.isfinite(table["under/loss_db_cm"].values))


def test_the_regime_is_decided_by_the_designs():
    gaps, couplings = (0.2, 0.28, 0.45, 0.55), (0.3, 0.158, 0.0406, 0.0182)
    made = []
    for gap, coupling in zip(gaps, couplings, strict=True):
        for each in spectra(Truth(np.array([2.4, 2.401]), np.full(2, 4.2), 40.0, coupling)):
            made.append(
                Spectrum(*(thin(each).wl, thin(each).power_db, each.channel_names, f"r10_gap{1e3 * gap:.0f}.x"))
            )
    fit = fit_spectra(made)
    assert [each.regime for each in fit.fits] == [r for r in ("over", "over", "under", "under") for _ in range(2)]
    assert [each.regime for each in fit_series(made[::2])] == ["over", "over", "under", "under"]


def test_empty_and_hopeless_input():
    assert fit_spectra([]).fits == () and fit_spectra([]).outliers.shape == (0,)
    wl = np.linspace(1.5, 1.6, 16)
    fit = fit_spectra([Spectrum(wl, np.zeros((1, 16)), ("a",), "flat")])
    assert fit.fits == () and len(fit.bad) == 1


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="radius = -1 um"):
        fit_spectra([], radius=-1.0)
    with pytest.raises(ValueError, match="regime = 'both' is not one of"):
        fit_folder(tmp_path, regime="both")
    with pytest.raises(ValueError, match=r"positions of shape \(2, 3\)"):
        fit_spectra([], positions=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="is not a folder"):
        fit_folder(tmp_path / "none")


def test_hostile_files(tmp_path):
    sound = mutated_folder(tmp_path, 200, seed=4)
    fit = fit_folder(tmp_path, tmp_path / "table.h5", radius=RADIUS)
    fitted = {file.name for file in fit.files}
    assert sound <= fitted
    listed = {name for name, _ in fit.bad} | set(fit.ignored)
    assert fitted | listed == {path.name for path in tmp_path.iterdir()} - {"table.h5"}
    assert not fitted & listed and all(reason for _, reason in fit.bad)
    assert not any(reason.startswith(("TypeError", "IndexError", "Floating")) for _, reason in fit.bad)
    table = load(tmp_path / "table.h5")
    assert len(table["bad/file"].values) == len(fit.bad) and np.all(np.isfinite(table["q"].values))


def test_error_bars_of_few_rings():
    """The long cases of `wafer_test` ask for 5 %, of a thousand rings."""
    shares = [np.mean(np.abs(pull) < 1.0) for pull in wafer_test.pulls(False, True, 40).values()]
    assert min(shares) > 0.5 and max(shares) < 0.88
