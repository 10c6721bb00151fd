"""Profiles along a guide from a few numbers: a width, a gap, a period or a fill as a curve with bounds that are exact.

A profile over the length L is a clamped B-spline of degree p with coefficients c_1 ... c_K at equal knots,

    f(z) = sum_i c_i B_i(z),   B_i >= 0,   sum_i B_i = 1,

so at every z it is a mean of p + 1 neighbouring coefficients: it lies between the least and the largest of them, starts
at the first and ends at the last, and rises where they rise. Its slope is a spline of degree p - 1 with coefficients
p (c_i+1 - c_i) / (t_i+p+1 - t_i+1), t being the knots, and so on. Hence limits on coefficients are limits on the curve
between its points too: those on f are widths and gaps that a mask can hold, those on f'' the curvature of a wall, which
is |f''| / (1 + f'^2)^(3/2) <= |f''|. They suffice, and the more coefficients there are the less they ask in excess.
`profile_limits` and `feature_limits` give them as arrays that are at most 0, smooth in all numbers, for `Constraints`.

C. de Boor, A Practical Guide to Splines, revised ed. (2001), chapters IX (properties) and X (derivatives).
"""

from numbers import Integral
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import BSpline

from photonics_core.bounds import check_number, within
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf


class ShapeProfile(Shown):
    """A number along a guide, such as its width in um, over z from 0 to the length.

    Args:
        coefficients: c in the unit of the number, shape [K], K above the degree.
        length: L in um.
        degree: p, from 1 on; 3 leaves the second derivative without jumps.

    Raises:
        ValueError: for a value outside its range, or too few coefficients.
    """

    coefficients: Any = eqx.field(converter=as_leaf)
    length: Any = eqx.field(converter=as_leaf)
    degree: int = eqx.field(static=True, default=3)

    def __check_init__(self) -> None:
        if not isinstance(self.degree, Integral) or not 1 <= self.degree <= 9:
            raise ValueError(f"degree = {self.degree!r} is not a whole number from 1 to 9")
        if np.ndim(self.coefficients) != 1 or np.shape(self.coefficients)[0] <= self.degree:
            raise ValueError(
                f"coefficients of shape {np.shape(self.coefficients)} is not [K] with K from {self.degree + 1} on"
            )
        check_finite("coefficients", self.coefficients)
        check_number("length", self.length)
        check_positive("length", self.length, "um")

    @classmethod
    def straight(cls, first: Any, last: Any, length: Any, count: int = 8, degree: int = 3) -> "ShapeProfile":
        """A straight line from one value to the other: a start for a search, `count` coefficients."""
        check_range("count", count, degree + 1, 10_000)
        places = jnp.asarray(greville(count, degree), jnp.result_type(float))
        return cls(first + (last - first) * places, length, degree)

    @classmethod
    def monotone(cls, first: Any, last: Any, parts: Any, length: Any, degree: int = 3) -> "ShapeProfile":
        """A profile that only rises or only falls, whatever the numbers it is made of.

        Args:
            first, last: values at the ends.
            parts: any real numbers, shape [K - 1]: the step to the next coefficient is in proportion to exp(part) and
                to its step in a straight line, which equal parts give.
            length, degree: as for the class.
        """
        if np.ndim(parts) != 1 or np.shape(parts)[0] < degree:
            raise ValueError(f"parts of shape {np.shape(parts)} is not [K - 1] with K from {degree + 1} on")
        parts = jnp.asarray(parts, jnp.result_type(float))
        share = jax.nn.softmax(parts + jnp.asarray(np.log(np.diff(greville(parts.size + 1, degree))), parts.dtype))
        # The last is set: a sum of shares is one but for rounding.
        inner = jnp.cumsum(share)[:-1]
        places = jnp.concatenate([jnp.zeros(1, inner.dtype), inner, jnp.ones(1, inner.dtype)])
        return cls(first * (1.0 - places) + last * places, length, degree)

    def at(self, z: Any) -> jax.Array:
        """The profile at places z in um from 0 to the length, of the shape of z."""
        return self._value(z, 0)

    def slope(self, z: Any) -> jax.Array:
        """Its first derivative, per um, at places z in um."""
        return self._value(z, 1)

    def bend(self, z: Any) -> jax.Array:
        """Its second derivative, per um^2, at places z in um; that of degree 1 is zero between its corners."""
        return self._value(z, 2)

    def at_parts(self, parts: Any) -> jax.Array:
        """The profile at parts of its length, from 0 to 1, of the shape of `parts`; known ones cost least."""
        return self._spline(within("parts", parts, 0.0, 1.0) if not is_concrete(parts) else _checked(parts), 0)

    def bounds(self) -> tuple[jax.Array, jax.Array]:
        """Least and largest coefficient: no point of the profile is outside."""
        c = self._derived(0)
        return jnp.min(c), jnp.max(c)

    def slopes(self) -> jax.Array:
        """Coefficients of the slope, per um, shape [K - 1]: it is nowhere outside their range."""
        return self._derived(1)

    def bends(self) -> jax.Array:
        """Coefficients of the second derivative, per um^2, shape [K - 2]: it is nowhere outside their range.

        Raises:
            ValueError: for a profile of degree 1, which has corners.
        """
        check_range("degree", self.degree, 2, 9)
        return self._derived(2)

    def _derived(self, order: int) -> jax.Array:
        c = jnp.asarray(self.coefficients, jnp.result_type(float))
        matrix = jnp.asarray(_derivative_matrix(c.size, self.degree, order), c.dtype)
        return jnp.matmul(matrix, c, precision="highest") / jnp.asarray(self.length, c.dtype) ** order

    def _value(self, z: Any, order: int) -> jax.Array:
        z = within("z", z, 0.0, self.length, "um")
        return self._spline(z / self.length, order)

    def _spline(self, place: Any, order: int) -> jax.Array:
        """The derivative of an order, at parts of the length."""
        degree = self.degree - order
        if degree < 0:
            return jnp.zeros(np.shape(place), jnp.result_type(float))
        c = self._derived(order)
        if is_concrete(place):
            weights = BSpline.design_matrix(
                np.clip(np.ravel(np.asarray(place, float)), 0.0, 1.0), knots(c.size, degree), degree
            )
            basis = jnp.asarray(weights.toarray(), c.dtype).reshape(*np.shape(place), c.size)
        else:
            basis = _basis(jnp.asarray(place, c.dtype), c.size, degree)
        return jnp.matmul(basis, c, precision="highest")


