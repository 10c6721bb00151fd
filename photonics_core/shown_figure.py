"""The kind of figure that `photonics_core.plot.new_figure` makes, and its PNG; loads matplotlib."""

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure that Jupyter shows where it ends a cell, though no pyplot stands behind it to say so."""

    def __init__(self, width: float, height: float) -> None:
        """A figure of `width` by `height` inches, drawn without a display."""
        super().__init__(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        return png(self)


def png(figure: Figure, dpi: int = 110) -> bytes:
    """The PNG of a figure, with `dpi` points an inch; equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()
