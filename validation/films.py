"""Thin films: closed forms, laws, textbook modes, and S. J. Byrnes' `tmm` where it is installed."""

import functools
import importlib
import math
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

from photonics_core.films import FilmStack
from photonics_core.kernels.film_incoherent import mixed_powers
from photonics_core.kernels.films import FilmPowers, Polarized, film_absorption, film_amplitudes, film_powers
from photonics_core.units import SPEED_OF_LIGHT
from photonics_core.validation.precision import in_float64, in_precision
from photonics_core.validation.registry import Absent, Evidence, case

BYRNES = "S. J. Byrnes, arXiv 1603.02720, and his package tmm"
BORN_WOLF = "Born and Wolf, Principles of Optics, 1.5 and 1.6"
MOST_LAYERS = 40


def _worst(differences: Any, tolerance: float) -> Evidence:
    return Evidence(_largest(differences), 0.0, tolerance)


def _largest(differences: Any) -> float:
    """Largest modulus; NaN if any is NaN, which Python's own `max` may pass over."""
    return float(np.max(np.abs(np.asarray(differences))))


def _tmm() -> Any:
    try:
        return importlib.import_module("tmm")
    except ImportError:
        raise Absent("tmm is not installed: pip install tmm") from None


def random_stack(rng: np.random.Generator, layers: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Indices, thicknesses (um), wavelength (um), angle (rad); half of the media absorb, weakly or as metals do."""
    n = rng.uniform(0.3, 4.5, layers + 2).astype(complex)
    n += 3j * rng.random(layers + 2) * (rng.random(layers + 2) < 0.5) * rng.choice([1e-3, 0.1, 1.0], layers + 2)
    n[0] = n[0].real
    return n, rng.uniform(0.0, 0.5, layers), rng.uniform(0.3, 2.0), np.deg2rad(rng.uniform(0.0, 89.0))


def random_stacks(count: int, seed: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray, float, float]]:
    """Random stacks of 1 to 40 layers."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield random_stack(rng, int(rng.integers(1, MOST_LAYERS + 1)))


def _padded(n: np.ndarray, thickness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same stack with layers of no thickness at its end, so that one compilation serves all."""
    missing = MOST_LAYERS - len(thickness)
    return np.concatenate([n[:-1], np.ones(missing), n[-1:]]), np.concatenate([thickness, np.zeros(missing)])


@functools.cache
def _against_tmm(count: int = 1000) -> dict[str, float]:
    """Largest differences of r, t, R, T and absorption from tmm, and of R + T + A from one."""
    tmm = _tmm()
    stacks = list(random_stacks(count))
    padded = [_padded(n, d) for n, d, _, _ in stacks]
    indices, thickness = (np.stack(part, axis=1) for part in zip(*padded, strict=True))
    wl, angle = (np.array(part) for part in list(zip(*stacks, strict=True))[2:])
    arguments = [jnp.asarray(x) for x in (indices, thickness, wl, angle)]
    amplitudes, powers, absorption = (f(*arguments) for f in (film_amplitudes, film_powers, film_absorption))
    worst: dict[str, list[float]] = {key: [] for key in ("r", "t", "R", "T", "A")}
    for k, (n, d, wavelength, theta) in enumerate(stacks):
        for pol in "sp":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = tmm.coh_tmm(pol, n, [math.inf, *d, math.inf], theta, wavelength)
            differences = {
                "r": getattr(amplitudes, f"r_{pol}")[k] - theirs["r"],
                "t": getattr(amplitudes, f"t_{pol}")[k] - theirs["t"],
                "R": getattr(powers.reflection, pol)[k] - theirs["R"],
                "T": getattr(powers.transmission, pol)[k] - theirs["T"],
                "A": getattr(absorption, pol)[: len(d), k] - tmm.absorp_in_each_layer(theirs)[1:-1],
            }
            for key, value in differences.items():
                worst[key].append(_largest(value))
    return {key: _largest(values) for key, values in worst.items()}


def _register_peer_case(quantity: str, tolerance: float) -> None:
    @case(
        f"films.tmm_{quantity}",
        source=f"{BYRNES}: 1000 stacks, 1 to 40 layers, 0 to 89 degrees",
        kind="peer",
        is_long=True,
    )
    @in_float64
    def compare() -> Evidence:
        return Evidence(_against_tmm()[quantity], 0.0, tolerance)


for _quantity, _tolerance in (("r", 1e-10), ("t", 1e-10), ("R", 1e-10), ("T", 1e-10), ("A", 1e-9)):
    _register_peer_case(_quantity, _tolerance)


# Few patterns, since each is compiled: adjacent incoherent layers, coherent groups, both at the outside.
PATTERNS = ("iciiic", "ccicci", "icccci")


def random_mixed_stack(
    rng: np.random.Generator, coherent: tuple[bool, ...]
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """A stack with incoherent layers; waves propagate in all of these, or their intensities have no meaning."""
    n, thickness, wl, angle = random_stack(rng, len(coherent))
    thickness = np.where(coherent, thickness, 20.0 * thickness)
    lateral = n[0].real * math.sin(angle)
    kept = np.array([True, *coherent, True])
    return np.where(kept, n, n + 1.1 * lateral), thickness, wl, angle


@case(
    "films.tmm_incoherent",
    source=f"{BYRNES}: inc_tmm, 99 mixed stacks of 6 layers; R, T and absorption",
    kind="peer",
    is_long=True,
)
@in_float64
def tmm_incoherent() -> Evidence:
    """Largest difference; left out are stacks that tmm refuses (it takes its rounding for absorption) and those
    with a coherent part of T below 1e-9, by which its matrices divide what has cancelled (R comes out above one).
    """
    tmm, rng, worst = _tmm(), np.random.default_rng(3), []
    for k in range(99):
        pattern = PATTERNS[k % 3]
        coherent = tuple(letter == "c" for letter in pattern)
        n, d, wl, angle = random_mixed_stack(rng, coherent)
        mine = mixed_powers(*(jnp.asarray(x) for x in (n, d, wl, angle)), coherent)
        letters = ["i", *pattern, "i"]
        for pol in "sp":
            try:
                theirs = tmm.inc_tmm(pol, n, [math.inf, *d, math.inf], letters, angle, wl)
            except (ValueError, AssertionError):
                continue
            if min(group["T"] for group in theirs["coh_tmm_data_list"]) < 1e-9:
                continue
            differences = [
                getattr(mine.powers.reflection, pol) - theirs["R"],
                getattr(mine.powers.transmission, pol) - theirs["T"],
                *(getattr(mine.absorption, pol) - np.array(tmm.inc_absorp_in_each_layer(theirs)[1:-1])),
            ]
            worst.append(_largest(differences))
    return _worst(worst, 1e-9)


@case(
    "films.energy", source="R + T + A = 1, 1000 stacks, 1 to 40 layers, 0 to 89 degrees", kind="analytic", is_long=True
)
@in_float64
def energy() -> Evidence:
    """Largest deviation, both polarisations."""
    padded = [(_padded(n, d), wl, angle) for n, d, wl, angle in random_stacks(1000)]
    indices, thickness = (np.stack(part, axis=1) for part in zip(*(p for p, _, _ in padded), strict=True))
    rest = (np.array([p[k] for p in padded]) for k in (1, 2))
    arguments = [jnp.asarray(x) for x in (indices, thickness, *rest)]
    powers, absorption = film_powers(*arguments), film_absorption(*arguments)
    return _worst(_balance(powers, absorption), 1e-12)


def _balance(powers: FilmPowers, absorption: Polarized) -> np.ndarray:
    parts = zip(powers.reflection, powers.transmission, absorption, strict=True)
    return np.stack([np.asarray(r + t + jnp.sum(a, axis=0) - 1.0) for r, t, a in parts])


@case(
    "films.thick_absorber",
    source="1 mm of n = 3.5 + 0.5i: R of its first face, T = 0, A = 1 - R",
    kind="analytic",
    is_long=True,
)
@in_float64
def thick_absorber() -> Evidence:
    """Largest deviation over 0 to 89 degrees, of values and of R's gradient in thickness, which vanishes."""
    angle = np.deg2rad(np.linspace(0.0, 89.0, 90))
    slab, half = FilmStack([1.0, 3.5 + 0.5j, 1.5], [1000.0]), FilmStack([1.0, 3.5 + 0.5j], [])
    face = half.reflection(1.0, angle)
    parts = [*(a - b for a, b in zip(slab.reflection(1.0, angle), face, strict=True)), *slab.transmission(1.0, angle)]
    parts += [a[0] - (1.0 - r) for a, r in zip(slab.absorption(1.0, angle), face, strict=True)]
    gradient = jax.grad(lambda d: jnp.sum(FilmStack([1.0, 3.5 + 0.5j, 1.5], d).reflection(1.0, angle).p))(
        jnp.array([1e3])
    )
    return _worst(jnp.concatenate([*parts, gradient]), 1e-14)


@case("films.airy", source=f"{BORN_WOLF}: slab by the Airy sum of Fresnel coefficients", kind="analytic")
@in_float64
def airy() -> Evidence:
    """Largest difference of r and t of an absorbing slab over angle and polarisation."""
    n, d, wl, angle = [1.3, 2.2 + 0.05j, 1.7], 0.7, 0.9, np.deg2rad(np.linspace(0.0, 89.0, 90))
    mine = FilmStack(n, [d]).amplitudes(wl, angle)
    cosines = [np.sqrt(1.0 - (n[0] * np.sin(angle) / index) ** 2 + 0j) for index in n]
    turn = np.exp(2j * np.pi * n[1] * cosines[1] * d / wl)
    differences = []
    for pol, r, t in (("s", mine.r_s, mine.t_s), ("p", mine.r_p, mine.t_p)):
        (r1, t1), (r2, t2) = (fresnel(pol, n[k], n[k + 1], cosines[k], cosines[k + 1]) for k in (0, 1))
        sum_of_echoes = 1.0 + r1 * r2 * turn**2
        differences += [r - (r1 + r2 * turn**2) / sum_of_echoes, t - t1 * t2 * turn / sum_of_echoes]
    return _worst(differences, 1e-14)


def fresnel(pol: str, n: Any, m: Any, cos_n: Any, cos_m: Any) -> tuple[Any, Any]:
    """Reflected and transmitted amplitude at an interface from index n to m."""
    if pol == "s":
        return (n * cos_n - m * cos_m) / (n * cos_n + m * cos_m), 2 * n * cos_n / (n * cos_n + m * cos_m)
    return (m * cos_n - n * cos_m) / (m * cos_n + n * cos_m), 2 * n * cos_n / (m * cos_n + n * cos_m)


@case("films.quarter_wave_mirror", source=f"{BORN_WOLF}: T = 4 Y / (1 + Y)^2", kind="analytic")
@in_float64
def quarter_wave_mirror() -> Evidence:
    """Transmission of 12 pairs over the closed form, with Y = (n_H / n_L)^(2 N) n_s."""
    high, low, substrate, pairs = 2.3, 1.45, 1.52, 12
    stack = FilmStack([1.0, *[high, low] * pairs, substrate], [0.25 / high, 0.25 / low] * pairs)
    admittance = (high / low) ** (2 * pairs) * substrate
    expected = 4.0 * admittance / (1.0 + admittance) ** 2
    return Evidence(float(stack.transmission(1.0).s) / expected, 1.0, 1e-12)


@case(
    "films.slab_modes",
    source="dispersion of the slab: tan form, m pi = k d q - arctan - arctan",
    kind="analytic",
    is_long=True,
)
@in_float64
def slab_modes() -> Evidence:
    """Largest difference of all TE and TM indices of silicon slabs (0.22, 2, 5 um), each cut in three layers."""
    differences = []
    for pol in "sp":
        for d in (0.22, 2.0, 5.0):
            stack = FilmStack([1.0, 3.476, 3.476, 3.476, 1.444], [0.5 * d, 0.3 * d, 0.2 * d])
            mine, theirs = stack.guided_modes(1.55, pol), slab_indices(3.476, 1.444, 1.0, d, 1.55, pol)
            differences.append(math.inf if len(mine) != len(theirs) else np.max(np.abs(mine - theirs)))
    return _worst(differences, 1e-12)


def slab_indices(core: float, below: float, above: float, d: float, wl: float, pol: str) -> np.ndarray:
    """Effective indices of a slab's modes by its textbook dispersion."""
    weights = [(core / index) ** 2 if pol == "p" else 1.0 for index in (above, below)]

    def excess(n_eff: float, order: int) -> float:
        q = math.sqrt(core**2 - n_eff**2)
        outside = zip(weights, (above, below), strict=True)
        phases = [math.atan(w * math.sqrt(max(n_eff**2 - index**2, 0.0)) / q) for w, index in outside]
        return 2.0 * math.pi / wl * d * q - sum(phases) - order * math.pi

    low, found = max(below, above), []
    while excess(low, len(found)) > 0.0:
        bounds = (low, core - 1e-13)
        found.append(brentq(excess, *bounds, args=(len(found),), xtol=1e-15, rtol=1e-15))  # type: ignore[arg-type]
    return np.array(found)


@case("films.surface_plasmon", source="n_eff = sqrt(e_m e_d / (e_m + e_d)), Raether (1988)", kind="analytic")
@in_float64
def surface_plasmon() -> Evidence:
    """Difference of the wave on one metal surface, n = 0.5 + 10i."""
    metal = (0.5 + 10.0j) ** 2
    mine = FilmStack([1.0, 0.5 + 10.0j], []).mode(1.0 + 0.001j, 1.55, "p")
    return _worst(mine - np.sqrt(metal / (1.0 + metal)), 1e-13)


@case(
    "films.group_delay",
    source="delay n_g d / c of a matched slab with n = 1.5 + 0.1 wl: n_g = 1.5",
    kind="analytic",
    is_long=True,
)
@in_float64
def group_delay() -> Evidence:
    """Delay in transmission over its closed form."""
    stack = FilmStack([lambda wl: 1.5 + 0.1 * wl] * 3, [10.0])
    return Evidence(float(stack.group_delay(1.2).t_s) * SPEED_OF_LIGHT / 15.0, 1.0, 1e-12)


@case("films.float32", source="the same 1000 stacks in float64", kind="analytic")
def float32() -> Evidence:
    """Largest difference of R in float32, at most 40 layers, total optical thickness up to 40 wavelengths."""
    stacks = [(_padded(n, d), wl, angle) for n, d, wl, angle in random_stacks(1000)]
    indices, thickness = (np.stack(part, axis=1) for part in zip(*(p for p, _, _ in stacks), strict=True))
    rest = [np.array([p[k] for p in stacks]) for k in (1, 2)]
    results = []
    for name in ("float32", "float64"):
        with in_precision(name):
            real = [jnp.asarray(x, jnp.result_type(float)) for x in (thickness, *rest)]
            powers = film_powers(jnp.asarray(indices, jnp.result_type(complex)), *real)
            results.append(np.stack([np.asarray(part, float) for part in powers.reflection]))
    return _worst(results[0] - results[1], 2e-3)
