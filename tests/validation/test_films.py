"""The validation of films can fail, and its benchmark does what it says; the cases run in `test_cases`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.films import film_amplitudes
from photonics_core.validation import bench_films, films
from photonics_core.validation.precision import in_precision


def test_the_textbook_slab_can_fail():
    true, wrong = (films.slab_indices(core, 1.444, 1.0, 0.22, 1.55, "s")[0] for core in (3.476, 3.477))
    assert abs(true - wrong) > 1e-4


def test_a_result_that_is_no_number_fails_wherever_it_stands():
    for differences in ([1e-16, np.nan], [np.nan, 1e-16], [complex(np.nan, 0.0), 0.0]):
        assert not films._worst(differences, 1e-9).passes
    assert films._worst([1e-16, -1e-10], 1e-9).passes


def test_no_number_reaches_the_comparison_with_the_peer(monkeypatch):
    pytest.importorskip("tmm")
    spoilt = lambda *x: jax.tree.map(lambda y: y.at[0].set(jnp.nan), film_amplitudes(*x))  # noqa: E731
    monkeypatch.setattr(films, "film_amplitudes", spoilt)
    with in_precision("float64"):
        worst = films._against_tmm.__wrapped__(3)
    assert np.isnan(worst["r"])
    assert np.isnan(worst["t"])
    assert worst["A"] < 1e-9


@pytest.mark.slow
def test_the_benchmark_does_what_it_says(monkeypatch):
    monkeypatch.setattr(bench_films, "WAVELENGTHS", 5)
    monkeypatch.setattr(bench_films, "ANGLES", 4)
    powers = np.asarray(bench_films.ours_forward()())
    assert powers.shape == (4, 5, 4)
    assert np.all((powers >= 0) & (powers <= 1))
    gradient = np.asarray(bench_films.ours_gradient()())
    assert gradient.shape == (bench_films.LAYERS,)
    arguments = bench_films.film_arguments()
    step = 1e-6 * np.eye(bench_films.LAYERS)[3]
    moved = [arguments[0], *arguments[1:]]
    totals = []
    for sign in (1, -1):
        moved[1] = arguments[1] + sign * step
        totals.append(float(jax.jit(bench_films._total_reflection)(*moved)))
    np.testing.assert_allclose(gradient[3], (totals[0] - totals[1]) / 2e-6, rtol=1e-6)
