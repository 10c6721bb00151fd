"""A row of modulators: where wires and pads stand, what bounds its pitch, its drawing and its spectrum."""

import dataclasses
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import AddDropRing, Circuit, RowRules, Waveguide, modulator_cell, modulator_row_layout, read_netlist
from photonics_core.devices import measured_silicon as silicon
from photonics_core.devices.wdm_job import WdmSettings, build, starting_design
from photonics_core.layout_netlist import write_layout_netlist

RULES = RowRules()
BUMPS = RULES.pad_pitch - RULES.pad
SETTINGS = WdmSettings(channels=4)


def row(pitch=30.0, pad_rows=2, count=6):
    return modulator_row_layout(np.linspace(4.97, 5.03, count), pitch, pad_rows=pad_rows)


def largest(layout):
    return float(np.max(layout.spacing_constraints(RULES.space))), float(
        np.max(layout.spacing_constraints(BUMPS, among=("pad", "ground")))
    )


@pytest.mark.parametrize(("pad_rows", "least"), [(1, 45.0), (2, 22.5), (3, 16.5)])
def test_pitch_is_bounded_by_pads_and_wires(pad_rows, least):
    """Pad pitch over the rows, and with three rows a wire beside a pad: (25 + 4) / 2 + 2 um."""
    assert max(largest(row(least, pad_rows))) <= 1e-9
    assert max(largest(row(least - 0.1, pad_rows))) == pytest.approx(0.1 * (pad_rows if pad_rows < 3 else 1), abs=1e-9)


def test_box_is_around_all_that_is_drawn():
    """The shoreline is five pitches and a pad; traced, area and gaps have the derivatives of differences."""
    left, bottom, right, top = (float(each) for each in row().bounding_box())
    assert right - left == pytest.approx(5 * 30.0 + RULES.pad)
    assert top - bottom == pytest.approx(RULES.depth + 2.0 * RULES.pad + 12.0 + 45.0 + 2.0 + 25.0 - RULES.pad)

    def measures(pitch):
        layout = row(pitch, count=3)
        metal, pads = layout.spacing_constraints(RULES.space), layout.spacing_constraints(BUMPS, among=("pad",))
        return jnp.stack([layout.area(), jnp.max(metal), jnp.max(pads)])

    compiled = jax.jit(lambda pitch: jax.jvp(measures, (pitch,), (1.0,)))
    slope = np.asarray(compiled(21.0)[1])
    np.testing.assert_allclose(slope, (compiled(21.001)[0] - compiled(20.999)[0]) / 0.002, rtol=1e-6)
    np.testing.assert_allclose(slope[2], -2.0, rtol=1e-9)


def modulator(wl=1.31, temperature=300.0, radius=5.0, input_gap=0.11, drop_gap=0.14, run=30.0, path=0.0):
    """The component `modulator` of the netlist; the light that is dropped stays in the cell."""
    index = silicon.o_band_index()
    first, second = silicon.o_band_coupler(input_gap, radius), silicon.o_band_coupler(drop_gap, radius)
    found = AddDropRing(radius, first, second, index).amplitudes(wl, temperature, path)
    passed = found.through * Waveguide(run, index).transmission(wl, temperature)
    return dict.fromkeys((("in", "through"), ("through", "in")), passed)


@pytest.mark.slow
def test_spectrum_of_the_netlist_is_that_of_the_model(tmp_path: Path):
    """The layout's bus is a frame longer than that between the first and the last ring; its loss is known."""
    design, pitch = starting_design(SETTINGS), 24.0
    model = eqx.tree_at(lambda tx: tx.bus.guide.length, build(SETTINGS, design), pitch)
    path = np.asarray(model.extra_path(330.0))
    layout = modulator_row_layout(
        design["radius"],
        pitch,
        input_gaps=design["input_gap"],
        drop_gaps=design["drop_gap"],
        settings=[{"path": each} for each in path],
    )
    write_layout_netlist(tmp_path / "row.json", layout)
    wl = np.linspace(1.305, 1.315, 201)
    ends = np.exp(-2.0 * model.bus.guide.index.attenuation(wl, 330.0) * 0.5 * 2.0 * (RULES.half - 0.25))
    models = {"modulator": modulator}
    for netlist in (layout.netlist(), read_netlist(tmp_path / "row.json")):
        found = Circuit(netlist, models).scattering(wl, temperature=330.0).power("in", "through")
        np.testing.assert_allclose(found, np.asarray(model.spectrum(wl, 330.0)) * ends, rtol=1e-9)


def test_drawing_keeps_the_rules():
    pytest.importorskip("gdstk")
    from photonics_core.design_rules import LayerRule, rule_violations

    rules = {"core": LayerRule(0.08, 0.08), "heater": LayerRule(1.0, 2.0), "metal": LayerRule(4.0, 2.0)}
    rules["pad"] = LayerRule(25.0, BUMPS)
    assert not rule_violations(row(22.5), rules)
    found = rule_violations(row(20.0), rules)
    assert {(each.layer, each.rule) for each in found} == {("pad", "spacing")}


def test_heaters_are_full_rings_and_order_is_along_the_bus():
    layout = row()
    assert layout.heater_names() == [f"ring{k}" + ",heater" for k in range(1, 7)]
    np.testing.assert_allclose(layout.positions()[:, 0], 30.0 * np.arange(6))
    assert float(layout.settings()["ring3"]["run"]) == 30.0
    assert float(layout.settings()["ring1"]["run"]) == pytest.approx(15.0 + RULES.half - 0.25)


def test_mirrored_modulator_hangs_below_its_bus():
    cell = modulator_cell("modulator", 5.0, 15.0, 15.0, grounded=True)
    below = cell.mirrored()
    assert float(below.heaters["heater"].y) == -float(cell.heaters["heater"].y)
    np.testing.assert_allclose(np.asarray(below.mirrored().footprint)[[0, 2]], np.asarray(cell.footprint)[[0, 2]])
    np.testing.assert_allclose(below.further["pad"][:, 1].max(), -cell.further["pad"][:, 1].min())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: row(0.0), "pitch = 0 um"),
        (lambda: row(pad_rows=0), "pad_rows = 0"),
        (lambda: modulator_row_layout([5.5], 30.0), "radius = 5.5 um"),
        (lambda: modulator_row_layout([5.0, 5.0], [30.0, 30.0]), r"pitch of shape \(2,\) are not a number, nor 1"),
        (lambda: modulator_row_layout([], 30.0), r"radii of shape \(0,\)"),
        (lambda: modulator_row_layout([5.0], 30.0, input_gaps=0.5), "input_gap = 0.5 um"),
        (lambda: modulator_row_layout([5.0], 30.0, settings=[]), "settings are 0, but there are 1 radii"),
        (lambda: dataclasses.replace(RULES, pad=45.0), "pad = 45 um is not smaller"),
        (lambda: row().spacing_constraints(1.0, among=("bump",)), "among = 'bump'"),
    ],
)
def test_bad_rows_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
