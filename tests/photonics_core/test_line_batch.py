"""Lines fitted in a batch are those that are fitted one by one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from photonics_core.fit import line_periods, port_powers, search_ring
from photonics_core.line_batch import fit_lines
from photonics_core.line_windows import Lines, Ported
from photonics_core.lineshape import fit_resonance
from photonics_core.validation.synthetic_wafers import RADIUS, Truth, spectra

ROOT = Path(__file__).parents[2]


def work(count=6, add_drop=False, seed=0):
    chance = np.random.default_rng(seed)
    truth = Truth(2.4 + 0.01 * chance.normal(size=count), np.full(count, 4.2), 20.0, 0.08)
    searches = [search_ring(each, RADIUS) for each in spectra(truth, add_drop=add_drop, seed=seed)]
    ported = [Ported(each.spectrum.wl, *port_powers(each.spectrum, each.ports)) for each in searches]
    numbers = np.repeat(np.arange(count), [each.comb.wl.size for each in searches])
    guess = np.concatenate([each.comb.wl for each in searches])
    period = np.concatenate([line_periods(each.spectrum, each.comb) for each in searches])
    return ported, Lines(numbers, guess, period, np.full(guess.size, np.nan))


def one(ported, lines, i):
    spectrum = ported[lines.spectrum[i]]
    width = None if np.isnan(lines.linewidth[i]) else float(lines.linewidth[i])
    where = float(lines.guess[i]), float(lines.fsr_frequency[i]), width
    return fit_resonance(spectrum.wl, spectrum.through, spectrum.drop, *where)


def compare(ported, lines, found):
    assert np.all(found.converged) and np.all(found.full_rank)
    for i, line in enumerate(found.resonances):
        alone = one(ported, lines, i)
        for name in ("wl", "q", "round_trip", "difference"):
            error = getattr(alone, f"{name}_se")
            assert getattr(line, name) == pytest.approx(getattr(alone, name), abs=0.01 * error)
            assert getattr(line, f"{name}_se") == pytest.approx(error, rel=0.02)
        for name in ("peak", "asymmetry", "residual"):
            assert getattr(line, name) == pytest.approx(getattr(alone, name), abs=2e-3, nan_ok=True)
        assert line.splitting == alone.splitting == 0.0 and line.split_regime is None


def test_errors_by_noise_are_those_of_the_weights_where_the_noise_follows_them():
    ported, lines = work(12)
    found = fit_lines(ported, lines).resonances
    for name in ("wl_se", "q_se", "round_trip_se", "difference_se"):
        ratio = [getattr(line.noise, name) / getattr(line, name) for line in found]
        assert np.median(ratio) == pytest.approx(1.0, abs=0.15)


def test_single_and_two_port_lines_together():
    (one_port, first), (two_ports, second) = work(), work(add_drop=True, seed=1)
    both = [np.concatenate(each) for each in zip(vars(first).values(), vars(second).values(), strict=True)]
    lines = Lines(both[0] + len(one_port) * (np.arange(both[0].size) >= first.guess.size), *both[1:])
    compare(one_port + two_ports, lines, fit_lines(one_port + two_ports, lines))


def test_a_stated_width_is_kept_to():
    ported, lines = work(2)
    lines = Lines(lines.spectrum, lines.guess, lines.fsr_frequency, np.full(lines.guess.size, 3e-4))
    compare(ported, lines, fit_lines(ported, lines))


def test_what_is_no_line_is_none_and_disturbs_nothing():
    ported, lines = work(2)
    flat = Ported(ported[0].wl, np.zeros(ported[0].wl.size), None)
    short = Ported(ported[0].wl[:16], ported[0].through[:16], None)
    more = Lines(*(np.append(each, each[:2]) for each in vars(lines).values()))
    more.spectrum[-2:] = 2, 3
    found = fit_lines([*ported, flat, short], more)
    assert found.resonances[-2:] == [None, None] and not np.any(found.converged[-2:])
    alone = fit_lines(ported, lines).resonances
    assert [line.wl for line in found.resonances[:-2]] == [line.wl for line in alone]


def test_no_lines_are_no_error():
    ported, lines = work(1)
    none = Lines(*(each[:0] for each in vars(lines).values()))
    assert fit_lines(ported, none).resonances == []


def test_wrong_arguments_are_named():
    ported, lines = work(1)
    with pytest.raises(ValueError, match="one length"):
        fit_lines(ported, Lines(lines.spectrum, lines.guess[:1], lines.fsr_frequency, lines.linewidth))
    with pytest.raises(ValueError, match="guess = 0 is not positive"):
        fit_lines(ported, Lines(lines.spectrum, 0.0 * lines.guess, lines.fsr_frequency, lines.linewidth))
    with pytest.raises(ValueError, match="spectrum = 7"):
        fit_lines(ported, Lines(lines.spectrum + 7, lines.guess, lines.fsr_frequency, lines.linewidth))
    with pytest.raises(ValueError, match="devices = 99"):
        fit_lines(ported, lines, devices=99)


@pytest.mark.slow
def test_several_devices_share_the_batches():
    """On four simulated devices, in a process of its own; each batch is computed whole on one of them."""
    script = """
import jax
jax.config.update("jax_enable_x64", True)
from photonics_core import line_batch
from photonics_core.validation.bench_wafer_test import work
ported, lines = work(3)
alone = line_batch.fit_lines(ported, lines, devices=1)
line_batch._BATCH_LINES = (4, 4)
used = set()
solve = line_batch.solve_lines
def noted(model, cut, *rest):
    used.update(cut.start.devices())
    return solve(model, cut, *rest)
line_batch.solve_lines = noted
shared = line_batch.fit_lines(ported, lines, devices=4)
worst = max(abs(a.wl - b.wl) / a.wl_se for a, b in zip(alone.resonances, shared.resonances))
print(len(used), worst)
"""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=os.environ | flags, capture_output=True, text=True, check=True
    )
    count, worst = done.stdout.split()
    assert int(count) == 4 and float(worst) < 1e-6


def test_float32_is_within_the_errors(float32):
    ported, lines = work(3)
    found = fit_lines(ported, lines)
    for i, line in enumerate(found.resonances):
        alone = one(ported, lines, i)
        for name in ("wl", "q", "difference"):
            assert getattr(line, name) == pytest.approx(getattr(alone, name), abs=0.1 * getattr(alone, f"{name}_se"))
