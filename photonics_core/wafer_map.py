"""From measured rings to maps of width and thickness over a wafer, each with its uncertainty.

A ring of length L that resonates at wl in order m has n_eff = m wl / L there, and its free spectral range gives n_g.
Width and thickness follow from both,

    [n_eff, n_g](width, thickness, wl) = measured,

by Newton's steps on an index map; errors are carried on by the inverse of the 2 x 2 matrix of sensitivities. How well
the two can be told apart is stated beside the result: by the condition number of that matrix and by the correlation of
the errors of width and thickness (Z. Lu et al., Opt. Express 25, 9712 (2017), by its abstract, extract them so).

The order is not measured. Neighbouring orders differ by one free spectral range, so one number alone, the resonance,
tells a deviation of less than half of it. Here each order near the expected one is tried, and the one is taken whose
width and thickness are the least far from the expected in units of the stated spreads: n_g takes part in the choice.
`order_margin` says by how much chi squared the next best order is worse.

A map over the wafer is a polynomial plus a Gaussian field of known standard deviation and correlation length, by
generalised least squares (universal kriging). Residuals of each device against all others but itself follow in closed
form (O. Dubrule, Math. Geol. 15, 687 (1983)). All is NumPy in float64.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import cho_factor, cho_solve

from photonics_core.index_map import IndexMap
from photonics_core.kernels.checks import check_choice, check_finite, check_kind, check_positive, check_range
from photonics_core.units import REFERENCE_TEMPERATURE
from photonics_core.wafer_outliers import wafer_polynomial

_NEWTON_STEPS = 6
_ORDERS = 3
COVARIANCES = ("gaussian", "exponential")


@dataclass(frozen=True)
class Dimensions:
    """Width and thickness of guides, shape [devices], with what limits them.

    Attributes:
        width, thickness: in um; nan where no order leads into the bounds of the index map.
        width_se, thickness_se: standard errors in um, of the measured numbers alone.
        correlation: of the errors of width and thickness.
        condition: condition number of the matrix d(n_eff, n_g)/d(width, thickness).
        order: the order of the resonance that was chosen.
        order_margin: how much chi squared of the nearest other order is larger, inf if there is none within the map.
    """

    width: np.ndarray
    thickness: np.ndarray
    width_se: np.ndarray
    thickness_se: np.ndarray
    correlation: np.ndarray
    condition: np.ndarray
    order: np.ndarray
    order_margin: np.ndarray


def extract_dimensions(
    index: IndexMap,
    wl: Any,
    n_g: Any,
    length: float,
    *,
    wl_se: Any = 0.0,
    n_g_se: Any = 0.0,
    width_spread: float = 0.01,
    thickness_spread: float = 0.003,
    expected: Any = None,
    temperature: float = REFERENCE_TEMPERATURE,
) -> Dimensions:
    """Width and thickness of the guides of measured rings.

    Args:
        index: map over `width` and `height` whose present values are the nominal ones, such as `strip_index` makes.
        wl: wavelength of one resonance of each ring in um, shape [devices]; best of one order by design.
        n_g: group index at that wavelength, shape [devices].
        length: of a round trip in um.
        wl_se, n_g_se: their standard errors.
        width_spread, thickness_spread: standard deviations in um of what is made about `expected`; they serve to choose
            the order and nothing else.
        expected: width and thickness in um that are expected of each device, shape [devices, 2], such as those of its
            neighbours; the nominal ones by default.
        temperature: in K.

    Raises:
        ValueError: for a map without width and height, shapes that differ, or numbers that are not positive.
    """
    check_kind("index", index, IndexMap)
    if not {"width", "height"} <= set(index.parameters):
        raise ValueError(f"index is a map over {', '.join(index.parameters) or 'nothing'}, not over width and height")
    check_positive("length", length, "um")
    for name, value in (("width_spread", width_spread), ("thickness_spread", thickness_spread)):
        check_positive(name, value, "um")
    check_range("wl", wl, *dict(index.bounds)["wl"], "um")
    check_positive("n_g", n_g)
    for name, value in (("wl_se", wl_se), ("n_g_se", n_g_se)):
        check_range(name, value, 0.0)
    arrays = np.broadcast_arrays(*(np.atleast_1d(np.asarray(each, float)) for each in (wl, n_g, wl_se, n_g_se)))
    wl, n_g, wl_se, n_g_se = arrays
    nominal = np.array([float(index.parameters[name]) for name in ("width", "height")])
    expected = np.broadcast_to(nominal if expected is None else np.asarray(expected, float), (wl.size, 2))
    check_finite("expected", expected, "um")
    solver = _Solver(index, expected, np.array([width_spread, thickness_spread]), temperature)
    start = solver.indices(expected, wl)[0][:, 0]
    first = np.round(start * length / wl)
    steps = np.arange(-_ORDERS, _ORDERS + 1)
    found = [solver.solve(np.stack([(first + step) * wl / length, n_g], axis=1), wl) for step in steps]
    misfit = np.stack([np.where(ok, chi, np.inf) for _, _, chi, ok in found])
    best = np.argmin(misfit, axis=0)
    rows = np.arange(wl.size)
    sizes = np.stack([each[0] for each in found])[best, rows]
    slopes = np.stack([each[1] for each in found])[best, rows]
    ranked = np.sort(misfit, axis=0)
    known = np.isfinite(ranked[0])
    margin = np.where(known, np.where(known, ranked[1], np.inf) - np.where(known, ranked[0], 0.0), 0.0)
    # An error of the wavelength moves n_eff along m wl / L, and against the map at the same width and thickness.
    dispersion = solver.dispersion(sizes, wl)
    to_wl = np.stack([(first + steps[best]) / length - dispersion[:, 0], -dispersion[:, 1]], axis=1)
    return _dimensions(sizes, slopes, known, to_wl * wl_se[:, None], n_g_se, first + steps[best], margin)


def _dimensions(
    sizes: np.ndarray,
    slopes: np.ndarray,
    known: np.ndarray,
    from_wl: np.ndarray,
    n_g_se: np.ndarray,
    order: np.ndarray,
    margin: np.ndarray,
) -> Dimensions:
    """Carry the errors on by the inverse of the sensitivities, shape [devices, 2, 2]."""
    slopes = np.where(known[:, None, None], slopes, np.eye(2))
    inverse = np.linalg.inv(slopes)
    by_wl = np.einsum("nij,nj->ni", inverse, from_wl)
    by_n_g = inverse[:, :, 1] * n_g_se[:, None]
    variance = by_wl**2 + by_n_g**2
    error = np.sqrt(variance)
    product = np.prod(by_wl, axis=1) + np.prod(by_n_g, axis=1)
    size = np.prod(error, axis=1)
    blank = np.where(known, 1.0, math.nan)
    return Dimensions(
        width=blank * sizes[:, 0],
        thickness=blank * sizes[:, 1],
        width_se=blank * error[:, 0],
        thickness_se=blank * error[:, 1],
        correlation=blank * np.where(size > 0.0, product / np.where(size > 0.0, size, 1.0), 0.0),
        condition=blank * np.linalg.cond(slopes),
        order=np.where(known, order, -1).astype(int),
        order_margin=margin,
    )


class _Solver:
    """n_eff and n_g of an index map as functions of width and thickness, and their inverse, for many devices."""

    def __init__(self, index: IndexMap, expected: np.ndarray, spread: np.ndarray, temperature: float) -> None:
        bounds = dict(index.bounds)
        self.low, self.high = np.array([bounds[name] for name in ("width", "height")]).T
        self.expected, self.spread = expected, spread
        values = partial(_indices, index, temperature)
        self._at_sizes = _with_slopes(values, argument=0)
        self._at_wl = _with_slopes(values, argument=1)

    def indices(self, sizes: np.ndarray, wl: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[n_eff, n_g] of shape [devices, 2], and derivatives by width and thickness [devices, 2, 2]."""
        inside = np.clip(sizes, self.low, self.high)
        return self._at_sizes(inside, wl)

    def dispersion(self, sizes: np.ndarray, wl: np.ndarray) -> np.ndarray:
        """Derivatives of n_eff and n_g by wavelength in 1/um, shape [devices, 2]."""
        inside = np.where(np.isfinite(sizes), np.clip(sizes, self.low, self.high), self.expected)
        return self._at_wl(inside, wl)[1]

    def solve(self, measured: np.ndarray, wl: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Sizes, sensitivities, chi squared of their distance from the expected, whether they are within the map."""
        sizes = self.expected
        slopes = np.zeros((*measured.shape, 2))
        for _ in range(_NEWTON_STEPS):
            # Outside the map its values go on along the slopes at the edge.
            inside = np.clip(sizes, self.low, self.high)
            values, slopes = self.indices(sizes, wl)
            values = values + np.einsum("nij,nj->ni", slopes, sizes - inside)
            sizes = sizes + np.linalg.solve(slopes, (measured - values)[:, :, None])[:, :, 0]
        chi = np.sum(((sizes - self.expected) / self.spread) ** 2, axis=1)
        return sizes, slopes, chi, np.all((sizes >= self.low) & (sizes <= self.high), axis=1)


def _indices(index: IndexMap, temperature: float, sizes: jax.Array, wl: jax.Array) -> jax.Array:
    at = index.at(width=sizes[0], height=sizes[1])
    return jnp.stack([at.effective_index(wl, temperature), at.group_index(wl, temperature)])


def _with_slopes(values: Any, argument: int) -> Any:
    """Function of sizes [devices, 2] and wavelengths [devices]: values, and their derivatives by one argument."""
    both = jax.jit(jax.vmap(lambda sizes, wl: (values(sizes, wl), jax.jacfwd(values, argnums=argument)(sizes, wl))))

    def on_host(sizes: np.ndarray, wl: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dtype = jnp.result_type(float)
        found = both(jnp.asarray(sizes, dtype), jnp.asarray(wl, dtype))
        return np.asarray(found[0], float), np.asarray(found[1], float)

    return on_host


@dataclass(frozen=True)
class WaferMap:
    """A quantity over a wafer: polynomial and Gaussian field, given by the devices that were measured.

    Made by `fit_wafer_map`. `coefficients` are those of `wafer_polynomial` in (x, y) less `centre` over `scale`, with
    their `covariance`; `residuals` and `residual_sd` are the leave-one-out residuals of the devices and the standard
    deviations that are expected of them, both shape [devices].
    """

    positions: np.ndarray
    coefficients: np.ndarray
    covariance: np.ndarray
    residuals: np.ndarray
    residual_sd: np.ndarray
    centre: np.ndarray
    scale: float
    degree: int
    sd: float
    correlation_length: float
    kind: str
    _factor: Any
    _weights: np.ndarray
    _spread: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        """Leave-one-out residuals in units of what is expected of them: normal, but for outliers."""
        return self.residuals / self.residual_sd

    def trend(self, positions: Any) -> np.ndarray:
        """The polynomial alone at positions [..., 2] in um."""
        return self._terms(np.asarray(positions, float)) @ self.coefficients

    def predict(self, positions: Any) -> tuple[np.ndarray, np.ndarray]:
        """Value and standard deviation of the smooth quantity at positions [..., 2] in um."""
        at = np.asarray(positions, float)
        flat = at.reshape(-1, 2)
        between = field_covariance(flat, self.positions, self.sd, self.correlation_length, self.kind)
        terms = self._terms(flat)
        value = terms @ self.coefficients + between @ self._weights
        solved = cho_solve(self._factor, between.T)
        missing = terms - between @ self._spread
        variance = self.sd**2 - np.sum(between * solved.T, axis=1)
        variance += np.einsum("ni,ij,nj->n", missing, self.covariance, missing)
        return value.reshape(at.shape[:-1]), np.sqrt(np.maximum(variance, 0.0)).reshape(at.shape[:-1])

    def _terms(self, positions: np.ndarray) -> np.ndarray:
        x, y = np.moveaxis((positions - self.centre) / self.scale, -1, 0)
        return wafer_polynomial(x, y, self.degree)


def fit_wafer_map(
    positions: Any,
    values: Any,
    errors: Any,
    sd: float,
    correlation_length: float,
    *,
    degree: int = 2,
    kind: str = "gaussian",
) -> WaferMap:
    """Smooth map through measured values by generalised least squares.

    Args:
        positions: x and y in um, shape [devices, 2].
        values: shape [devices].
        errors: standard errors of the values, local scatter included, shape [devices] or one number; above zero.
        sd: standard deviation of the Gaussian field, in the unit of the values.
        correlation_length: of the field in um.
        degree: total degree of the polynomial in x and y.
        kind: of the field's covariance: "gaussian", sd^2 exp(-r^2 / (2 l^2)), or "exponential", sd^2 exp(-r / l).

    Raises:
        ValueError: for shapes that do not go together, fewer devices than one more than the polynomial has terms,
            positions that do not tell its terms apart, or numbers out of range.
    """
    positions, values = np.asarray(positions, float), np.asarray(values, float)
    _check_map(positions, values, errors, sd, correlation_length, degree, kind)
    centre = np.mean(positions, axis=0)
    scale = float(np.max(np.abs(positions - centre))) or 1.0
    x, y = ((positions - centre) / scale).T
    terms = wafer_polynomial(x, y, degree)
    if np.linalg.matrix_rank(terms) < terms.shape[1]:
        raise ValueError(f"degree = {degree}: the positions do not tell the {terms.shape[1]} terms apart")
    noise = np.broadcast_to(np.asarray(errors, float), values.shape) ** 2
    between = field_covariance(positions, positions, sd, correlation_length, kind)
    factor = cho_factor(between + np.diag(noise), lower=True)
    spread = cho_solve(factor, terms)
    covariance = np.linalg.inv(terms.T @ spread)
    coefficients = covariance @ (spread.T @ values)
    weights = cho_solve(factor, values - terms @ coefficients)
    precision = cho_solve(factor, np.eye(values.size)) - spread @ covariance @ spread.T
    own = np.diag(precision)
    return WaferMap(
        positions,
        coefficients,
        covariance,
        weights / own,
        1.0 / np.sqrt(own),
        centre,
        scale,
        degree,
        float(sd),
        float(correlation_length),
        kind,
        factor,
        weights,
        spread,
    )


def field_covariance(a: np.ndarray, b: np.ndarray, sd: float, correlation_length: float, kind: str) -> np.ndarray:
    """Covariance of the field between positions [n, 2] and [m, 2], shape [n, m]; see `fit_wafer_map`."""
    distance = np.linalg.norm(a[:, None, :] - b[None, :, :], axis=2) / correlation_length
    return sd**2 * np.exp(-0.5 * distance**2 if kind == "gaussian" else -distance)


def _check_map(
    positions: np.ndarray, values: np.ndarray, errors: Any, sd: Any, correlation_length: Any, degree: int, kind: str
) -> None:
    if values.ndim != 1 or positions.shape != (values.size, 2):
        raise ValueError(f"positions of shape {positions.shape} are not [{values.size}, 2] for values {values.shape}")
    if np.shape(errors) not in ((), values.shape):
        raise ValueError(f"errors of shape {np.shape(errors)} are not one, or {values.shape}")
    check_finite("positions", positions, "um")
    check_finite("values", values)
    check_positive("errors", errors)
    check_range("sd", sd, 0.0)
    check_positive("correlation_length", correlation_length, "um")
    check_choice("degree", degree, (0, 1, 2, 3, 4))
    check_choice("kind", kind, COVARIANCES)
    count = (degree + 1) * (degree + 2) // 2
    if values.size <= count:
        raise ValueError(f"values = {values.size} devices are too few for {count} terms of degree {degree}")
