"""Figures of the validation report: how much of its tolerance each case uses, and values beside their references.

Each is a PNG as bytes, in the style of `plot`.
"""

import math
from collections.abc import Sequence
from typing import Any

from photonics_core.plot import COLORS, new_figure
from photonics_core.shown_figure import png
from photonics_core.validation.registry import KINDS, Evidence, Result

KIND_COLORS: dict[str, str] = dict(zip(KINDS, COLORS, strict=False))
#: Below this share of the tolerance a point lies at the left edge.
LEAST_SHARE = 1e-6
_FAILED = "#B00020"
_WIDTH, _ROW, _EDGES = 9.0, 0.2, 1.1


def tolerance_figure(results: Sequence[Result]) -> bytes | None:
    """How much of its tolerance each case uses, on a logarithmic axis, a row a case; None if no case has a value.

    Args:
        results: of one subject.
    """
    shown = [r for r in results if r.evidence is not None and r.evidence.tolerance_used is not None]
    if not shown:
        return None
    figure, ax = _rows([_short(r) for r in shown])
    top = max([10.0, *(_share(r) for r in shown if math.isfinite(_share(r)))])
    for row, result in enumerate(shown):
        share = _share(result)
        place = min(max(share, LEAST_SHARE), 3.0 * top)
        filled = share >= LEAST_SHARE
        color = KIND_COLORS[result.case.kind] if result.passes else _FAILED
        ax.plot([LEAST_SHARE, place], [row, row], color=color, linewidth=0.8, alpha=0.5)
        ax.plot(place, row, "o" if result.passes else "X", color=color, markerfacecolor=color if filled else "white")
    ax.axvline(1.0, color="black", linewidth=1.0)
    ax.set_xscale("log")
    ax.set_xlim(0.5 * LEAST_SHARE, 5.0 * top)
    ax.set_xlabel("|value - reference| / tolerance (open marker: less than 1e-6)")
    _legend(ax, shown)
    return png(figure)


def reference_figure(results: Sequence[Result]) -> bytes | None:
    """Value over reference of the published and measured cases of a subject, each over the band that passes.

    Cases whose reference is zero or has no bound have no such ratio and are left out; None if none is left.
    """
    shown = [r for r in results if r.case.kind in ("published", "measured") and _has_ratio(r)]
    if not shown:
        return None
    figure, ax = _rows([f"{_short(r)}  {_figures(r.evidence)}" for r in shown])
    ratios = [_ratios(r.evidence) for r in shown]
    # One value far off must not hide the others; it lies at the edge.
    reach = max(0.1, 3.0 * max(max(1.0 - low, high - 1.0) for _, low, high in ratios))
    for row, (result, (value, low, high)) in enumerate(zip(shown, ratios, strict=True)):
        value = min(max(value, 1.0 - reach), 1.0 + reach)
        color = KIND_COLORS[result.case.kind] if result.passes else _FAILED
        ax.barh(row, high - low, left=low, height=0.7, color=color, alpha=0.2, linewidth=0)
        ax.plot(value, row, "o" if result.passes else "X", color=color)
    ax.axvline(1.0, color="black", linewidth=1.0)
    ax.set_xlabel("value / reference (the band passes)")
    _legend(ax, shown)
    return png(figure)


def _rows(labels: list[str]) -> tuple[Any, Any]:
    """A figure with a labelled row for each case, the first at the top."""
    figure, axes = new_figure(width=_WIDTH, height=_EDGES + _ROW * len(labels))
    ax = axes[0, 0]
    # A dollar sign would start a formula.
    ax.set_yticks(range(len(labels)), [label.replace("$", r"\$") for label in labels], fontsize=7)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    return figure, ax


def _legend(ax: Any, shown: Sequence[Result]) -> None:
    for kind in dict.fromkeys(r.case.kind for r in shown):
        ax.plot([], [], "o", color=KIND_COLORS[kind], label=kind)
    if not all(r.passes for r in shown):
        ax.plot([], [], "X", color=_FAILED, label="failed")
    place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0)}
    ax.legend(**place, ncols=len(KINDS) + 1, fontsize="small", frameon=False, borderaxespad=0.2)


def _share(result: Result) -> float:
    evidence = result.evidence
    share = None if evidence is None else evidence.tolerance_used
    return math.inf if share is None else share


def _short(result: Result) -> str:
    return result.case.name.partition(".")[2]


def _middle(evidence: Evidence) -> float:
    return 0.5 * sum(evidence.bounds)


def _has_ratio(result: Result) -> bool:
    evidence = result.evidence
    return (
        evidence is not None
        and math.isfinite(evidence.value)
        and math.isfinite(_middle(evidence))
        and _middle(evidence) != 0.0
    )


def _ratios(evidence: Any) -> tuple[float, float, float]:
    """The value and both ends of the band that passes, over the reference or the middle of its range."""
    (low, high), middle = evidence.bounds, _middle(evidence)
    ends = sorted(((low - evidence.tolerance) / middle, (high + evidence.tolerance) / middle))
    return evidence.value / middle, ends[0], ends[1]


def _figures(evidence: Any) -> str:
    low, high = evidence.bounds
    reference = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
    return f"{evidence.value:.4g} : {reference} {evidence.unit}".strip()
