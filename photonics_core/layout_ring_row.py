"""A ring transmitter as a layout to start from: rings in one row or in two along a folded bus, between two fibres."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from photonics_core.bend_loss import BendLoss
from photonics_core.kernels.checks import check_choice, check_positive
from photonics_core.layout import Layout
from photonics_core.layout_cells import Placed
from photonics_core.layout_ring_cells import edge_cell, ring_cell
from photonics_core.layout_routes import Route


def ring_row_layout(
    radii: Sequence[Any],
    *,
    rows: int = 2,
    pitch: float = 55.0,
    row_gap: float = 25.0,
    fibre_pitch: float = 60.0,
    bend_radius: float = 5.0,
    taper: float = 60.0,
    reach: float = 60.0,
    gap: Any = 0.2,
    width: float = 0.5,
    settings: Sequence[Mapping[str, Any]] | None = None,
    bend_loss: BendLoss | None = None,
) -> Layout:
    """Rings along one bus with a heater and two pads each, and edge couplers to the west.

    With one row the light leaves to the east. With two it turns round at the east end, the second row is upside down,
    and both fibres are to the west. Components are `ring` with the setting `radius` and those given, `edge`, `route`;
    instances `ring1` ... in the order in which light passes them; outer ports `in` and `through`. The layout lies in
    x >= 0 and y >= 0.

    Args:
        radii: of the rings in um.
        rows: 1 or 2; of two, the first has half of the rings, rounded up.
        pitch: from ring to ring in um.
        row_gap: between the two straight buses in um.
        fibre_pitch: between the two edge couplers in um.
        bend_radius: least radius of routes in um.
        taper: length of the edge couplers in um.
        reach: from an edge coupler to the first cell in um, which the S-bends have.
        gap, width: between ring and bus, and of the guides, in um.
        settings: further settings of each ring.
        bend_loss: as for `Layout`.

    Raises:
        ValueError: without radii, for settings that are not one for each ring, or as `Layout` does.
    """
    check_choice("rows", rows, (1, 2))
    for name, value in (("pitch", pitch), ("row_gap", row_gap), ("fibre_pitch", fibre_pitch), ("reach", reach)):
        check_positive(name, value, "um")
    if not len(radii):
        raise ValueError("radii is empty; a transmitter has at least one ring")
    own = [{}] * len(radii) if settings is None else list(settings)
    if len(own) != len(radii):
        raise ValueError(f"settings are {len(own)}, but there are {len(radii)} radii")
    rings = [
        ring_cell("ring", radius, gap=gap, width=width, settings={"radius": radius, **each})
        for radius, each in zip(radii, own, strict=True)
    ]
    half = max(float(np.asarray(ring.ports["through"].x)) for ring in rings)
    first = taper + reach + half
    upper = -(-len(rings) // rows) if rows == 2 else len(rings)
    depth = max(float(np.max(np.asarray(ring.footprint)[:, 1])) for ring in rings) if rows == 2 else 5.0
    bus = depth + 5.0 + (row_gap if rows == 2 else 0.0)
    cells = {f"ring{k + 1}": Placed(rings[k], first + k * pitch, bus) for k in range(upper)}
    for k in range(upper, len(rings)):
        x = first + (2 * upper - 1 - k) * pitch
        cells[f"ring{k + 1}"] = Placed(rings[k], x, bus - row_gap, np.pi)
    edge = edge_cell("edge", taper, width=width)
    middle = bus - 0.5 * row_gap
    cells["input"] = Placed(edge, 0.0, middle + 0.5 * fibre_pitch if rows == 2 else bus)
    if rows == 2:
        cells["output"] = Placed(edge, 0.0, middle - 0.5 * fibre_pitch)
    else:
        cells["output"] = Placed(edge, 2.0 * first + (upper - 1) * pitch, bus, np.pi)
    chain = ["input,chip", *(f"ring{k + 1},{port}" for k in range(len(rings)) for port in ("in", "through"))]
    chain.append("output,chip")
    routes = {
        f"link{k}": Route(one, other, bend_radius, width=width)
        for k, (one, other) in enumerate(zip(chain[::2], chain[1::2], strict=True))
    }
    return Layout(cells, routes, {"in": "input,fibre", "through": "output,fibre"}, bend_loss=bend_loss)
