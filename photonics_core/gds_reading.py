"""GDS files read back: areas by layer, ports, and the netlist that `write_gds` left in their properties."""

import json
import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.exchange_files import import_extra
from photonics_core.gds import GOES_ON, PLAIN_LAYERS, LayerMap
from photonics_core.guide_paths import Pose
from photonics_core.layout_cells import LAYER_NAMES
from photonics_core.netlist import Instance, Netlist, NetlistError, Pin


@dataclass(frozen=True)
class GdsContent:
    """What a file of `write_gds` holds.

    Args:
        areas: area in um^2 that is covered in each layer, by name; those with nothing in them are left out.
        ports: place in um and heading in rad of each port of a cell, by "instance,port".
        netlist: instances, connections and outer ports.
    """

    areas: Mapping[str, float]
    ports: Mapping[str, Pose]
    netlist: Netlist


def read_gds_layout(path: str | os.PathLike[str], layers: LayerMap = PLAIN_LAYERS) -> GdsContent:
    """Read a file that `write_gds` wrote.

    Raises:
        ValueError: for a file that is not there or no GDS, has no or several top cells, or lacks the properties.
        ImportError: without gdstk.
    """
    gdstk = import_extra("gdstk", "layout")
    if not Path(path).is_file():
        raise ValueError(f"{path}: there is no such file")
    try:
        with warnings.catch_warnings():
            # What gdstk only warns of, as a cell that is not there, is refused below.
            warnings.simplefilter("ignore", RuntimeWarning)
            library = gdstk.read_gds(path)
        tops = library.top_level()
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{path}: is no GDS file that can be read: {error}") from error
    if len(tops) != 1:
        raise ValueError(f"{path}: has {len(tops)} top cells, not one")
    _check_cells(path, library)
    try:
        return GdsContent(covered_areas(tops[0], layers), _ports(tops[0]), _netlist(tops[0]))
    except (ValueError, KeyError, RecursionError) as error:
        raise ValueError(f"{path}: its properties are not those of a layout: {error}") from error


def covered_areas(cell: Any, layers: LayerMap = PLAIN_LAYERS) -> dict[str, float]:
    """Area in um^2 covered in each layer of a `gdstk.Cell` and what it refers to, overlaps counted once."""
    gdstk = import_extra("gdstk", "layout")
    areas = {}
    for name in LAYER_NAMES:
        number, datatype = layers.of(name)
        polygons = cell.get_polygons(layer=number, datatype=datatype)
        if polygons:
            merged = gdstk.boolean(polygons, [], "or", precision=1e-4)
            areas[name] = float(sum(polygon.area() for polygon in merged))
    return areas


def _check_cells(path: Any, library: Any) -> None:
    """Refuse cells that are not there, and cells that hold themselves, in which gdstk would go round for ever."""
    inner: dict[str, set[str]] = {}
    for cell in library.cells:
        inner[cell.name] = set()
        for reference in cell.references:
            if isinstance(reference.cell, str):
                raise ValueError(f"{path}: cell {cell.name!r} refers to {reference.cell!r}, which is not there")
            inner[cell.name].add(reference.cell.name)
    # Cells without others in them are taken away until none is left.
    while inner:
        plain = {name for name, others in inner.items() if not others}
        if not plain:
            raise ValueError(f"{path}: cell {min(inner)!r} holds itself, or one that does")
        inner = {name: others - plain for name, others in inner.items() if name not in plain}


def _lines(element: Any) -> list[tuple[str, str]]:
    """Properties of an element as names and values, in the order of their numbers."""
    texts = {each[1]: _text(each[2]) for each in element.properties if each[0] == "S_GDS_PROPERTY"}
    lines: list[str] = []
    for number in sorted(texts):
        if texts[number].startswith(GOES_ON) and lines:
            lines[-1] += texts[number][len(GOES_ON) :]
        else:
            lines.append(texts[number])
    return [tuple(line.split("=", 1)) for line in lines if "=" in line]  # pyright: ignore


def _plain_port(name: str) -> str:
    """The name of a port that `escaped` has made."""
    return name.replace("%3D", "=").replace("%25", "%")


def _text(value: Any) -> str:
    return value.decode().rstrip("\0") if isinstance(value, bytes) else str(value)


def _ports(top: Any) -> dict[str, Pose]:
    found = {}
    for reference in top.references:
        instance = dict(_lines(reference)).get("instance")
        turn, (x0, y0) = reference.rotation, reference.origin
        for label in reference.cell.labels:
            heading = math.radians(float(dict(_lines(label))["heading"])) + turn
            x, y = label.origin
            cosine, sine = np.cos(turn), np.sin(turn)
            place = x0 + cosine * x - sine * y, y0 + sine * x + cosine * y
            found[f"{instance},{label.text}"] = Pose(float(place[0]), float(place[1]), heading)
    return found


def _netlist(top: Any) -> Netlist:
    instances, connections, ports = {}, [], {}
    for reference in top.references:
        lines = _lines(reference)
        named = dict(lines)
        name = named["instance"]
        if name in instances:
            raise NetlistError(f"instance {name!r} is there twice")
        settings = {key[4:]: json.loads(value) for key, value in lines if key.startswith("set:")}
        instances[name] = Instance(named["component"], settings)
        connections += [
            (Pin(name, _plain_port(key[4:])), Pin.of(value)) for key, value in lines if key.startswith("net:")
        ]
    for label in top.labels:
        named = dict(_lines(label))
        if "pin" in named:
            ports[named["port"]] = named["pin"]
    return Netlist(instances, connections, ports)
