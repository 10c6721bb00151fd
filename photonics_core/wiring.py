"""How the waves of a circuit run: ports and their modes joined, and the signal-flow graph that follows.

Everything here is done once, on the host, from names alone; no amplitude is looked at.
"""

import functools
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import jax
import numpy as np

from photonics_core.component import Model, Pair, Structure
from photonics_core.kernels.contraction import Terms, selection
from photonics_core.kernels.network import FlowGraph, Plan, plan_elimination
from photonics_core.netlist import Netlist, NetlistError, Pin
from photonics_core.settings import Setup

# A wave is named by the pin that it enters, or by the outer pin that it leaves (True).
Wave = tuple[Pin, bool]


@dataclass(frozen=True, eq=False)
class Group:
    """Instances that are evaluated together.

    Args:
        name: name of the component, numbered where its instances fall into several groups.
        model: what they do.
        instances: names of the instances, in the order of the leading axis of their parameters.
        setup: setup of the first instance, for its choices.
        structure: ports and pairs.
        checked: ranges of wavelength and temperature that the model has been found to admit.
    """

    name: str
    model: Model
    instances: tuple[str, ...]
    setup: Setup
    structure: Structure
    checked: set[Hashable] = field(default_factory=set)

    @property
    def rows(self) -> int:
        """Number of different scattering matrices: one for all where there is no parameter."""
        return len(self.instances) if jax.tree.leaves(self.setup.numbers) else 1


@dataclass(frozen=True, eq=False)
class Request:
    """What it takes to compute some columns and rows of the scattering matrix.

    Args:
        plan: the order of elimination.
        varying: for each group the pairs to evaluate that depend on wavelength; their rows come first.
        constant: for each group the pairs to evaluate that do not.
        start: where the plan's edges find their amplitudes among all rows.
    """

    plan: Plan
    varying: tuple[tuple[Pair, ...], ...]
    constant: tuple[tuple[Pair, ...], ...]
    start: Terms


