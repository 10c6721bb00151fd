import base64
import re

import jax
import numpy as np
import pytest

import photonics_core as pc
from photonics_core.display import Shown, brief, described, page
from photonics_core.optimize import minimize
from photonics_core.sweep import sweep
from photonics_core.validation.link import reference_link

INDEX = pc.LinearIndex(n_eff=2.44, n_g=4.18, wl0=1.55, thermo_optic=1.86e-4, loss_db_cm=3.0)


@pytest.fixture(scope="module")
def ring():
    coupler = pc.PointCoupler.from_power(0.03)
    return pc.AddDropRing(10.0, coupler, coupler, INDEX)


def cells(text):
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", text)]


def images(text):
    return [base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]*)"', text)]


def test_a_ring_shows_its_fields_with_units_what_follows_and_a_spectrum(ring):
    shown = ring._repr_html_()
    rows = {name: (value, meaning) for name, value, meaning in cells(shown)}
    assert rows["radius"] == ("10", "radius of the circle, or of the bends of a racetrack, in um.")
    assert float(rows["q_loaded"][0]) == pytest.approx(float(ring.q_loaded(1.55)), rel=1e-5)
    assert "pm/K, at 1.55 um" in rows["drift_pm_k"][1]
    (image,) = images(shown)
    assert image.startswith(b"\x89PNG")
    assert "http" not in shown


def test_a_traced_device_and_a_batch_have_their_table_alone(ring):
    seen = []
    jax.jit(lambda ring: (seen.append(ring._repr_html_()), ring.radius)[1])(ring)
    batch = jax.tree.map(lambda leaf: np.stack([leaf, leaf]), ring)
    for shown in (seen[0], batch._repr_html_()):
        assert not images(shown) and "no summary" not in shown
    assert "traced, shape []" in seen[0] and "10 to 10, shape [2]" in batch._repr_html_()


def test_scattering_matrices_show_laws_and_one_wavelength_its_amplitudes(ring):
    over = ring.scattering(np.linspace(1.549, 1.551, 11))._repr_html_()
    rows = {row[0]: row[1] for row in cells(over)}
    assert float(rows["passivity_residual"]) < 1e-9 and float(rows["reciprocity_residual"]) == 0.0
    assert len(images(over)) == 1
    one = ring.scattering(1.55)._repr_html_()
    assert "from drop" in one and not images(one)


@pytest.mark.slow
def test_rows_of_rings_links_and_lasers_are_shown():
    link = reference_link(2)
    for each in (link, link.laser, link.transmitter, link.receiver, link.detector, INDEX):
        shown = each._repr_html_()
        assert type(each).__name__ in shown and "no summary" not in shown
    assert len(images(link.transmitter._repr_html_())) == 1


@pytest.mark.slow
def test_devices_sections_and_layouts_have_their_figures():
    guide = pc.DopedGuide(pc.PNJunction(acceptors_cm3=2e18, donors_cm3=2e18), overlap=0.95)
    shown = {
        "modulator": pc.RingModulator(pc.AllPassRing(7.5, pc.PointCoupler(0.34), INDEX), guide),
        "filter": pc.CoupledRings(np.full(3, 5.0), [pc.PointCoupler(x) for x in (0.4, 0.1, 0.1, 0.4)], INDEX),
        "section": pc.CrossSection.rib(0.5, 0.22, 0.09),
        "layout": pc.ring_row_layout((7.5, 7.51, 7.52), rows=1),
    }
    for each in shown.values():
        page = each._repr_html_()
        assert "no summary" not in page and len(images(page)) == 1
    assert "box" in [row[0] for row in cells(shown["layout"]._repr_html_())]


def test_sweeps_and_optima_show_numbers_and_a_figure():
    plan = pc.RandomPlan({"x": pc.Uniform(0.0, 1.0)}, samples=32, seed=1)
    shown = sweep(lambda numbers: {"y": numbers["x"] ** 2}, plan)._repr_html_()
    assert "y" in [row[0] for row in cells(shown)] and len(images(shown)) == 1
    found = minimize(lambda x: ((x["a"] - 1.0) ** 2, {}), {"a": np.array(0.0)}, {"a": -2.0}, {"a": 2.0}, steps=5)
    shown = found._repr_html_()
    assert "best value" in shown and len(images(shown)) == 1


def test_what_goes_wrong_is_said_and_the_table_stays():
    class Broken(Shown):
        """Something.

        Args:
            size: its size in um.
        """

        size: float

        def _summary(self):
            raise ValueError("size = <1> is no size")

    shown = Broken(1.0)._repr_html_()
    assert "no summary: size = &lt;1&gt; is no size" in shown and "its size in um." in shown


def test_text_is_escaped_and_long_text_is_cut():
    class Named(Shown):
        """Something with a name."""

        name: str

    assert "<script>" not in Named("<script>")._repr_html_()
    assert len(brief([("word" * 100)] * 4)) <= 140
    assert page(Named("a")).startswith("<div><b>Named</b>")


def test_values_are_said_in_a_few_words():
    assert brief(None) == "None" and brief(True) == "True" and brief(0.1) == "0.1" and brief(1 + 2j) == "1+2j"
    assert brief(np.array([1.0, 2.0])) == "1 to 2, shape [2]"
    assert brief(np.zeros((0, 2))) == "shape [0, 2]"
    assert brief({"in": 1.0, "out": 2.0}) == "2: in, out" and brief({}) == "none"
    assert brief(list(range(6))) == "(0, 1, 2, 3, ... 6 in all)"


def test_meanings_come_from_the_docstring():
    meanings = described(pc.AddDropRing)
    assert set(meanings) == {"radius", "input_coupler", "drop_coupler", "index", "straight_length", "loss_db"}
    assert described(Shown) == {}
    assert described(pc.WdmLink)["output_joint_db"] == described(pc.WdmLink)["input_joint_db"] != ""
