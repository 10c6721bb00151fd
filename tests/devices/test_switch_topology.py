"""Topologies: how many parts they have, how many of them a path passes, and that a circuit can be made of them."""

import math

import numpy as np
import pytest

from photonics_core import fabric_plan
from photonics_core.devices.switch_routing import followed, meeting_elements


@pytest.mark.parametrize("count", [2, 3, 4, 7, 16])
def test_a_crossbar_has_paths_of_1_to_2n_minus_1_elements(count):
    plan = fabric_plan("crossbar", count)
    assert len(plan.elements) == count**2
    assert plan.crossings == 0
    lengths = set()
    for (row, column), element in meeting_elements(plan).items():
        bars = np.arange(count**2) == element
        outputs, paths = followed(plan, bars)
        assert outputs[row] == column
        assert len(paths[row]) == column + count - row
        lengths.add(len(paths[row]))
    assert lengths == set(range(1, 2 * count))


@pytest.mark.parametrize("count", [2, 3, 4, 7, 8])
def test_piloss_has_one_length_of_path_and_one_element_for_each_pair(count):
    plan = fabric_plan("piloss", count)
    assert len(plan.elements) == count**2
    assert plan.crossings == (count - 1) ** 2
    meetings = meeting_elements(plan)
    assert sorted(meetings.values()) == list(range(count**2))
    for (row, column), element in meetings.items():
        outputs, paths = followed(plan, np.arange(count**2) == element)
        assert outputs[row] == column
        assert len(paths[row]) == count


@pytest.mark.parametrize("count", [2, 4, 8, 32])
def test_benes_has_its_stages(count):
    plan, stages = fabric_plan("benes", count), 2 * int(math.log2(count)) - 1
    assert len(plan.elements) == stages * count // 2
    _, paths = followed(plan, np.random.default_rng(count).random(len(plan.elements)) < 0.5)
    assert {len(path) for path in paths} == {stages}
    assert set(plan.ports()[0]) == {f"in{k + 1}" for k in range(count)}


@pytest.mark.parametrize("count", [2, 4, 8])
def test_spanke_has_two_trees_on_a_path(count):
    plan = fabric_plan("spanke", count)
    assert len(plan.elements) == 2 * count * (count - 1)
    # Of the N^2 guides between the trees those cross whose inputs are in one order and whose outputs in the other.
    assert plan.crossings == (count * (count - 1) // 2) ** 2
    _, paths = followed(plan, np.zeros(len(plan.elements), bool))
    assert {len(path) for path in paths} <= {2 * int(math.log2(count)), *range(1, 2 * int(math.log2(count)))}


@pytest.mark.parametrize("name", ["crossbar", "piloss", "benes", "spanke"])
def test_a_netlist_has_all_parts_and_ports(name):
    plan = fabric_plan(name, 4)
    bare, full = plan.netlist(), plan.netlist(crossings=True, guides=True)
    kinds = [part.component for part in full.instances.values()]
    assert len(bare.instances) == kinds.count("element") == len(plan.elements)
    assert kinds.count("crossing") == plan.crossings
    # A guide on each of the two inputs of each element, but on those that are ports.
    direct = sum(pin.port in ("in1", "in2") and pin.instance.startswith("element") for pin in full.ports.values())
    assert kinds.count("guide") == 2 * len(plan.elements) - direct if plan.crossings == 0 else kinds.count("guide") > 0
    assert set(bare.ports) == set(full.ports)
    assert len(bare.ports) == 2 * plan.lanes


@pytest.mark.parametrize(
    ("name", "count", "message"),
    [
        ("clos", 4, "topology = 'clos'"),
        ("benes", 6, "count = 6 is no power of two"),
        ("crossbar", 1, "count = 1"),
        ("crossbar", 4.0, "count = 4.0"),
        ("crossbar", 129, "count = 129"),
    ],
)
def test_bad_input_is_named(name, count, message):
    with pytest.raises(ValueError, match=message):
        fabric_plan(name, count)
