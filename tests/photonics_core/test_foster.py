import numpy as np
import pytest
from scipy.special import erfc

from photonics_core.foster import foster_fit, transfer_fit
from photonics_core.thermal_impedance import ThermalImpedance, TransferImpedance

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


def late(distance=20.0, diffusivity=1e-6):
    """Heat that comes through a slab which is warm on one side and cold on the other, a quarter of the way through.

    By the method of images in time, sums of erfc((2 n + 1/4) ...): it starts as exp(-d^2 / (4 D t)).
    """
    n = np.arange(0.0, 40.0)[:, None]
    reach = 2.0 * np.sqrt(diffusivity * TIME)
    ahead, back = erfc((2.0 * n + 0.25) * distance / reach), erfc((2.0 * n + 1.75) * distance / reach)
    return np.sum(ahead - back, axis=0)


def test_what_starts_late_takes_parts_of_both_signs():
    """Its steady state is 3/4, and no network of parts above zero is nearer than 5 %."""
    response = late()
    assert response[-1] == pytest.approx(0.75, rel=1e-6) and response[0] < 1e-12
    positive = [foster_fit(TIME, response, poles).largest_error for poles in (4, 8)]
    signed = [transfer_fit(TIME, response, poles, static=0.75) for poles in (4, 6)]
    assert min(positive) > 0.05
    assert signed[0].largest_error < 3e-3 and signed[1].largest_error < 2e-3
    for fit in signed:
        assert isinstance(fit.impedance, TransferImpedance) and fit.undershoot <= fit.largest_error
        assert float(fit.impedance.total) == pytest.approx(0.75, rel=1e-12)
        slopes = np.abs(np.asarray(fit.impedance.resistance) / np.asarray(fit.impedance.time))
        assert abs(float(fit.impedance.first_slope)) < 1e-12 * np.max(slopes)
        seen = np.asarray(fit.impedance.step_response(TIME)) - response
        assert np.max(np.abs(seen)) / np.max(response) == pytest.approx(fit.largest_error, rel=1e-9)


def test_conditions_are_kept_only_where_they_are_asked_for():
    network = TransferImpedance([-0.3, 1.0, 0.3], [1e5, 1e6, 1e7])
    response = np.asarray(network.step_response(TIME))
    free = transfer_fit(TIME, response, 3, starts_still=False)
    np.testing.assert_allclose(free.impedance.time, network.time, rtol=1e-4)
    np.testing.assert_allclose(free.impedance.resistance, network.resistance, rtol=1e-4)
    # 2 % more in the end than the samples say is what is asked for.
    assert float(transfer_fit(TIME, response, 3, static=1.02).impedance.total) == pytest.approx(1.02, rel=1e-12)


def test_bad_responses_are_named():
    with pytest.raises(ValueError, match="far below zero: heat does not cool"):
        foster_fit(TIME, np.where(TIME > 5e8, 1e-3, -1.0), 2)
    with pytest.raises(ValueError, match="poles = 2.5 is not of the kind int"):
        foster_fit(TIME, TIME / TIME[-1], 2.5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"static = 0 K/mW is outside \(0, inf\)"):
        transfer_fit(TIME, late(), 3, static=0.0)
    with pytest.raises(ValueError, match=r"static = 0.1 K/mW is outside \[0.37"):
        transfer_fit(TIME, late(), 3, static=0.1)
    with pytest.raises(ValueError, match=r"poles = 1 is outside \[2, inf\)"):
        transfer_fit(TIME, late(), 1, static=0.75)
    with pytest.raises(ValueError, match="are not rising times"):
        foster_fit([2.0, 1.0], [0.0, 1.0], 1)
    with pytest.raises(ValueError, match="too many for 3 samples"):
        foster_fit([1.0, 2.0, 3.0], [0.0, 0.5, 1.0], 2)
    with pytest.raises(ValueError, match="nowhere above zero"):
        foster_fit([1.0, 2.0, 3.0], [0.0, -0.5, -1.0], 1)
    with pytest.raises(ValueError, match="time = 0 ps"):
        foster_fit([0.0, 2.0, 3.0], [0.0, 0.5, 1.0], 1)
