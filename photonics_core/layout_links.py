"""What routes are in a netlist: guides in parts, the crossings between the parts, and the lengths of all of them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from photonics_core.guide_paths import PathChain, Pose, placed_at
from photonics_core.layout_cells import Placed
from photonics_core.layout_crossings import Crossed, RouteCrossing, check_crossed, crossing_parameters
from photonics_core.layout_routes import Route
from photonics_core.netlist import Pin

#: A route, and pose of the cell and of the port within it at both ends.
Routed = tuple[Route, Pose, Pose, Pose, Pose]
_NOWHERE = Pin("none", "none")


def routed(cells: Mapping[str, Placed], routes: Mapping[str, Route]) -> dict[str, Routed]:
    """Routes with their ends; without names of ports, so that routes of one shape can be put in one batch."""
    found = {}
    for name, route in routes.items():
        ends = []
        for pin in (route.start, route.end):
            port = cells[pin.instance].cell.port(pin.port)
            ends += [cells[pin.instance].pose, Pose(port.x, port.y, port.heading)]
        found[name] = (dataclasses.replace(route, start=_NOWHERE, end=_NOWHERE), *ends)
    return found


def ends_of(part: Routed) -> tuple[Pose, Pose]:
    """Poses of the ports that a route joins."""
    _, cell, port, other_cell, other_port = part
    return placed_at(cell, port), placed_at(other_cell, other_port)


def path_of(part: Routed) -> PathChain:
    """The path of a route."""
    return part[0].path(*ends_of(part))


def crossings_of(crossed: Sequence[Crossed], route: str) -> list[tuple[int, tuple[int, float]]]:
    """Number and place of the crossings of a route, along it."""
    found = [(k, each.first_at) for k, each in enumerate(crossed) if each.first == route]
    found += [(k, each.second_at) for k, each in enumerate(crossed) if each.second == route]
    return sorted(found, key=lambda each: each[1])


def part_names(crossed: Sequence[Crossed], route: str) -> list[str]:
    """Names in the netlist of the parts of a route."""
    count = len(crossings_of(crossed, route))
    return [route] if not count else [f"{route}_{k + 1}" for k in range(count + 1)]


def check_part_names(cells: Mapping[str, Placed], routes: Mapping[str, Route], crossed: Sequence[Crossed]) -> None:
    """Refuse cells and routes that are called as a part of a route is.

    Raises:
        ValueError: naming the part and the route.
    """
    for route in routes:
        for part in part_names(crossed, route):
            if part != route and (part in cells or part in routes):
                raise ValueError(
                    f"name {part!r} is that of a part of route {route!r}, which is crossed; choose another"
                )


def crossing_name(number: int) -> str:
    """Name in the netlist of a crossing."""
    return f"crossing_{number + 1}"


def crossing_lengths(crossed: Sequence[Crossed], paths: Mapping[str, PathChain]) -> dict[str, list[Any]]:
    """Length in um from the start of a route to each of its crossings.

    Args:
        crossed: the crossings.
        paths: the path of each route that is crossed.

    Raises:
        ValueError: for routes that no longer cross where they did.
    """
    places = [crossing_parameters(paths[each.first], paths[each.second], each) for each in crossed]
    for each, parameters in zip(crossed, places, strict=True):
        check_crossed(each, parameters)
    found: dict[str, list[Any]] = {name: [] for name in paths}
    for name, path in paths.items():
        for number, (segment, _) in crossings_of(crossed, name):
            t = places[number][0 if crossed[number].first == name else 1]
            found[name].append(path.length_to(segment, t))
    return found


def part_settings(
    crossed: Sequence[Crossed], size: float, marks: Mapping[str, list[Any]], measured: Mapping[str, tuple[Any, Any]]
) -> dict[str, dict[str, Any]]:
    """Length, and loss in dB, of each part; what the bends of a route lose is shared out by length.

    Args:
        crossed: the crossings.
        size: length in um of a guide within a crossing.
        marks: `crossing_lengths`.
        measured: length in um and loss in dB, or None, of each route.
    """
    settings = {}
    for name, (length, loss) in measured.items():
        cuts = [0.0, *marks.get(name, ()), length]
        for k, part in enumerate(part_names(crossed, name)):
            whole = cuts[k + 1] - cuts[k]
            short = 0.5 * size * ((k > 0) + (k < len(cuts) - 2))
            settings[part] = {"length": whole - short}
            if loss is not None:
                settings[part]["loss_db"] = loss * (whole / length) if len(cuts) > 2 else loss
    return settings


def chained(
    name: str, route: Route, crossed: Sequence[Crossed], crossing: RouteCrossing, ports: tuple[str, str]
) -> list[tuple[Pin, Pin]]:
    """Connections of a route: from its first port through parts and crossings to its last."""
    ends = [(part, *ports) for part in part_names(crossed, name)]
    links: list[tuple[str, str, str]] = ends[:1]
    for (number, _), end in zip(crossings_of(crossed, name), ends[1:], strict=True):
        each = crossed[number]
        across = crossing.ports[2:] if each.leftward else crossing.ports[2:][::-1]
        links += [(crossing_name(number), *(crossing.ports[:2] if each.first == name else across)), end]
    pins = [route.start]
    for instance, first, last in links:
        pins += [Pin(instance, first), Pin(instance, last)]
    pins.append(route.end)
    return list(zip(pins[::2], pins[1::2], strict=True))
