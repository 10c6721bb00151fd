"""Reports tell what is wrong, and the nearest passive matrix is passive, nearest, and nothing more."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.passivity import check_passivity, nearest_passive
from photonics_core.scattering import SMatrix

WL = np.linspace(1.5, 1.6, 41)


def random_matrices(count: int, ports: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, ports, ports)) + 1j * rng.normal(size=(count, ports, ports))


def smatrix(values: np.ndarray, wl=None) -> SMatrix:
    names = tuple(f"o{i + 1}" for i in range(values.shape[-1]))
    return SMatrix(jnp.asarray(values), names, np.linspace(1.5, 1.6, len(values)) if wl is None else wl)


def coupler(gain: float) -> np.ndarray:
    """A coupler of a tenth of the power with the amplitudes too large by `gain`, one matrix a wavelength."""
    t, k = math.sqrt(0.9), 1j * math.sqrt(0.1)
    lossless = np.array([[0, 0, t, k], [0, 0, k, t], [t, k, 0, 0], [k, t, 0, 0]])
    return np.broadcast_to(gain * lossless, (WL.size, 4, 4))


def peak_drop(values: np.ndarray) -> float:
    """Drop power on resonance of a lossless ring between two couplers: |k^2 / (1 - t^2)|^2."""
    t, k = values[:, 2, 0], values[:, 3, 0]
    return float(np.max(np.abs(k**2 / (1.0 - t**2)) ** 2))


def test_a_ring_of_slightly_active_couplers_shows_gain_until_they_are_clipped():
    active = smatrix(coupler(1.004), WL)
    assert check_passivity(active).largest_singular_value == pytest.approx(1.004, abs=1e-12)
    assert peak_drop(np.asarray(active.values)) > 1.15
    clipped = nearest_passive(active)
    assert check_passivity(clipped).is_passive
    assert peak_drop(np.asarray(clipped.values)) <= 1.0 + 1e-12


def test_the_report_says_how_much_where_and_between_which_ports():
    values = coupler(1.0).copy()
    values[7] *= 1.05
    values[3, 2, 0] += 0.01
    report = check_passivity(smatrix(values, WL))
    assert report.largest_singular_value == pytest.approx(1.05)
    assert report.wl == pytest.approx(WL[7])
    assert (report.is_passive, report.is_reciprocal) == (False, False)
    assert report.reciprocity_residual == pytest.approx(0.01)
    assert set(report.reciprocity_ports) == {"o1", "o3"}
    text = str(report)
    assert "active" in text and "1.05" in text and f"{WL[7]:.6g} um" in text and "'o3'" in text
    assert str(check_passivity(smatrix(coupler(0.99), WL))).startswith("passive: largest singular value 0.99")


def test_a_matrix_without_wavelengths_of_its_own():
    report = check_passivity(SMatrix(jnp.asarray(coupler(1.1)[0]), ("a", "b", "c", "d"), WL))
    assert (report.wl, report.count, report.active_count) == (None, 1, 1)


def test_nearest_passive_is_passive_and_changes_only_what_is_active():
    values = random_matrices(300, 4) * np.linspace(0.05, 0.6, 300)[:, None, None]
    largest = np.linalg.norm(values, ord=2, axis=(1, 2))
    assert 20 < np.sum(largest <= 1.0) < 280
    clipped = np.asarray(nearest_passive(smatrix(values)).values)
    assert np.max(np.linalg.norm(clipped, ord=2, axis=(1, 2))) <= 1.0 + 1e-14
    passive = largest <= 1.0
    assert np.array_equal(clipped[passive], values[passive])
    assert np.all(np.any(clipped[~passive] != values[~passive], axis=(1, 2)))


@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
@pytest.mark.parametrize("ports", [1, 2, 5, 16])
def test_nearest_passive_twice_is_once_bit_for_bit(ports, dtype):
    once = nearest_passive(smatrix(random_matrices(500, ports, seed=ports).astype(dtype)))
    assert once.values.dtype == dtype
    assert np.array_equal(np.asarray(nearest_passive(once).values), np.asarray(once.values))


def test_no_passive_matrix_is_nearer():
    active = 1.5 * random_matrices(1, 3)[0]
    nearest = np.asarray(nearest_passive(smatrix(active[None])).values)[0]
    distance = np.linalg.norm(active - nearest)
    for other in random_matrices(200, 3, seed=5):
        other = nearest + 0.1 * other
        other = other / max(1.0, np.linalg.norm(other, ord=2))
        assert np.linalg.norm(active - other) > distance


def test_a_reciprocal_matrix_stays_reciprocal():
    values = random_matrices(50, 4)
    clipped = nearest_passive(smatrix(values + np.swapaxes(values, 1, 2)))
    assert float(clipped.reciprocity_residual()) < 1e-13


def test_values_that_are_not_finite_are_named():
    values = coupler(1.0).copy()
    values[5, 2, 1] = np.nan
    for function in (check_passivity, nearest_passive):
        with pytest.raises(ValueError, match=r"from 'o2' to 'o3' is not finite, sample \(5,\)"):
            function(smatrix(values, WL))
        with pytest.raises(ValueError, match="no scattering matrix"):
            function(smatrix(np.zeros((0, 2, 2), complex)))


@pytest.mark.parametrize("function", [check_passivity, nearest_passive])
def test_what_is_no_matrix_is_named(function):
    with pytest.raises(ValueError, match="smatrix = 3 is not of the kind SMatrix"):
        function(3)
