"""Fits of measured rings as a table of text."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_COLUMNS = {"q": "Q", "fsr_nm": "FSR nm", "n_g": "n_g", "loss_db_cm": "loss dB/cm", "power_coupling": "coupling"}


def fit_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Lines of a table of fits, as `RingFit.to_json` gives them; both readings where the regime is not decided."""
    names = [Path(row["file"]).name for row in rows]
    width = max(len(name) for name in names)
    titles = "".join(f"{title:>18}" for title in _COLUMNS.values())
    yield f"{'file':<{width}} {'R um':>6} {'lines':>6}{titles}  regime"
    for name, row in zip(names, rows, strict=True):
        yield f"{name:<{width}} {_number(row['radius_um']):>6} {len(row['resonances_nm']):>6}{_figures(row)}"
        if row["regime"] is None:
            for reading in row["candidates"]:
                yield f"{'  either':<{width}} {'':>6} {'':>6}{_figures(reading)}?"
        for note in row["notes"]:
            yield f"  {note}"


def _figures(row: dict[str, Any]) -> str:
    figures = "".join(f"{_with_error(row.get(key), row.get(f'{key}_se')):>18}" for key in _COLUMNS)
    return f"{figures}  {row['regime'] or '-'}"


def _with_error(value: float | None, error: float | None) -> str:
    """A value to the first digit of its error, with that digit in brackets: 0.0166(6)."""
    if value is None:
        return "-"
    if not error:
        return f"{value:.5g}"
    decimals = max(0, -math.floor(math.log10(error)))
    return f"{value:.{decimals}f}({round(error * 10**decimals)})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
