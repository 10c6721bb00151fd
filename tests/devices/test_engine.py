"""Engines: units and eyes by hand, gradients against central differences, optimum, front and limits."""

import dataclasses
import math
from typing import Any

import jax
import numpy as np
import pytest
from scipy.stats import norm

from photonics_core.devices.engine import evaluate, losses_db
from photonics_core.devices.engine_choice import pareto_front, size_all
from photonics_core.devices.engine_link import engine_link
from photonics_core.devices.engine_optimum import DESIGN, size_candidate
from photonics_core.devices.engine_point import EngineDesign
from photonics_core.devices.engine_spec import EngineCandidate, EngineSpec
from photonics_core.devices.engine_technology import EngineTechnology
from photonics_core.devices.engine_tradeoffs import IMPROVEMENTS, LABELS, improved, sensitivities

CANDIDATE, SPEC = EngineCandidate(8, 200.0, 32.0), EngineSpec()
TECHNOLOGY = ("heater_nm_mw", "bend_db_cm", "junction_db_cm")


@pytest.fixture(scope="module")
def sized():
    return size_candidate(CANDIDATE, SPEC)


def test_units_by_hand():
    # 8 lines of 32 Gb/s are 256 Gb/s in one fibre; both ways 512 Gb/s on three fibres of 127 um.
    assert CANDIDATE.data_rate_gbps == 256.0
    assert CANDIDATE.density(127.0) == pytest.approx(0.512 / 0.381, rel=1e-6)
    assert CANDIDATE.pairs(4.096) == 8
    assert CANDIDATE.pairs(4.097) == 9
    # KP4 sends 544 symbols for 514 of data.
    assert EngineCandidate(8, 200.0, 32.0, 4, "KP4").data_rate_gbps == pytest.approx(512.0 * 514.0 / 544.0)


def test_energies_by_hand(sized):
    technology, energy = sized.point.technology, sized.figures.energy
    # The wall-plug efficiency holds at 300 K: P / eta over 32 Gb/s, mW over Gb/s being pJ.
    by_hand = 1e3 * float(sized.point.design.line_power) / float(technology.laser_efficiency) / 32.0
    assert float(energy.laser[0]) == pytest.approx(by_hand, rel=1e-6)
    # C V^2 / 4, two locked rings, and electronics as they are given at 32 GBd NRZ.
    assert energy.driver == pytest.approx(50.0 * 2.0**2 / 4.0 + 300.0)
    assert energy.lock == pytest.approx(1e3 * 2.0 * 0.5 / 32.0)
    assert energy.serdes == pytest.approx(1500.0)
    # 50 K of the measured thermo-optic coefficient and its growth, at 0.25 nm/mW for 5 um; heaters only heat.
    index = 2.167e-4 * 50.0 + 0.5 * 2.94e-7 * 50.0**2
    shift = np.array([1310.0 * index / 4.481 + 0.5, 0.5])
    powers = shift * float(sized.point.design.radius) / (0.25 * 5.0)
    assert sized.figures.heater_power[[0, -1]] == pytest.approx(powers, rel=1e-2)
    assert energy.modulator_heaters == pytest.approx(1e3 * sized.figures.heater_power / 32.0)


def _passed(radius, gaps, loss_db_cm, distance):
    """Power of a ring at through and drop by its textbook form, complex amplitudes and all."""
    kappa = 0.0910 * np.sqrt(2.0 * np.pi * radius * 0.103 * 0.1063 / 0.1246)
    angles = [kappa * np.exp(-(g - 0.160) / (0.103 * 0.1063 / 0.1246)) * np.exp(6.0 * (1.31 - 1.3175)) for g in gaps]
    (t1, t2), (k1, k2) = np.cos(angles), np.sin(angles)
    length = 2.0 * np.pi * radius
    a = 10.0 ** (-loss_db_cm * 1e-4 * length / 20.0)
    # A resonance is one turn of phase for each free spectral range.
    turn = a * np.exp(2j * np.pi * distance * 4.481 * length / 1.31**2)
    return abs((t1 - t2 * turn) / (1.0 - t1 * t2 * turn)) ** 2, abs(k1 * k2) ** 2 * a / abs(1.0 - t1 * t2 * turn) ** 2


