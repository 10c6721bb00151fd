import numpy as np
import pytest

from photonics_core.foster import foster_fit
from photonics_core.thermal_impedance import ThermalImpedance

TIME = np.geomspace(1e3, 1e9, 61)


def test_a_network_is_found_again():
    network = ThermalImpedance([0.3, 1.0, 0.2], [2e4, 1e6, 4e7])
    fit = foster_fit(TIME, network.step_response(TIME), 3)
    np.testing.assert_allclose(fit.impedance.resistance, network.resistance, rtol=1e-5)
    np.testing.assert_allclose(fit.impedance.time, network.time, rtol=1e-5)
    assert fit.largest_error < 1e-6 and fit.rms_error <= fit.largest_error


def test_more_parts_follow_diffusion_better():
    # The error function of a half space in time: t^(1/2) at first, as no single part.
    response = 1.0 - 1.0 / np.sqrt(1.0 + TIME / 1e5)
    errors = [foster_fit(TIME, response, count).rms_error for count in (1, 2, 4, 6)]
    assert np.all(np.diff(errors) < 0) and errors[0] > 0.05 and errors[-1] < 2e-3
    fit = foster_fit(TIME, response, 4)
    miss = np.asarray(fit.impedance.step_response(TIME)) - response
    np.testing.assert_allclose(np.max(np.abs(miss)) / np.max(response), fit.largest_error, rtol=1e-6)


def test_bad_responses_are_named():
    with pytest.raises(ValueError, match="are not rising times"):
        foster_fit([2.0, 1.0], [0.0, 1.0], 1)
    with pytest.raises(ValueError, match="too many for 3 samples"):
        foster_fit([1.0, 2.0, 3.0], [0.0, 0.5, 1.0], 2)
    with pytest.raises(ValueError, match="nowhere above zero"):
        foster_fit([1.0, 2.0, 3.0], [0.0, -0.5, -1.0], 1)
    with pytest.raises(ValueError, match="time = 0 ps"):
        foster_fit([0.0, 2.0, 3.0], [0.0, 0.5, 1.0], 1)
