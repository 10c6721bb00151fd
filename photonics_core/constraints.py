"""Equality and inequality constraints of an optimisation: named arrays, and how large one of them is.

    inequalities(design) = {"spacing": 5.0 - pitch, ...}   each at most 0
    equalities(design)   = {"length": total - 100.0, ...}  each 0

A constraint is measured in units in which its slope at the start is about one for variables in [0, 1], so that arrays
in um and in dB are met alike; `scales` says otherwise where that start is not typical. Where the slope at the start is
as good as none, as at an optimum without constraints, that of secants to points nearby stands in for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.checks import check_positive, check_range, is_concrete
from photonics_core.programs import reused

Function = Callable[[Any], Mapping[str, Any]]
#: In the order of all flat pairs.
KINDS: tuple[str, str] = ("equality", "inequality")
#: Sums with random signs from which the size of an array is estimated.
PROBES = 4
#: Points near the start at which all is evaluated as well, and how far off they are in each variable.
NEARBY, NEAR = 9, 0.01
#: A slope that is smaller than this part of what is usual nearby, or in its array, is not taken for typical.
SMALL = 0.01


@dataclass(frozen=True)
class Constraints:
    """What a design has to meet.

    Args:
        inequalities: takes the design, returns a dict of named real arrays that are to be at most 0; or a dict from
            the name of a metric of the objective to its greatest value.
        equalities: likewise, arrays that are to be 0; or a dict from the name of a metric to its value.
        scales: size of a violation of one, by name, in the units of that array; others are found at the start.
        tolerance: violation up to which a point counts as feasible, over the scales; None for 1e-6 in float64 and
            1e-4 in float32.
        inner_steps: most steps between two updates of the multipliers; None for 100 with "lbfgs", and with others
            a part of all steps.

    Raises:
        ValueError: for a tolerance, scale or number of steps that is not above zero.
    """

    inequalities: Function | Mapping[str, float] | None = None
    equalities: Function | Mapping[str, float] | None = None
    scales: Mapping[str, float] | None = None
    tolerance: float | None = None
    inner_steps: int | None = None

    def __post_init__(self) -> None:
        for kind in ("inequalities", "equalities"):
            given = getattr(self, kind)
            if not (given is None or callable(given) or isinstance(given, Mapping)):
                raise ValueError(f"{kind} = {given!r} is neither a function of the design nor a dict of limits")
        if not isinstance(self.scales, Mapping | None):
            raise ValueError(f"scales = {self.scales!r} is not a dict from the name of a constraint to its scale")
        for name, scale in (self.scales or {}).items():
            if np.ndim(scale):
                raise ValueError(f"scales[{name!r}] = {scale!r} is not a number: one holds for the whole array")
            check_positive(f"scales[{name!r}]", scale)
        if self.tolerance is not None:
            check_positive("tolerance", self.tolerance)
        if self.inner_steps is not None:
            check_range("inner_steps", self.inner_steps, 1, 10_000_000)

    def evaluate(self, design: Any, metrics: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Named arrays by kind, "equality" and "inequality"; traceable."""
        return {
            kind: dict(_evaluated(f"{kind[:-1]}ies", function, design, metrics))
            for kind, function in zip(KINDS, (self.equalities, self.inequalities), strict=True)
        }


