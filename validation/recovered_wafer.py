"""A wafer whose widths and thicknesses are known, measured through its rings, and what comes back of it."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.index_map import IndexMap
from photonics_core.validation.synthetic_wafers import LENGTH, RADIUS, WL, guide_spectra
from photonics_core.wafer_fit import WaferFit, fit_spectra
from photonics_core.wafer_map import Dimensions, WaferMap, extract_dimensions, field_covariance, fit_wafer_map

#: Standard deviation and correlation length of the drawn fields of width and thickness, all in um.
WIDTH_FIELD = (1e-3, 30e3)
THICKNESS_FIELD = (2e-4, 40e3)
TEMPERATURE = 300.0


@dataclass(frozen=True)
class RecoveredWafer:
    """True width and thickness in um, shape [dies], and what the measured spectra of one ring a die give."""

    places: np.ndarray
    width: np.ndarray
    thickness: np.ndarray
    fit: WaferFit
    found: Dimensions
    width_map: WaferMap
    thickness_map: WaferMap


def recover_wafer(index: IndexMap, places: np.ndarray, *, noise: float = 0.01, seed: int = 0) -> RecoveredWafer:
    """Draw a wafer, measure it and fit it.

    Args:
        index: map over width and height, nominal 0.5 um and 0.22 um, over 1.52 to 1.58 um.
        places: x and y of the dies in um, shape [dies, 2].
        noise: of the spectra, as in `guide_spectra`.
        seed: of the draws.
    """
    chance = np.random.default_rng(seed)
    width, thickness = _draw(places, chance)
    spectra = guide_spectra(_indices(index, width, thickness), 20.0, 0.08, noise=noise, seed=seed)
    fit = fit_spectra(spectra, radius=RADIUS, positions=places, regime="over")
    if fit.bad:
        raise RuntimeError(f"{len(fit.bad)} spectra were not fitted: {fit.bad[0][1]}")
    lines = fit.lines_near(1.55)
    errors = {"wl_se": lines["wl_se"], "n_g_se": lines["n_g_se"]}
    spreads = {"width_spread": 0.003, "thickness_spread": 0.001}
    found = extract_dimensions(index, lines["wl"], lines["n_g"], LENGTH, **errors, **spreads)
    maps = (
        fit_wafer_map(places, found.width, found.width_se, *WIDTH_FIELD),
        fit_wafer_map(places, found.thickness, found.thickness_se, *THICKNESS_FIELD),
    )
    return RecoveredWafer(places, width, thickness, fit, found, *maps)


def _draw(places: np.ndarray, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Width thinner to the rim and tilted, thickness bowed, each with its field."""
    x, y = (places / 75e3).T
    fields = []
    for sd, length in (WIDTH_FIELD, THICKNESS_FIELD):
        covariance = field_covariance(places, places, sd, length, "gaussian")
        root = np.linalg.cholesky(covariance + 1e-9 * sd**2 * np.eye(x.size))
        fields.append(root @ chance.normal(size=x.size))
    return 0.5 + 1e-3 * (1.0 - 2.0 * (x * x + y * y) + 0.8 * x) + fields[0], 0.22 + 4e-4 * (x * x - y) + fields[1]


def _indices(index: IndexMap, width: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    """Effective indices over `WL`, shape [dies, samples]."""
    dtype = jnp.result_type(float)
    wl = jnp.asarray(WL, dtype)

    @jax.jit
    @jax.vmap
    def one(w: jax.Array, h: jax.Array) -> jax.Array:
        return index.at(width=w, height=h).effective_index(wl, TEMPERATURE)

    return np.asarray(one(jnp.asarray(width, dtype), jnp.asarray(thickness, dtype)), float)
