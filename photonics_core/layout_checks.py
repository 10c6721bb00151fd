"""What a layout is refused for: names and ports used twice, ports that overlap, joints that do not meet."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from photonics_core.kernels.checks import check_choice, check_kind
from photonics_core.layout_cells import Placed
from photonics_core.layout_routes import SAME_HEADING, SAME_PLACE, Route
from photonics_core.netlist import Pin


def check_parts(cells: Any, routes: Any) -> None:
    """Refuse what is no dict of placed cells, and of routes.

    Raises:
        ValueError: naming what is wrong.
    """
    for given, parts, kind in (("cells", cells, Placed), ("routes", routes, Route)):
        check_kind(given, parts, Mapping)
        for name, part in parts.items():
            check_kind(f"{given[:-1]} {name!r}", part, kind)
    if not cells:
        raise ValueError("cells is empty; a layout has at least one")


def check_traced(cells: Mapping[str, Placed], routes: Mapping[str, Route]) -> None:
    """Refuse routes whose shape or crossings cannot be found, for places are traced.

    Raises:
        ValueError: saying what to do instead.
    """
    for name, route in routes.items():
        if route.shape is None or (route.shape in ("legs", "bezier") and route.legs is None):
            raise ValueError(
                f"route {name!r} has no shape, or no legs, which cannot be chosen where places are traced: make the "
                "layout of numbers and use `moved`"
            )
    if len(routes) > 1:
        raise ValueError(
            f"routes {', '.join(map(repr, routes))} may cross, which cannot be found where places are traced: make the "
            "layout of numbers and use `moved`"
        )


def check_names(cells: Mapping[str, Placed], routes: Mapping[str, Route], pins: Sequence[Pin]) -> None:
    """Refuse names used twice, and pins that are unknown or used twice.

    Raises:
        ValueError: naming the instance and the port.
    """
    for name, count in Counter([*cells, *routes]).items():
        check_kind("name of an instance", name, str)
        if count > 1 or name.startswith("crossing_"):
            raise ValueError(f"name {name!r} is that of two instances, or of a crossing; choose another")
    for pin, count in Counter(pins).items():
        check_choice(f"{pin}: instance", pin.instance, cells)
        cells[pin.instance].cell.port(pin.port)
        if count > 1:
            raise ValueError(f"port {pin} is used {count} times; a port joins one other port or goes outside")


def check_places(cells: Mapping[str, Placed], joints: Sequence[tuple[Pin, Pin]]) -> None:
    """Refuse ports that lie on one another and are not joined, and joined ports that do not or head the same way.

    Raises:
        ValueError: naming the ports and where they are.
    """
    pins = [Pin(name, port) for name, cell in cells.items() for port in cell.cell.ports]
    rows = [[float(each) for each in cells[pin.instance].port(pin.port)] for pin in pins]
    poses = np.array(rows).reshape(-1, 3)
    joined = {frozenset(pair) for pair in joints}
    apart = np.hypot(*(poses[:, None, k] - poses[None, :, k] for k in (0, 1)))
    for i, j in np.argwhere(np.triu(apart < SAME_PLACE, 1)):
        if frozenset((pins[i], pins[j])) not in joined:
            x, y = poses[i, :2]
            raise ValueError(f"ports {pins[i]} and {pins[j]} overlap at ({x:g}, {y:g}) um and are not joined")
    for one, other in joints:
        a, b = poses[pins.index(one)], poses[pins.index(other)]
        if np.hypot(*(a - b)[:2]) >= SAME_PLACE or np.cos(a[2] - b[2]) > -1.0 + SAME_HEADING:
            raise ValueError(
                f"joint of {one} and {other} does not meet: ({a[0]:g}, {a[1]:g}) um heading {np.degrees(a[2]):g} deg "
                f"and ({b[0]:g}, {b[1]:g}) um heading {np.degrees(b[2]):g} deg"
            )
