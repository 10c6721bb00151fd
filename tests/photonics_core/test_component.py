"""Components of one kind with different settings, and tables among them, keep what is theirs."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.circuit import Circuit
from photonics_core.devices.waveguide import Waveguide
from photonics_core.index import LinearIndex
from photonics_core.netlist import Instance, Netlist, NetlistError
from photonics_core.scattering import SMatrix

WL = np.linspace(1.54, 1.56, 5)
SLOW, FAST = LinearIndex(2.5, 4.2, 1.55), LinearIndex(2.4, 4.2, 1.55)


def side_by_side(one, other):
    """Two instances of "x", each with outer ports of its own."""
    ports = {"in1": "a,in", "out1": "a,out", "in2": "b,in", "out2": "b,out"}
    return Netlist({"a": Instance("x", one), "b": Instance("x", other)}, [], ports)


def both(wires, model, wl=WL):
    found = Circuit(wires, {"x": model}).scattering(wl)
    return found.amplitude("in1", "out1"), found.amplitude("in2", "out2")


def guide(wl=1.55, index=FAST, length=10.0):
    return {("in", "out"): Waveguide(length, index).transmission(wl)}


class Taps(eqx.Module):
    """A device with an array of integers, and perhaps a function, but no parameter."""

    taps: np.ndarray
    shape: Callable = eqx.field(static=True, default=jnp.ones_like)

    def scattering(self, wl):
        return SMatrix.from_pairs(("in", "out"), {("in", "out"): np.sum(self.taps) * 0.01 * self.shape(wl)}, wl)


@pytest.mark.parametrize("other", [SLOW, LinearIndex(2.4, 4.2, 1.53)])
def test_devices_as_settings_of_functions(other):
    first, second = both(side_by_side({"index": FAST}, {"index": other}), guide)
    np.testing.assert_allclose(first, Waveguide(10.0, FAST).transmission(WL), atol=1e-12)
    np.testing.assert_allclose(second, Waveguide(10.0, other).transmission(WL), atol=1e-12)


def test_numbers_in_devices_that_are_settings_have_derivatives():
    circuit = Circuit(side_by_side({}, {"index": SLOW}), {"x": guide})

    def real(c):
        return c.amplitudes(1.55, inputs="in2", outputs="out2")[0, 0].real

    slope = jax.grad(real)(circuit).parameters["x"]["index"].n_eff
    expected = jax.grad(lambda n: Waveguide(10.0, LinearIndex(n, 4.2, 1.55)).transmission(1.55).real)(2.5)
    np.testing.assert_allclose(slope, [0.0, expected], rtol=1e-9)
    changed = circuit(WL, b={"index": FAST}).amplitude("in2", "out2")
    np.testing.assert_allclose(changed, Waveguide(10.0, FAST).transmission(WL), atol=1e-12)


def test_arrays_of_integers_in_devices():
    wires = side_by_side({"taps": np.array([1, 2, 3])}, {"taps": np.array([9, 9, 9])})
    first, second = both(wires, Taps(np.zeros(3, int)))
    np.testing.assert_allclose(first, 0.06)
    np.testing.assert_allclose(second, 0.27)


def test_functions_in_devices():
    wires = side_by_side({"shape": lambda wl: wl}, {"shape": lambda wl: 2.0 * wl})
    first, second = both(wires, Taps(np.array([1])))
    np.testing.assert_allclose(first, 0.01 * WL)
    np.testing.assert_allclose(second, 0.02 * WL)


def test_long_patterns_differ_in_the_middle():
    def pattern(wl=1.55, where=()):
        return {("in", "out"): 1e-4 * jnp.sum(where * jnp.arange(2000.0)) * jnp.ones_like(wl)}

    one, other = np.zeros((2, 2000), int)
    one[999], other[1000] = 1, 1
    first, second = both(side_by_side({"where": one}, {"where": other}), pattern)
    assert first[0] != second[0]


def test_a_sub_circuit_without_parameters():
    inner = Netlist({"s": "splitter"}, [], {"in": "s,o1", "out": "s,o2"})
    models = {"x": inner, "splitter": lambda: {("o1", "o2"): 0.5}}
    found = Circuit(side_by_side({}, {}), models).scattering(WL)
    np.testing.assert_array_equal(found.amplitude("in2", "out2"), np.full(5, 0.5))


def table(wl, values=None):
    wl = np.asarray(wl)
    values = np.full((*wl.shape, 2, 2), 0.1 + 0.0j) if values is None else values
    return SMatrix(jnp.asarray(values), ("in", "out"), wl)


@pytest.mark.parametrize("wl", [np.linspace(1.2, 1.3, 5), WL[:1], WL[:3], WL[::-1]])
def test_a_table_at_other_wavelengths_is_refused(wl):
    circuit = Circuit(side_by_side({}, {}), {"x": table(wl)})
    outer = Circuit(
        side_by_side({}, {}), {"x": Netlist({"t": "t"}, [], {"in": "t,in", "out": "t,out"}), "t": table(wl)}
    )
    for found in (circuit, outer):
        with pytest.raises(NetlistError, match=r"component '[xt]': its table is at .* um.* 1.54 to 1.56 um; Tabulated"):
            found.scattering(WL)
    with pytest.raises(NetlistError, match="its table is at"):
        jax.jit(lambda c: c.amplitudes(WL))(circuit)


def test_a_table_at_the_same_wavelengths_is_taken():
    for wl in (WL, WL * (1.0 + 1e-12), WL.astype(np.float32)):
        np.testing.assert_array_equal(both(side_by_side({}, {}), table(wl))[0], np.full(5, 0.1))
    grid = WL[:4].reshape(2, 2)
    np.testing.assert_array_equal(both(side_by_side({}, {}), table(grid), grid)[1], np.full((2, 2), 0.1))


def test_one_matrix_holds_for_all_wavelengths():
    matrix = SMatrix(jnp.full((2, 2), 0.1 + 0.0j), ("in", "out"), 1.3)
    np.testing.assert_array_equal(both(side_by_side({}, {}), matrix)[0], np.full(5, 0.1))


def test_wavelengths_of_a_table_are_no_parameter():
    circuit = Circuit(side_by_side({}, {}), {"x": table(WL)})
    assert len(jax.tree.leaves(circuit)) == 1
    assert np.shape(circuit.parameters["x"]["device"].values) == (2, 5, 2, 2)


def nothing():
    return {}


@pytest.mark.parametrize(
    "model, message",
    [
        (lambda: {(0, 1): 1.0}, "its port 0 is no text"),
        (nothing, "component 'x' has no port 'in'; it has none"),
        (Waveguide, "its argument 'length' has no default"),
        (lambda wl=1.5: 1 / 0, "instance 'a': component 'x' fails: division by zero"),
        (dict, "component 'x': no signature found"),
    ],
)
def test_bad_models_are_named(model, message):
    with pytest.raises(NetlistError, match=message):
        Circuit(side_by_side({}, {}), {"x": model})


@pytest.mark.parametrize("length", ["x", [1.0, 2.0], True])
def test_bad_settings_name_instance_and_setting(length):
    for model in (guide, Waveguide(1.0, FAST)):
        if model is guide or length is not True:
            with pytest.raises(NetlistError, match=r"instance 'b'.* length = "):
                Circuit(side_by_side({}, {"length": length}), {"x": model})


def test_the_wavelength_is_no_setting():
    with pytest.raises(NetlistError, match="has no setting 'wl'"):
        Circuit(side_by_side({}, {"wl": 1.3}), {"x": lambda wl=1.5, **others: {("in", "out"): 0.5 * wl}})
