"""The kind of figure that `photonics_core.plot.new_figure` makes; loads matplotlib."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from photonics_core.plot import png


class ShownFigure(Figure):
    """A figure that Jupyter shows where it ends a cell, though no pyplot stands behind it to say so."""

    def __init__(self, width: float, height: float) -> None:
        """A figure of `width` by `height` inches, drawn without a display."""
        super().__init__(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        return png(self)
