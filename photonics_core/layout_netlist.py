"""The netlist of a layout as gdsfactory has it, with placements; routes are instances with their lengths.

`read_netlist` gives the netlist of such a file back, with every length to its last digit, so that the circuit is the
same; `placed_cells` gives the cells where they were. As in gdsfactory and GDS, a cell is first mirrored, y becoming -y,
then turned, then moved.
"""

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.exchange_files import read_structure, write_structure
from photonics_core.exchange_netlist import netlist_from_dict, netlist_to_dict
from photonics_core.guide_paths import Pose
from photonics_core.kernels.checks import check_kind
from photonics_core.layout import Layout
from photonics_core.layout_cells import LayoutCell, Placed
from photonics_core.netlist import NetlistError


def layout_to_dict(layout: Layout, *, form: str = "nets", name: str = "layout") -> dict[str, Any]:
    """The netlist of a layout with its placements, of plain values.

    Args:
        layout: the layout.
        form: "nets" or "connections", as for `netlist_to_dict`.
        name: of the netlist.

    Raises:
        NetlistError: for a setting that is no plain value.
        ValueError: for a form of another name.
    """
    check_kind("layout", layout, Layout)
    placements = {name: _placement(placed.pose, placed.cell.is_mirrored) for name, placed in layout.cells.items()}
    for route in layout.routes:
        start = layout.path(route).start
        placements |= {part: _placement(start) for part in layout.parts(route)}
    for instance, crossed in zip(layout.crossing_names(), layout.crossed, strict=True):
        points = layout.path(crossed.first).point(crossed.first_at[0], np.array([crossed.first_at[1]]))
        placements[instance] = _placement(Pose(points.x[0], points.y[0], points.heading[0]))
    return {"name": name, **netlist_to_dict(layout.netlist(), form=form), "placements": placements}


def write_layout_netlist(path: str | os.PathLike[str], layout: Layout, *, form: str = "nets") -> None:
    """Write the netlist of a layout to a file .json, .yml or .yaml, whole or not at all.

    Raises:
        NetlistError: for a setting that is no plain value, or a file of another suffix.
        ValueError: for a form of another name.
        OSError: if the file cannot be written.
        ImportError: for a YAML file without PyYAML.
    """
    content = layout_to_dict(layout, form=form, name=Path(path).name.partition(".")[0])
    write_structure(Path(path), content, NetlistError)


def placed_cells(
    content: Mapping[str, Any] | str | os.PathLike[str],
    drawings: Mapping[str, LayoutCell | Callable[[Mapping[str, Any]], LayoutCell]],
) -> dict[str, Placed]:
    """Cells where the placements of a netlist of gdsfactory, or of `write_layout_netlist`, have them.

    Args:
        content: the netlist as a dict, or its file .json, .yml or .yaml; the top one if it is recursive.
        drawings: by component, its cell, or a function of the settings that draws it. Instances of components that
            are not in it, as routes, are left out.

    Returns:
        `Placed` by name of the instance, for a `Layout`.

    Raises:
        NetlistError: for what is no netlist, or an instance without a placement, or with one that is not of plain
            numbers and a plain `mirror`.
        ValueError: for drawings that are none.
    """
    whole: Any = content if isinstance(content, Mapping) else read_structure(Path(content), NetlistError)
    hierarchy = netlist_from_dict(whole)
    own = whole if "instances" in whole else whole[hierarchy.top]
    placements, found = own.get("placements") or {}, {}
    for name, instance in hierarchy.netlists[hierarchy.top].instances.items():
        if instance.component in drawings:
            x, y, angle, mirror = _place(name, placements)
            drawing = drawings[instance.component]
            cell = drawing if isinstance(drawing, LayoutCell) else drawing(instance.settings)
            check_kind(f"drawing of {instance.component!r}", cell, LayoutCell)
            found[name] = Placed(cell if cell.is_mirrored == mirror else cell.mirrored(), x, y, angle)
    return found


def _place(name: str, placements: Any) -> tuple[float, float, float, bool]:
    """Place in um, angle in rad, and whether it is mirrored."""
    given = placements.get(name) if isinstance(placements, Mapping) else None
    if not isinstance(given, Mapping):
        raise NetlistError(f"placements.{name} = {given!r} does not say where the instance is")
    numbers = []
    for key in ("x", "y", "rotation"):
        value = given.get(key)
        value = 0.0 if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise NetlistError(f"placements.{name}.{key} = {value!r} is not a number")
        numbers.append(float(value))
    mirror = given.get("mirror")
    if mirror not in (None, False, True):
        raise NetlistError(f"placements.{name}.mirror = {mirror!r} is neither true nor false")
    # What else moves an instance, such as a port that is put at a place.
    if more := [key for key in given if key not in ("x", "y", "rotation", "mirror") and given[key] not in (None, 0)]:
        raise NetlistError(f"placements.{name}.{more[0]} = {given[more[0]]!r} is not understood")
    return numbers[0], numbers[1], math.radians(numbers[2]), bool(mirror)


def _placement(pose: Pose, mirror: bool = False) -> dict[str, Any]:
    """Place in um, rotation in degrees, and whether it is mirrored before."""
    x, y, heading = (float(np.asarray(each)) for each in pose)
    return {"x": x, "y": y, "rotation": float(np.degrees(heading)) % 360.0, "mirror": mirror}
