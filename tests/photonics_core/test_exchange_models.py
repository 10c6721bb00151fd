"""Our devices as plain functions and theirs as models: the order of ports, defaults, and errors with names."""

import dataclasses
import inspect
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import AddDropRing, Coupler, LinearIndex, PointCoupler, SMatrix, Waveguide
from photonics_core.exchange_models import as_sax_model, from_sax_model
from photonics_core.exchange_sparameters import SParameterError
from photonics_core.tabulated import TabulatedDevice

WL = np.linspace(1.545, 1.555, 31)
PORTS = {"in": "o1", "through": "o2", "add": "o3", "drop": "o4"}


def ring() -> AddDropRing:
    index = LinearIndex(2.4, 4.2, 1.55)
    return AddDropRing(10.0, PointCoupler(0.3), PointCoupler(0.4), index)


def isolator() -> TabulatedDevice:
    """A device that is not reciprocal: from `a` to `b` passes 0.9, from `b` to `a` 0.2j."""
    values = np.broadcast_to(np.array([[0.0, 0.2j], [0.9, 0.0]]), (2, 2, 2))
    return TabulatedDevice.from_smatrix(SMatrix(jnp.asarray(values), ("a", "b"), np.array([1.5, 1.6])))


def test_keys_are_from_and_to():
    """One matrix that is not reciprocal pins the order: dict keys (from, to), dense arrays [out, in]."""
    pairs = as_sax_model(isolator(), {"a": "o1", "b": "o2"})()
    np.testing.assert_allclose(pairs["o1", "o2"], 0.9, atol=1e-15)
    np.testing.assert_allclose(pairs["o2", "o1"], 0.2j, atol=1e-15)
    dense = jnp.asarray(isolator().scattering(WL).values)
    for model in (lambda wl=1.55: pairs, lambda wl=1.55: (dense, {"o1": 0, "o2": 1})):
        result = from_sax_model(model)(wl=WL)
        np.testing.assert_allclose(result.amplitude("o1", "o2"), 0.9, atol=1e-15)
        np.testing.assert_allclose(result.values[..., result.ports.index("o1"), result.ports.index("o2")], 0.2j)


def test_there_and_back_is_the_device():
    again = from_sax_model(as_sax_model(ring(), PORTS), {theirs: ours for ours, theirs in PORTS.items()})
    result, expected = again(wl=WL), ring().scattering(WL)
    assert result.ports == expected.ports
    np.testing.assert_array_equal(result.values, expected.values)


def test_all_arguments_have_defaults():
    model = as_sax_model(ring(), PORTS, {"radius": "radius", "angle": "input_coupler.angle"}, wl=1.31)
    parameters = inspect.signature(model).parameters
    assert {name: p.default for name, p in parameters.items()} == {
        "wl": 1.31,
        "temperature": 300.0,
        "radius": 10.0,
        "angle": 0.3,
    }
    assert model.__name__ == "AddDropRing"
    assert set(model()) == {(a, b) for a in PORTS.values() for b in PORTS.values()}
    assert "temperature" not in inspect.signature(as_sax_model(PointCoupler(0.3))).parameters


def test_parameters_change_the_device():
    model = as_sax_model(ring(), parameters=["radius", "input_coupler.angle"])
    changed = AddDropRing(12.0, PointCoupler(0.5), PointCoupler(0.4), LinearIndex(2.4, 4.2, 1.55))
    pairs = model(wl=WL, temperature=310.0, radius=12.0, input_coupler_angle=0.5)
    expected = changed.scattering(WL, 310.0)
    np.testing.assert_array_equal(pairs["in", "drop"], expected.amplitude("in", "drop"))
    np.testing.assert_array_equal(model(wl=WL)["in", "drop"], ring().scattering(WL).amplitude("in", "drop"))


