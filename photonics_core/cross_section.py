"""Cross-sections of waveguides: where which medium is, as a mesh of blocks that moves with the geometry.

A `CrossSection` is a table of blocks between lines. Horizontal lines lie at heights y[j]; the lines across run through
x[i, j] at these heights and may lean, so side walls of any angle are lines too. Each block has one medium. Elements are
made by dividing blocks at fixed fractions, finest beside the lines where media meet. So every dimension enters the mesh
smoothly, and n_eff has exact derivatives with respect to all of them. x runs across, y up, z along the guide; the
middle of a strip, a slot or a rib (at half its full height) is at x = y = 0.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.elements import Mesh, geometry
from photonics_core.materials import SILICA, SILICON
from photonics_core.medium import as_medium, medium_index
from photonics_core.profile import as_profile, check_mirrored
from photonics_core.shapes import Shape, block_table
from photonics_core.units import REFERENCE_TEMPERATURE

#: Where blocks are divided, as fractions of the distance from a line where media meet: beside a window, and within.
GRADINGS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "fast": ((0.02, 0.1, 0.35), (0.1, 0.4)),
    "normal": ((0.02, 0.1, 0.4), (0.08,)),
    "fine": ((0.004, 0.015, 0.06, 0.2, 0.5), (0.03, 0.12, 0.4)),
}
#: Degree of the elements for each accuracy.
DEGREES = {"fast": 3, "normal": 4, "fine": 6}
#: Width of the cladding around the outermost lines, in wavelengths of 1.55 um, where none is given.
MARGIN = 2.0


class CrossSection(Shown):
    """Blocks of media between lines.

    Make one with `strip`, `rib`, `slot` or `layers`, or with `from_shapes` for anything else.

    Args:
        x: positions of the lines across in um, rising, shape [columns + 1, rows + 1].
        y: heights of the horizontal lines in um, rising, shape [rows + 1].
        media: the media: numbers, `Material`s, functions of wavelength, or three numbers along x, y and z.
        blocks: number of the medium of each block, columns of rows.
        mirrored: whether the section continues as its mirror image at the first line across, and at the first
            horizontal line.
        profile: None, or a function of x, y (um) and the number of the medium that gives a change of its index, as by
            doping or heat. A callable pytree may carry parameters.

    Raises:
        ValueError: for lines that do not rise, or a table that does not fit them.
    """

    x: Any
    y: Any
    media: tuple[Any, ...]
    blocks: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    mirrored: tuple[bool, bool] = eqx.field(static=True, default=(False, False))
    profile: Callable[..., Any] | None = eqx.field(converter=as_profile, default=None)

    def __check_init__(self) -> None:
        shape = (len(self.blocks) + 1, len(self.blocks[0]) + 1)
        if np.shape(self.x) != shape or np.shape(self.y) != shape[1:]:
            raise ValueError(f"lines of shapes {np.shape(self.x)} and {np.shape(self.y)} do not fit blocks of {shape}")
        for name, lines in (("x", self.x), ("y", self.y)):
            if is_concrete(lines) and np.min(np.diff(np.asarray(lines, float), axis=0)) <= 0:
                raise ValueError(
                    f"the lines {name} = {np.asarray(lines).tolist()} do not rise: shapes overlap or lie outside"
                )

        check_mirrored(self.profile, self.mirrored, len(self.media))

    def _preview(self) -> Callable[[Any], None] | None:
        from photonics_core.plot import cross_section

        return None if np.ndim(self.y) != 1 else lambda ax: cross_section(ax, self)

    @classmethod
    def strip(
        cls,
        width: Any,
        height: Any,
        core: Any = SILICON,
        cladding: Any = SILICA,
        *,
        substrate: Any = None,
        sidewall_angle: Any = 90.0,
        margin: Any = MARGIN,
    ) -> "CrossSection":
        """A strip waveguide.

        Args:
            width: width in um at half height.
            height: height in um.
            core: medium of the core.
            cladding: medium around it.
            substrate: medium below it; None for that of the cladding.
            sidewall_angle: angle of the side walls in degrees; below 90 the top is narrower than the bottom.
            margin: width of the cladding on all sides up to the walls of the window, in um.

        Raises:
            ValueError: for a dimension outside its range.
        """
        return cls.rib(
            width, height, 0.0, core, cladding, substrate=substrate, sidewall_angle=sidewall_angle, margin=margin
        )

    @classmethod
    def rib(
        cls,
        width: Any,
        height: Any,
        slab: Any,
        core: Any = SILICON,
        cladding: Any = SILICA,
        *,
        substrate: Any = None,
        sidewall_angle: Any = 90.0,
        margin: Any = MARGIN,
    ) -> "CrossSection":
        """A rib of `width` (at the middle of its walls) and `height` on a slab of thickness `slab`, all in um.

        The other arguments are those of `strip`; 0 for `slab` gives a strip.
        """
        _check_dimensions(width=width, height=height, margin=margin)
        for name, value in (("sidewall_angle", sidewall_angle), ("slab", slab)):
            _check_scalar(name, value)
        check_range("sidewall_angle", sidewall_angle, 20.0, 160.0, "degrees")
        has_slab = not (is_concrete(slab) and float(np.asarray(slab)) == 0.0)
        if has_slab:
            check_range(
                "slab", slab, 0.0, float(np.max(height)) if is_concrete(height) else np.inf, "um", exclusive=True
            )
        media = [_medium("core", core), _medium("cladding", cladding)]
        media += [] if substrate is None else [_medium("substrate", substrate)]
        below = 1 if substrate is None else 2
        upright = is_concrete(sidewall_angle) and float(np.asarray(sidewall_angle)) == 90.0
        if not has_slab and below == 1 and upright:
            x = _column([0.0, 0.5 * width, 0.5 * width + margin])
            y = _row([0.0, 0.5 * height, 0.5 * height + margin])
            return cls(jnp.broadcast_to(x, (3, 3)), y, tuple(media), ((0, 1), (1, 1)), (True, True))
        lean = 0.5 * (height - slab) / jnp.tan(jnp.deg2rad(jnp.asarray(sidewall_angle, float)))
        foot, top = 0.5 * width + lean, 0.5 * width - lean
        if is_concrete(top):
            check_positive("width at the top", 2.0 * top, "um")
            check_positive("width at the foot", 2.0 * foot, "um")
        middle = 0.5 * height
        levels = [-middle - margin, -middle, *([slab - middle] if has_slab else []), middle, middle + margin]
        wall = [foot, foot, *([foot] if has_slab else []), top, top]
        edge = 0.5 * width + margin
        x = jnp.stack([_row([0.0] * len(levels)), _row(wall), _row([edge] * len(levels))])
        inside, outside = (below, 0, *([0] if has_slab else []), 1), (below, *([0] if has_slab else []), 1, 1)
        return cls(x, _row(levels), tuple(media), (inside, outside), (True, False))

    @classmethod
    def slot(
        cls, width: Any, height: Any, gap: Any, core: Any = SILICON, cladding: Any = SILICA, *, margin: Any = MARGIN
    ) -> "CrossSection":
        """Two strips of `width` and `height` with `gap` between them, all in um; media as for `strip`."""
        _check_dimensions(width=width, height=height, gap=gap, margin=margin)
        media = _medium("core", core), _medium("cladding", cladding)
        x = _column([0.0, 0.5 * gap, 0.5 * gap + width, 0.5 * gap + width + margin])
        y = _row([0.0, 0.5 * height, 0.5 * height + margin])
        return cls(jnp.broadcast_to(x, (4, 3)), y, media, ((1, 1), (0, 1), (1, 1)), (True, True))

    @classmethod
    def from_shapes(
        cls, shapes: Sequence[Shape], cladding: Any = SILICA, *, margin: float = MARGIN, mirrored: bool = False
    ) -> "CrossSection":
        """Shapes painted over a cladding, later ones over earlier ones.

        Args:
            shapes: the shapes, with plain numbers as dimensions.
            cladding: medium around them.
            margin: width of cladding on all sides in um.
            mirrored: whether only the half x >= 0 is given and the other is its mirror image.

        Shape k is medium k, and the cladding comes last.

        Raises:
            ValueError: without shapes, or if a wall that leans passes through a corner of another shape.
        """
        check_positive("margin", margin, "um")
        for k, shape in enumerate(shapes):
            check_kind(f"shapes[{k}]", shape, Shape)
        media = [*(_medium("medium", shape.medium) for shape in shapes), _medium("cladding", cladding)]
        x, y, blocks = block_table(shapes, float(margin), mirrored)
        return cls(x, y, tuple(media), blocks, (mirrored, False))

    def mesh(self, accuracy: str = "normal") -> tuple[Mesh, np.ndarray]:
        """The mesh of elements, and the number of the medium of each, shape [columns, rows]."""
        across, along = self._divisions(accuracy)
        y = _divided(jnp.asarray(self.y)[:, None], along)[:, 0]
        x = _divided(_divided(jnp.asarray(self.x), across).T, along).T
        return Mesh(x, y, jnp.zeros((), x.dtype)), self.element_media(accuracy)

    def element_media(self, accuracy: str = "normal") -> np.ndarray:
        """The number of the medium of each element of the mesh, shape [columns, rows]; it needs no dimensions."""
        across, along = ([len(parts) for parts in divisions] for divisions in self._divisions(accuracy))
        return np.repeat(np.repeat(np.array(self.blocks), across, 0), along, 1)

    def _divisions(self, accuracy: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
        check_choice("accuracy", accuracy, GRADINGS)
        table = np.array(self.blocks)
        across = _divisions(_interfaces(table, self.mirrored[0]), accuracy)
        return across, _divisions(_interfaces(table.T, self.mirrored[1]), accuracy)

    def permittivity(
        self, mesh: Mesh, media: np.ndarray, degree: int, wl: Any, temperature: Any = REFERENCE_TEMPERATURE
    ) -> jax.Array:
        """Relative permittivity of elements along x, y and z, shape [3, columns, rows, 1 or points]."""
        values = [medium_index(medium, wl, temperature) for medium in self.media]
        dtype = np.result_type(*(value.dtype for value in values))
        index = jnp.stack([value.astype(dtype) for value in values])[media]
        index = jnp.moveaxis(index, -1, 0)[..., None]
        if self.profile is not None:
            at = geometry(mesh, degree)
            numbers = jnp.broadcast_to(jnp.asarray(media)[..., None], at.x.shape)
            change = jnp.asarray(self.profile(at.x.real, at.y.real, numbers))[None]
            dtype = jnp.result_type(complex) if jnp.iscomplexobj(change) else index.dtype
            index = index.astype(dtype) + change.astype(dtype)
        return index * index

    def with_profile(self, profile: Callable[..., Any] | None) -> "CrossSection":
        """The same section with another change of index over it; see `CrossSection`.

        A profile without the section's mirror planes needs `unfolded()` first.
        """
        return CrossSection(self.x, self.y, self.media, self.blocks, self.mirrored, profile)

    def unfolded(self, axis: int = 0) -> "CrossSection":
        """The whole section, where a half about x = 0 (axis 0) or about y = 0 (axis 1) was given."""
        if not self.mirrored[axis]:
            return self
        x, y = jnp.asarray(self.x), jnp.asarray(self.y)
        if axis == 0:
            x, blocks = jnp.concatenate([-x[:0:-1], x]), self.blocks[::-1] + self.blocks
        else:
            x, y = jnp.concatenate([x[:, :0:-1], x], axis=1), jnp.concatenate([-y[:0:-1], y])
            blocks = tuple(column[::-1] + column for column in self.blocks)
        mirrored = (self.mirrored[0] and axis != 0, self.mirrored[1] and axis != 1)
        return CrossSection(x, y, self.media, blocks, mirrored, self.profile)

    def divided(self, axis: int, interval: int, fractions: Sequence[float]) -> "CrossSection":
        """The same section with more lines, where fields vary faster than its blocks let the mesh see.

        Args:
            axis: 0 for lines across, 1 for horizontal lines.
            interval: number of the interval between lines that is divided.
            fractions: where, as rising fractions of it.
        """
        parts = np.append(np.asarray(fractions, float), 1.0)
        at = [parts if k == interval else np.ones(1) for k in range(np.shape(self.x)[axis] - 1)]
        across = _divided(jnp.moveaxis(jnp.asarray(self.x), axis, 0), at)
        x = jnp.moveaxis(across, 0, axis)
        y = jnp.asarray(self.y) if axis == 0 else _divided(jnp.asarray(self.y)[:, None], at)[:, 0]
        table = np.repeat(np.array(self.blocks), [len(each) for each in at], axis)
        blocks = tuple(tuple(map(int, column)) for column in table)
        return CrossSection(x, y, self.media, blocks, self.mirrored, self.profile)

    def walls(self) -> list[tuple[int, tuple[int, ...], tuple[float, ...]]]:
        """For each wall of the window its direction, the media along it and their sizes in um, mirror images included.

        The direction is 0 for a wall along x, and 1 for one along y.
        """
        table, x, y = np.array(self.blocks), np.asarray(self.x), np.asarray(self.y)
        heights, widths = np.diff(y), np.diff(x, axis=0)
        sides = [table[-1]] if self.mirrored[0] else [table[-1], table[0]]
        ends = [-1] if self.mirrored[1] else [-1, 0]
        found = [(1, *_folded(media, heights, self.mirrored[1])) for media in sides]
        return found + [(0, *_folded(table[:, end], widths[:, end], self.mirrored[0])) for end in ends]


def _folded(media: np.ndarray, sizes: np.ndarray, mirrored: bool) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Media along a line and their sizes, with the mirror image, equal neighbours put together."""
    if mirrored:
        media, sizes = np.concatenate([media[::-1], media]), np.concatenate([sizes[::-1], sizes])
    starts = np.flatnonzero(np.concatenate([[True], media[1:] != media[:-1]]))
    return tuple(map(int, media[starts])), tuple(map(float, np.add.reduceat(sizes, starts)))


