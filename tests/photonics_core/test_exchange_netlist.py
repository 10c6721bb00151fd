"""Netlists of gdsfactory mean what they say, come back as they were, and are refused where they say nothing."""

import json
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.circuit import Circuit
from photonics_core.exchange_models import from_sax_model
from photonics_core.exchange_netlist import (
    FORMS,
    NetlistHierarchy,
    NetlistWarning,
    netlist_from_dict,
    netlist_to_dict,
    read_netlist,
    write_netlist,
)
from photonics_core.netlist import Instance, Netlist, NetlistError, Pin

pytest.importorskip("yaml")

SETTINGS = {
    "length": 1e-06,
    "count": 3,
    "layer": None,
    "cross_section": "strip",
    "like_a_number": "1e-6",
    "like_a_choice": "no",
    "flags": [True, None, {"a": -0.1}],
    "text": "µ: 'x'\n#",
}


def mzi(form="nets") -> dict:
    """Two splitters and two arms, in the older or the newer form."""
    pairs = [("in,o2", "top,o1"), ("in,o3", "bottom,o1"), ("top,o2", "out,o2"), ("bottom,o2", "out,o3")]
    return {
        "instances": {
            "in": "mmi1x2",
            "out": {"component": "mmi1x2"},
            "top": {"component": "straight", "settings": {"length": 10.0, **SETTINGS}, "info": {"length": 12.5}},
            "bottom": {"component": "straight", "settings": None, "info": {}},
        },
        form: dict(pairs) if form == "connections" else [{"p1": a, "p2": b} for a, b in pairs],
        "ports": {"o1": "in,o1", "o2": "out,o1"},
        "placements": {"in": {"x": 0.0}},
        "name": "mzi",
    }


def test_both_forms_are_one_netlist():
    new, old = netlist_from_dict(mzi()), netlist_from_dict(mzi("connections"))
    assert new == old
    assert new.top == "mzi"
    assert new.netlist.connections[0] == (Pin("in", "o2"), Pin("top", "o1"))
    assert new.netlist.ports == {"o1": Pin("in", "o1"), "o2": Pin("out", "o1")}
    assert new.netlist.instances["in"] == Instance("mmi1x2")


def test_info_is_merged_over_settings():
    settings = netlist_from_dict(mzi()).netlist.instances["top"].settings
    assert settings["length"] == 12.5
    assert settings["layer"] is None and settings["cross_section"] == "strip"


def test_links_of_routes_are_connections():
    content = mzi()
    route = content["nets"].pop()
    content["routes"] = {"optical": {"links": {route["p1"]: route["p2"]}, "settings": {"radius": 10}}}
    assert netlist_from_dict(content) == netlist_from_dict(mzi())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("suffix", [".json", ".yml", ".yaml"])
def test_round_trip_is_exact(tmp_path, suffix, form):
    netlist = netlist_from_dict(mzi()).netlist
    path = tmp_path / f"mzi{suffix}"
    write_netlist(path, netlist, form=form)
    result = read_netlist(path)
    assert result.netlist == netlist
    assert result.top == "mzi"
    # Equality takes 1 for 1.0 and for True.
    assert repr(result.netlist) == repr(netlist)
    first = path.read_bytes()
    write_netlist(path, result.netlist, form=form)
    assert path.read_bytes() == first