def test_parameters_within_a_tuple_and_static_ones():
    @dataclasses.dataclass(frozen=True)
    class Arm:
        guides: tuple[Waveguide, ...]

        def scattering(self, wl):
            return self.guides[1].scattering(wl)

    index = LinearIndex(2.4, 4.2, 1.55)
    model = as_sax_model(Arm((Waveguide(5.0, index), Waveguide(7.0, index))), parameters=["guides.1.length"])
    expected = Waveguide(9.0, index).scattering(WL).amplitude("in", "out")
    np.testing.assert_array_equal(model(wl=WL, guides_1_length=9.0)["in", "out"], expected)
    static = as_sax_model(ring(), parameters={"wl0": "input_coupler.wl0"})
    assert inspect.signature(static).parameters["wl0"].default == 1.55


def test_gradient_goes_through_the_function(assert_gradient):
    model = as_sax_model(ring(), PORTS, {"angle": "input_coupler.angle", "radius": "radius"})

    def drop(x):
        pairs = model(wl=1.5501, angle=x["angle"], radius=x["radius"])
        return jnp.abs(pairs["o1", "o4"]) ** 2

    assert_gradient(drop, {"angle": jnp.asarray(0.3), "radius": jnp.asarray(10.0)}, rtol=1e-5)
    pairs = jax.jit(lambda wl: model(wl=wl))(WL)
    np.testing.assert_allclose(pairs["o1", "o4"], model(wl=WL)["o1", "o4"], atol=1e-12)


def test_a_function_that_makes_a_device():
    def racetrack(straight_length=4.0, angle=0.3, cross_section="strip"):
        coupler = PointCoupler(angle)
        return AddDropRing(10.0, coupler, coupler, LinearIndex(2.4, 4.2, 1.55), straight_length)

    model = as_sax_model(racetrack, PORTS)
    assert list(inspect.signature(model).parameters) == [
        "wl",
        "temperature",
        "straight_length",
        "angle",
        "cross_section",
    ]
    assert model.__name__ == "racetrack"
    expected = racetrack(6.0).scattering(WL).amplitude("in", "drop")
    # Settings of gdsfactory hold text, and None for what was not chosen.
    pairs = model(wl=WL, straight_length=6.0, angle=None, cross_section="rib")
    np.testing.assert_array_equal(pairs["o1", "o4"], expected)


def test_wrong_arguments_are_named():
    model = as_sax_model(ring(), PORTS, {"angle": "input_coupler.angle"})
    with pytest.raises(ValueError, match="argument = 'kappa' is not one of 'wl', 'temperature', 'angle'"):
        model(kappa=0.1)
    with pytest.raises(ValueError, match="angle = 4 rad is outside"):
        model(angle=4.0)
    with pytest.raises(ValueError, match="angle = 'strip' is not a real number"):
        model(angle="strip")
    for ports, match in (
        ({"in": "o1"}, "'through' has no name"),
        ({**PORTS, "drop": "o1"}, "a name is there twice"),
        ({**PORTS, "monitor": "o5"}, "port = 'monitor' is not one of"),
    ):
        with pytest.raises(ValueError, match=match):
            as_sax_model(ring(), ports)
    for parameters, match in (
        (["coupler.angle"], "'coupler.angle' is not in the device: AddDropRing has no 'coupler'"),
        (["input_coupler.angle.real"], "has no 'real'"),
        ({"wl": "radius"}, "'wl' is an argument of every model"),
    ):
        with pytest.raises(ValueError, match=match):
            as_sax_model(ring(), PORTS, parameters)
    with pytest.raises(ValueError, match="the argument 'radius' has no default"):
        as_sax_model(lambda radius: ring())
    with pytest.raises(ValueError, match="neither a device"):
        as_sax_model(3.0)
    with pytest.raises(ValueError, match="arguments of a function are taken as they are"):
        as_sax_model(lambda: ring(), parameters=["radius"])


