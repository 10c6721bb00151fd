"""Dies on a wafer: which fit, and where their centres lie."""

import math
from typing import Any, NamedTuple

import numpy as np

from photonics_core.kernels.checks import check_positive, check_range

#: Most dies of a wafer.
MOST = 1_000_000


class DieGrid(NamedTuple):
    """Dies on a wafer, row by row from below. Lengths in um; the middle is (0, 0), the flat or notch below.

    Attributes:
        places: centres of the dies, shape [D, 2].
        rows, columns: place of each in the grid, whole numbers from 0 on, shape [D].
        diameter: diameter of the wafer.
        die_size: width and height of a die.
    """

    places: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    diameter: float
    die_size: tuple[float, float]

    @property
    def count(self) -> int:
        """Number of dies D."""
        return self.places.shape[0]

    @property
    def radius(self) -> float:
        """Radius of the wafer in um."""
        return 0.5 * self.diameter

    def picture(self, values: Any) -> np.ndarray:
        """Values of the dies [D] on the grid, shape [rows, columns], NaN where there is no die."""
        values = np.asarray(values, float)
        if values.shape != (self.count,):
            raise ValueError(f"values of shape {values.shape} are not one for each of {self.count} dies")
        table = np.full((int(np.max(self.rows)) + 1, int(np.max(self.columns)) + 1), np.nan)
        table[self.rows, self.columns] = values
        return table


def die_grid(
    diameter: float,
    die_size: tuple[float, float],
    *,
    edge_exclusion: float = 3e3,
    flat_length: float = 0.0,
    notch_depth: float = 0.0,
    offset: tuple[float, float] = (0.0, 0.0),
) -> DieGrid:
    """The dies that fit on a wafer, all their corners within the edge exclusion.

    Args:
        diameter: of the wafer in um: 150e3, 200e3 or 300e3.
        die_size: width and height of a die, scribe lines included, in um.
        edge_exclusion: width of the rim without dies in um; it follows a flat, and surrounds the tip of a notch.
        flat_length: length of a flat below in um, 0 for none; 57.5e3 for 150 mm (SEMI M1, second hand).
        notch_depth: depth of a notch below in um, 0 for none; 1e3 for 200 and 300 mm (SEMI M1, second hand).
        offset: where in um the grid has a corner of four dies.

    Raises:
        ValueError: for a length outside its range, or a wafer on which no die fits.
    """
    check_positive("diameter", diameter, "um")
    check_positive("die_size", die_size, "um")
    if np.shape(die_size) != (2,) or np.shape(offset) != (2,):
        raise ValueError(f"die_size = {die_size!r} and offset = {offset!r} are not a width and a height each")
    check_range("edge_exclusion", edge_exclusion, 0.0, 0.5 * diameter, "um")
    check_range("flat_length", flat_length, 0.0, diameter, "um")
    check_range("notch_depth", notch_depth, 0.0, 0.5 * diameter, "um")
    check_range("offset", offset, -diameter, diameter, "um")
    radius, (width, height) = 0.5 * diameter, die_size
    if diameter**2 / (width * height) > MOST:
        raise ValueError(f"die_size = {die_size!r} um leaves more than {MOST} dies on {diameter:g} um")
    x, y = (_centres(radius, size, start) for size, start in zip(die_size, offset, strict=True))
    column, row = (each.ravel() for each in np.meshgrid(np.arange(x.size), np.arange(y.size)))
    across, up = x[column], y[row]
    far = np.hypot(np.abs(across) + 0.5 * width, np.abs(up) + 0.5 * height)
    fits = far <= radius - edge_exclusion
    if flat_length > 0.0:
        fits &= up - 0.5 * height >= edge_exclusion - math.sqrt(radius**2 - 0.25 * flat_length**2)
    if notch_depth > 0.0:
        apart = np.maximum(np.abs(across) - 0.5 * width, 0.0), np.maximum(up - 0.5 * height + radius - notch_depth, 0.0)
        fits &= np.hypot(*apart) >= edge_exclusion
    if not np.any(fits):
        raise ValueError(f"no die of die_size = {die_size!r} um fits on a wafer of diameter = {diameter:g} um")
    row, column = row[fits], column[fits]
    places = np.stack([across[fits], up[fits]], axis=1)
    return DieGrid(places, row - row.min(), column - column.min(), float(diameter), (float(width), float(height)))


def _centres(radius: float, size: float, start: float) -> np.ndarray:
    """Centres of a row of dies that covers the wafer."""
    first, last = math.floor((-radius - start) / size), math.ceil((radius - start) / size)
    return start + (np.arange(first, last) + 0.5) * size
