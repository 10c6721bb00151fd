import math

import numpy as np
import pytest

from photonics_core import ThermalImpedance, crossing_time, rise_time, thermal_bandwidth

TWO = ThermalImpedance((1.0, 2.0), (1e6, 2e7))


def test_one_part_has_closed_forms():
    one = ThermalImpedance(3.0, 4e6)
    assert float(rise_time(one)) == pytest.approx(4e6 * math.log(9.0), rel=1e-13)
    assert float(crossing_time(one, 1.0 - 1.0 / math.e)) == pytest.approx(4e6, rel=1e-13)
    assert float(thermal_bandwidth(one)) == pytest.approx(1.0 / (2.0 * math.pi * 4e6), rel=1e-13)


def test_several_parts_are_at_their_levels():
    for level in (1e-3, 0.5, 0.999):
        there = TWO.step_response(crossing_time(TWO, level)) / TWO.total
        assert float(there) == pytest.approx(level, rel=1e-10)
    power = abs(complex(TWO.impedance(thermal_bandwidth(TWO)))) ** 2 / 9.0
    assert power == pytest.approx(0.5, rel=1e-12)
    # A part that is slow makes the whole slower than the quick one alone.
    assert float(rise_time(TWO)) > float(rise_time(ThermalImpedance(3.0, 1e6)))


def test_steps_of_any_size_are_exact():
    for count, step in ((1, 3e7), (30, 1e6)):
        kept, added = (np.asarray(each) for each in TWO.step_factors(step))
        parts = np.zeros(2)
        for _ in range(count):
            parts = kept * parts + added * 5.0
        assert np.sum(parts) == pytest.approx(5.0 * float(TWO.step_response(3e7)), rel=1e-12)


def test_derivatives(assert_gradient):
    def figures(tree):
        network = ThermalImpedance(tree["r"], tree["t"])
        return rise_time(network) * 1e-6, thermal_bandwidth(network) * 1e6

    for k in (0, 1):
        assert_gradient(lambda tree, k=k: figures(tree)[k], {"r": np.array([1.0, 2.0]), "t": np.array([1e6, 2e7])})


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"level = 1 is outside \(0, 1\)"):
        crossing_time(TWO, 1.0)
    with pytest.raises(ValueError, match="sum of the resistances = 0 K/mW is outside"):
        rise_time(ThermalImpedance((0.0, 0.0), (1.0, 2.0)))
    with pytest.raises(ValueError, match="step = 0 ps is outside"):
        TWO.step_factors(0.0)
    with pytest.raises(ValueError, match="impedance = 3.0 is not of the kind ThermalImpedance"):
        thermal_bandwidth(3.0)  # pyright: ignore[reportArgumentType]