def _medium(name: str, value: Any) -> Any:
    """A medium of a section: one index, or three along x, y and z, none of them zero."""
    medium = as_medium(name, value)
    if eqx.is_array_like(medium):
        if np.shape(medium) not in ((), (3,)):
            raise ValueError(f"{name} of shape {np.shape(medium)} is not one index, or three along x, y and z")
        if is_concrete(medium) and np.any(np.asarray(medium) == 0):
            raise ValueError(f"{name} = {value!r} is an index of zero")
    return medium


def _check_dimensions(**dimensions: Any) -> None:
    for name, value in dimensions.items():
        _check_scalar(name, value)
        check_positive(name, value, "um")
        check_range(name, value, 1e-4, 30.0 if name == "margin" else 100.0, "um")


def _check_scalar(name: str, value: Any) -> None:
    if np.ndim(value):
        raise ValueError(f"{name} of shape {np.shape(value)} is not one number; use jax.vmap over several")


def _row(values: Sequence[Any]) -> jax.Array:
    return jnp.stack([jnp.asarray(value, jnp.result_type(float)) for value in values])


def _column(values: Sequence[Any]) -> jax.Array:
    return _row(values)[:, None]


def _interfaces(table: np.ndarray, mirrored: bool) -> list[tuple[bool, bool, bool]]:
    """For each row of blocks whether media meet at its lower and upper line, and whether it ends at a window's wall."""
    meets = [False, *(bool(np.any(a != b)) for a, b in itertools.pairwise(table)), False]
    last = len(table) - 1
    return [(meets[k], meets[k + 1], k == last or (k == 0 and not mirrored)) for k in range(len(table))]


def _divisions(ends: Sequence[tuple[bool, bool, bool]], accuracy: str) -> list[np.ndarray]:
    """Fractions of the lines that end the elements of each interval."""
    outer, inner = GRADINGS[accuracy]
    divisions = []
    for low, high, window in ends:
        steps = np.array(outer if window else inner)
        if low and high:
            parts = np.concatenate([0.5 * steps, 1.0 - 0.5 * steps[::-1], [1.0]])
        elif low:
            parts = np.concatenate([steps, [1.0]])
        elif high:
            parts = np.concatenate([1.0 - steps[::-1], [1.0]])
        else:
            parts = np.array([1.0])
        divisions.append(parts)
    return divisions


def _divided(lines: jax.Array, divisions: Sequence[np.ndarray]) -> jax.Array:
    """Lines [n + 1, ...] with others between them at these fractions."""
    pieces = [lines[:1]]
    for low, high, parts in zip(lines[:-1], lines[1:], divisions, strict=True):
        pieces.append(low[None] + (high - low)[None] * parts[:, None])
    return jnp.concatenate(pieces)
