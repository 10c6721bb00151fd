"""Weighted estimates of one ring: exact lines, errors that add up, lines that are left out or scatter."""

import math
from dataclasses import replace

import numpy as np
import pytest

from photonics_core.fit import fit_ring
from photonics_core.lineshape import LineNoise
from photonics_core.validation.synthetic_wafers import LENGTH, RADIUS, Truth, resonances, spectra, true_estimates
from photonics_core.wafer_estimates import group_index_at, weighted_estimates

TRUTH = Truth(np.array([2.4]), np.array([4.2]), 20.0, 0.08)


@pytest.fixture(scope="module", params=[False, True], ids=["one guide", "two guides"])
def exact(request):
    """A fit whose lines are made exact, with errors of 1e-6 of their value and a correlation."""
    fit = fit_ring(spectra(TRUTH, add_drop=request.param, noise=0.002)[0], radius=RADIUS)
    truth = true_estimates(TRUTH, request.param)
    wl = resonances(TRUTH, np.array([[line.wl for line in fit.resonances]]))[0]
    p, d = truth["round_trip"], truth["difference"]
    lines = []
    for line, at in zip(fit.resonances, wl, strict=True):
        q = math.pi * TRUTH.n_g[0] * LENGTH * math.sqrt(p) / (at * (1.0 - p))
        noise = LineNoise(1e-6 * at, 1e-6 * q, 1e-6 * p, 1e-6 * d, -0.9)
        lines.append(replace(line, wl=float(at), q=q, round_trip=p, difference=d, noise=noise))
    band = (float(wl[0]) - 1e-3, float(wl[-1]) + 1e-3)
    regime = "under" if request.param else "over"
    return replace(fit, resonances=tuple(lines), used=tuple(lines), band=band, regime=regime)


def test_exact_lines_give_exact_estimates(exact):
    found = weighted_estimates(exact)
    assert found.n_g.value == pytest.approx(4.2, rel=1e-9)
    assert found.loss_db_cm.value == pytest.approx(20.0, rel=1e-9)
    assert found.power_coupling.value == pytest.approx(0.08, rel=1e-9)
    assert group_index_at(exact, exact.band[0]).value == pytest.approx(4.2, rel=1e-9)
    assert group_index_at(exact, exact.band[0]).se > found.n_g.se


def test_errors_are_carried_on_with_their_correlation(exact):
    """Loss of each line from its round trip and difference, by differences, and the mean of all lines."""
    lines, two = exact.used, exact.ports.drop is not None
    sign = 1.0 if exact.regime == "under" else -1.0

    def loss(p, d):
        t = 0.5 * (sign * d + math.sqrt(d * d + 4.0 * p))
        a = p / t**2 if two else p / t
        return -20.0 * math.log10(a) / (LENGTH * 1e-4)

    p, d = lines[0].round_trip, lines[0].difference
    step = 1e-6
    slopes = np.array([loss(p + step, d) - loss(p - step, d), loss(p, d + step) - loss(p, d - step)]) / (2.0 * step)
    errors = slopes * np.array([lines[0].noise.round_trip_se, lines[0].noise.difference_se])
    one = math.sqrt(errors[0] ** 2 + errors[1] ** 2 - 1.8 * errors[0] * errors[1])
    wl = np.array([line.wl for line in lines])
    design = np.stack([np.ones(wl.size), wl - 0.5 * sum(exact.band)], axis=1)
    share = math.sqrt(np.linalg.inv(design.T @ design)[0, 0])
    assert weighted_estimates(exact).loss_db_cm.se == pytest.approx(one * share, rel=1e-4)


def test_a_line_far_off_is_left_out(exact):
    wrong = replace(exact.used[1], difference=1.2 * exact.used[1].difference)
    found = weighted_estimates(replace(exact, used=(exact.used[0], wrong, *exact.used[2:])))
    assert found.loss_db_cm.value == pytest.approx(20.0, rel=1e-9)


def test_scatter_beyond_the_errors_widens_them(exact):
    lines = [replace(line, wl=line.wl * (1.0 + 3e-6 * (-1.0) ** i)) for i, line in enumerate(exact.resonances)]
    found, usual = weighted_estimates(replace(exact, resonances=tuple(lines))).n_g, weighted_estimates(exact).n_g
    assert 1.5 * usual.se < found.se < 8.0 * usual.se
    assert abs(found.value - 4.2) < 3.0 * found.se


def test_what_is_open_stays_open(exact):
    assert weighted_estimates(replace(exact, regime=None)).loss_db_cm is None
    assert weighted_estimates(replace(exact, radius=None)).n_g is None
    assert weighted_estimates(replace(exact, used=())).q is None
