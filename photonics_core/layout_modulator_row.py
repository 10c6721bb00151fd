"""A row of ring modulators as close as wires and pads allow: the pads stand behind the rings, in one row or several.

Each ring has a heater all round it with a contact at either side of the bus. The far one has a wire straight back to
a pad of its own, the near one ends on a bar that all rings share, with a pad for each so many rings. With R rows of
pads, ring k's pad is in row k mod R, so pads of one row are R pitches apart and the wires of the others pass between
them:

    R pitch >= pad pitch,    pitch >= (pad + wire) / 2 + space where R > 1,    pitch >= body + space.

All rings stand in frames of one size, with room for the largest ring, so that pads stand in line and only the pitch
moves them. The bounds are not built in: `Layout.spacing_constraints` has them from where things are. Two contacts halve
a heater, and its halves carry the same current: its heat is that of a full ring, as drawn. The electrodes that modulate
are not drawn; they take a metal of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from photonics_core.guide_paths import Straight
from photonics_core.heat_shapes import Annulus, Circle, Rectangle
from photonics_core.kernels.checks import check_kind, check_positive, check_range
from photonics_core.kernels.guide_curves import namespace, real
from photonics_core.layout import Layout
from photonics_core.layout_cells import CellPort, Drawn, LayoutCell, Placed, Strip, box

#: How far in um wires reach into what they are joined to, and a part of the bar beyond its piece of the bus.
OVERLAP, BEYOND = 1.0, 0.25


@dataclass(frozen=True)
class RowRules:
    """Sizes in um that a row of modulators is drawn with.

    Args:
        guide: width of guides.
        heater: width of a heater along its ring.
        wire, bar: widths of a wire and of the bar that all heaters share.
        space: least gap between metal of different nets, and from the bus to the bar.
        pad, pad_pitch: side of a pad, and from pad to pad. 45 um is a pitch of micro-bumps.
        shared: rings that one pad of the bar is for.
        radius, gap: largest radius and largest gap that a frame has room for.

    Raises:
        ValueError: for a size that is not above zero, or a pad that is not smaller than its pitch.
    """

    guide: float = 0.35
    heater: float = 2.0
    wire: float = 4.0
    bar: float = 8.0
    space: float = 2.0
    pad: float = 25.0
    pad_pitch: float = 45.0
    shared: int = 4
    radius: float = 5.1
    gap: float = 0.3

    def __post_init__(self) -> None:
        for name in ("guide", "heater", "wire", "bar", "space", "pad", "pad_pitch", "radius", "gap"):
            check_positive(name, getattr(self, name), "um")
        check_range("shared", self.shared, 1, 1000)
        if self.pad_pitch <= self.pad:
            raise ValueError(f"pad = {self.pad:g} um is not smaller than pad_pitch = {self.pad_pitch:g} um")

    @property
    def half(self) -> float:
        """Half the width of a frame in um."""
        return self.radius + 0.5 * self.heater

    @property
    def depth(self) -> float:
        """How far in um a frame reaches behind the middle of the bus."""
        behind = max(self.gap + 1.5 * self.guide, 0.5 * self.heater)
        return 2.0 * self.radius + self.gap + self.guide + behind


#: Sizes of a transmitter in the O band.
PLAIN_RULES = RowRules()


def modulator_cell(
    component: str,
    radius: Any,
    before: Any,
    after: Any,
    *,
    input_gap: Any = 0.15,
    drop_gap: Any = 0.15,
    row: int = 0,
    grounded: bool = False,
    rules: RowRules = PLAIN_RULES,
    settings: Mapping[str, Any] | None = None,
) -> LayoutCell:
    """A ring between a bus along x and a short guide, with a heater, its wire and its pad.

    Its frame has the origin on the bus, below the ring. Ports are `in` and `through` at both ends of the bus, `drop`
    and `add` at the left and the right end of the short guide.

    Args:
        component: name in the netlist.
        radius, input_gap, drop_gap: of the ring, and between it and its guides, in um.
        before, after: length of bus before and after the ring in um.
        row: of its pad, from 0, next to the ring.
        grounded: whether a pad of the bar is below this ring.
        rules: sizes.
        settings: of the component.

    Raises:
        ValueError: for a size that is not above zero, or a ring or a gap that its frame has no room for.
    """
    for name, value in (("before", before), ("after", after)):
        check_positive(name, value, "um")
    check_range("radius", radius, 0.5 * rules.heater + 1e-3, rules.radius, "um")
    for name, value in (("input_gap", input_gap), ("drop_gap", drop_gap)):
        check_range(name, value, 1e-3, rules.gap, "um")
    xp = namespace(radius, before, after, input_gap, drop_gap)
    radius, before, after = (real(xp, each) for each in (radius, before, after))
    middle = radius + real(xp, input_gap) + rules.guide
    above = middle + radius + real(xp, drop_gap) + rules.guide
    low, half = -rules.space - rules.bar, rules.half
    pads = {"pad": rules.depth + rules.space + row * rules.pad_pitch}
    if grounded:
        pads["ground"] = low - rules.space - rules.pad
    wires = _wires(middle, radius, before, after, pads, rules)
    ports = {"in": CellPort(-before, 0.0, np.pi, rules.guide), "through": CellPort(after, 0.0, 0.0, rules.guide)}
    ports |= {"drop": CellPort(-half, above, np.pi, rules.guide), "add": CellPort(half, above, 0.0, rules.guide)}
    heater = Annulus(0.0, middle, radius - 0.5 * rules.heater, radius + 0.5 * rules.heater)
    side = 0.5 * rules.pad
    further = {"wire": box(-0.5 * rules.wire, rules.depth, 0.5 * rules.wire, pads["pad"])}
    further |= {name: box(-side, foot, side, foot + rules.pad) for name, foot in pads.items()}
    return LayoutCell(
        component,
        ports,
        box(-half, low, half, rules.depth),
        dict(settings or {}),
        (
            Drawn("core", Strip(Straight(before + after), rules.guide, -before, 0.0)),
            Drawn("core", Strip(Straight(2.0 * half), rules.guide, -half, above)),
            Drawn("core", Annulus(0.0, middle, radius - 0.5 * rules.guide, radius + 0.5 * rules.guide)),
            Drawn("heater", heater),
            *(Drawn("metal", each) for each in wires),
            *(Drawn("pad", Rectangle(0.0, foot + side, rules.pad, rules.pad)) for foot in pads.values()),
        ),
        {"heater": heater},
        {"ring": Circle(0.0, middle, radius)},
        further,
    )


def modulator_row_layout(
    radii: Any,
    pitch: Any,
    *,
    input_gaps: Any = 0.15,
    drop_gaps: Any = 0.15,
    pad_rows: int = 2,
    rules: RowRules = PLAIN_RULES,
    settings: Sequence[Mapping[str, Any]] | None = None,
) -> Layout:
    """Ring modulators along a bus, pads behind them; every number may be traced.

    Components are `modulator`, with the settings `radius`, `input_gap`, `drop_gap`, `run` (length of its bus) and those
    given; instances `ring1` ... in the order in which light passes them, ring 1 at x = 0; outer ports `in` and
    `through`. The shoreline along the bus is the width of the bounding box.

    Args:
        radii: of the rings in um, shape [N].
        pitch: from ring to ring in um, a number, or one for each step, shape [N - 1].
        input_gaps, drop_gaps: between rings and guides in um, a number or of shape [N].
        pad_rows: rows of pads.
        rules: sizes.
        settings: further settings of each ring.

    Raises:
        ValueError: for shapes that do not match, or as `modulator_cell` and `Layout` do.
    """
    check_kind("rules", rules, RowRules)
    check_range("pad_rows", pad_rows, 1, 1000)
    check_positive("pitch", pitch, "um")
    if np.ndim(radii) != 1 or not len(radii):
        raise ValueError(f"radii of shape {np.shape(radii)} are not [N] with at least one ring")
    count = len(radii)
    own = [{}] * count if settings is None else list(settings)
    if len(own) != count:
        raise ValueError(f"settings are {len(own)}, but there are {count} radii")
    gaps = [_each(name, gap, count) for name, gap in (("input_gaps", input_gaps), ("drop_gaps", drop_gaps))]
    steps = _each("pitch", pitch, count - 1)
    # From ring to ring the bus is cut in the middle; at its ends the bar is as long as the frame is wide.
    outer = rules.half - BEYOND
    before, after = [outer, *(0.5 * step for step in steps)], [*(0.5 * step for step in steps), outer]
    cells, x = {}, 0.0
    for k, (radius, input_gap, drop_gap) in enumerate(zip(radii, *gaps, strict=True)):
        x = x if k == 0 else x + steps[k - 1]
        known = {"radius": radius, "input_gap": input_gap, "drop_gap": drop_gap, "run": before[k] + after[k]}
        cell = modulator_cell(
            "modulator",
            radius,
            before[k],
            after[k],
            input_gap=input_gap,
            drop_gap=drop_gap,
            row=k % pad_rows,
            grounded=k % rules.shared == min(rules.shared, count) // 2,
            rules=rules,
            settings=known | dict(own[k]),
        )
        cells[f"ring{k + 1}"] = Placed(cell, x, 0.0)
    joints = [(f"ring{k},through", f"ring{k + 1},in") for k in range(1, count)]
    return Layout(cells, {}, {"in": "ring1,in", "through": f"ring{count},through"}, joints)


def _wires(
    middle: Any, radius: Any, before: Any, after: Any, pads: Mapping[str, Any], rules: RowRules
) -> list[Rectangle]:
    """From the far contact to its pad, from the near contact to the bar, the bar's part, and on to a pad of the bar."""
    top, near = middle + radius - 0.5 * rules.heater, middle - radius + 0.5 * rules.heater
    bar = -rules.space - 0.5 * rules.bar
    ends = [(top, pads["pad"] + OVERLAP), (bar, near)]
    if "ground" in pads:
        ends.append((pads["ground"] + rules.pad - OVERLAP, bar))
    wires = [Rectangle(0.0, 0.5 * (low + high), rules.wire, high - low) for low, high in ends]
    return [*wires, Rectangle(0.5 * (after - before), bar, before + after + 2.0 * BEYOND, rules.bar)]


def _each(name: str, value: Any, count: int) -> list[Any]:
    """One number for each of so many."""
    if np.ndim(value) == 0:
        return [value] * count
    if np.shape(value) != (count,):
        raise ValueError(f"{name} of shape {np.shape(value)} are not a number, nor {count} of them")
    return [value[k] for k in range(count)]
