"""Checks of minimum feature and spacing on the polygons of a layout, by opening and closing.

A feature narrower than w vanishes when all edges are moved in by w / 2, and does not come back when they are moved out
again: what the opening takes away is too narrow. What the closing (out by s / 2, and in again) fills is too narrow a
gap. Polygons miss their width by a step of the grid and a chord error at either edge, so a rule is asked for less two
of both. A place that breaks a rule is nearly as wide as the limit somewhere; slivers that the moves leave at corners of
curved shapes and along edges are thinner than a tenth of the limit, are opened away in turn and do not count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from photonics_core.exchange_files import import_extra
from photonics_core.gds import PLAIN_LAYERS, LayerMap, gds_library
from photonics_core.kernels.checks import check_choice, check_positive
from photonics_core.layout import Layout
from photonics_core.layout_cells import LAYER_NAMES

#: Thickness over the limit of a rule below which what the moves leave is a sliver.
SLIVER = 0.1


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
                places = _narrow(polygons, kind, 0.5 * (limit - slack), 0.1 * grid)
                found += [_violation(name, kind, limit, each) for each in places]
    return found


def _narrow(polygons: list[Any], kind: str, distance: float, precision: float) -> list[Any]:
    """What opening takes away, or closing fills."""
    gdstk = import_extra("gdstk", "layout")
    whole = gdstk.boolean(polygons, [], "or", precision=precision)
    sign = -1.0 if kind == "feature" else 1.0
    back = _there_and_back(whole, sign * distance, precision)
    pair = (whole, back) if kind == "feature" else (back, whole)
    rest = gdstk.boolean(*pair, "not", precision=precision) if pair[0] else []
    return _there_and_back(rest, -SLIVER * distance, precision)


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
