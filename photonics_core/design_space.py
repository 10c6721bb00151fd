"""What an optimisation may change: the free leaves of a design, their bounds and their scale.

A design is any pytree: a device, a layout, a dict of arrays. Inside an optimisation every free number is measured in
units of its own range, u in [0, 1], so that radii in um and heater powers in mW take steps of comparable size:

    linear   x = lower + u (upper - lower)
    log      x = lower (upper / lower)^u,   lower > 0

Leaves that are not free stay what they are, numbers on the host among them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_choice, check_kind, check_range, is_concrete

SCALES = ("linear", "log")


@dataclass(frozen=True)
class Free:
    """Leaves of a design that may change, within bounds.

    Args:
        where: takes the design and returns a leaf of it, or several in a tuple or list, as
            `lambda ring: (ring.radius, ring.gap)`; a part of the design stands for all leaves in it.
        lower, upper: bounds, each a number or an array of the shape of the leaves. A number whose bounds are equal
            stays there.
        scale: "linear", or "log" for what changes by factors.
    """

    where: Callable[[Any], Any]
    lower: Any
    upper: Any
    scale: str = "linear"

    def __post_init__(self) -> None:
        check_choice("scale", self.scale, SCALES)


@dataclass(frozen=True)
class Leaf:
    """One free leaf: its path in the design, start, bounds (arrays of one shape, float64) and scale."""

    path: str
    start: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    scale: str

    def width(self, x: np.ndarray) -> np.ndarray:
        """dx / du at values x in their own units; one for numbers that are fixed."""
        factor = x * np.log(self.upper / self.lower) if self.scale == "log" else self.upper - self.lower
        return np.where(self.upper > self.lower, factor, 1.0)


@dataclass(frozen=True, eq=False)
class DesignSpace:
    """The designs that an optimisation may reach; `of_bounds` and `of_free` make one.

    A point is a pytree of arrays in [0, 1], one for each free leaf: of the structure of the design if all its leaves
    are free, else a dict from the path of a leaf to its array.

    Args:
        leaves: the free leaves, in the order of the leaves of a point.
        structure: the structure of a point.
        rebuild: from the free leaves, in order, to the design.
    """

    leaves: tuple[Leaf, ...]
    structure: Any
    rebuild: Callable[[Sequence[Any]], Any]

    @classmethod
    def of_bounds(cls, start: Any, lower: Any, upper: Any) -> "DesignSpace":
        """All leaves of a pytree of real numbers are free.

        Args:
            start: the pytree.
            lower, upper: bounds, of the same structure (each a number or an array of the shape of its leaf).

        Raises:
            ValueError: if there is no free number, the bounds do not match, cross or are infinite, or the start lies
                outside.
        """
        structure = jax.tree.structure(start)
        if not structure.num_leaves:
            raise ValueError("start has no free parameter")
        for name, bound in (("lower", lower), ("upper", upper)):
            if jax.tree.structure(bound) != structure:
                raise ValueError(f"{name} = {jax.tree.structure(bound)} does not match start = {structure}")
        paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(start)]
        columns = (jax.tree.leaves(each) for each in (start, lower, upper))
        leaves = tuple(_leaf(*each) for each in zip(paths, *columns, strict=True))
        return cls(_some_free(leaves), structure, structure.unflatten)

    @classmethod
    def of_free(cls, design: Any, free: Free | Iterable[Free]) -> "DesignSpace":
        """The leaves of a design that `free` selects are free, the others stay.

        Raises:
            ValueError: if nothing is free, a `where` selects nothing, a leaf twice, or something that is no leaf of
                real numbers, the bounds cross or are infinite, or the start lies outside.
        """
        if not isinstance(free, Free | Iterable):
            raise ValueError(f"free = {free!r} is neither of the kind Free nor a list of it")
        free = [free] if isinstance(free, Free) else list(free)
        values, structure = jax.tree.flatten(design)
        paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(design)]
        chosen: dict[int, Leaf] = {}
        for number, each in enumerate(free):
            check_kind(f"free[{number}]", each, Free)
            for place in _selected(number, each.where, structure):
                if place in chosen:
                    raise ValueError(f"free[{number}].where selects {paths[place]} twice, or after another")
                chosen[place] = _leaf(paths[place], values[place], each.lower, each.upper, each.scale)
        if not chosen:
            raise ValueError("start has no free parameter: free is empty")
        places = sorted(chosen)
        leaves = tuple(chosen[place] for place in places)

        def rebuild(new: Sequence[Any]) -> Any:
            changed = dict(zip(places, new, strict=True))
            return structure.unflatten([changed.get(k, value) for k, value in enumerate(values)])

        order = sorted(range(len(leaves)), key=lambda k: leaves[k].path)
        back = np.argsort(order)
        point = jax.tree.structure({leaf.path: 0 for leaf in leaves})
        return cls(_some_free(tuple(leaves[k] for k in order)), point, lambda new: rebuild([new[int(k)] for k in back]))

    @property
    def start(self) -> Any:
        """The point to start from: arrays of NumPy in [0, 1]."""
        return self._point([_to_unit(leaf, leaf.start) for leaf in self.leaves])

    def parameters(self, point: Any) -> Any:
        """The free leaves in their own units, in the structure of a point; traceable."""
        return self._point([_to_own(leaf, u) for leaf, u in zip(self.leaves, jax.tree.leaves(point), strict=True)])

    def design(self, point: Any) -> Any:
        """The design of a point; traceable."""
        return self.rebuild(jax.tree.leaves(self.parameters(point)))

    def end(self, point: Any) -> tuple[Any, Any]:
        """The free leaves and the design of a last point, kept within the bounds to the last digit."""
        own = [_last(leaf, jnp.asarray(u)) for leaf, u in zip(self.leaves, jax.tree.leaves(point), strict=True)]
        return self._point(own), self.rebuild(own)

    def samples(self, count: int, seed: int) -> Any:
        """Points of a scrambled Sobol sequence, each leaf with a leading axis [count]; numbers that are fixed stay.

        Source: I. M. Sobol, USSR Comput. Math. Math. Phys. 7, 86 (1967), as in `scipy.stats.qmc`.
        """
        from scipy.stats import qmc

        moves = np.concatenate([(leaf.upper > leaf.lower).ravel() for leaf in self.leaves])
        flat = np.zeros((count, moves.size))
        # Powers of two keep the balance of the sequence; the first points of one are those of a shorter one.
        power = max(0, int(count - 1).bit_length())
        # SciPy 1.15 has renamed `seed`, and takes both names.
        sobol = qmc.Sobol(int(moves.sum()), seed=np.random.default_rng(seed))  # pyright: ignore[reportCallIssue]
        flat[:, moves] = sobol.random_base2(power)[:count]
        ends = np.cumsum([leaf.start.size for leaf in self.leaves])[:-1]
        parts = np.split(flat, ends, axis=1)
        return self._point(
            [part.reshape(count, *leaf.start.shape) for part, leaf in zip(parts, self.leaves, strict=True)]
        )

    def _point(self, leaves: Sequence[Any]) -> Any:
        return jax.tree.unflatten(self.structure, list(leaves))


def _as(values: np.ndarray, like: Any) -> jax.Array:
    return jnp.asarray(values, jnp.asarray(like).dtype)


def _to_own(leaf: Leaf, u: Any) -> jax.Array:
    low, high = _as(leaf.lower, u), _as(leaf.upper, u)
    if leaf.scale == "log":
        x = low * jnp.exp(u * _as(np.log(leaf.upper) - np.log(leaf.lower), u))
    else:
        x = low + u * _as(leaf.upper - leaf.lower, u)
    # Rounding must not lead past a bound, where a root may have no value; the slope is that without the bound.
    return x + jax.lax.stop_gradient(jnp.clip(x, low, high) - x)


def _last(leaf: Leaf, u: jax.Array) -> jax.Array:
    low, high = _as(leaf.lower, u), _as(leaf.upper, u)
    inside = jnp.clip(_to_own(leaf, u), low, high)
    return jnp.where(u <= 0.0, low, jnp.where(u >= 1.0, high, inside))


def _to_unit(leaf: Leaf, x: np.ndarray) -> np.ndarray:
    low, high, x = (np.log(each) if leaf.scale == "log" else each for each in (leaf.lower, leaf.upper, x))
    return np.clip((x - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)


def _leaf(path: str, value: Any, lower: Any, upper: Any, scale: str = "linear") -> Leaf:
    where = f"start{path}"
    if not is_concrete(value):
        raise ValueError(f"{where} is traced: an optimisation starts from plain numbers")
    value = np.asarray(value)
    if value.dtype.kind not in "iuf":
        raise ValueError(f"{where} = {value!r} is not made of real numbers and cannot be free")
    value = value.astype(np.float64)
    low, high = (_bound(name, where, bound, value) for name, bound in (("lower", lower), ("upper", upper)))
    if np.any(crossed := low > high):
        raise ValueError(f"bounds of {where} cross: lower = {low[crossed][0]:.6g}, upper = {high[crossed][0]:.6g}")
    if scale == "log" and not np.all(low > 0.0):
        raise ValueError(f"lower bound of {where} = {low.min():.6g} is not above zero, as its log scale needs")
    for number, a, b in zip(value.ravel(), low.ravel(), high.ravel(), strict=True):
        check_range(where, number, a, b)
    return Leaf(path, value, low, high, scale)


def _bound(name: str, where: str, bound: Any, value: np.ndarray) -> np.ndarray:
    if not is_concrete(bound):
        raise ValueError(f"{name} bound of {where} is traced: an optimisation has bounds of plain numbers")
    array = np.asarray(bound)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} bound of {where} = {bound!r} is not a real number")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} bound of {where} = {bound!r} is not finite")
    try:
        return np.broadcast_to(array.astype(np.float64), value.shape)
    except ValueError:
        message = f"{name} bound of {where} of shape {array.shape} is not a number or of shape {value.shape}"
        raise ValueError(message) from None


def _some_free(leaves: tuple[Leaf, ...]) -> tuple[Leaf, ...]:
    if not any(np.any(leaf.upper > leaf.lower) for leaf in leaves):
        raise ValueError("start has no free parameter: every lower bound equals its upper bound")
    return leaves


class _Place:
    """Stands for a leaf while `where` selects."""

    def __init__(self, number: int) -> None:
        self.number = number


def _selected(number: int, where: Callable[[Any], Any], structure: Any) -> list[int]:
    """Places of the leaves that `where` selects."""
    marked = structure.unflatten([_Place(k) for k in range(structure.num_leaves)])
    try:
        found = jax.tree.leaves(where(marked))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"free[{number}].where does not select whole leaves of the design: {error}") from error
    if not found:
        raise ValueError(f"free[{number}].where selects nothing: no leaf of the design")
    if not all(isinstance(each, _Place) for each in found):
        raise ValueError(f"free[{number}].where returns something that is no leaf of the design")
    return [each.number for each in found]
