"""Netlists: which components a circuit has, and which of their ports are joined.

A netlist is plain data. What a component does is a model, a function or a device, that comes in when a circuit is built
of it; so one netlist can be read from a layout tool, checked, written back and simulated with any models.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


class NetlistError(ValueError):
    """A netlist that makes no circuit; the message names the instance and the port."""


@dataclass(frozen=True, order=True)
class Pin:
    """A port of an instance."""

    instance: str
    port: str

    def __str__(self) -> str:
        return f"{self.instance},{self.port}"

    @classmethod
    def of(cls, value: "Pin | str") -> "Pin":
        """A pin, from itself or from text such as "ring,through".

        Raises:
            NetlistError: if it is neither.
        """
        if isinstance(value, Pin):
            return value
        instance, _, port = value.rpartition(",") if isinstance(value, str) else ("", "", "")
        if not (instance.strip() and port.strip()):
            raise NetlistError(f"{value!r} is no port of an instance, as 'instance,port'")
        return cls(instance.strip(), port.strip())


@dataclass(frozen=True)
class Instance:
    """A component by name, with its settings (keyword arguments of its model)."""

    component: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Netlist:
    """Instances, the connections between their pins, and the outer ports.

    Args:
        instances: `Instance` by name; the name of a component stands for an instance without settings.
        connections: pairs of pins that are joined without loss or length.
        ports: pins by the name of the outer port. Text such as "ring,through" stands for a pin, here and above.

    Raises:
        NetlistError: if a pin names no instance, a pin is used twice, or a value is of another kind.
    """

    instances: Mapping[str, Instance]
    connections: tuple[tuple[Pin, Pin], ...]
    ports: Mapping[str, Pin]

    def __init__(
        self,
        instances: Mapping[str, Instance | str],
        connections: Iterable[Iterable[Pin | str]],
        ports: Mapping[str, Pin | str],
    ):
        outer = {name: _placed(pin, f"port {name!r}") for name, pin in _named(ports, "ports").items()}
        parts = {name: _instance(name, part) for name, part in _named(instances, "instances").items()}
        # The only way to set the fields of a frozen dataclass.
        object.__setattr__(self, "instances", parts)
        object.__setattr__(self, "connections", _pairs(connections))
        object.__setattr__(self, "ports", outer)
        for pin in self.pins():
            if pin.instance not in self.instances:
                raise NetlistError(f"{pin}: there is no instance {pin.instance!r}")
        for pin, count in Counter(self.pins()).items():
            if count > 1:
                raise NetlistError(f"{pin} is connected {count} times; a port joins one other port or goes outside")

    def pins(self) -> list[Pin]:
        """All pins that connections and ports name, in order, repeated where they are used twice."""
        return [pin for pair in self.connections for pin in pair] + list(self.ports.values())


@dataclass(frozen=True)
class NetlistHierarchy:
    """Netlists that may use one another, by name.

    Args:
        netlists: `Netlist` by name.
        top: name of the netlist that stands for the whole.

    Raises:
        NetlistError: if `top` is none of them, one contains itself, or an instance of one has a port that it lacks.
    """

    netlists: Mapping[str, Netlist]
    top: str

    def __post_init__(self) -> None:
        if self.top not in self.netlists:
            raise NetlistError(f"top = {self.top!r} is not one of {', '.join(map(repr, self.netlists))}")
        check_no_cycle(self.netlists)
        for name, netlist in self.netlists.items():
            _check_ports_of_parts(name, netlist, self.netlists)

    @property
    def netlist(self) -> Netlist:
        """The top netlist."""
        return self.netlists[self.top]


def parts_of(netlist: Netlist, netlists: Mapping[str, Netlist]) -> set[str]:
    """Names of the netlists that a netlist uses."""
    return {part.component for part in netlist.instances.values()} & netlists.keys()


def check_no_cycle(netlists: Mapping[str, Netlist]) -> None:
    """Take away, again and again, the netlists made of no others; what stays contains itself.

    Raises:
        NetlistError: naming what stays.
    """
    left = {name: parts_of(netlist, netlists) for name, netlist in netlists.items()}
    while done := [name for name, parts in left.items() if not parts & left.keys()]:
        for name in done:
            del left[name]
    if left:
        raise NetlistError(f"netlists contain themselves: {', '.join(map(repr, left))}")


def _check_ports_of_parts(name: str, netlist: Netlist, netlists: Mapping[str, Netlist]) -> None:
    for pin in netlist.pins():
        part = netlists.get(netlist.instances[pin.instance].component)
        if part is not None and pin.port not in part.ports:
            component = netlist.instances[pin.instance].component
            known = ", ".join(map(repr, part.ports))
            raise NetlistError(f"{name}: {pin}: {component!r} has no port {pin.port!r}, but {known}")


# --- what a netlist is given ----------------------------------------------------------------------


def _named(value: Any, label: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise NetlistError(f"{label} = {value!r} is no dict")
    for name in value:
        if not isinstance(name, str):
            raise NetlistError(f"{label}: the name {name!r} is no text")
    return value


def _instance(name: str, value: Any) -> Instance:
    part = Instance(value) if isinstance(value, str) else value
    if not isinstance(part, Instance) or not isinstance(part.component, str):
        raise NetlistError(f"instance {name!r}: {value!r} is no Instance of a component by name")
    _named(part.settings, f"instance {name!r}: settings")
    return part


def _pairs(connections: Any) -> tuple[tuple[Pin, Pin], ...]:
    if isinstance(connections, str | Mapping) or not isinstance(connections, Iterable):
        raise NetlistError(f"connections = {connections!r} is no sequence of pairs of pins")
    pairs = []
    for number, pair in enumerate(connections):
        pins = () if isinstance(pair, str | Pin) or not isinstance(pair, Iterable) else tuple(pair)
        if len(pins) != 2:
            raise NetlistError(f"connection {number}: {pair!r} is no pair of pins")
        pairs.append((_placed(pins[0], f"connection {number}"), _placed(pins[1], f"connection {number}")))
    return tuple(pairs)


def _placed(value: Any, place: str) -> Pin:
    try:
        return Pin.of(value)
    except NetlistError as error:
        raise NetlistError(f"{place}: {error}") from None
