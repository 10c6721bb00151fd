"""What a model refuses outside a circuit it refuses inside, with the name of the component."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import SILICON, LinearIndex, TabulatedDevice, Waveguide
from photonics_core.circuit import Circuit
from photonics_core.netlist import Instance, Netlist, NetlistError

WL = np.linspace(1.54, 1.56, 5)
GUIDE = Waveguide(10.0, LinearIndex(2.4, 4.2, 1.55))


def silicon(wl=1.55, temperature=300.0):
    return {("in", "out"): 0.1 * SILICON.index(wl, temperature)}


def late(wl=1.55):
    # A computed wavelength is one that no check can see before the program runs.
    return {("in", "out"): 0.1 * SILICON.index(1.0 * wl)}


MODELS = {"guide": GUIDE, "silicon": silicon, "late": late, "table": TabulatedDevice.from_smatrix(GUIDE.scattering(WL))}


def pair(component, **settings):
    """Two of a component, one after the other, the second with settings."""
    instances = {"a": component, "b": Instance(component, settings)}
    return Netlist(instances, [("a,out", "b,in")], {"in": "a,in", "out": "b,out"})


def nested(component):
    return Netlist({"s": component}, [], {"in": "s,in", "out": "s,out"})


@pytest.mark.parametrize(
    "component, wl, message",
    [
        ("guide", 5.0, "wl = 5 um is outside"),
        ("silicon", 0.3, "wl = 0.3 um is outside"),
        ("late", 0.3, "wl = 0.3 um is outside"),
        ("table", 1.5, "wl = 1.5 um: wl is outside the table"),
    ],
)
def test_wavelengths_out_of_range(component, wl, message):
    circuit = Circuit(pair(component), MODELS)
    wl = np.array([wl, 1.55])
    for values in (wl, jnp.asarray(wl), wl.tolist()):
        with pytest.raises(NetlistError, match=rf"instance 'a' and 1 more, component '{component}': {message}"):
            circuit.scattering(values)
    assert np.all(np.isfinite(circuit.scattering(WL).values))
    if component != "late":
        whole = Circuit(nested("pair"), MODELS | {"pair": pair(component)})
        with pytest.raises(NetlistError, match=rf"instance 's', component 'pair': instance 'a'.*{message}"):
            whole.scattering(wl)
        with pytest.raises(NetlistError, match=message):
            jax.grad(lambda c: jnp.abs(c.amplitudes(wl)[0, 1, 0]))(circuit)


def test_temperatures_out_of_range():
    circuit = Circuit(pair("silicon", temperature=400), MODELS)
    with pytest.raises(NetlistError, match="instance 'a', component 'silicon': temperature = 600 K is outside"):
        circuit.scattering(WL, 600.0)
    with pytest.raises(NetlistError, match="instance 'b', component 'silicon': temperature = 700 K is outside"):
        circuit(WL, b={"temperature": 700.0})
    with pytest.raises(NetlistError, match="temperature = 900 K is outside"):
        jax.jit(lambda wl: circuit.amplitudes(wl, 900.0))(WL)
    assert np.all(np.isfinite(circuit(WL, b={"temperature": 350}).values))


def test_limits_themselves_are_within(float32):
    circuit = Circuit(pair("silicon"), {"silicon": silicon})
    assert np.all(np.isfinite(circuit.scattering(np.array([1.2, 3.7, 14.0])).values))


def test_one_temperature():
    with pytest.raises(ValueError, match=r"temperature of shape \(2,\) is not one number"):
        Circuit(pair("silicon"), MODELS).scattering(WL, np.array([300.0, 310.0]))


def test_ranges_are_looked_at_once():
    count = 0

    def counted(wl=1.55, length=1.0):
        nonlocal count
        count += 1
        return {("in", "out"): 0.1 * length * wl}

    circuit = Circuit(pair("x"), {"x": counted})
    circuit.scattering(WL)
    before = count
    start = time.perf_counter()
    for _ in range(10):
        circuit.scattering(WL.copy())
    assert count == before
    assert time.perf_counter() - start < 1.0
    circuit.scattering(WL + 0.1)
    assert count == before + 1


def test_a_setting_of_no_fitting_shape_is_named():
    circuit = Circuit(pair("guide", length=np.ones(7)), MODELS)
    with pytest.raises(
        NetlistError, match="instance 'b', component 'guide': length of shape .7,. and wl of shape .5,. do not"
    ):
        circuit.scattering(WL)
