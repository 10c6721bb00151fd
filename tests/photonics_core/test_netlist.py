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
