"""Which ports a circuit has, and which of them are asked for."""

import numpy as np
import pytest

from photonics_core.circuit import Circuit
from photonics_core.netlist import Netlist, NetlistError

WL = np.linspace(1.54, 1.56, 5)
MODELS = {
    "straight": lambda: {("o1", "o2"): 0.5},
    "two": lambda: {("o1@TE", "o2@TE"): 1.0, ("o1@TM", "o2@TM"): 1.0},
}
ONE = Netlist({"a": "straight"}, (), {"in": "a,o1", "out": "a,o2"})


def test_choice_of_ports():
    circuit = Circuit(ONE, MODELS)
    assert circuit.amplitudes(WL, inputs=(name for name in ("in", "out"))).shape == (5, 2, 2)
    assert circuit.amplitudes(WL, inputs=["in", "in"], outputs="out").shape == (5, 1, 2)


@pytest.mark.parametrize(
    "inputs, message",
    [([], "no input is named"), (3, "input 3 is no name of a port"), ([3], "input 3 is no name of a port")],
)
def test_bad_choices(inputs, message):
    with pytest.raises(NetlistError, match=message):
        Circuit(ONE, MODELS).amplitudes(WL, inputs=inputs)


@pytest.mark.parametrize("instances", [{}, {"a": "straight"}])
def test_a_circuit_without_ports_has_no_amplitudes(instances):
    with pytest.raises(NetlistError, match="the circuit has no outer port"):
        Circuit(Netlist(instances, (), {}), MODELS).scattering(WL)


def test_outer_ports_do_not_take_each_others_name():
    wires = Netlist({"a": "two", "b": "straight"}, (), {"i": "a,o1", "i@TE": "b,o1"})
    with pytest.raises(NetlistError, match="a,o1@TE and b,o1 are both the outer port 'i@TE'"):
        Circuit(wires, MODELS)


def test_a_component_without_numbers_is_one_row():
    wires = Netlist({"a": "straight", "b": "straight"}, [("a,o2", "b,o1")], {"in": "a,o1", "out": "b,o2"})
    assert [group.rows for group in Circuit(wires, MODELS).wiring.groups] == [1]