def profile_limits(
    name: str, profile: ShapeProfile, *, least: Any = None, most: Any = None, slope: Any = None, bend: Any = None
) -> dict[str, jax.Array]:
    """Limits of a profile that hold at every place, as arrays that are to be at most 0, for `Constraints`.

    Args:
        name: of the profile, with which the names of the arrays begin.
        profile: the profile.
        least, most: of its value, such as the narrowest width or gap that can be made.
        slope: largest |slope| per um.
        bend: largest |second derivative| per um^2: 1 / R for a wall of no radius below R. A guide of a straight axis
            has walls at half its width; one of two equal guides beside a straight axis moves by half the gap.

    Returns:
        By name, of those that were asked for: "<name> least" and "<name> most" [K], "<name> slope" [2 (K - 1)] and
        "<name> bend" [2 (K - 2)].

    Raises:
        ValueError: for a limit that is not finite, a slope or bend that is not above zero, least above most, or a bend
            of a profile of degree 1.
    """
    check_kind("profile", profile, ShapeProfile)
    for what, limit in (("least", least), ("most", most)):
        if limit is not None:
            check_finite(f"{what} of {name!r}", limit)
    if least is not None and most is not None and is_concrete(least, most) and np.any(np.asarray(least) > most):
        raise ValueError(f"least = {least} of {name!r} is above most = {most}: no profile is between them")
    found = {}
    if least is not None:
        found[f"{name} least"] = least - profile._derived(0)
    if most is not None:
        found[f"{name} most"] = profile._derived(0) - most
    for what, most_of, coefficients in (("slope", slope, profile.slopes), ("bend", bend, profile.bends)):
        if most_of is not None:
            check_positive(what, most_of)
            each = coefficients()
            found[f"{name} {what}"] = jnp.concatenate([each, -each]) - most_of
    return found