@pytest.fixture(params=["mzi", "ring_single"])
def gdsfactory_file(request) -> Path:
    folder = Path(os.environ.get("PHOTONICS_CORE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    path = folder / "netlists" / f"{request.param}.rec.json"
    if not path.is_file():
        pytest.skip("set PHOTONICS_CORE_DATA to the folder that holds netlists/")
    return path


def test_netlists_of_gdsfactory(tmp_path, gdsfactory_file):
    result = read_netlist(gdsfactory_file)
    assert result.top.startswith(gdsfactory_file.name.partition(".")[0])
    content = json.loads(gdsfactory_file.read_text())[result.top]
    assert len(result.netlist.instances) == len(content["instances"])
    assert netlist_to_dict(result.netlist)["nets"] == content["nets"]
    write_netlist(tmp_path / "again.yaml", result)
    assert read_netlist(tmp_path / "again.yaml") == result


def reciprocal(pairs: dict) -> dict:
    return pairs | {pair[::-1]: value for pair, value in pairs.items()}


def straight(wl=1.55, length=10.0):
    turns = (2.34 - (wl - 1.55) * (4.2 - 2.34) / 1.55) * length / wl
    passed, phase = 10.0 ** (-1e-4 * length / 10.0), 2.0 * np.pi * turns
    return reciprocal({("o1", "o2"): jax.lax.complex(passed * jnp.cos(phase), passed * jnp.sin(phase))})


def coupler():
    bar, cross = 0.9**0.5, 1j * 0.1**0.5
    return reciprocal({("o1", "o4"): bar, ("o2", "o3"): bar, ("o1", "o3"): cross, ("o2", "o4"): cross})


def mmi1x2():
    return reciprocal({("o1", "o2"): 0.5**0.5, ("o1", "o3"): 0.5**0.5})


@pytest.mark.parametrize("wrap", [lambda model: model, from_sax_model], ids=["as they are", "from_sax_model"])
def test_a_file_makes_the_circuit_that_sax_makes_of_it(gdsfactory_file, wrap):
    guides = dict.fromkeys(("straight", "bend_euler", "bend_circular"), straight)
    models = {**guides, "coupler_ring": coupler, "coupler": coupler, "mmi1x2": mmi1x2}
    models = {name: wrap(model) for name, model in models.items()}
    reference = np.load(gdsfactory_file.with_name(gdsfactory_file.name.replace(".rec.json", "_sax_ref.npz")))
    circuit = Circuit(read_netlist(gdsfactory_file).netlist, models, lenient=True)
    result = circuit.scattering(reference["wl"])
    for pair in (name for name in reference if name != "wl"):
        np.testing.assert_allclose(result.amplitude(*pair.split("__")), reference[pair], atol=1e-12)


def recursive() -> dict:
    top = {"instances": {"a": "cell", "b": "cell"}, "nets": [{"p1": "a,out", "p2": "b,in"}], "ports": {"o1": "a,in"}}
    cell = {"instances": {"s": "straight"}, "ports": {"in": "s,o1", "out": "s,o2"}}
    return {"cell": cell, "top": top}


def test_a_recursive_netlist_says_which_is_the_top(tmp_path):
    result = netlist_from_dict(recursive())
    assert result.top == "top" and set(result.netlists) == {"cell", "top"}
    write_netlist(tmp_path / "chip.json", result)
    assert list(json.loads((tmp_path / "chip.json").read_text())) == ["top", "cell"]
    assert read_netlist(tmp_path / "chip.json") == result
    content = recursive()
    content["other"] = content["top"]
    with pytest.raises(NetlistError, match="2 netlists are used by no other: top, other; say which is top"):
        netlist_from_dict(content)
    assert netlist_from_dict(content, top="other").top == "other"
    with pytest.raises(NetlistError, match="top = 'none' is not one of 'cell', 'top'"):
        netlist_from_dict(recursive(), top="none")


def test_a_recursive_netlist_makes_a_circuit():
    hierarchy = netlist_from_dict(recursive() | {"top": recursive()["top"] | {"ports": {"o1": "a,in", "o2": "b,out"}}})
    circuit = Circuit(hierarchy.netlist, {"straight": straight, **hierarchy.netlists})
    result = circuit.scattering(np.array([1.55])).amplitude("o1", "o2")
    np.testing.assert_allclose(result[0], straight(1.55, 20.0)["o1", "o2"], atol=1e-12)


def test_a_netlist_within_itself_is_refused():
    content = recursive()
    content["cell"]["instances"]["t"] = "top"
    for top in (None, "top"):
        with pytest.raises(NetlistError, match="netlists contain themselves: 'cell', 'top'"):
            netlist_from_dict(content, top=top)


def test_ports_of_parts_must_be_there():
    content = recursive()
    content["top"]["nets"][0]["p2"] = "b,nowhere"
    with pytest.raises(NetlistError, match="top: b,nowhere: 'cell' has no port 'nowhere', but 'in', 'out'"):
        netlist_from_dict(content)


def array_of(nets, array) -> dict:
    part = {"component": "straight", "settings": {"length": 5.0}} | ({} if array is None else {"array": array})
    return {"instances": {"a": part}, "nets": nets, "ports": {"in": "a<0.0>,o1"}}


@pytest.mark.parametrize("array", [None, {"columns": 2, "rows": 1}, {"num_a": 2, "num_b": 1, "column_pitch": 5.0}])
def test_arrays_are_one_instance_an_element(array):
    netlist = netlist_from_dict(array_of([{"p1": "a<0.0>,o2", "p2": "a<1.0>,o1"}], array)).netlist
    assert set(netlist.instances) == {"a<0.0>", "a<1.0>"}
    assert all(part.settings == {"length": 5.0} for part in netlist.instances.values())
    assert netlist_from_dict(netlist_to_dict(netlist)).netlist == netlist


@pytest.mark.parametrize("array", [{"columns": 2, "rows": 0}, {"columns": "x"}, {"columns": 999, "rows": 999}, 3])
def test_arrays_that_are_none(array):
    with pytest.raises(NetlistError, match=r"circuit\.instances\.a\.array"):
        netlist_from_dict(array_of([], array))


def test_an_element_outside_its_array():
    with pytest.raises(NetlistError, match="a<5.0>,o1: there is no instance 'a<5.0>'"):
        netlist_from_dict(array_of([{"p1": "a<0.0>,o2", "p2": "a<5.0>,o1"}], {"columns": 2, "rows": 1}))


def test_an_element_that_is_another_instance_too():
    content = array_of([], {"columns": 2, "rows": 1})
    content["instances"]["a<1.0>"] = "bend"
    with pytest.raises(NetlistError, match="'a<1.0>' is the name of another instance too"):
        netlist_from_dict(content)


def change(content, *path, value):
    for key in path[:-1]:
        content = content[key]
    content[path[-1]] = value


WRONG = {
    "unknown instance": (("nets", 0, "p1", "nobody,o1"), "nobody,o1: there is no instance 'nobody'"),
    "connected twice": (("nets", 0, "p1", "in,o3"), "in,o3 is connected 2 times"),
    "port connected": (("ports", "o1", "in,o2"), "in,o2 is connected 2 times"),
    "no pin": (("nets", 0, "p1", "in"), r"mzi\.nets\[0\]: 'in' is no port of an instance"),
    "no text": (("nets", 0, "p1", 5), r"mzi\.nets\[0\]: 5 is no port"),
    "half a net": (("nets", 1, {"p1": "in,o2"}), r"mzi\.nets\[1\]: p1 or p2 is missing"),
    "nets": (("nets", "x"), r"mzi\.nets: is of the kind str, not a list"),
    "ports": (("ports", ["a"]), r"mzi\.ports: is of the kind list"),
    "routes": (("routes", {"optical": {"settings": {}}}), r"mzi\.routes\.optical: has no links"),
    "component": (("instances", "in", {"settings": {}}), r"mzi\.instances\.in: component = None is no name"),
    "instance": (("instances", "in", 7), r"mzi\.instances\.in: is of the kind int"),
    "settings": (("instances", "in", {"component": "a", "settings": [1]}), r"instances\.in\.settings: is of the kind"),
    "not finite": (
        ("instances", "in", {"component": "a", "info": {"x": np.inf}}),
        r"in\.info\.x: inf of the kind float",
    ),
    "object": (
        ("instances", "in", {"component": "a", "info": {"x": [{1}]}}),
        r"in\.info\.x\[0\]: \{1\} of the kind set",
    ),
    "name": (("instances", {True: "a"}), r"mzi\.instances: the name True is no text"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_netlists_are_named(name):
    (*path, value), match = WRONG[name]
    content = mzi()
    change(content, *path, value=value)
    with pytest.raises(NetlistError, match=match) as caught:
        netlist_from_dict(content, source="chip.yml")
    assert str(caught.value).startswith("chip.yml: ")


def test_settings_nested_without_end():
    deep: list = []
    deep.append(deep)
    content = mzi()
    content["instances"]["in"] = {"component": "a", "settings": {"x": deep}}
    with pytest.raises(NetlistError, match="nested more than 32 deep"):
        netlist_from_dict(content)


@pytest.mark.parametrize("content", [None, {}, [], "text", 3])
def test_what_is_no_netlist(content):
    with pytest.raises(NetlistError, match="chip: "):
        netlist_from_dict(content, source="chip")


@pytest.mark.parametrize(
    ("path", "match"),
    [
        (("electrical", {}), "mzi: 'electrical' is not used"),
        (("instances", "in", {"component": "a", "mirror": True}), r"mzi\.instances\.in: 'mirror' is not used"),
        (("nets", 0, "settings", {"length": 3.0}), r"mzi\.nets\[0\]: 'settings' is not used"),
    ],
)
def test_what_is_not_used_is_named(path, match):
    content = mzi()
    change(content, *path[:-1], value=path[-1])
    with pytest.warns(NetlistWarning, match=match):
        netlist_from_dict(content)


FILES = {
    "x.txt": ("{}", "not in .json, .yml or .yaml"),
    "a.json": ("{", "Expecting property name"),
    "b.json": ('{"instances": {"a": "s"}, "nets": [], "nets": []}', "'nets' is there 2 times"),
    "c.json": ("[" * 100_000, "nested too deep"),
    "d.json": ('{"instances": {"a": {"component": "s", "settings": {"x": NaN}}}}', "nan of the kind float"),
    "e.json": ('{"x": ' + "9" * 5000 + "}", "digits"),
    "a.yml": ("a: [", "while parsing"),
    "b.yml": ("instances:\n  a: s\n  a: t\n", "'a' is there 2 times"),
    "c.yml": ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
    "d.yml": ("a: &a [*a]", "for themselves"),
    "e.yml": ("a: 2020-13-45", "month must be in"),
    "f.yml": ("instances: {on: straight}", "put it in quotes"),
    "g.yml": ("# nothing\n", "holds no netlist"),
    "h.yml": ("a: 1\n---\nb: 2\n", "single document"),
    "i.yml": ("instances: {a: {component: s, info: {made: 2020-01-01}}}", "of the kind date"),
}


@pytest.mark.parametrize("name", FILES)
def test_wrong_files_are_named(tmp_path, name):
    text, match = FILES[name]
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(NetlistError, match=match) as caught:
        read_netlist(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_few_aliases_do_not_stand_for_a_billion_values(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    path = tmp_path / "bomb.yml"
    path.write_text("\n".join(lines))
    with pytest.raises(NetlistError, match="aliases stand for more than"):
        read_netlist(path)


def test_a_shared_value_is_no_bomb(tmp_path):
    path = tmp_path / "shared.yml"
    path.write_text("instances:\n  a: {component: s, settings: &s {length: 1e-3}}\n  b: {component: s, settings: *s}\n")
    parts = read_netlist(path).netlist.instances
    assert parts["a"].settings == parts["b"].settings == {"length": 1e-3}


def test_files_that_are_not_there_or_no_text(tmp_path):
    with pytest.raises(NetlistError, match="there is no such file"):
        read_netlist(tmp_path / "x.json")
    for content, match in ((b"", "empty"), (b"\xff\xfe{", "not UTF-8"), (b"{\0}", "null")):
        (tmp_path / "x.json").write_bytes(content)
        with pytest.raises(NetlistError, match=match):
            read_netlist(tmp_path / "x.json")


def test_numbers_of_numpy_are_written_and_other_things_named(tmp_path):
    part = Instance("straight", {"length": np.float64(2.5), "sizes": (1, 2), "widths": np.array([0.5, 0.45])})
    netlist = Netlist({"a": part}, (), {"o1": Pin("a", "o1")})
    assert netlist_to_dict(netlist)["instances"]["a"]["settings"] == {
        "length": 2.5,
        "sizes": [1, 2],
        "widths": [0.5, 0.45],
    }
    wrong = Netlist({"a": Instance("straight", {"model": print})}, (), {})
    with pytest.raises(NetlistError, match=r"a\.settings\.model: .* is no plain value"):
        write_netlist(tmp_path / "x.json", wrong)
    with pytest.raises(NetlistError, match="not in .json"):
        write_netlist(tmp_path / "x.txt", netlist)
    with pytest.raises(ValueError, match="form = 'spice' is not one of"):
        write_netlist(tmp_path / "x.json", netlist, form="spice")


def test_a_hierarchy_made_by_hand_is_checked():
    netlist = Netlist({"a": Instance("straight")}, (), {})
    assert NetlistHierarchy({"top": netlist}, "top").netlist is netlist
    with pytest.raises(NetlistError, match="top = 'x'"):
        NetlistHierarchy({"top": netlist}, "x")


def test_a_missing_folder_and_a_wrong_kind_are_named(tmp_path):
    path = tmp_path / "none" / "x.json"
    with pytest.raises(FileNotFoundError) as caught:
        write_netlist(path, Netlist({"a": "x"}, (), {}))
    assert caught.value.filename == str(path) and ".tmp" not in str(caught.value)
    with pytest.raises(NetlistError, match="netlist is of the kind int, not Netlist"):
        write_netlist(tmp_path / "x.json", 3)  # pyright: ignore[reportArgumentType]
