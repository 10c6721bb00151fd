"""States of the elements of a fabric for a permutation, and what a given set of states connects.

`bars` is one truth for each element: True for `bar`, False for `cross` (see `switch_topology`). A permutation names for
each input the output that its light is to leave by, from 0 on, -1 for an idle one.

A crossbar and the fabric of path-independent loss have one element for each pair of input and output, found here by
following all waves through elements in `cross`; a connection that stays is never touched. In trees the way is unique.
A Benes fabric is set by the looping algorithm (D. C. Opferman and N. T. Tsao-Wu, Bell Syst. Tech. J. 50, 1579 (1971);
from memory): two inputs that share an element of the first stage go through different halves, as do two that share
one of the last. Following these two rules in turn closes loops, in which the halves take turns, and the halves are
fabrics of half the size.
"""

from typing import Any

import numpy as np

from photonics_core.devices.switch_topology import SwitchTopology
from photonics_core.kernels.checks import is_concrete

Pair = tuple[int | None, int | None]


def check_permutation(permutation: Any, count: int) -> np.ndarray:
    """The permutation as an array of whole numbers [N].

    Raises:
        ValueError: for another length, an output that is none of the N, one that is named twice, or a traced array.
    """
    if not is_concrete(permutation):
        raise ValueError("permutation is traced; route it before, and hand on the states")
    outputs = np.asarray(permutation)
    if outputs.shape != (count,) or outputs.dtype.kind not in "iu":
        raise ValueError(f"permutation = {permutation!r} is not {count} whole numbers")
    outputs = outputs.astype(int)
    wrong = outputs[(outputs < -1) | (outputs >= count)]
    if wrong.size:
        raise ValueError(f"permutation = {wrong[0]} is outside [-1, {count - 1}]")
    used, times = np.unique(outputs[outputs >= 0], return_counts=True)
    if np.any(times > 1):
        raise ValueError(f"permutation has the output {used[times > 1][0]} twice")
    return outputs


def completed(permutation: Any, count: int) -> np.ndarray:
    """A full permutation [N]: idle inputs are joined to idle outputs, both in ascending order.

    Raises:
        ValueError: as `check_permutation` does.
    """
    outputs = check_permutation(permutation, count)
    outputs[outputs < 0] = np.setdiff1d(np.arange(count), outputs)
    return outputs


def route_permutation(topology: SwitchTopology, permutation: Any) -> np.ndarray:
    """States of all elements for a permutation.

    Elements that no light needs stay in `cross`. In a Benes fabric idle ports are joined to one another, since its
    elements serve several paths.

    Args:
        topology: the plan of the fabric.
        permutation: output of each input, from 0 on, -1 for none, shape [N].

    Returns:
        Whether each element is in `bar`, shape [elements].

    Raises:
        ValueError: for something that is no permutation.
    """
    outputs = check_permutation(permutation, topology.count)
    if topology.name == "benes":
        return _looped(completed(outputs, topology.count)).ravel()
    if topology.name == "spanke":
        return _trees(topology.count, outputs)
    meetings = meeting_elements(topology)
    bars = np.zeros(len(topology.elements), bool)
    bars[[meetings[i, int(o)] for i, o in enumerate(outputs) if o >= 0]] = True
    return bars


def followed(topology: SwitchTopology, bars: Any) -> tuple[np.ndarray, list[list[int]]]:
    """Where the light of each input goes, and the numbers of the elements that it passes.

    Args:
        topology: the plan of the fabric.
        bars: whether each element is in `bar`, shape [elements].

    Returns:
        The output of each input, -1 where it ends at an idle port, shape [N]; the elements along each path.

    Raises:
        ValueError: for another number of states.
    """
    held = dict(zip(topology.inputs, range(topology.count), strict=True))
    paths: list[list[int]] = [[] for _ in range(topology.count)]
    for number, waves in enumerate(_walk(topology, bars, held)):
        for wave in waves:
            if wave is not None:
                paths[wave].append(number)
    outputs = np.full(topology.count, -1)
    for output, lane in enumerate(topology.outputs):
        if lane in held:
            outputs[held[lane]] = output
    return outputs, paths


def meeting_elements(topology: SwitchTopology) -> dict[tuple[int, int], int]:
    """The element where each input meets each output, of a fabric with one for each pair.

    Raises:
        ValueError: for a topology without.
    """
    if topology.name not in ("crossbar", "piloss"):
        raise ValueError(f"topology = {topology.name!r} is not one of 'crossbar', 'piloss'")
    lanes = {lane: lane for lane in range(topology.lanes)}
    pairs = _walk(topology, np.zeros(len(topology.elements), bool), lanes)
    # By now `lanes` holds, for each lane at the end, where its wave began.
    rows: dict[int | None, int] = {lane: k for k, lane in enumerate(topology.inputs)}
    columns: dict[int | None, int] = {lanes[lane]: k for k, lane in enumerate(topology.outputs)}
    ordered = [(one, other) if one in rows else (other, one) for one, other in pairs]
    return {(rows[row], columns[column]): number for number, (row, column) in enumerate(ordered)}


