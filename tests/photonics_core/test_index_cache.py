"""Fits of index maps: what is asked of the solver, what is refused, and what is kept on disk."""

import numpy as np
import pytest

from photonics_core.index_cache import IndexCacheWarning
from photonics_core.index_map import IndexMap
from photonics_core.store import save


class Solver:
    """A mode solver that counts its calls."""

    def __init__(self):
        self.sizes = []

    def __call__(self, points):
        self.sizes.append(points["wl"].size)
        assert {array.shape for array in points.values()} == {points["wl"].shape}
        return np.sqrt(6.0 - 1.5 * (points["wl"] - 1.4)) + 0.7 * points["width"] + 2e-6j * points["width"]


def fitted(solve, folder=None, key="strip", **options):
    return IndexMap.fit(solve, temperature=300.0, width=(0.4, 0.5), cache=folder, key=key, **options)


def arrays(index):
    return index.coefficients.tobytes(), index.loss_coefficients.tobytes(), index.error_estimate, index.loss_error_db_cm


def test_a_hit_gives_the_same_bits_without_a_solve(tmp_path):
    solve = Solver()
    first = fitted(solve, tmp_path / "new" / "folder", key={"core": ["silicon", 0.22]})
    calls = len(solve.sizes)
    again = fitted(solve, tmp_path / "new" / "folder", key={"core": ("silicon", 0.22)})
    assert len(solve.sizes) == calls
    assert arrays(first) == arrays(again)
    assert first.bounds == again.bounds
    assert arrays(first) == arrays(fitted(Solver()))


@pytest.mark.parametrize(
    "change",
    [
        {"key": "rib"},
        {"tolerance": 1e-7},
        {"loss_tolerance_db_cm": 1e-3},
        {"degrees": 5},
        {"degrees": {"wl": 4}},
        {"wl": (1.5, 1.59)},
        {"height": 0.22},
    ],
)
def test_anything_that_determines_the_fit_makes_another_file(tmp_path, change):
    fitted(Solver(), tmp_path)
    solve = Solver()
    fitted(solve, tmp_path, **change)
    assert solve.sizes
    assert len(list(tmp_path.iterdir())) == 2


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def emptied(path):
    path.write_bytes(b"")


def foreign(path):
    path.write_text("not a fit")


def other_results(path):
    save(path, {"index": np.zeros((2, 1, 2)), "extinction": np.zeros((2, 1, 2)), "errors": np.zeros(2)}, inputs="x")


def other_arrays(path):
    from photonics_core.store import load

    save(path, {"index": np.zeros(3), "errors": np.zeros(2)}, inputs=load(path).inputs)


def folder_instead(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [truncated, flipped, emptied, foreign, other_results, other_arrays])
def test_a_file_that_cannot_be_trusted_is_named_and_replaced(tmp_path, damage):
    first = fitted(Solver(), tmp_path)
    (path,) = tmp_path.iterdir()
    damage(path)
    solve = Solver()
    with pytest.warns(IndexCacheWarning, match=path.name):
        again = fitted(solve, tmp_path)
    assert solve.sizes
    assert arrays(first) == arrays(again)
    untouched = Solver()
    fitted(untouched, tmp_path)
    assert not untouched.sizes


def test_a_file_that_cannot_be_written_is_named_and_the_fit_is_not_lost(tmp_path):
    first = fitted(Solver(), tmp_path)
    (path,) = tmp_path.iterdir()
    folder_instead(path)
    with pytest.warns(IndexCacheWarning, match=path.name) as warned:
        assert arrays(fitted(Solver(), tmp_path)) == arrays(first)
    assert "the fit is not kept" in str(warned[-1].message)


def test_bad_cache_arguments_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    for folder, key, message in (
        (tmp_path, None, "key = None does not say"),
        (tmp_path, {"f": len}, "cannot be written as JSON"),
        (tmp_path, np.nan, "key = nan cannot be written as JSON"),
        (tmp_path / "file", "strip", "is not a folder"),
    ):
        with pytest.raises(ValueError, match=message):
            fitted(Solver(), folder, key)


def test_few_calls_with_many_points_and_no_more_than_allowed():
    solve = Solver()
    index = fitted(solve)
    assert index.coefficients.shape[1] == 1
    assert len(solve.sizes) <= 4 and sum(solve.sizes) < 150
    given = Solver()
    assert fitted(given, degrees={"wl": 5, "width": 2}).coefficients.shape == (3, 1, 6)
    assert given.sizes[0] == 18 and len(given.sizes) == 2
    with pytest.raises(ValueError, match="above the limit of 10"):
        fitted(Solver(), degrees=6, max_solves=10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wl": (1.6, 1.5)}, r"wl = \(1.6, 1.5\) is not a number or a pair of rising numbers"),
        ({"wl": 1.55}, "wl = 1.55 is one wavelength"),
        ({"wl": (0.0, 1.5)}, r"wl = 0 um is outside \(0, inf\)"),
        ({"height": (0.2, 0.22, 0.25)}, "height = .* is not a number or a pair"),
        ({"height": np.inf}, "height = inf is outside the finite numbers"),
        ({"tolerance": 0.0}, r"tolerance = 0 is outside \(0, inf\)"),
        ({"loss_tolerance_db_cm": -1.0}, "loss_tolerance_db_cm = -1 dB/cm is outside"),
        ({"degrees": 2.5}, "= 2.5 is not of the kind int"),
        ({"degrees": {"wl": -1}}, r"degrees\['wl'\] = -1 is outside \[0, 200\]"),
        ({"degrees": {"depth": 3}}, r"degrees\['depth'\] is not of one of width, temperature, wl"),
        ({"max_solves": 0}, "max_solves = 0 is outside"),
    ],
)
def test_bad_requests_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        fitted(Solver(), **change)


@pytest.mark.parametrize(
    ("solve", "message"),
    [
        (lambda p: np.where(p["width"] > 0.45, 2.4, np.nan), "solve returned n_eff = nan at width = 0.4.*not finite"),
        (lambda p: 2.4 - 1e-3j * p["wl"], "solve returned n_eff = 2.4-0.001.*with gain"),
        (lambda p: 2.4, r"solve returned float64 values of shape \(\), not numbers of shape"),
        (lambda p: np.array(["a"] * p["wl"].size), "solve returned <U1 values"),
        (lambda p: 2.4 + 1e-4 * np.sin(1e5 * p["wl"]), "wl: degree 64 does not reach the tolerance"),
    ],
)
def test_bad_solvers_are_named(solve, message):
    with pytest.raises(ValueError, match=message):
        fitted(solve)
