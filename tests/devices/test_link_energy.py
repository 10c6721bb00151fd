import dataclasses

import numpy as np
import pytest

from photonics_core.devices.link_alternatives import (
    ALTERNATIVES,
    Alternative,
    comparison_table,
    nyquist_ghz,
    trace_loss_db,
    trace_reach_m,
)
from photonics_core.devices.link_energy import (
    LinkElectronics,
    areal_density,
    link_energy_per_bit,
    link_latency,
    row_area,
    shoreline_density,
)
from photonics_core.devices.polarization_receiver import PolarizationDiverseReceiver, PolarizationSplitter
from photonics_core.error_correction import KP4
from photonics_core.layout_modulator_row import RowRules
from photonics_core.validation.link import reference_link

ELECTRONICS = LinkElectronics(40.0, 2.0, 30.0, 0.1, 50.0, 500.0, 300.0, 0.5)


@pytest.fixture(scope="module")
def link():
    return reference_link(2)


def test_parts_by_hand(link):
    """NRZ without a code: powers over the rate, in fJ."""
    energy = link_energy_per_bit(link, ELECTRONICS, 310.0)
    np.testing.assert_allclose(energy.laser, 1e3 * (1.0 / 0.15) / 32.0)
    np.testing.assert_allclose(energy.cooling, 0.5 * energy.laser)
    np.testing.assert_allclose(energy.driver, 40.0 * 4.0 / 4.0 + 30.0)
    heaters = np.mean(link.transmitter.heater_power(310.0)), np.mean(link.receiver.heater_power(310.0))
    np.testing.assert_allclose(energy.modulator_heaters, 1e3 * heaters[0] / 32.0)
    np.testing.assert_allclose(energy.filter_heaters, 1e3 * heaters[1] / 32.0)
    np.testing.assert_allclose(energy.lock, 1e3 * 0.2 / 32.0)
    assert (float(energy.receiver), float(energy.clock), float(energy.serdes), float(energy.code)) == (150, 50, 500, 0)
    np.testing.assert_allclose(energy.total, sum(np.asarray(each) for each in energy))
    np.testing.assert_allclose(energy.optics, energy.total - 550.0)
    np.testing.assert_allclose(energy.front_ends, energy.driver + 150.0)


def test_a_code_is_paid_for_by_bits_of_data(link):
    plain = link_energy_per_bit(link, ELECTRONICS, 310.0)
    coded = link_energy_per_bit(dataclasses.replace(link, code=KP4), ELECTRONICS, 310.0)
    for name in ("laser", "driver", "modulator_heaters", "receiver", "clock"):
        np.testing.assert_allclose(getattr(coded, name), getattr(plain, name) * 544 / 514)
    assert float(coded.code) == 300.0


def test_four_levels_halve_what_is_always_on(link):
    """And a driver of evenly spaced levels takes 5/72 of C V^2."""
    two, four = (
        link_energy_per_bit(dataclasses.replace(link, levels=n), LinkElectronics(40.0, 2.0), 310.0) for n in (2, 4)
    )
    np.testing.assert_allclose(four.laser, 0.5 * two.laser)
    np.testing.assert_allclose(four.filter_heaters, 0.5 * two.filter_heaters)
    np.testing.assert_allclose(four.driver, 40.0 * 4.0 * 5.0 / 72.0)


def test_two_fibres_share_their_lasers(link):
    split = dataclasses.replace(link, laser=dataclasses.replace(link.laser, fibres=4))
    one, shared = (float(link_energy_per_bit(each, ELECTRONICS, 310.0).laser) for each in (link, split))
    np.testing.assert_allclose(shared, one / 4.0)


def test_warm_lasers_cost_more(link):
    cold, warm = (
        float(link_energy_per_bit(dataclasses.replace(link, laser_temperature=t), ELECTRONICS, 310.0).laser)
        for t in (300.0, 350.0)
    )
    assert warm > 1.3 * cold