@dataclass(frozen=True)
class ConstraintLayout:
    """Where each named array lies in the flat arrays [E] and [C]; `of_shapes` makes one.

    Args:
        shapes: by kind, the shape of each array by its name.
    """

    shapes: dict[str, dict[str, tuple[int, ...]]]

    @classmethod
    def of_shapes(cls, shapes: Mapping[str, Mapping[str, Any]]) -> "ConstraintLayout":
        """From the shapes and types that a trace gave.

        Raises:
            ValueError: for an array that is not real, or a name that is both an equality and an inequality.
        """
        for kind, arrays in shapes.items():
            for name, each in arrays.items():
                if not jnp.issubdtype(each.dtype, jnp.floating):
                    raise ValueError(f"{kind} {name!r} of type {each.dtype} is not made of real numbers")
        if both := set(shapes["equality"]) & set(shapes["inequality"]):
            raise ValueError(f"{min(both)!r} is the name of an equality and of an inequality")
        return cls({kind: {name: arrays[name].shape for name in sorted(arrays)} for kind, arrays in shapes.items()})

    def flatten(self, arrays: Mapping[str, Mapping[str, Any]], dtype: Any) -> tuple[jax.Array, jax.Array]:
        """The arrays as [E] and [C]."""

        def joined(kind: str) -> jax.Array:
            parts = [jnp.ravel(jnp.asarray(arrays[kind][name], dtype)) for name in self.shapes[kind]]
            return jnp.concatenate([jnp.zeros(0, dtype), *parts])

        return joined(KINDS[0]), joined(KINDS[1])

    @property
    def count(self) -> int:
        """Number of all constraints."""
        return sum(self.size(kind) for kind in KINDS)

    def size(self, kind: str) -> int:
        """Number of constraints of a kind."""
        return sum(int(np.prod(shape)) for shape in self.shapes[kind].values())

    def split(self, kind: str, flat: Any) -> dict[str, np.ndarray]:
        """Named arrays of a flat one."""
        shapes = self.shapes[kind]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])[:-1]
        parts = np.split(np.asarray(flat), ends) if shapes else []
        return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}

    def scales(
        self, function: Callable[[Any], Any], point: Any, given: Mapping[str, float], owners: tuple[Any, ...] = ()
    ) -> tuple[Any, Any, Any]:
        """What objective and constraints are multiplied by, so that their slopes at a point are about one.

        A slope is the root mean square over the numbers of one array: that of their sum with random signs, which
        one reverse derivative gives, and the mean of `PROBES` of them. Secants to points nearby take its place where
        it is `SMALL` beside them, and tell the numbers of an array whose own slope is small beside the others, as
        where an array holds pascals and micrometres: these are measured over their own.

        Args:
            function: of a point, to value, [E] and [C].
            point: the point.
            given: scales by name that are known.
            owners: the user's functions in `function`, as for `programs.reused`.

        Raises:
            ValueError: for a scale whose name is not that of a constraint.
        """
        names = [(kind, name) for kind in KINDS for name in self.shapes[kind]]
        for name in given:
            if name not in {each for _, each in names}:
                raise ValueError(f"scales[{name!r}] is not the name of a constraint")
        probes = [self._probes(names, seed) for seed in range(PROBES if names else 1)]
        stacked = (np.concatenate(each) for each in zip(*probes, strict=True))
        arguments = point, _nearby(point), *stacked
        squares, *rows = reused(partial(_slopes, function), *arguments, owners=owners)(*arguments)
        check_not_traced(squares)
        norms = np.sqrt(np.mean(np.asarray(squares).reshape(len(probes), -1), axis=0))
        secants = dict(zip(("objective", *KINDS), (_secants(*each) for each in rows), strict=True))
        own = {kind: self.split(kind, secants[kind]) for kind in KINDS}
        found = {kind: [np.zeros(0)] for kind in KINDS}
        for (kind, name), norm in zip(names, norms[1:], strict=True):
            sizes = own[kind][name].ravel()
            slope = norm / np.sqrt(max(sizes.size, 1))
            found[kind].append(np.full(sizes.size, 1.0 / given[name]) if name in given else _of_array(slope, sizes))
        first = _inverse(_typical(norms[0], float(secants["objective"])))
        return first, np.concatenate(found["equality"]), np.concatenate(found["inequality"])

    def _probes(self, names: list[tuple[str, str]], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cotangents that pick the objective, and then one array at a time with random signs."""
        signs = np.random.default_rng(seed)
        value = np.zeros(1 + len(names))
        value[0] = 1.0
        flat = {str(kind): np.zeros((1 + len(names), self.size(kind))) for kind in KINDS}
        place = {str(kind): 0 for kind in KINDS}
        for row, (kind, name) in enumerate(names, 1):
            count = int(np.prod(self.shapes[kind][name]))
            flat[kind][row, place[kind] : place[kind] + count] = signs.choice([-1.0, 1.0], count)
            place[kind] += count
        return value, flat["equality"], flat["inequality"]


def check_not_traced(found: Any) -> None:
    """Raise a `ValueError` where what was computed has no numbers, as inside `jit` or `grad` of the caller."""
    if not is_concrete(found):
        raise ValueError("the objective or a constraint depends on a traced value: no optimisation runs inside jit")


def _slopes(function: Callable[[Any], Any], point: Any, nearby: Any, *probes: Any) -> tuple[Any, ...]:
    """Squared length of the slope of each probed sum, shape [probes]; for each part of the function its value and
    its values nearby, with a leading axis."""
    out, pull = jax.vjp(function, point)
    types = [each.dtype for each in out]

    def square(row: Any) -> jax.Array:
        (slope,) = pull(tuple(jnp.asarray(each, kind) for each, kind in zip(row, types, strict=True)))
        return sum((jnp.sum(each**2) for each in jax.tree.leaves(slope)), start=jnp.zeros((), types[0]))

    return jax.lax.map(square, probes), *zip(out, jax.lax.map(function, nearby), strict=True)


def _nearby(point: Any) -> Any:
    """Points around one in [0, 1], each leaf with a leading axis; a variable at a bound goes the other way."""
    draws = np.random.default_rng(0)

    def around(x: Any) -> np.ndarray:
        x = np.asarray(x)
        shift = np.clip(draws.normal(scale=NEAR, size=(NEARBY, *x.shape)), -3.0 * NEAR, 3.0 * NEAR).astype(x.dtype)
        there = x[None] + shift
        return np.where((there < 0.0) | (there > 1.0), x[None] - shift, there)

    return jax.tree.map(around, point)


def _secants(here: Any, there: Any) -> np.ndarray:
    """Slope of each number by its changes to points nearby, of the shape of `here`; none where it is rounding."""
    here, there = np.asarray(here), np.asarray(there)
    noise = 100.0 * float(np.finfo(here.dtype).eps) * np.abs(here.astype(float))
    change = there.astype(float) - here.astype(float)[None]
    # The median, for an exponential may be large at one of the points; that of |N(0, 1)| is 0.6745.
    middle = np.median(np.abs(np.where(np.isfinite(change), change, 0.0)), axis=0)
    return np.where((middle > noise) & np.isfinite(noise), middle / (0.6745 * NEAR), 0.0)


def _of_array(slope: float, sizes: np.ndarray) -> np.ndarray:
    """Scales of the numbers of an array: of its slope, or of their own size where that is far smaller."""
    usual = float(np.sqrt(np.mean(sizes**2))) if sizes.size else 0.0
    is_small = (sizes > 0.0) & (sizes < SMALL * usual)
    return np.where(is_small, 1.0 / np.where(is_small, sizes, 1.0), _inverse(_typical(slope, usual)))


def _typical(slope: float, nearby: float) -> float:
    """The slope at the start, or that nearby where it is far larger."""
    return nearby if slope < SMALL * nearby else slope


def _inverse(slope: float) -> float:
    """One over a slope; one where there is none, as at a stationary start."""
    return float(1.0 / slope) if np.isfinite(slope) and slope > 1e-12 else 1.0


def _evaluated(name: str, function: Any, design: Any, metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    if function is None:
        return {}
    if isinstance(function, Mapping):
        for key in function:
            if np.asarray(function[key]).dtype.kind not in "iuf":
                raise ValueError(f"{name}[{key!r}] = {function[key]!r} is not a real number")
            if key not in metrics:
                raise ValueError(f"{name} asks for {key!r}, which is no metric of the objective: {sorted(metrics)}")
        values = {key: jnp.asarray(metrics[key]) for key in function}
        return {key: values[key] - jnp.asarray(limit, values[key].dtype) for key, limit in function.items()}
    found = function(design)
    if not isinstance(found, Mapping):
        raise ValueError(f"{name} does not return a dict of named arrays, but {type(found).__name__}")
    for key in found:
        if not isinstance(key, str):
            raise ValueError(f"{name} does not return a dict of named arrays: {key!r} is no name")
    return {key: jnp.asarray(value) for key, value in found.items()}
