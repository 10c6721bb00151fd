"""The netlist of a layout as gdsfactory has it, with placements; routes are instances with their lengths.

`read_netlist` gives the netlist of such a file back, with every length to its last digit, so that the circuit is the
same.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.exchange_files import write_structure
from photonics_core.exchange_netlist import netlist_to_dict
from photonics_core.guide_paths import Pose
from photonics_core.kernels.checks import check_kind
from photonics_core.layout import Layout
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
    placements = {instance: _placement(placed.pose) for instance, placed in layout.cells.items()}
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


def _placement(pose: Pose) -> dict[str, Any]:
    """Place in um and rotation in degrees."""
    x, y, heading = (float(np.asarray(each)) for each in pose)
    return {"x": x, "y": y, "rotation": float(np.degrees(heading)) % 360.0, "mirror": False}