def crosstalk_counts(topology: SwitchTopology, bars: Any) -> np.ndarray:
    """How many first leaks bring light of each input to each output that is not its own.

    An element that leaks the small part x of a power into its other output adds x of what is at its other input. So to
    first order in x, and for leaks of random phase, crosstalk at an output is x times the sum of its row.

    Args:
        topology: the plan of the fabric.
        bars: whether each element is in `bar`, shape [elements].

    Returns:
        Numbers, shape [N outputs, N inputs].

    Raises:
        ValueError: for another number of states.
    """
    held = dict(zip(topology.inputs, range(topology.count), strict=True))
    arriving, leaving = _walk(topology, bars, held), _goals(topology, np.asarray(bars))
    counts = np.zeros((topology.count, topology.count), int)
    for bar, waves, ends in zip(np.asarray(bars), arriving, leaving, strict=True):
        # The wrong way: in an element in `bar` from in1 to out2 and from in2 to out1, else straight on.
        for wave, end in zip(waves, ends[::-1] if bar else ends, strict=True):
            if wave is not None and end is not None:
                counts[end, wave] += 1
    return counts


def changed_elements(first: Any, second: Any) -> np.ndarray:
    """Numbers of the elements whose state differs between two sets of states [elements].

    Raises:
        ValueError: for sets of different sizes.
    """
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"second of shape {second.shape} does not go with first of shape {first.shape}")
    return np.flatnonzero(first != second)


def _walk(topology: SwitchTopology, bars: Any, held: dict[int, int]) -> list[Pair]:
    """Carry what lanes hold through the fabric, in place; give what enters the two ports of each element."""
    bars, count = np.asarray(bars), len(topology.elements)
    if bars.shape != (count,) or bars.dtype != bool:
        raise ValueError(f"bars of shape {bars.shape} and type {bars.dtype} is not {count} truths")
    met: list[Pair] = []
    for step in topology.steps:
        waves = held.pop(step.into[0], None), held.pop(step.into[1], None)
        straight = True
        if step.is_element:
            straight = bool(bars[len(met)])
            met.append(waves)
        leaving = waves if straight else waves[::-1]
        held |= {lane: wave for lane, wave in zip(step.out, leaving, strict=True) if wave is not None}
    return met


def _goals(topology: SwitchTopology, bars: np.ndarray) -> list[Pair]:
    """For the two outputs of each element the output of the fabric that light from there goes to; from behind."""
    goal = {lane: k for k, lane in enumerate(topology.outputs)}
    goals: list[Pair] = []
    for step in reversed(topology.steps):
        ends = goal.pop(step.out[0], None), goal.pop(step.out[1], None)
        straight = True
        if step.is_element:
            goals.append(ends)
            straight = bool(bars[-len(goals)])
        entering = ends if straight else ends[::-1]
        goal |= {lane: end for lane, end in zip(step.into, entering, strict=True) if end is not None}
    return goals[::-1]


def _looped(outputs: np.ndarray) -> np.ndarray:
    """States of a Benes fabric, shape [stages, N / 2]."""
    count = len(outputs)
    if count == 2:
        return np.array([[outputs[0] == 0]])
    halves = _halves(outputs)
    inner = [np.empty(count // 2, int), np.empty(count // 2, int)]
    last = np.empty(count // 2, bool)
    for i, (half, output) in enumerate(zip(halves, outputs, strict=True)):
        inner[half][i // 2] = output // 2
        last[output // 2] = output % 2 == half
    middle = np.concatenate([_looped(each) for each in inner], axis=1)
    return np.concatenate([halves[None, 0::2] == 0, middle, last[None]])


def _halves(outputs: np.ndarray) -> np.ndarray:
    """Which half, 0 or 1, each input goes through."""
    inputs, halves = np.argsort(outputs), np.full(len(outputs), -1)
    for start in range(len(outputs)):
        i = start
        while halves[i] < 0:
            # What shares the last element comes through the other half, its partner in the first again through this.
            other = inputs[outputs[i] ^ 1]
            halves[i], halves[other] = 0, 1
            i = other ^ 1
    return halves


def _trees(count: int, outputs: np.ndarray) -> np.ndarray:
    """States of a Spanke fabric: the way down each input's tree, and up each output's."""
    depth = count.bit_length() - 1
    before, behind = ([np.zeros((count, 1 << level), bool) for level in range(depth)] for _ in range(2))
    for i, o in enumerate(outputs):
        for level in range(depth if o >= 0 else 0):
            half = count >> (level + 1)
            for tree, own, end in ((before, i, o), (behind, o, i)):
                tree[level][own, end // (2 * half)] = end % (2 * half) < half
    return np.concatenate([each.ravel() for each in (*before, *reversed(behind))])