def test_densities_by_definition():
    np.testing.assert_allclose(shoreline_density(256.0, 127.0), 256.0 / 127.0)
    both = shoreline_density(256.0, 127.0, fibres=3.0, directions=2)
    np.testing.assert_allclose(both, shoreline_density(256.0, 127.0) * 2.0 / 3.0)
    np.testing.assert_allclose(areal_density(800.0, 0.15e6), 5.3333333, rtol=1e-6)
    rules = RowRules(pad_pitch=50.0, pad=20.0, radius=5.0, heater=2.0)
    np.testing.assert_allclose(row_area(8, rules, with_pads=False), 8 * 12.0 * rules.depth)
    np.testing.assert_allclose(row_area(8, rules) - row_area(8, rules, with_pads=False), 18 * 2500.0)
    for directions in (1.5, 3):
        with pytest.raises(ValueError, match=f"directions = {directions}"):
            shoreline_density(1.0, directions=directions)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="area = 0"):
        areal_density(1.0, 0.0)


def test_latency_is_flight_block_and_code(link):
    far = dataclasses.replace(link, length_m=100.0)
    latency = link_latency(far, block_bits=256.0, group_index=1.5)
    np.testing.assert_allclose(latency.flight, 150.0 / 299_792_458.0 * 1e12)
    np.testing.assert_allclose(latency.serialisation, 4000.0)
    assert latency.code == 0.0
    coded = link_latency(dataclasses.replace(far, code=KP4), decoder=5e4)
    np.testing.assert_allclose(coded.code, 5440 / 64.0 * 1e3 + 5e4)
    assert coded.serialisation == 0.0 and coded.total == coded.flight + coded.code
    # 5140 bits of data fill a codeword; one bit more waits for a second one of 5440.
    full, more = (link_latency(dataclasses.replace(far, code=KP4), block_bits=n) for n in (5140.0, 5141.0))
    assert full.serialisation == 0.0
    np.testing.assert_allclose(more.serialisation, 5440 / 64.0 * 1e3)
    for lanes in (0, 1.5, 3):
        with pytest.raises(ValueError, match=f"lanes = {lanes}"):
            link_latency(link, lanes=lanes)  # pyright: ignore[reportArgumentType]


def test_every_ring_that_is_held_has_its_lock(link):
    """A modulator and a filter for each line; two filters where the polarisations have rings of their own."""
    splitter = PolarizationSplitter()
    for layout, rings in (("loop", 2.0), ("separate", 3.0)):
        receiver = PolarizationDiverseReceiver(link.receiver, splitter, layout=layout)
        energy = link_energy_per_bit(dataclasses.replace(link, receiver=receiver), ELECTRONICS, 310.0)
        np.testing.assert_allclose(energy.lock, 1e3 * rings * 0.1 / 32.0)


def test_what_is_negative_is_said(link):
    with pytest.raises(ValueError, match="swing = -1"):
        LinkElectronics(swing=-1.0)
    with pytest.raises(ValueError, match="electronics"):
        link_energy_per_bit(link, None)  # pyright: ignore[reportArgumentType]


def test_copper_by_hand():
    assert nyquist_ghz(112.0, 4) == 28.0 and nyquist_ghz(32.0) == 16.0
    np.testing.assert_allclose(trace_loss_db(0.254, 112.0, 4), 28.0)
    np.testing.assert_allclose(trace_loss_db(trace_reach_m(12.0, 112.0, 4), 112.0, 4), 12.0)
    with pytest.raises(ValueError, match="levels = 8"):
        nyquist_ghz(1.0, 8)


def test_every_alternative_says_where_it_comes_from():
    names = [each.name for each in ALTERNATIVES]
    assert len(set(names)) == len(names) and all(each.source and each.counted for each in ALTERNATIVES)
    table = comparison_table(ALTERNATIVES)
    assert len(table.splitlines()) == len(ALTERNATIVES) + 2 and all(name in table for name in names)
    with pytest.raises(ValueError, match="certainty"):
        Alternative("x", 1.0, (1.0, 1.0), "all", 1.0, "sure", "nowhere")
    with pytest.raises(ValueError, match="descends"):
        Alternative("x", 1.0, (2.0, 1.0), "all", 1.0, "vendor", "nowhere")
