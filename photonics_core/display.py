"""What notebooks show of an object: a table of its parts, what follows from them, and a small figure.

Jupyter asks an object for `_repr_html_`. `Shown`, the base of devices and of what describes them, answers with its
fields, their values and what its docstring says of them, units included, so that no text stands twice. A class adds
`_summary`, rows of what follows from the fields, and `_preview`, a small figure. Both are made when a notebook asks; a
device that is being traced has its table alone. matplotlib is loaded by the first figure.
"""

import base64
import dataclasses
import html
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np

from photonics_core.kernels.checks import is_concrete

#: Size of a figure in inches, and its points an inch.
_SIZE, _DPI = (4.6, 2.3), 90
#: Longest text of a cell.
_LONGEST = 140
_STYLE = "text-align:left;vertical-align:top;padding:2px 8px"

Row = tuple[str, str, str]


class Shown(eqx.Module):
    """A frozen pytree that notebooks show as a table of its fields and a small figure."""

    def _summary(self) -> Iterable[Row]:
        """Rows of (name, value, meaning) of what follows from the fields; none by default."""
        return ()

    def _preview(self) -> Callable[[Any], None] | None:
        """What draws a small figure into axes; None, as by default, for no figure."""
        return None

    def __repr__(self) -> str:
        shown = (each.name for each in dataclasses.fields(self) if each.repr)
        inside = ", ".join(f"{name}={brief(getattr(self, name, None))}" for name in shown)
        return f"{type(self).__name__}({inside})"

    def _repr_html_(self) -> str:
        return page(self, self._summary, self._preview)


def page(
    shown: Any, summary: Callable[[], Iterable[Row]] | None = None, preview: Callable[[], Any] | None = None
) -> str:
    """HTML of an object: its name, a table of its fields and of a summary, and a figure.

    Args:
        shown: a dataclass, whose fields the table has.
        summary: gives rows of (name, value, meaning); asked only where all numbers are known.
        preview: gives a function that draws into axes, or None; asked only then.

    Returns:
        HTML with nothing of another host. What goes wrong in a summary or a figure is said in the place where it would
        be: a notebook that only shows an object must not fail.
    """
    meanings = described(type(shown))
    names = [each.name for each in dataclasses.fields(shown) if each.repr]
    rows = [(name, brief(getattr(shown, name, None)), meanings.get(name, "")) for name in names]
    note, picture = "", ""
    if is_concrete(*jax.tree.leaves(shown)):
        try:
            rows += list(summary() if summary is not None else ())
            draw = preview() if preview is not None else None
            picture = "" if draw is None else figure(draw)
        except Exception as error:
            note = f"<p><i>no summary: {html.escape(str(error))}</i></p>"
    return f"<div><b>{html.escape(type(shown).__name__)}</b>{table(rows)}{note}{picture}</div>"


def summary_rows(names: Iterable[str], values: Iterable[Any], meanings: Iterable[str], where: str = "") -> list[Row]:
    """Rows of a summary from names, numbers and meanings, `where` behind each meaning."""
    rows = zip(names, values, meanings, strict=True)
    return [(name, f"{float(value):.6g}", meaning + where) for name, value, meaning in rows]


def table(rows: Iterable[Row]) -> str:
    """HTML table of rows of text."""
    lines = []
    for row in rows:
        cells = "".join(f'<td style="{_STYLE}">{html.escape(each)}</td>' for each in row)
        lines.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


def figure(draw: Callable[[Any], None]) -> str:
    """HTML image of a small figure, drawn into axes by a function."""
    from photonics_core.plot import new_figure
    from photonics_core.shown_figure import png

    drawn, axes = new_figure(width=_SIZE[0], height=_SIZE[1])
    draw(axes[0, 0])
    data = base64.b64encode(png(drawn, _DPI)).decode("ascii")
    return f'<img alt="figure" src="data:image/png;base64,{data}"/>'


def brief(value: Any) -> str:
    """A value in a few words: a number, the range of an array, the kind of an object, a text."""
    if value is None or isinstance(value, str | bool):
        return str(value)
    if not is_concrete(value) and hasattr(value, "shape"):
        return f"traced, shape {list(value.shape)}"
    if isinstance(value, np.ndarray | np.generic | jax.Array | int | float | complex):
        return _number(value)
    if isinstance(value, Mapping):
        return _cut(f"{len(value)}: {', '.join(map(str, value))}" if value else "none")
    if isinstance(value, tuple | list):
        shown = ", ".join(brief(each) for each in value[:4])
        return _cut(f"({shown}, ... {len(value)} in all)" if len(value) > 4 else f"({shown})")
    if dataclasses.is_dataclass(value):
        parts = [each.name for each in dataclasses.fields(value)][:3]
        inside = ", ".join(f"{name} = {brief(getattr(value, name, None))}" for name in parts)
        return _cut(f"{type(value).__name__}({inside}, ...)")
    return _cut(getattr(value, "__name__", None) or str(value))


def described(kind: type) -> dict[str, str]:
    """What a class's docstring says of its arguments, by name, each in one line."""
    text = inspect.getdoc(kind) or ""
    found = re.search(r"^(?:Args|Attributes):\n(.*?)(?:\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
    entries: dict[str, str] = {}
    for block in re.split(r"\n(?= {4}\S)", found.group(1)) if found else ():
        names, colon, meaning = block.strip().partition(": ")
        if colon and re.fullmatch(r"\w+(, \w+)*", names):
            entries |= dict.fromkeys(names.split(", "), " ".join(meaning.split()))
    return entries


def _number(value: Any) -> str:
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array.item():.7g}" if np.issubdtype(array.dtype, np.number) else str(array)
    shape = f"shape {list(array.shape)}"
    if not array.size or not np.issubdtype(array.dtype, np.floating):
        return shape
    return f"{np.min(array):.6g} to {np.max(array):.6g}, {shape}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 4] + " ..."
