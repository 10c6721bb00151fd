"""Numbers of the unknowns of a mesh of elements, in an order that suits elimination.

Unknowns fall into three kinds. Interior ones belong to one element. Those on horizontal edges, and on lines between
columns, couple elements:

    interior   [columns, rows, I]            eliminated element by element,
    rungs      [columns, rows + 1, H]        horizontal edges in a column, eliminated column by column,
    lines      [columns + 1, L]              vertical lines, a block-tridiagonal system.
"""

import functools
from dataclasses import dataclass

import numpy as np

WALLS = ("electric", "magnetic")


@dataclass(frozen=True, eq=False)
class Numbering:
    """Global numbers of local functions.

    Args:
        columns, rows, degree: of the mesh and the elements.
        interior, rungs, lines: shapes of the three parts of a vector of unknowns, in this order.
        places: global number of each local function, shape [columns, rows, n].
        inside: local numbers of the interior functions.
        around: local numbers of the others.
    """

    columns: int
    rows: int
    degree: int
    interior: tuple[int, int, int]
    rungs: tuple[int, int, int]
    lines: tuple[int, int]
    places: np.ndarray
    inside: np.ndarray
    around: np.ndarray

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Numbers of unknowns of each kind."""
        return int(np.prod(self.interior)), int(np.prod(self.rungs)), int(np.prod(self.lines))

    @property
    def count(self) -> int:
        """Number of unknowns."""
        return sum(self.sizes)

    def free(self, walls: tuple[str, str, str, str]) -> np.ndarray:
        """Which unknowns are free, shape [count], for walls at the left, right, bottom and top.

        On an electric wall the tangential electric field vanishes, on a magnetic one the magnetic.
        """
        kept = np.ones(self.count, bool)
        ends = {0: (0, 0), 1: (-1, -1), 2: (0, 0), 3: (-1, -1)}
        edge = local_edges(self.degree)
        for side, wall in enumerate(walls):
            if wall == "electric":
                cut = self.places[ends[side][0]] if side < 2 else self.places[:, ends[side][1]]
                kept[cut[:, edge[side]]] = False
        return kept

    def transverse(self) -> np.ndarray:
        """Which unknowns are of the transverse field, shape [count]; the others are of e_z."""
        kept = np.ones(self.count, bool)
        kept[self.places[:, :, 2 * self.degree * (self.degree + 1) :]] = False
        return kept

    def column_places(self) -> np.ndarray:
        """Places of the functions around each element of a column in [rungs, left line, right line], [rows, a]."""
        interior, rungs, _ = self.sizes
        number = self.places[0][:, self.around]
        height = self.rungs[1] * self.rungs[2]
        return np.where(number < interior + rungs, number - interior, number - interior - rungs + height)


def local_edges(degree: int) -> tuple[np.ndarray, ...]:
    """Local numbers of the functions with a tangential part on the left, right, bottom and top edge."""
    u, v, z = _local_numbers(degree)
    across = [np.concatenate([v[k], z[k]]) for k in (0, -1)]
    along = [np.concatenate([u[:, k], z[:, k]]) for k in (0, -1)]
    return (*across, *along)


def _local_numbers(degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p = degree
    u = np.arange(p * (p + 1)).reshape(p, p + 1)
    v = u.size + np.arange(p * (p + 1)).reshape(p + 1, p)
    z = 2 * u.size + np.arange((p + 1) ** 2).reshape(p + 1, p + 1)
    return u, v, z


@functools.lru_cache(maxsize=64)
def numbering(columns: int, rows: int, degree: int) -> Numbering:
    """Number the unknowns of a mesh."""
    p = degree
    u, v, z = _local_numbers(p)
    inside = np.concatenate([u[:, 1:-1].ravel(), v[1:-1].ravel(), z[1:-1, 1:-1].ravel()])
    # 32 bits: the index type of single precision too.
    around = np.setdiff1d(np.arange(z.max() + 1), inside).astype(np.int32)
    inside = inside.astype(np.int32)
    shapes = (columns, rows, inside.size), (columns, rows + 1, 2 * p - 1), (columns + 1, rows * p + rows * p + 1)
    first = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    interior, rungs, lines = (
        start + np.arange(int(np.prod(shape))).reshape(shape) for start, shape in zip(first, shapes, strict=False)
    )
    places = np.zeros((columns, rows, z.max() + 1), np.int32)
    places[:, :, inside] = interior
    for step in (0, 1):
        edge = rungs[:, step : step + rows]
        places[:, :, u[:, -step]] = edge[:, :, :p]
        places[:, :, z[1:-1, -step]] = edge[:, :, p:]
        line = lines[step : step + columns]
        places[:, :, v[-step]] = line[:, : rows * p].reshape(columns, rows, p)
        nodes = np.arange(rows)[:, None] * p + np.arange(p + 1)
        places[:, :, z[-step]] = line[:, rows * p :][:, nodes]
    return Numbering(columns, rows, p, *shapes, places, inside, around)
