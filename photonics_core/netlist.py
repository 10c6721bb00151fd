"""Netlists: which components a circuit has, and which of their ports are joined.

A netlist is plain data. What a component does is a model, a function or a device, that comes in when a circuit is built
of it; so one netlist can be read from a layout tool, checked, written back and simulated with any models.
"""

from collections import Counter
from collections.abc import Mapping
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


@dataclass(frozen=True)
class Instance:
    """A component by name, with its settings (keyword arguments of its model)."""

    component: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Netlist:
    """Instances, the connections between their pins, and the outer ports.

    Args:
        instances: `Instance` by name.
        connections: pairs of pins that are joined without loss or length.
        ports: pins by the name of the outer port.

    Raises:
        NetlistError: if a pin names no instance, or a pin is used twice.
    """

    instances: Mapping[str, Instance]
    connections: tuple[tuple[Pin, Pin], ...]
    ports: Mapping[str, Pin]

    def __post_init__(self) -> None:
        for pin in self.pins():
            if pin.instance not in self.instances:
                raise NetlistError(f"{pin}: there is no instance {pin.instance!r}")
        for pin, count in Counter(self.pins()).items():
            if count > 1:
                raise NetlistError(f"{pin} is connected {count} times; a port joins one other port or goes outside")

    def pins(self) -> list[Pin]:
        """All pins that connections and ports name, in order, repeated where they are used twice."""
        return [pin for pair in self.connections for pin in pair] + list(self.ports.values())