def _worst_eyes(point):
    """The eyes q_m of a point at its hottest, without lock error, by NumPy alone; and what they are made of."""
    design = {name: float(getattr(point.design, name)) for name in DESIGN}
    radius, count, rate = design["radius"], int(point.channels), float(point.symbol_rate_gbd)
    bend = 3.6 + 6.7 * (5.0 / radius) ** 2
    modulator = radius, (design["input_gap"], design["drop_gap"]), bend + 40.0
    filters = radius, (design["filter_gap"], design["filter_gap"]), bend
    away = 1.31**2 / 299.792458 * 1e-3 * float(point.spacing_ghz)
    places = away * np.array([k for k in range(-count // 2 + 1, count // 2 + 1) if k])
    states = design["detuning"] + np.array([0.0, 80e-6])
    own = _passed(*modulator, states)[0]
    others = _passed(*modulator, places[:, None] + states)[0]
    through, leak = _passed(*filters, places)
    chain = design["line_power"] * 10.0 ** (-(3 * 1.5 + 3.0 + 2 * 3.6 * 50e-4 * (count - 1)) / 10.0)
    chain *= np.prod(others.mean(axis=1) * through)
    levels = chain * _passed(*filters, 0.0)[1] * np.linspace(own[0], own[1], point.levels)
    spans = chain * leak.sum() * np.ptp(own)
    spans += np.sum(abs(np.diff(others)[:, 0]) / others.mean(axis=1)) * levels.mean()
    widths = []
    for ring in (modulator, filters):
        # The width between the points of half height, searched for.
        x = np.linspace(0.0, 1e-3, 200_001)
        dropped = _passed(*ring, x)[1]
        widths.append(2.0 * np.interp(0.5, 1.0 - dropped / dropped[0], x) * 299.792458 / 1.31**2)
    parts = np.array([widths[0], 0.5 * widths[1], 0.05, 0.05, 0.7e-3 * rate])
    memory = np.exp(-2.0 * np.pi * np.sum(parts**-2) ** -0.5 / (1e-3 * rate))
    # Noise in mA: amplifier, shot noise, intensity noise; the charge in fC, bandwidths in THz.
    light, band = levels + chain * leak.sum() * own.mean(), 1.05 * 0.7e-3 * rate
    density = 15e-3 * rate / 32.0 * np.sqrt(350.0 / 300.0)
    variance = density**2 + 2.0 * 1.602176634e-4 * (0.9 * light + 1e-5) + 10.0**-2.5 * (0.9 * light) ** 2
    noise = np.sqrt(variance * band)
    opening = (1.0 - memory) * np.diff(levels) - spans - memory * np.ptp(levels)
    return 0.9 * opening / (noise[1:] + noise[:-1]), levels, memory


def test_worst_eye_by_numpy_alone(sized):
    no_error = dataclasses.replace(sized.point, technology=EngineTechnology(lock_error_pm=0.0))
    eyes, levels, memory = _worst_eyes(no_error)
    np.testing.assert_allclose(sized.figures.powers, levels, rtol=1e-9)
    assert float(sized.figures.memory) == pytest.approx(memory, rel=1e-4)
    # The lock error moves the eye by little, and the target is met where 1e-12 is the tail beyond it.
    assert sized.figures.eyes[-1].mean() == pytest.approx(eyes[0], rel=2e-2)
    assert sized.figures.eyes.min() == pytest.approx(norm.isf(1e-12), rel=1e-5)


@pytest.mark.slow
def test_four_eyes_by_numpy_alone():
    engine = size_candidate(EngineCandidate(8, 200.0, 32.0, 4, "KP4"), SPEC, EngineTechnology(lock_error_pm=0.0))
    eyes, levels, _ = _worst_eyes(engine.point)
    np.testing.assert_allclose(engine.figures.powers, levels, rtol=1e-9)
    np.testing.assert_allclose(engine.figures.eyes[-1, 0], eyes, rtol=1e-4)
    # Each of three thresholds is crossed from two of four sides; a symbol has two bits, and one of them is wrong.
    ratio = np.sum(2.0 * norm.sf(eyes)) / 4.0 / 2.0
    assert engine.figures.log10_ratio[-1, 0] == pytest.approx(math.log10(ratio), rel=1e-4)


def test_loss_of_bends_is_as_measured():
    # dB/cm at 2, 5 and 10 um: a quarter turn of 0.013(5) dB beside 3.6 dB/cm, and rings of 10.3(20) and 5(1).
    found = EngineTechnology().filter_loss_db_cm(np.array([2.0, 5.0, 10.0]))
    measured = np.array([3.6 + 0.013 / (math.pi * 1e-4), 10.3, 5.0])
    errors = np.array([0.005 / (math.pi * 1e-4), 2.0, 1.0])
    assert np.all(np.abs(found - measured) < errors)


def test_radius_ends_inside_its_bounds_or_the_bound_is_named(sized):
    inside = size_candidate(CANDIDATE, EngineSpec(radii=(2.0, 10.0)))
    assert inside.is_feasible
    assert inside.slope < 1e-5
    assert 2.1 < float(inside.point.design.radius) < 3.0
    assert inside.bounds[DESIGN.index("radius")] == 0.0
    assert float(sized.point.design.radius) == pytest.approx(SPEC.radii[0])
    assert "least radius" in sized.binding
    assert inside.energy_pj_bit < sized.energy_pj_bit
    # Where bends lose more, rings get larger.
    lossy = size_candidate(CANDIDATE, SPEC, EngineTechnology(bend_db_cm=30.0))
    assert 4.0 < float(lossy.point.design.radius) < 5.0
    assert not {"least radius", "largest radius"} & set(lossy.binding)


def test_losses_add_up(sized):
    whole = 10.0 * math.log10(float(sized.point.design.line_power / sized.figures.powers[-1]))
    assert float(sum(jax.jit(losses_db)(sized.point).values())) == pytest.approx(whole, abs=1e-9)


@jax.jit
def _figures_and_slopes(point, values):
    """Figures of a point with another design, by name, and their slopes by the design and some of the technology."""

    def of(values):
        found = evaluate(_moved(point, values))
        named = {name: getattr(found, name) for name in ("energy_fj_bit", "eyes", "heater_power", "log10_ratio")}
        return named, named

    slopes, found = jax.jacfwd(of, has_aux=True)(values)
    return found, slopes


def _moved(point, values):
    design = EngineDesign(*(values[k] for k in range(len(DESIGN))))
    technology = dict(zip(TECHNOLOGY, (values[len(DESIGN) + k] for k in range(len(TECHNOLOGY))), strict=True))
    return dataclasses.replace(point, design=design, technology=dataclasses.replace(point.technology, **technology))


def _values(point):
    names = [float(getattr(point.design, name)) for name in DESIGN]
    return np.array(names + [float(getattr(point.technology, name)) for name in TECHNOLOGY])


def test_gradients_against_central_differences(sized):
    values = 1.02 * _values(sized.point)
    _, exact = _figures_and_slopes(sized.point, values)
    for k, name in enumerate((*DESIGN, *TECHNOLOGY)):
        step = 1e-5 * values[k] * np.eye(len(values))[k]
        above, below = (_figures_and_slopes(sized.point, values + sign * step)[0] for sign in (1.0, -1.0))
        for what, slopes in exact.items():
            central, found = np.asarray(above[what] - below[what]) / (2.0 * step[k]), np.asarray(slopes)[..., k]
            floor = 1e-7 * np.max(np.abs(np.asarray(above[what]))) / values[k]
            np.testing.assert_allclose(found, central, rtol=1e-5, atol=floor, err_msg=f"{what} by {name}")


def test_optimum_meets_limits_and_is_stationary(sized):
    assert sized.is_feasible
    assert sized.slope < 1e-5
    assert np.all(sized.multipliers >= 0.0)
    # What is not at its limit costs nothing.
    found, _ = _figures_and_slopes(sized.point, _values(sized.point))
    excess = _excess(sized, found)
    assert float(found["energy_fj_bit"]) == pytest.approx(1e3 * sized.energy_pj_bit, rel=1e-12)
    assert np.all(excess < 1e-5)
    assert np.all(np.abs(sized.multipliers * excess) < 1e-5)
    assert float(sized.figures.log10_ratio.max()) < -12.0 + 1e-3


def _excess(sized, found):
    """What has to be at most zero, in the order of the multipliers."""
    eyes = 1.0 - np.ravel(found["eyes"]) / float(sized.point.required_q)
    lines = 1e-3 * 8 * 200.0 / float(sized.figures.fsr_thz) - 1.0
    return np.array([*eyes, float(found["heater_power"][0]) / SPEC.most_heater_power - 1.0, lines])


def test_optimum_is_no_worse_than_a_random_search(sized):
    rng = np.random.default_rng(1)
    count = 400
    near = {k: float(getattr(sized.point.design, k)) for k in DESIGN}
    trials = {k: v * np.exp(0.15 * rng.standard_normal(count)) for k, v in near.items()}
    trials["radius"] = np.maximum(trials["radius"], SPEC.radii[0])
    for name in ("input_gap", "drop_gap", "filter_gap"):
        trials[name] = np.clip(trials[name], SPEC.least_gap, 0.3)
    energies = []
    for k in range(count):
        values = _values(sized.point)
        values[: len(DESIGN)] = [trials[name][k] for name in DESIGN]
        found, _ = _figures_and_slopes(sized.point, values)
        # Rings are never smaller than those of the optimum here, and so fit the grid less well: that is no gain.
        if np.all(_excess(sized, found)[:-1] <= 0.0):
            energies.append(float(found["energy_fj_bit"]))
    assert len(energies) > 5
    assert 1e-3 * min(energies) >= sized.energy_pj_bit - 1e-9


def test_improvements_have_names():
    assert set(LABELS) == set(IMPROVEMENTS)
    assert set(IMPROVEMENTS) <= set(EngineTechnology.__dataclass_fields__)


@pytest.mark.slow
def test_sensitivities_say_where_the_optimum_moves(sized):
    for each in sensitivities(sized, SPEC):
        assert each.energy <= 1e-12, each.name
        assert each.checked == pytest.approx(each.energy, rel=0.25, abs=2e-4), each.name


def test_improvements_are_better():
    assert float(improved(EngineTechnology(), "rin_db_hz").rin_db_hz) == pytest.approx(-145.458, abs=1e-3)
    assert float(improved(EngineTechnology(), "joint_db").joint_db) == pytest.approx(1.35)
    with pytest.raises(ValueError, match="name = 'speed'"):
        improved(EngineTechnology(), "speed")


def test_front_has_no_dominated_point():
    rng = np.random.default_rng(2)
    density, energy = np.round(rng.random(60), 1), np.round(rng.random(60), 1)
    found = pareto_front(density, energy)
    for i in range(60):
        is_beaten = any(
            (density[j] >= density[i] and energy[j] < energy[i]) or (density[j] > density[i] and energy[j] <= energy[i])
            for j in range(60)
        )
        assert found[i] == (not is_beaten)


def test_link_has_the_rates_and_losses_of_the_engine(sized):
    link: Any = engine_link(sized, 350.0)
    assert (link.count, link.levels, link.data_rate_gbps) == (8, 2, CANDIDATE.data_rate_gbps)
    assert link.input_joint_db + link.output_joint_db + link.receiver_joint_db == pytest.approx(3 * 1.5 + 3.0)
    assert link.transmitter.bus.rings.index.loss_db_cm[0] - link.receiver.bus.rings.index.loss_db_cm[0] == 40.0
    with pytest.raises(ValueError, match="engine = 3"):
        engine_link(3)  # pyright: ignore[reportArgumentType]


def test_infeasible_specifications_name_the_limit():
    with pytest.raises(ValueError, match=r"rate_tbps = 100 Tb/s does not fit shoreline_mm = 1 mm"):
        size_all(EngineSpec(rate_tbps=100.0, shoreline_mm=1.0))
    with pytest.raises(ValueError, match=r"temperatures_k .* take a heater power of .* most_heater_power"):
        size_all(EngineSpec(temperatures_k=(255.0, 395.0), most_heater_power=5.0))
    with pytest.raises(ValueError, match=r"radii .* free spectral range"):
        size_all(EngineSpec(channels=(32,), spacings_ghz=(400.0,)))
    with pytest.raises(ValueError, match=r"the eye for the error ratio is .* too small at most_line_power = 0.06 mW"):
        size_all(
            EngineSpec(
                channels=(8,),
                spacings_ghz=(200.0,),
                symbol_rates_gbd=(32.0,),
                levels=(2,),
                codes=("none",),
                most_line_power=0.06,
            )
        )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate_tbps": 0.0}, "rate_tbps"),
        ({"radii": (8.0, 4.0)}, "descends"),
        ({"channels": ()}, "leaves nothing"),
        ({"least_gap": 0.5}, "least_gap"),
    ],
)
def test_bad_specifications(values, message):
    with pytest.raises(ValueError, match=message):
        EngineSpec(**values)


@pytest.mark.parametrize(("name", "value"), [("laser_efficiency", 1.2), ("responsivity", 1.1), ("bend_db_cm", -1.0)])
def test_bad_technologies(name, value):
    with pytest.raises(ValueError, match=name):
        EngineTechnology(**{name: value})


def test_more_light_and_heat_behave(sized):
    values = _values(sized.point)
    more = values.copy()
    more[DESIGN.index("line_power")] *= 2.0
    brighter, _ = _figures_and_slopes(sized.point, more)
    assert np.all(np.asarray(brighter["log10_ratio"]) < sized.figures.log10_ratio)
    assert np.all(np.diff(sized.figures.heater_power) < 0.0)


@pytest.mark.slow
def test_in_single_precision(sized, float32):
    again = size_candidate(CANDIDATE, SPEC)
    assert again.is_feasible
    assert again.figures.eyes.dtype == np.float32
    assert again.energy_pj_bit == pytest.approx(sized.energy_pj_bit, rel=1e-4)