class Wiring:
    """The topology of a circuit.

    Two are equal only if they are one, so a circuit that is built again is compiled again: what a model computes may
    depend on more than its arguments, and only the program that was traced last is sure to be right.

    Args:
        netlist: the netlist, with all its settings.
        groups: all instances, by group.

    Raises:
        NetlistError: for an unknown port, a port used twice, or modes that do not fit. The message names it.
    """

    def __init__(self, netlist: Netlist, groups: Sequence[Group]):
        self.netlist: Netlist = netlist
        self.groups: tuple[Group, ...] = tuple(groups)
        self.place: dict[str, tuple[Group, int]] = {
            name: (group, k) for group in groups for k, name in enumerate(group.instances)
        }
        self.partners: dict[Pin, Pin] = {}
        for one, other in netlist.connections:
            for a, b in self._joined(one, other):
                self._use(a, b)
                self._use(b, a)
        self.ports: dict[str, Pin] = {}
        for name, pin in netlist.ports.items():
            for mode, one in self._modes(pin).items():
                self._use(one, one)
                label = name if one == pin else f"{name}@{mode}"
                if label in self.ports:
                    raise NetlistError(f"{self.ports[label]} and {one} are both the outer port {label!r}")
                self.ports[label] = one
        self._requests: dict[tuple[tuple[str, ...], tuple[str, ...]], Request] = {}

    def choose(self, names: Iterable[str] | None, label: str) -> tuple[str, ...]:
        """Outer ports by name, all modes of a port where no mode is named; all ports for None.

        Raises:
            NetlistError: if there is no such port, or none at all.
        """
        if names is None:
            names = list(self.ports)
        elif isinstance(names, str) or not isinstance(names, Iterable):
            names = [names]
        # A generator gives its names once.
        names = list(names)
        if not names:
            raise NetlistError("the circuit has no outer port" if not self.ports else f"no {label} is named")
        for name in names:
            if not isinstance(name, str):
                raise NetlistError(f"{label} {name!r} is no name of a port")
        chosen = [[port for port in self.ports if name in (port, port.split("@")[0])] for name in names]
        for name, ports in zip(names, chosen, strict=True):
            if not ports:
                raise NetlistError(
                    f"{label} {name!r} is no port of the circuit; its ports are: {', '.join(self.ports)}"
                )
        return tuple(port for ports in chosen for port in ports)

    def request(self, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Request:
        """Plan the computation of the columns `inputs` and the rows `outputs`; made once for each choice."""
        if (inputs, outputs) not in self._requests:
            self._requests[inputs, outputs] = self._plan(inputs, outputs)
        return self._requests[inputs, outputs]

    def _modes(self, pin: Pin) -> dict[str, Pin]:
        """The pins behind a pin: one for each mode of its port, or itself."""
        if pin.instance not in self.place:
            raise NetlistError(f"{pin}: there is no instance {pin.instance!r}")
        ports = self.place[pin.instance][0].structure.ports
        if pin.port in ports:
            return {pin.port.partition("@")[2]: pin}
        modes = {port.partition("@")[2]: port for port in ports if port.partition("@")[0] == pin.port}
        if not modes:
            component = self.netlist.instances[pin.instance].component
            known = ", ".join(ports) or "none"
            raise NetlistError(f"{pin}: component {component!r} has no port {pin.port!r}; it has {known}")
        return {mode: Pin(pin.instance, port) for mode, port in modes.items()}

    def _joined(self, one: Pin, other: Pin) -> list[tuple[Pin, Pin]]:
        first, second = self._modes(one), self._modes(other)
        shared = [mode for mode in first if mode in second]
        if not shared:
            names = [", ".join(mode or "none" for mode in modes) for modes in (first, second)]
            raise NetlistError(f"{one} and {other} have no mode in common: {names[0]} beside {names[1]}")
        return [(first[mode], second[mode]) for mode in shared]

    def _use(self, pin: Pin, partner: Pin) -> None:
        if pin in self.partners:
            raise NetlistError(f"{pin} is connected twice; a port joins one other port or goes outside")
        self.partners[pin] = partner

    @functools.cached_property
    def _edges(self) -> dict[tuple[Wave, Wave], tuple[int, Pair, int]]:
        """Where the amplitude of each edge comes from: group, pair and instance in the group."""
        edges: dict[tuple[Wave, Wave], tuple[int, Pair, int]] = {}
        for number, group in enumerate(self.groups):
            for k, instance in enumerate(group.instances):
                for (source, target), holder in group.structure.pairs.items():
                    start, end = Pin(instance, source), Pin(instance, target)
                    if start in self.partners and end in self.partners:
                        partner = self.partners[end]
                        place = number, holder, k if group.rows > 1 else 0
                        edges[(start, False), (partner, partner == end)] = place
        return edges

    def _plan(self, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Request:
        waves: dict[Wave, int] = {}
        for start, end in self._edges:
            waves.setdefault(start, len(waves))
            waves.setdefault(end, len(waves))
        starts = [waves.setdefault((self.ports[name], False), len(waves)) for name in inputs]
        ends = [waves.setdefault((self.ports[name], True), len(waves)) for name in outputs]
        edges = tuple((waves[start], waves[end]) for start, end in self._edges)
        plan = plan_elimination(FlowGraph(edges, tuple(starts), tuple(ends)))
        places = list(self._edges.values())
        return self._arrange(plan, [places[edge] for edge in plan.edges])

    def _arrange(self, plan: Plan, places: Sequence[tuple[int, Pair, int]]) -> Request:
        """Give every amplitude that the plan needs a row, those that depend on wavelength first."""
        needed = dict.fromkeys((number, pair) for number, pair, _ in places)
        of_group = [[pair for n, pair in needed if n == number] for number in range(len(self.groups))]
        constants = [group.structure.constant for group in self.groups]
        varying = tuple(tuple(p for p in pairs if p not in c) for pairs, c in zip(of_group, constants, strict=True))
        constant = tuple(tuple(p for p in pairs if p in c) for pairs, c in zip(of_group, constants, strict=True))
        first: dict[tuple[int, Pair], int] = {}
        count = 0
        for kind in (varying, constant):
            for number, pairs in enumerate(kind):
                for pair in pairs:
                    first[number, pair] = count
                    count += self.groups[number].rows
        rows = np.array([first[number, pair] + k for number, pair, k in places], int)
        return Request(plan, varying, constant, selection(rows, count))
