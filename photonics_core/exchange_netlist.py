"""Netlists of gdsfactory, as YAML, JSON or dicts: the older `connections`, the newer `nets`, links of routes.

An instance has a component, settings and info; info is merged over the settings, for gdsfactory puts there what it
found out itself, as the length of a bend. Connections have neither loss nor length, those of routes included: what
lies between two ports is an instance. Placements and the like belong to the layout and are passed over. An array is
one instance an element, "a<column.row>".

A recursive netlist is a dict of netlists by name. An instance whose component is one of these names stands for that
netlist; the top one is that which no other uses.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from photonics_core.exchange_files import read_structure, write_structure
from photonics_core.kernels.checks import check_choice
from photonics_core.netlist import Instance, Netlist, NetlistError, NetlistHierarchy, Pin, check_no_cycle, parts_of

FORMS = ("nets", "connections")
_USED = {"instances", "connections", "nets", "ports", "routes"}
#: Of the layout, or about the netlist; without meaning for a circuit.
_PASSED_OVER = {"name", "placements", "info", "settings", "warnings", "pdk", "schema_version", "default_settings"}
_INSTANCE_KEYS = {"component", "settings", "info", "array"}
_MAXIMUM_DEPTH, _MAXIMUM_ELEMENTS = 32, 10_000
_ELEMENT = re.compile(r"(.+)<(\d{1,6})\.(\d{1,6})>")


class NetlistWarning(UserWarning):
    """A part of a netlist that is passed over and may matter; the message names it."""


def read_netlist(path: str | Path, *, top: str | None = None) -> NetlistHierarchy:
    """Read a netlist of gdsfactory, recursive or not, from a file .json, .yml or .yaml.

    Args:
        path: the file.
        top: name of the top netlist, where several are used by no other.

    Raises:
        NetlistError: for every file that does not hold a netlist; it names the file, the place and the fault.
        ImportError: for a YAML file without PyYAML.
    """
    content = read_structure(path, NetlistError)
    return netlist_from_dict(content, top=top, name=Path(path).name.partition(".")[0], source=str(path))


def netlist_from_dict(
    content: Mapping[str, Any], *, top: str | None = None, name: str = "circuit", source: str = "netlist"
) -> NetlistHierarchy:
    """Make netlists of a dict, as `component.get_netlist()` of gdsfactory gives it, recursive or not.

    Args:
        content: one netlist, or netlists by name.
        top: name of the top netlist, where several are used by no other.
        name: name for a single netlist that states none.
        source: what messages start with.

    Raises:
        NetlistError: if this is no netlist, or a wrong one.
    """
    content = _mapping(content, source)
    if not content:
        raise NetlistError(f"{source}: holds no netlist")
    if "instances" in content:
        name = content["name"] if isinstance(content.get("name"), str) else name
        content = {name: content}
    try:
        netlists = {name: _netlist(_mapping(part, name), name) for name, part in content.items()}
        return NetlistHierarchy(netlists, _only_root(netlists) if top is None else top)
    except NetlistError as error:
        raise NetlistError(f"{source}: {error}") from None


def netlist_to_dict(netlist: Netlist, *, form: str = "nets") -> dict[str, Any]:
    """The dict that gdsfactory and SAX read, of plain values; `netlist_from_dict` gives an equal netlist back.

    Args:
        netlist: the netlist. Tuples in settings become lists, and numbers of NumPy plain ones.
        form: "nets" for a list of {p1, p2}, as gdsfactory writes now; "connections" for the older dict.

    Raises:
        NetlistError: for a setting that is no plain value, naming it.
        ValueError: for a form of another name.
    """
    check_choice("form", form, FORMS)
    if not isinstance(netlist, Netlist):
        raise NetlistError(f"netlist is of the kind {type(netlist).__name__}, not Netlist")
    instances = {
        name: {"component": part.component, "settings": _plain(part.settings, f"{name}.settings")}
        for name, part in netlist.instances.items()
    }
    joined: Any = [{"p1": str(first), "p2": str(second)} for first, second in netlist.connections]
    if form == "connections":
        joined = {str(first): str(second) for first, second in netlist.connections}
    return {"instances": instances, form: joined, "ports": {name: str(pin) for name, pin in netlist.ports.items()}}


def write_netlist(path: str | Path, netlist: Netlist | NetlistHierarchy, *, form: str = "nets") -> None:
    """Write a netlist, or a hierarchy as a recursive one with the top first, to a file .json, .yml or .yaml.

    Args:
        path: the file, replaced whole or not at all.
        netlist: what to write.
        form: as for `netlist_to_dict`.

    Raises:
        NetlistError: for a setting that is no plain value, a file of another suffix, or what is no netlist.
        ValueError: for a form of another name.
        OSError: if the file cannot be written.
        ImportError: for a YAML file without PyYAML.
    """
    if isinstance(netlist, NetlistHierarchy):
        order = dict.fromkeys([netlist.top, *netlist.netlists])
        content: Any = {name: netlist_to_dict(netlist.netlists[name], form=form) for name in order}
    else:
        content = netlist_to_dict(netlist, form=form)
    write_structure(path, content, NetlistError)


# --- one netlist ----------------------------------------------------------------------------------


def _netlist(content: Mapping[str, Any], name: str) -> Netlist:
    _warn_of_unknown(content, _USED | _PASSED_OVER, name)
    if "instances" not in content:
        raise NetlistError(f"{name}: has no instances")
    connections = tuple((_pin(a, place), _pin(b, place)) for a, b, place in _joined(content, name))
    outer = _mapping(content.get("ports"), f"{name}.ports")
    ports = {port: _pin(pin, f"{name}.ports.{port}") for port, pin in outer.items()}
    elements = _elements_named([pin for pair in connections for pin in pair] + list(ports.values()))
    instances: dict[str, Instance] = {}
    for key, value in _mapping(content["instances"], f"{name}.instances").items():
        added = _instances(key, value, elements.get(key, []), f"{name}.instances.{key}")
        if twice := instances.keys() & added.keys():
            raise NetlistError(f"{name}.instances.{key}: {min(twice)!r} is the name of another instance too")
        instances |= added
    try:
        return Netlist(instances, connections, ports)
    except NetlistError as error:
        raise NetlistError(f"{name}: {error}") from None


def _joined(content: Mapping[str, Any], name: str) -> Iterator[tuple[Any, Any, str]]:
    """Pairs of ports from connections, nets and links, each with its place in the file."""
    for first, second in _mapping(content.get("connections"), f"{name}.connections").items():
        yield first, second, f"{name}.connections.{first}"
    for i, net in enumerate(_list(content.get("nets"), f"{name}.nets")):
        place = f"{name}.nets[{i}]"
        net = _mapping(net, place)
        _warn_of_unknown(net, {"p1", "p2", "name"} if net.get("settings") else {"p1", "p2", "name", "settings"}, place)
        if not {"p1", "p2"} <= net.keys():
            raise NetlistError(f"{place}: p1 or p2 is missing")
        yield net["p1"], net["p2"], place
    for bundle, route in _mapping(content.get("routes"), f"{name}.routes").items():
        place = f"{name}.routes.{bundle}"
        links = _mapping(route, place).get("links")
        if links is None:
            raise NetlistError(f"{place}: has no links")
        for first, second in _mapping(links, f"{place}.links").items():
            yield first, second, f"{place}.links.{first}"


def _elements_named(pins: Sequence[Pin]) -> dict[str, list[str]]:
    """Elements of arrays that pins name, by the name of the array, each once."""
    elements: dict[str, list[str]] = {}
    for name in dict.fromkeys(pin.instance for pin in pins):
        found = _ELEMENT.fullmatch(name)
        if found:
            elements.setdefault(found.group(1), []).append(name)
    return elements


def _instances(key: str, value: Any, elements: Sequence[str], place: str) -> dict[str, Instance]:
    """The instance `key`, or one for each element of an array, by name.

    gdsfactory names the elements in its connections; some of its versions do not say in the instance that it is an
    array. Then the elements are those that are named.
    """
    if isinstance(value, str):
        value = {"component": value}
    value = _mapping(value, place)
    _warn_of_unknown(value, _INSTANCE_KEYS, place)
    component = value.get("component")
    if not isinstance(component, str) or not component or not key:
        raise NetlistError(f"{place}: component = {component!r} is no name")
    settings = {
        **_plain(_mapping(value.get("settings"), f"{place}.settings"), f"{place}.settings"),
        **_plain(_mapping(value.get("info"), f"{place}.info"), f"{place}.info"),
    }
    names = _names_in_array(key, value["array"], elements, place) if value.get("array") else elements or [key]
    return {name: Instance(component, settings) for name in names}


def _names_in_array(key: str, array: Any, elements: Sequence[str], place: str) -> list[str]:
    array = _mapping(array, f"{place}.array")
    columns, rows = (array.get(name, array.get(old, 1)) for name, old in (("columns", "num_a"), ("rows", "num_b")))
    if not all(type(n) is int and 1 <= n <= _MAXIMUM_ELEMENTS for n in (columns, rows)):
        raise NetlistError(f"{place}.array: {columns!r} columns and {rows!r} rows are no numbers from 1 on")
    if columns * rows > _MAXIMUM_ELEMENTS:
        raise NetlistError(f"{place}.array: {columns} x {rows} elements are more than {_MAXIMUM_ELEMENTS}")
    if columns * rows == 1 and not elements:
        return [key]
    return [f"{key}<{column}.{row}>" for column in range(columns) for row in range(rows)]


def _pin(value: Any, place: str) -> Pin:
    try:
        return Pin.of(value)
    except NetlistError as error:
        raise NetlistError(f"{place}: {error}") from None


# --- hierarchy ------------------------------------------------------------------------------------


def _only_root(netlists: Mapping[str, Netlist]) -> str:
    """Name of the one netlist that no other uses."""
    check_no_cycle(netlists)
    used = {part for netlist in netlists.values() for part in parts_of(netlist, netlists)}
    roots = [name for name in netlists if name not in used]
    if len(roots) != 1:
        raise NetlistError(f"{len(roots)} netlists are used by no other: {', '.join(roots)}; say which is top")
    return roots[0]


# --- plain values ---------------------------------------------------------------------------------


def _mapping(value: Any, place: str) -> Mapping[str, Any]:
    """`value` as a mapping by names; None, as YAML has it for an empty entry, is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise NetlistError(f"{place}: is of the kind {type(value).__name__}, where names with values should stand")
    for key in value:
        if not isinstance(key, str):
            raise NetlistError(f"{place}: the name {key!r} is no text; in YAML, put it in quotes")
    return value


def _list(value: Any, place: str) -> Sequence[Any]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise NetlistError(f"{place}: is of the kind {type(value).__name__}, not a list")
    return value


def _plain(value: Any, place: str, depth: int = 0) -> Any:
    """A copy of a setting in values that JSON and YAML have: None, true, false, numbers, text, lists, dicts."""
    if depth > _MAXIMUM_DEPTH:
        raise NetlistError(f"{place}: is nested more than {_MAXIMUM_DEPTH} deep")
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy and JAX
        value = value.tolist()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and abs(value) < float("inf"):
        return value
    if isinstance(value, Mapping):
        return {key: _plain(item, f"{place}.{key}", depth + 1) for key, item in _mapping(value, place).items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(value)]
    raise NetlistError(f"{place}: {value!r} of the kind {type(value).__name__} is no plain value")


def _warn_of_unknown(content: Mapping[str, Any], known: set[str], place: str) -> None:
    unknown = [key for key in content if key not in known]
    if unknown:
        warnings.warn(f"{place}: {', '.join(map(repr, unknown))} is not used", NetlistWarning, stacklevel=2)
