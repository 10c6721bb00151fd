import dataclasses

import pytest

from photonics_core.netlist import Instance, Netlist, NetlistError, Pin


def test_pins_in_order():
    netlist = Netlist(
        {"a": Instance("x"), "b": Instance("x")}, ((Pin("a", "2"), Pin("b", "1")),), {"in": Pin("a", "1")}
    )
    assert [str(pin) for pin in netlist.pins()] == ["a,2", "b,1", "a,1"]


def test_unknown_instance_is_named():
    with pytest.raises(NetlistError, match=r"b,1: there is no instance 'b'"):
        Netlist({"a": Instance("x")}, ((Pin("a", "1"), Pin("b", "1")),), {})


@pytest.mark.parametrize("ports", [{"in": Pin("a", "1")}, {"in": Pin("a", "2"), "out": Pin("a", "2")}])
def test_port_connected_twice_is_named(ports):
    connections = ((Pin("a", "1"), Pin("b", "1")),)
    with pytest.raises(NetlistError, match=r"a,\d is connected 2 times"):
        Netlist({"a": Instance("x"), "b": Instance("x")}, connections, ports)


def test_port_joined_to_itself():
    with pytest.raises(NetlistError, match="a,1 is connected 2 times"):
        Netlist({"a": Instance("x")}, ((Pin("a", "1"), Pin("a", "1")),), {})


def test_text_stands_for_pins_and_instances():
    plain = Netlist({"a": "x", "b<0,1>": "x"}, [("a,2", "b<0,1>,1")], {"in": "a,1"})
    full = Netlist(
        {"a": Instance("x"), "b<0,1>": Instance("x")}, ((Pin("a", "2"), Pin("b<0,1>", "1")),), {"in": Pin("a", "1")}
    )
    assert plain == full and isinstance(plain.connections, tuple)
    assert dataclasses.replace(plain, ports={}).connections == full.connections


@pytest.mark.parametrize(
    "instances, connections, ports, message",
    [
        ({"a": "x"}, (), {"in": "a"}, "port 'in': 'a' is no port of an instance"),
        ({"a": "x"}, (), {"in": 3}, "port 'in': 3 is no port of an instance"),
        ({"a": "x"}, (), {1: "a,1"}, "ports: the name 1 is no text"),
        ({"a": 3}, (), {}, "instance 'a': 3 is no Instance"),
        ({"a": Instance(3)}, (), {}, "instance 'a': .* is no Instance of a component by name"),  # pyright: ignore
        ({"a": Instance("x", [])}, (), {}, r"instance 'a': settings = \[\] is no dict"),  # pyright: ignore
        (["a"], (), {}, r"instances = \['a'\] is no dict"),
        ({"a": "x"}, 3, {}, "connections = 3 is no sequence"),
        ({"a": "x"}, ["a,1"], {}, "connection 0: 'a,1' is no pair"),
        ({"a": "x"}, [("a,1", "a,2", "a,3")], {}, "connection 0: .* is no pair"),
        ({"a": "x"}, [("a,1", "a2")], {}, "connection 0: 'a2' is no port of an instance"),
    ],
)
def test_values_of_another_kind(instances, connections, ports, message):
    with pytest.raises(NetlistError, match=message):
        Netlist(instances, connections, ports)
