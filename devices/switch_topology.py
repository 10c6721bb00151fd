"""Topologies of switch fabrics: which ports of which 2 x 2 elements and waveguide crossings follow one another.

A fabric is drawn on lanes, and a step takes the waves of two lanes: an element, or a crossing, which exchanges them.
All light runs forward, so the steps in their order are the fabric. An element is in `cross` where in1 leaves by out2,
and in `bar` where it leaves by out1.

* Crossbar: row i and column j meet in one element, N^2 in all, of which a path passes from 1 to 2 N - 1.
* Path-independent loss (T. Shimoe, K. Hajikano and K. Murakami, 1987; from memory, the geometry is derived here): N
  stages of N elements, waves that run up and down between two edges and turn back there. Unfolded to a ring of 2 N
  places all waves run around it, x0 + k after k stages, and two share an element where their places add up to -1 mod
  2 N. So each wave of even x0 (an input) meets each one of odd x0 (an output) exactly once in N stages.
* Benes (V. E. Benes, Bell Syst. Tech. J. 43, 1641 (1964); from memory): 2 log2 N - 1 stages of N / 2 elements; two
  fabrics of half the size between a first and a last stage.
* Spanke (R. A. Spanke, IEEE J. Quantum Electron. 22, 964 (1986); from memory): a tree of 1 x 2 elements behind each
  input, a tree before each output, 2 N (N - 1) elements of which a path passes 2 log2 N.
"""

import dataclasses
import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from photonics_core.kernels.checks import check_choice, check_kind, check_range
from photonics_core.netlist import Netlist

#: Largest number of ports of a fabric.
MOST_PORTS = 128

_ELEMENT = ("element", "in1", "in2", "out1", "out2")
_CROSSING = ("crossing", "west", "south", "east", "north")


