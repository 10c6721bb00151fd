"""Nanometres, degrees Celsius, hertz and ohms where others are meant are refused by name, and not computed with."""

import re
import subprocess
import sys

import numpy as np
import pytest

import photonics_core as pc
from photonics_core.devices.detector import Photodiode

INDEX = pc.LinearIndex(2.44, 4.18, 1.55, thermo_optic=1.86e-4, loss_db_cm=3.0)
COUPLER = pc.PointCoupler.from_power(0.03)
RINGS = pc.AddDropRing(10.0, COUPLER, COUPLER, INDEX), pc.AllPassRing(10.0, COUPLER, INDEX)
#: Methods of rings of a wavelength and a temperature.
METHODS = (
    "drift_pm_k",
    "drop_loss_db",
    "extinction_db",
    "finesse",
    "fsr",
    "linewidth",
    "minimum_transmission",
    "photon_lifetime",
    "q_loaded",
    "resonance",
    "scattering",
)
DIRECTIONAL = pc.DirectionalCoupler(0.2, 10.0, 0.05, 0.05)


@pytest.mark.parametrize(
    ("ring", "method"),
    [
        pytest.param(ring, method, id=f"{type(ring).__name__}-{method}")
        for ring in RINGS
        for method in METHODS
        if hasattr(ring, method)  # a ring beside one guide has no drop port
    ],
)
def test_rings_refuse_nanometres_and_celsius(ring, method):
    call = getattr(ring, method)
    assert np.all(np.isfinite(np.asarray(getattr(call(1.55, 300.0), "values", call(1.55, 300.0)))))
    with pytest.raises(ValueError, match="wl = 1550 um is outside"):
        call(1550.0)
    with pytest.raises(ValueError, match="temperature = 25 K is outside"):
        call(1.55, 25.0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: INDEX.attenuation(1550.0), "wl = 1550 um"),
        (lambda: COUPLER.scattering(1550.0), "wl = 1550 um"),
        (lambda: DIRECTIONAL.power_coupling(1550.0), "wl = 1550 um"),
        (lambda: pc.DirectionalCoupler(200.0, 10.0, 0.05, 0.05), "gap = 200 um"),
        (lambda: pc.PointCoupler(0.1, wl0=1550.0), "wl0 = 1550 um"),
        (lambda: Photodiode(0.9, wl=1310.0), "wl = 1310 um"),
        (lambda: Photodiode(0.9, bandwidth=45.0), "bandwidth = 45 THz"),
        (lambda: pc.wavelength_grid(1550.0, 200.0, 4), "center = 1550 um"),
        (lambda: pc.wavelength_grid(1.55, 200e9, 4), "spacing_ghz = 2e+11 GHz: 4 lines reach 3e+08 THz"),
        (lambda: pc.EngineCandidate(8, 200.0, 32e9), "symbol_rate_gbd = 3.2e+10 GBd"),
        (lambda: pc.EngineCandidate(8, 200e9, 32.0), "spacing_ghz = 2e+11 GHz"),
        (lambda: pc.EngineCandidate(8.5, 200.0, 32.0), "channels = 8.5 is not a whole number"),  # type: ignore
        (lambda: pc.EngineTechnology(capacitance=50e-15), "capacitance = 5e-14 fF"),
        (lambda: pc.EngineSpec(rate_tbps=4000.0), "rate_tbps = 4000 Tb/s"),
        (lambda: pc.EngineSpec(radii=(3000.0, 5000.0)), "radii = 3000 um is outside [2, 50]"),
        (lambda: pc.EngineSpec(temperatures_k=300.0), "temperatures_k = 300.0 is not a pair"),  # type: ignore
        (lambda: pc.EngineSpec(channels=8), "channels = 8 is not a tuple"),  # type: ignore
        (lambda: pc.EngineSpec(codes="KP4"), "codes = 'KP4' is not a tuple"),  # type: ignore
        (lambda: pc.EngineSpec(codes=("KP5",)), "code = 'KP5' is not one of"),
        (lambda: pc.EngineSpec(levels=(2, 3)), "levels = 3 is not one of 2, 4"),
    ],
)
def test_others_do_too(call, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        call()


def test_shapes_that_do_not_broadcast_are_named():
    wl = np.linspace(1.54, 1.56, 5)
    for call in (RINGS[0].scattering, RINGS[0].q_loaded, INDEX.effective_index):
        with pytest.raises(ValueError, match=r"wl of shape \(5,\) and temperature of shape \(2,\) do not go together"):
            call(wl, np.array([300.0, 310.0]))
    radii = pc.AddDropRing(np.array([5.0, 6.0, 7.0]), COUPLER, COUPLER, INDEX)
    with pytest.raises(ValueError, match=r"length of shape \(3,\) and wl of shape \(5,\)"):
        radii.scattering(wl)


def test_a_wrong_kind_is_named_in_one_line():
    with pytest.raises(ValueError, match=r"^guide = AddDropRing\(\.\.\.\) is not of the kind DopedGuide$"):
        pc.RingModulator(RINGS[1], RINGS[0])  # type: ignore


CHANGED = """
import photonics_core as pc
index = pc.LinearIndex(2.44, 4.18, 1.55, loss_db_cm=3.0)
coupler = pc.PointCoupler.from_power(0.03)
ring = pc.AddDropRing(10.0, coupler, coupler, index)
ring.resonance(1.55)
pc.set_precision("float64")
print(coupler.scattering(1.55).values.dtype, ring.drop_loss_db(1.55).dtype, ring.resonance(1.55).dtype)
"""


def test_precision_can_be_chosen_after_a_first_look():
    done = subprocess.run([sys.executable, "-c", CHANGED], capture_output=True, text=True)
    assert done.stdout.split() == ["complex128", "float64", "float64"], done.stderr


def test_a_device_prints_its_values_and_a_module_says_what_it_is():
    assert repr(COUPLER).startswith("PointCoupler(angle=0.17") and "radius=10," in repr(RINGS[0])
    assert "\n" not in repr(RINGS[0])
    with pytest.raises(AttributeError, match="'sweep_job'; it is a module: import photonics_core.sweep_job"):
        pc.__getattr__("sweep_job")