def straight(wl: Any = 1.55, length=10.0, neff=2.4):
    phase = 2.0 * jnp.pi * neff * length / jnp.asarray(wl)
    passage = jax.lax.complex(jnp.cos(phase), jnp.sin(phase))
    return {("in0", "out0"): passage, ("out0", "in0"): passage}


def test_a_model_of_theirs():
    model = from_sax_model(straight, {"in0": "in", "out0": "out"})
    assert list(inspect.signature(model).parameters) == ["wl", "length", "neff"]
    result = model(wl=WL, length=20.0)
    assert result.ports == ("in", "out") and result.wl is WL
    np.testing.assert_allclose(jnp.abs(result.amplitude("in", "out")), 1.0, rtol=1e-12)
    # Positive group delay: their sign is ours.
    np.testing.assert_allclose(result.group_delay("in", "out"), 20.0 * 2.4 / 299.792458, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(lambda wl: model(wl=wl).values)(WL), model(wl=WL).values, atol=1e-12)
    constant = from_sax_model(lambda gain=1.0: {("a", "b"): gain})
    assert constant(wl=WL, gain=0.5).values.shape == (31, 2, 2)


def test_wavelengths_reach_the_inside_of_their_circuits():
    """A circuit of SAX has its instances for arguments, and hands `wl` on without saying so in its signature."""

    def circuit(**settings):
        return straight(settings.get("wl", 1.55), settings.get("length", 10.0))

    expected = straight(WL)["in0", "out0"]
    np.testing.assert_array_equal(from_sax_model(circuit)(wl=WL).amplitude("in0", "out0"), expected)
    inner = inspect.Parameter("left", inspect.Parameter.KEYWORD_ONLY, default={"wl": 1.55, "length": 10.0})
    circuit.__signature__ = inspect.Signature([inner])
    model = from_sax_model(circuit)
    np.testing.assert_array_equal(model(wl=WL).amplitude("in0", "out0"), expected)
    np.testing.assert_array_equal(model(wl=WL, length=20.0).amplitude("in0", "out0"), straight(WL, 20.0)["in0", "out0"])
    with pytest.raises(ValueError, match="argument = 'radius' is not one of 'wl', 'left', 'length'"):
        model(radius=5.0)


@pytest.mark.parametrize(
    ("result", "match"),
    [
        ({}, "holds no pair"),
        ({"in": 1.0}, "'in' is no pair of ports"),
        (3.0, "neither a dict of pairs nor"),
        ({("a", "b"): np.ones(7)}, r"from 'a' to 'b', of shape \(7,\), does not fit wl of shape \(31,\)"),
        ({("a", "b"): np.ones((31, 2))}, "does not fit wl"),
        ({("a", "b"): "x"}, "does not fit wl"),
        ({("a", "b"): np.full(31, np.nan)}, "from 'a' to 'b' is not finite"),
        ((np.ones((31, 2, 3)), {"a": 0, "b": 1}), r"shape \(31, 2, 3\) is no matrix of the 2 ports"),
        ((np.ones((31, 2, 2)), {"a": 0, "b": 2}), "are not 0 to 1, each once"),
        ((np.ones((7, 2, 2)), {"a": 0, "b": 1}), "does not fit wl"),
    ],
)
def test_results_that_are_no_matrix_are_named(result, match):
    def device(wl=1.55):
        return result

    with pytest.raises(SParameterError, match=f"device: .*{match}"):
        from_sax_model(device)(wl=WL)


def test_wrong_use_of_their_models_is_named():
    with pytest.raises(ValueError, match="argument = 'radius' is not one of 'wl', 'length', 'neff'"):
        from_sax_model(straight)(radius=3.0)
    with pytest.raises(ValueError, match="straight: the argument 'length' has no default"):
        namespace: dict = {}
        exec("def straight(length): pass", namespace)
        from_sax_model(namespace["straight"])
    with pytest.raises(ValueError, match="port = 'o1' is not one of"):
        from_sax_model(straight, {"o1": "in"})()


