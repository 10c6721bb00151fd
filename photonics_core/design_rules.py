"""Checks of minimum feature and spacing on the polygons of a layout, by opening and closing.

A feature narrower than w vanishes when all edges are moved in by w / 2, and does not come back when they are moved out
again: what the opening takes away is too narrow. What the closing (out by s / 2, and in again) fills is too narrow a
gap. Polygons miss their width by a step of the grid and a chord error at either edge, so a rule is asked for less two
of both. Slivers that the moves leave at corners of curved shapes and along edges are thinner than a tenth of the limit,
are opened away in turn and do not count; a place that is itself as thin is found with an eighth of the limit, and so on
down to two steps of the grid and chord errors, below which it is rounding at a joint.

Two corners leave nothing to fill between them. So shapes closer than s are found by growing each by s / 2 with round
corners, and necks between the parts of a shape that moving its edges in has parted by growing these back.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from photonics_core.exchange_files import import_extra
from photonics_core.gds import PLAIN_LAYERS, LayerMap, gds_library
from photonics_core.kernels.checks import check_choice, check_positive
from photonics_core.layout import Layout
from photonics_core.layout_cells import LAYER_NAMES

#: Thickness over the limit of a rule below which what the moves leave is a sliver, and the next limit over the last.
SLIVER, FINER = 0.1, 0.125
#: Corners of a full turn where shapes grow.
_ROUND = 64


@dataclass(frozen=True)
class LayerRule:
    """Least width of features and least gap between them in um; None for no rule."""

    feature: float | None = None
    spacing: float | None = None

    def __post_init__(self) -> None:
        for name in ("feature", "spacing"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name), "um")


@dataclass(frozen=True)
class Violation:
    """A place where a rule is broken.

    Args:
        layer: name of the layer.
        rule: "feature" or "spacing".
        limit: of the rule in um.
        x, y: middle of the place in um.
        size: width and height in um of what is too narrow.
        area: of it in um^2.
    """

    layer: str
    rule: str
    limit: float
    x: float
    y: float
    size: tuple[float, float]
    area: float


def rule_violations(
    layout: Layout,
    rules: Mapping[str, LayerRule],
    layers: LayerMap = PLAIN_LAYERS,
    *,
    chord_error: float = 1e-3,
    grid: float = 1e-3,
) -> list[Violation]:
    """Places where the polygons of a layout, as `write_gds` would write them, break rules of width or spacing.

    Args:
        layout: what to check.
        rules: by name of the layer.
        layers, chord_error, grid: as for `write_gds`.

    Returns:
        The violations, in the order of the rules; empty for a layout that keeps them.

    Raises:
        ValueError: for an unknown layer, or as `write_gds`.
        ImportError: without gdstk.
    """
    for name in rules:
        check_choice("layer", name, LAYER_NAMES)
    library = gds_library(layout, layers, chord_error=chord_error, grid=grid)
    (top,) = library.top_level()
    found = []
    for name, rule in rules.items():
        number, datatype = layers.of(name)
        polygons = top.get_polygons(layer=number, datatype=datatype)
        slack = 2.0 * (grid + chord_error)
        for kind, limit in (("feature", rule.feature), ("spacing", rule.spacing)):
            if polygons and limit is not None and limit > slack:
                places = _narrow(polygons, kind, limit, slack, 0.1 * grid)
                found += [_violation(name, kind, limit, each) for each in places]
    return found


def _narrow(polygons: list[Any], kind: str, limit: float, slack: float, precision: float) -> list[Any]:
    """All places that are too narrow, each once."""
    gdstk = import_extra("gdstk", "layout")
    whole = gdstk.boolean(polygons, [], "or", precision=precision)
    found = []
    for step in _steps(limit, slack):
        places = _left_over(whole, kind, 0.5 * (step - slack), 0.5 * slack, precision)
        if places:
            # What is too narrow is so for a larger limit too; where a move has lost a corner by chance it is not.
            again = _left_over(whole, kind, 0.55 * (step - slack), 0.5 * slack, precision)
            places = [each for each in places if _meets(each, again, precision)]
        found += _apart(places, found, precision)
    pinched = (_necks if kind == "feature" else _close_pairs)(whole, 0.5 * (limit - slack), slack, precision)
    return found + _apart(pinched, found, precision)


def _steps(limit: float, slack: float) -> list[float]:
    """The limit, and smaller ones down to what rounding at a joint may leave."""
    steps = [limit]
    while steps[-1] * FINER > 4.0 * slack:
        steps.append(steps[-1] * FINER)
    return steps


def _left_over(whole: list[Any], kind: str, distance: float, thinnest: float, precision: float) -> list[Any]:
    """What opening takes away, or closing fills."""
    gdstk = import_extra("gdstk", "layout")
    back = _there_and_back(whole, distance * (-1.0 if kind == "feature" else 1.0), precision)
    pair = (whole, back) if kind == "feature" else (back, whole)
    rest = gdstk.boolean(*pair, "not", precision=precision) if pair[0] else []
    return _there_and_back(rest, -max(SLIVER * distance, min(thinnest, 0.5 * distance)), precision)


def _close_pairs(whole: list[Any], distance: float, slack: float, precision: float) -> list[Any]:
    """Where two shapes come closer than twice a distance; those that abut are one."""
    return _overlaps(_there_and_back(whole, 0.5 * slack, precision), distance, precision)


def _necks(whole: list[Any], distance: float, slack: float, precision: float) -> list[Any]:
    """Where a shape is narrower than twice a distance between parts of it that are not."""
    gdstk = import_extra("gdstk", "layout")
    found = []
    # Parts are grown a little more than they have shrunk, or they would only touch.
    for shape in _there_and_back(whole, 0.5 * slack, precision):
        parts = gdstk.offset([shape], -distance, join="miter", precision=precision, use_union=True)
        if len(parts) > 1:
            found += _overlaps(parts, distance + slack, precision, join="miter")
    return found


def _overlaps(shapes: list[Any], distance: float, precision: float, join: str = "round") -> list[Any]:
    """Where shapes that have grown by a distance overlap one another."""
    gdstk = import_extra("gdstk", "layout")
    options = {"join": join, "tolerance": _ROUND if join == "round" else 2, "precision": precision, "use_union": True}
    grown = [gdstk.offset([each], distance, **options) for each in shapes]
    boxes = [each.bounding_box() for each in shapes]
    found = []
    for i, j in itertools.combinations(range(len(shapes)), 2):
        gaps = [max(boxes[i][0][k] - boxes[j][1][k], boxes[j][0][k] - boxes[i][1][k]) for k in (0, 1)]
        # Corners that stay sharp go farther than the distance.
        if max(gaps) < 4.0 * distance:
            found += gdstk.boolean(grown[i], grown[j], "and", precision=precision)
    return found


def _apart(places: list[Any], found: list[Any], precision: float) -> list[Any]:
    """Places that overlap none of those found before."""
    return [each for each in places if not _meets(each, found, precision)]


def _meets(place: Any, others: list[Any], precision: float) -> bool:
    """Whether a place overlaps one of others."""
    gdstk = import_extra("gdstk", "layout")
    return bool(others) and bool(gdstk.boolean([place], others, "and", precision=precision))


def _there_and_back(polygons: list[Any], distance: float, precision: float) -> list[Any]:
    """Edges moved out by a distance, or in where it is below zero, and back."""
    gdstk = import_extra("gdstk", "layout")
    for each in (distance, -distance):
        if polygons:
            polygons = gdstk.offset(polygons, each, join="miter", precision=precision, use_union=True)
    return polygons


def _violation(layer: str, rule: str, limit: float, polygon: Any) -> Violation:
    (left, bottom), (right, top) = polygon.bounding_box()
    size = float(right - left), float(top - bottom)
    return Violation(layer, rule, limit, 0.5 * (left + right), 0.5 * (bottom + top), size, polygon.area())