def grating_widths(period: ShapeProfile, fill: ShapeProfile, count: int) -> tuple[jax.Array, jax.Array]:
    """Trenches and teeth of a grating whose period and fill run along profiles.

    Period k has the period and the fill in the middle of the k-th of `count` equal parts of the profiles, whose own
    lengths count for slopes only. A trench comes first and last, as in `GratingCoupler`.

    Args:
        period: in um.
        fill: part of a period that is tooth, within (0, 1).
        count: number of trenches P.

    Returns:
        Widths in um of the trenches [P] and of the teeth between them [P - 1].

    Raises:
        ValueError: for a period that is not above zero somewhere, or a fill outside (0, 1).
    """
    check_kind("period", period, ShapeProfile)
    check_kind("fill", fill, ShapeProfile)
    check_range("count", count, 1, 100_000)
    places = (np.arange(count) + 0.5) / count
    pitch, tooth = period.at_parts(places), fill.at_parts(places)
    check_positive("period", pitch, "um")
    check_range("fill", tooth, 0.0, 1.0, exclusive=True)
    return pitch * (1.0 - tooth), (pitch * tooth)[:-1]


def feature_limits(name: str, widths: Any, least: Any) -> dict[str, jax.Array]:
    """What is missing from widths in um to the narrowest that can be made, at most 0, for `Constraints`.

    Raises:
        ValueError: for a narrowest that is not above zero.
    """
    check_positive(f"least of {name!r}", least, "um")
    return {f"{name} least": least - jnp.asarray(widths, jnp.result_type(float))}


def _checked(parts: Any) -> np.ndarray:
    """Known parts on the host, where no trace sees them."""
    check_range("parts", parts, 0.0, 1.0)
    return np.asarray(parts, float)


def knots(count: int, degree: int) -> np.ndarray:
    """Knots in [0, 1] of `count` clamped B-splines: the ends degree + 1 times, equal steps between, [K + p + 1]."""
    inner = np.linspace(0.0, 1.0, count - degree + 1)
    return np.concatenate([np.zeros(degree), inner, np.ones(degree)])


def greville(count: int, degree: int) -> np.ndarray:
    """Places in [0, 1] of the coefficients, shape [K]: with c = a + b place the spline is a + b z / L itself."""
    t = knots(count, degree)
    return np.array([np.mean(t[k + 1 : k + 1 + degree]) for k in range(count)])


def _derivative_matrix(count: int, degree: int, order: int) -> np.ndarray:
    """What makes coefficients of a derivative over [0, 1] of those of the spline, shape [K - order, K]."""
    matrix = np.eye(count)
    for p in range(degree, degree - order, -1):
        t = knots(len(matrix), p)
        spans = t[p + 1 : -1] - t[1 : -p - 1]
        matrix = p * np.diff(matrix, axis=0) / spans[:, None]
    return matrix


def _basis(place: jax.Array, count: int, degree: int) -> jax.Array:
    """Values of all splines at traced places [...] in [0, 1], by the recurrence of Cox and de Boor, [..., K]."""
    t = knots(count, degree)
    inner = np.flatnonzero(np.diff(t) > 0.0)[1:]
    x = place[..., None]

    def row(values: np.ndarray) -> jax.Array:
        return jnp.asarray(values, x.dtype).reshape((1,) * place.ndim + (-1,))

    # The last interval holds its right end too.
    at = degree + jnp.sum((x >= row(t[inner])).astype(jnp.int32), axis=-1)
    values = jax.nn.one_hot(at, t.size - 1, dtype=place.dtype)
    for p in range(1, degree + 1):
        n = t.size - 1 - p
        rise, fall = (row(_inverse(each)) for each in (t[p : p + n] - t[:n], t[p + 1 : p + 1 + n] - t[1 : 1 + n]))
        up, down = (x - row(t[:n])) * rise, (row(t[p + 1 : p + 1 + n]) - x) * fall
        values = up * values[..., :-1] + down * values[..., 1:]
    return values


def _inverse(spans: np.ndarray) -> np.ndarray:
    """One over each span; none for a span of no width, which carries no value."""
    full = spans > 0.0
    return np.where(full, 1.0 / np.where(full, spans, 1.0), 0.0)
