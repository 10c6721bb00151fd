"""Engines: units by hand, gradients against central differences, optimum, front and limits."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.devices.engine import EngineDesign, EnginePoint, evaluate, losses_db
from photonics_core.devices.engine_optimum import flat_figures, limits, pareto_front, size_all, size_candidate
from photonics_core.devices.engine_spec import Candidate, EngineSpec, EngineTechnology
from photonics_core.devices.engine_tradeoffs import improved, sensitivities

CANDIDATE, SPEC = Candidate(8, 200.0, 32.0), EngineSpec()


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
    assert Candidate(8, 200.0, 32.0, 4, "KP4").data_rate_gbps == pytest.approx(512.0 * 514.0 / 544.0)


def test_energy_of_a_laser_by_hand(sized):
    # The wall-plug efficiency holds at 300 K: P / eta over 32 Gb/s, mW over Gb/s being pJ.
    by_hand = 1e3 * float(sized.point.design.line_power) / 0.1 / 32.0
    assert float(sized.figures.energy.laser[0]) == pytest.approx(by_hand, rel=1e-3)


def test_losses_add_up(sized):
    whole = 10.0 * math.log10(float(sized.point.design.line_power / sized.figures.powers[-1]))
    assert float(sum(losses_db(sized.point).values())) == pytest.approx(whole, abs=1e-9)


@pytest.mark.parametrize("name", ["radius", "input_gap", "drop_gap", "filter_gap", "detuning", "line_power"])
def test_gradients_of_the_design(sized, name):
    point = sized.point
    value = jnp.asarray(1.02 * float(getattr(point.design, name)))

    def figures(x):
        return _figures(dataclasses.replace(point, design=dataclasses.replace(point.design, **{name: x})))

    step = 1e-5 * value
    central = (figures(value + step) - figures(value - step)) / (2.0 * step)
    exact = _slopes(point, name, value)
    np.testing.assert_allclose(exact, central, rtol=1e-5, atol=1e-7 * float(jnp.max(jnp.abs(exact))))


_figures = jax.jit(flat_figures)


def _slopes(point, name, value):
    def of(design):
        return flat_figures(dataclasses.replace(point, design=design))

    moved = dataclasses.replace(point.design, **{name: value})
    return getattr(_jacobian(point, moved), name)


@jax.jit
def _jacobian(point, design):
    design = jax.tree.map(jnp.asarray, design)
    return jax.jacfwd(lambda d: flat_figures(dataclasses.replace(point, design=d)))(design)


def test_optimum_meets_limits_and_is_stationary(sized):
    assert sized.is_feasible
    assert sized.slope < 1e-5
    assert np.all(sized.multipliers >= 0.0)
    # What is not at its limit costs nothing.
    excess = np.concatenate([np.ravel(each) for each in limits(sized.point).values()])
    assert np.all(np.abs(sized.multipliers * excess) < 1e-5)
    assert float(sized.figures.log10_ratio.max()) < -12.0 + 1e-3


def test_optimum_is_no_worse_than_a_random_search(sized):
    rng = np.random.default_rng(1)
    count = 400
    near = {k: float(getattr(sized.point.design, k)) for k in vars(sized.point.design)}
    trials = {k: v * np.exp(0.15 * rng.standard_normal(count)) for k, v in near.items()}
    trials["radius"] = np.maximum(trials["radius"], SPEC.radii[0])
    for name in ("input_gap", "drop_gap", "filter_gap"):
        trials[name] = np.clip(trials[name], SPEC.least_gap, 0.3)
    trials["detuning"] = np.maximum(trials["detuning"], 5e-6)
    found = np.asarray(_over(sized.point, EngineDesign(**trials)))
    is_met = np.all(found[:, 1:] <= 0.0, axis=1)
    assert is_met.sum() > 5
    assert found[is_met, 0].min() >= sized.energy_pj_bit - 1e-9


@jax.jit
def _over(point, designs):
    return jax.vmap(lambda d: flat_figures(dataclasses.replace(point, design=d)))(designs)


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


def test_infeasible_specifications_name_the_limit():
    with pytest.raises(ValueError, match=r"rate_tbps = 100 Tb/s does not fit shoreline_mm = 1 mm"):
        size_all(EngineSpec(rate_tbps=100.0, shoreline_mm=1.0))
    with pytest.raises(ValueError, match=r"temperatures_k .* take a heater power of .* most_heater_power"):
        size_all(EngineSpec(temperatures_k=(255.0, 395.0), most_heater_power=5.0))
    with pytest.raises(ValueError, match=r"radii .* free spectral range"):
        size_all(EngineSpec(channels=(32,), spacings_ghz=(400.0,)))
    with pytest.raises(ValueError, match=r"misses the error ratio .* most_line_power = 0.06 mW"):
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


def test_more_light_and_heat_behave():
    point = EnginePoint.of(CANDIDATE, SPEC)
    figures = evaluate(point)
    more = evaluate(dataclasses.replace(point, design=EngineDesign(line_power=2.0 * float(point.design.line_power))))
    assert np.all(np.asarray(more.eyes) > np.asarray(figures.eyes))
    assert np.all(np.diff(np.asarray(figures.heater_power)) < 0.0)
    assert float(more.memory) == float(figures.memory)