PEER = """
import jax.numpy as jnp, numpy as np, sax
from photonics_core import AddDropRing, LinearIndex, PointCoupler, SMatrix, Waveguide
from photonics_core.exchange_models import as_sax_model, from_sax_model
from photonics_core.tabulated import TabulatedDevice

index, coupler = LinearIndex(2.4, 4.2, 1.55), PointCoupler(0.32)
models = {
    "coupler": as_sax_model(coupler, {"in": "o1", "through": "o4", "add": "o2", "cross": "o3"}, ["angle"]),
    "half": as_sax_model(Waveguide(10 * np.pi, index), {"in": "o1", "out": "o2"}, ["length"]),
}
half = {"component": "half", "settings": {"length": None, "cross_section": "strip"}}
netlist = {
    "instances": {"a": "coupler", "b": "coupler", "l": "half", "r": half},
    "connections": {"a,o3": "r,o1", "r,o2": "b,o2", "b,o3": "l,o1", "l,o2": "a,o2"},
    "ports": {"in": "a,o1", "through": "a,o4", "add": "b,o1", "drop": "b,o4"},
}
circuit, _ = sax.circuit(netlist=netlist, models=models)
wl = jnp.linspace(1.54, 1.56, 1001)
expected = AddDropRing(10.0, coupler, coupler, index).scattering(wl).to_dict()
result = circuit(wl=wl)
print("ring", max(float(jnp.abs(result[pair] - expected[pair]).max()) for pair in expected))

back = from_sax_model(circuit)(wl=wl)
print("back", max(float(jnp.abs(back.amplitude(*pair) - expected[pair]).max()) for pair in expected))

values = jnp.broadcast_to(jnp.array([[0.0, 0.2j], [0.9, 0.0]]), (2, 2, 2))
isolator = TabulatedDevice.from_smatrix(SMatrix(values, ("a", "b"), np.array([1.5, 1.6])))
pairs = as_sax_model(isolator)()
dense, ports = sax.sdense(pairs)
print("dense", float(jnp.abs(dense[..., ports["b"], ports["a"]] - 0.9).max()))
for form in (sax.sdict(pairs), sax.sdense(pairs)):
    smatrix = from_sax_model(lambda wl=1.55: form)()
    print("forms", float(jnp.abs(smatrix.amplitude("b", "a") - 0.2j).max()))
coupler = from_sax_model(lambda wl=1.55, coupling=0.1: sax.models.coupler_ideal(coupling=coupling))()
print("coupler", float(coupler.unitarity_residual()))
"""


@pytest.mark.peer
def test_sax_takes_our_devices_and_we_take_its_models():
    """The package itself runs in the environment of the peer, whose JAX is older; SAX is never imported by it."""
    peers = Path(os.environ.get("PHOTONICS_CORE_PEERS", ""))
    if not peers.is_file():
        pytest.skip("set PHOTONICS_CORE_PEERS to the Python of an environment with SAX; `make test-peer` does")
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [str(peers), "-c", PEER]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    rows = [line.split() for line in run.stdout.splitlines()]
    assert {name for name, _ in rows} == {"ring", "back", "dense", "forms", "coupler"}
    assert all(float(difference) < 1e-11 for _, difference in rows), rows


def test_sax_is_not_imported():
    code = "import sys, photonics_core.exchange_models; print('sax' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_a_coupler_has_no_temperature_and_is_a_model_too():
    assert isinstance(PointCoupler(0.3), Coupler)
    pairs = as_sax_model(PointCoupler(0.3))(wl=WL)
    np.testing.assert_allclose(pairs["in", "cross"], 1j * np.sin(0.3))


def test_wavelengths_in_a_list():
    model = as_sax_model(ring())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model(wl=[1.55, 1.551])
    np.testing.assert_array_equal(found["in", "through"], model(wl=np.array([1.55, 1.551]))["in", "through"])
