"""Spectra of rings of known truth, as an instrument would record them: envelope, noise, and a place on a wafer."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from photonics_core.spectra import Spectrum

#: Samples of 10 pm over 60 nm.
WL = 1.52 + 1e-5 * np.arange(6001)
RADIUS = 10.0
LENGTH = 2.0 * math.pi * RADIUS
N_EFF, N_G, WL0 = 2.4, 4.2, 1.55


@dataclass(frozen=True)
class Truth:
    """What a set of rings is made of, one number or shape [devices]: indices at 1.55 um, loss, power coupling."""

    n_eff: np.ndarray
    n_g: np.ndarray
    loss_db_cm: float
    power_coupling: float


def resonances(truth: Truth, near: np.ndarray) -> np.ndarray:
    """Exact wavelengths in um of the resonances nearest to `near`, shape of `near`, [devices, lines]."""
    n_eff, n_g = truth.n_eff[:, None], truth.n_g[:, None]
    slope = (n_eff - n_g) / WL0
    order = np.round((n_eff + slope * (near - WL0)) * LENGTH / near)
    # n_eff + slope (wl - WL0) = order wl / L
    return (n_eff - slope * WL0) / (order / LENGTH - slope)


def spectra(
    truth: Truth, *, add_drop: bool = False, noise: float = 0.01, constant: bool = False, seed: int = 0
) -> list[Spectrum]:
    """Spectra of rings of one group index each, beside one guide or two alike; noise as in `guide_spectra`."""
    n_eff, n_g = truth.n_eff[:, None], truth.n_g[:, None]
    indices = n_eff + (n_eff - n_g) * (WL - WL0) / WL0
    made = truth.loss_db_cm, truth.power_coupling
    return guide_spectra(indices, *made, add_drop=add_drop, noise=noise, constant=constant, seed=seed)


def guide_spectra(
    n_eff: np.ndarray,
    loss_db_cm: float,
    power_coupling: float,
    *,
    add_drop: bool = False,
    noise: float = 0.01,
    constant: bool = False,
    seed: int = 0,
) -> list[Spectrum]:
    """Spectra of rings whose effective indices over `WL` are given, shape [devices, samples].

    Noise is `noise` times the power plus a tenth of the level, as the fit takes it to be, or, if `constant`, of one
    size everywhere: that of a detector.
    """
    chance = np.random.default_rng(seed)
    envelope = 10.0 ** (-2.0 - 0.15 * ((WL - 1.55) / 0.02) ** 2)
    made = []
    for i, row in enumerate(n_eff):
        rows = []
        for power in _powers(row, loss_db_cm, power_coupling, add_drop):
            size = noise * np.max(power) if constant else noise * (power + 0.1 * np.max(power))
            measured = envelope * (power + size * chance.normal(size=WL.size))
            rows.append(10.0 * np.log10(np.maximum(measured, 1e-9)))
        names = ("through", "drop")[: len(rows)]
        made.append(Spectrum(WL, np.array(rows), names, f"ring_{i:04d}.csv"))
    return made


def _powers(n_eff: np.ndarray, loss_db_cm: float, coupling: float, add_drop: bool) -> list[np.ndarray]:
    a = 10.0 ** (-loss_db_cm * LENGTH * 1e-4 / 20.0)
    t = math.sqrt(1.0 - coupling)
    wave = np.exp(2j * math.pi * n_eff * LENGTH / WL)
    if not add_drop:
        return [np.abs((t - a * wave) / (1.0 - t * a * wave)) ** 2]
    below = np.abs(1.0 - t * t * a * wave) ** 2
    return [np.abs(t - t * a * wave) ** 2 / below, coupling**2 * a / below]


def true_estimates(truth: Truth, add_drop: bool) -> dict[str, np.ndarray | float]:
    """What a fit should find at every line and for every device."""
    a = 10.0 ** (-truth.loss_db_cm * LENGTH * 1e-4 / 20.0)
    t = math.sqrt(1.0 - truth.power_coupling)
    return {
        "round_trip": t * t * a if add_drop else t * a,
        "difference": t - t * a if add_drop else abs(t - a),
        "n_g": truth.n_g,
        "loss_db_cm": truth.loss_db_cm,
        "power_coupling": truth.power_coupling,
    }


def toy_index(point: Mapping[str, Any]) -> Any:
    """An index in closed form that depends on wavelength, width and height about as that of a silicon strip does."""
    w, h, x = point["width"] - 0.5, point["height"] - 0.22, point["wl"] - 1.55
    flat = 2.45 + 1.9 * w + 3.9 * h - 1.13 * x + 2.0 * w * h - 3.0 * w * w
    return flat + 0.9 * w * x - 1.5 * h * x


@dataclass(frozen=True)
class MadeDimensions:
    """Rings of known width and height in um, and what was measured of them: one line of one order, and n_g there."""

    width: np.ndarray
    height: np.ndarray
    wl: np.ndarray
    n_g: np.ndarray
    order: int
    length: float


def made_dimensions(
    count: int, *, width_sd: float, height_sd: float, wl_se: float, n_g_se: float, seed: int
) -> MadeDimensions:
    """Draw rings of `toy_index` about 0.5 um by 0.22 um, and measure them with the errors stated."""
    chance = np.random.default_rng(seed)
    width = 0.5 + width_sd * chance.normal(size=count)
    height = 0.22 + height_sd * chance.normal(size=count)

    def n_eff(wl: Any) -> Any:
        return toy_index({"wl": wl, "width": width, "height": height})

    order = round(2.45 * LENGTH / 1.55)
    wl = np.full(count, 1.55)
    for _ in range(60):
        wl = n_eff(wl) * LENGTH / order
    # The index is linear in the wavelength, so that the difference is exact.
    n_g = n_eff(wl) - wl * (n_eff(wl + 0.01) - n_eff(wl - 0.01)) / 0.02
    measured = wl + wl_se * chance.normal(size=count), n_g + n_g_se * chance.normal(size=count)
    return MadeDimensions(width, height, *measured, order, LENGTH)