class Step(NamedTuple):
    """An element or a crossing.

    Args:
        is_element: whether it is an element.
        into: lanes of its ports in1 and in2; of a crossing, west and south.
        out: lanes of its ports out1 and out2; of a crossing, east and north.
    """

    is_element: bool
    into: tuple[int, int]
    out: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class SwitchTopology:
    """The plan of a fabric.

    Args:
        name: "crossbar", "piloss", "benes" or "spanke".
        count: number N of inputs and of outputs.
        lanes: number of lanes.
        steps: elements and crossings in the order in which light meets them.
        inputs, outputs: lanes of the ports at the beginning and at the end, N each.
    """

    name: str
    count: int
    lanes: int
    steps: tuple[Step, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def elements(self) -> tuple[Step, ...]:
        """The elements alone, in order; states are given in this order."""
        return tuple(step for step in self.steps if step.is_element)

    @property
    def crossings(self) -> int:
        """Number of waveguide crossings."""
        return sum(not step.is_element for step in self.steps)

    def ports(self) -> tuple[dict[str, int], dict[str, int]]:
        """Lanes by the names of all ports, those before the fabric and those behind it.

        The N used ones are `in1` ... and `out1` ...; what no light is sent into or taken from is `idle_in1` ... and
        `idle_out1` ...
        """
        before = {f"in{k + 1}": lane for k, lane in enumerate(self.inputs)}
        behind = {f"out{k + 1}": lane for k, lane in enumerate(self.outputs)}
        for ports, name in ((before, "idle_in"), (behind, "idle_out")):
            idle = sorted(set(range(self.lanes)) - set(ports.values()))
            ports.update({f"{name}{k + 1}": lane for k, lane in enumerate(idle)})
        return before, behind

    def netlist(self, *, crossings: bool = False, guides: bool = False) -> Netlist:
        """The netlist of components `element`, and of `crossing` and `guide` if asked for.

        Args:
            crossings: with an instance for each crossing; else waves pass each other.
            guides: with a guide before both ports of each element, but where an outer port is.
        """
        before, behind = self.ports()
        instances: dict[str, str] = {}
        connections: list[tuple[str, str]] = []
        outer: dict[str, str] = {}
        names = {lane: name for name, lane in before.items()}
        source: dict[int, str] = {}  # the pin that feeds a lane, if no outer port does
        numbers = {True: itertools.count(), False: itertools.count()}
        for step in self.steps:
            if not step.is_element and not crossings:
                source, names = _exchanged(source, *step.into), _exchanged(names, *step.into)
                continue
            kind, *ends = _ELEMENT if step.is_element else _CROSSING
            label = f"{kind}{next(numbers[step.is_element])}"
            instances[label] = kind
            for lane, port in zip(step.into, ends[:2], strict=True):
                if lane in names:
                    outer[names.pop(lane)] = f"{label},{port}"
                    continue
                pin = source.pop(lane)
                if guides and step.is_element:
                    instances[f"{label}_{port}"] = "guide"
                    connections.append((pin, f"{label}_{port},in"))
                    pin = f"{label}_{port},out"
                connections.append((pin, f"{label},{port}"))
            source |= {lane: f"{label},{port}" for lane, port in zip(step.out, ends[2:], strict=True)}
        outer |= {name: source[lane] for name, lane in behind.items()}
        return Netlist(instances, connections, {name: outer[name] for name in (*before, *behind)})


def fabric_plan(name: str, count: int) -> SwitchTopology:
    """The plan of a fabric of N inputs and N outputs.

    Args:
        name: "crossbar", "piloss", "benes" or "spanke".
        count: N, at least 2; a power of two for "benes" and "spanke".

    Raises:
        ValueError: for an unknown name or another count.
    """
    check_choice("topology", name, _MAKERS)
    check_kind("count", count, int)
    check_range("count", count, 2, MOST_PORTS)
    if name in ("benes", "spanke") and count & (count - 1):
        raise ValueError(f"count = {count} is no power of two, as the topology {name!r} needs")
    lanes, steps, inputs, outputs = _MAKERS[name](count)
    return SwitchTopology(name, count, lanes, tuple(steps), tuple(inputs), tuple(outputs))


Drawn = tuple[int, list[Step], list[int], list[int]]


def _crossbar(count: int) -> Drawn:
    # Lanes of rows, then of columns. `cross` keeps a row in its row, so that light of a row leaves by out2.
    pairs = [(row, count + column) for row in range(count) for column in range(count)]
    steps = [Step(True, (row, column), (column, row)) for row, column in pairs]
    return 2 * count, steps, list(range(count)), list(range(count, 2 * count))


def _piloss(count: int) -> Drawn:
    stage = [Step(True, (2 * p, 2 * p + 1), (2 * p, 2 * p + 1)) for p in range(count)]
    between = [_crossing(2 * p + 1) for p in range(count - 1)]
    steps = [*stage, *(step for _ in range(count - 1) for step in (*between, *stage))]
    # In element p a wave on its way down is at place p of the ring, and enters above; one on its way up at 2 N - 1 - p.
    inputs = [2 * p + p % 2 for p in range(count)]
    # Outputs are waves of odd x0, N - 1 places on; on its way down a wave leaves element p below.
    outputs = [2 * p + (p - count + 1) % 2 for p in range(count)]
    return 2 * count, steps, inputs, outputs


def _benes(count: int) -> Drawn:
    stage = [Step(True, (2 * q, 2 * q + 1), (2 * q, 2 * q + 1)) for q in range(count // 2)]
    parted = [_apart(count, count >> k) for k in range(count.bit_length() - 2)]
    steps = list(stage)
    for target in (*parted, *(np.argsort(each) for each in reversed(parted))):
        steps += _permuted(target) + stage
    return count, steps, list(range(count)), list(range(count))


def _spanke(count: int) -> Drawn:
    lanes, halves = count * count, [count >> k for k in range(1, count.bit_length())]
    levels = [[Step(True, (k, k + half), (k, k + half)) for k in range(0, lanes, 2 * half)] for half in halves]
    between = _permuted(np.arange(lanes).reshape(count, count).T.ravel())
    # The trees of the outputs are those of the inputs, met from the other end.
    steps = [*itertools.chain(*levels), *between, *itertools.chain(*reversed(levels))]
    return lanes, steps, [count * k for k in range(count)], [count * k for k in range(count)]


_MAKERS: dict[str, Callable[[int], Drawn]] = {
    "crossbar": _crossbar,
    "piloss": _piloss,
    "benes": _benes,
    "spanke": _spanke,
}


def _apart(count: int, size: int) -> np.ndarray:
    """Where lanes go: in each block of `size` the upper one of each pair to the upper half, the other to the lower."""
    place = np.arange(count) % size
    return np.arange(count) - place + place // 2 + size // 2 * (place % 2)


def _permuted(target: np.ndarray) -> list[Step]:
    """Crossings of neighbouring lanes that bring lane k to `target[k]`: as few as there are pairs out of order."""
    order, steps = list(target), []
    while order != sorted(order):
        for k in range(len(order) - 1):
            if order[k] > order[k + 1]:
                order[k], order[k + 1] = order[k + 1], order[k]
                steps.append(_crossing(k))
    return steps


def _crossing(lane: int) -> Step:
    return Step(False, (lane, lane + 1), (lane + 1, lane))


def _exchanged(values: dict[int, str], one: int, other: int) -> dict[int, str]:
    """The same with what is at two keys exchanged; a key without a value stays without one at the other."""
    places = {one: other, other: one}
    return {places.get(key, key): value for key, value in values.items()}
