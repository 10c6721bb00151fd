"""Index maps of strip and rib waveguides: mode solves over wavelength, temperature and geometry, fitted once."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.cross_section import MARGIN, CrossSection
from photonics_core.index_map import IndexMap
from photonics_core.kernels.checks import check_choice
from photonics_core.materials import SILICA, SILICON
from photonics_core.medium import media_key
from photonics_core.mode_solver import fundamental_mode
from photonics_core.runtime import point_solver

Interval = tuple[float, float]


def strip_index(
    width: float | Interval = 0.5,
    height: float | Interval = 0.22,
    core: Any = SILICON,
    cladding: Any = SILICA,
    *,
    slab: float | Interval = 0.0,
    wl: Interval = (1.5, 1.6),
    temperature: float | Interval = (290.0, 370.0),
    polarization: str = "te",
    margin: float = MARGIN,
    loss_db_cm: Any = 0.0,
    accuracy: str = "normal",
    cache: str | os.PathLike[str] | None = None,
    **fit: Any,
) -> IndexMap:
    """Index of the fundamental mode of a strip, or of a rib with a `slab`, as a smooth map.

    Args:
        width, height, slab: dimensions in um: a number to keep it fixed, or an interval, over which the map is a
            function of it, with `map.at(width=...)` and derivatives.
        core, cladding: media, as for `CrossSection`.
        wl: shortest and longest wavelength in um.
        temperature: lowest and highest temperature in K, or one number.
        polarization: "te" or "tm".
        margin: width of cladding around the guide in the solver, in um.
        loss_db_cm: loss that adds to that of the mode.
        accuracy: of the mode solver.
        cache: folder to keep coefficients in. Only for media that are numbers or materials.
        fit: further arguments of `IndexMap.fit`, such as `tolerance`.

    Raises:
        ValueError: as `CrossSection`, `fundamental_mode` and `IndexMap.fit` do; a mode that is not guided somewhere in
            the intervals shows as an index below the cladding's and is refused.
    """
    check_choice("polarization", polarization, ("te", "tm"))
    dimensions = {"width": width, "height": height} | ({} if slab == 0.0 else {"slab": slab})
    key = None if cache is None else _key(core, cladding, margin, polarization, accuracy)
    # The middle of the intervals is solved first: bad input shows before the long work.
    _check_middle(dimensions, core, cladding, wl, temperature, polarization, margin, accuracy)
    points = _solver(core, cladding, margin, polarization, accuracy)
    return IndexMap.fit(
        points, wl=wl, temperature=temperature, loss_db_cm=loss_db_cm, cache=cache, key=key, **dimensions, **fit
    )


def _solver(
    core: Any, cladding: Any, margin: float, polarization: str, accuracy: str
) -> Callable[[Mapping[str, Any]], np.ndarray]:
    """Indices at points, a function that compiles once for all calls of a fit."""

    def one(point: dict[str, Any]) -> jax.Array:
        sizes = point["width"], point["height"], point.get("slab", 0.0)
        section = CrossSection.rib(*sizes, core, cladding, margin=margin)
        where = point["wl"], point["temperature"]
        return fundamental_mode(section, *where, polarization=polarization, accuracy=accuracy).n_eff

    solve = point_solver(one)
    return lambda points: solve({name: jnp.asarray(each, jnp.result_type(float)) for name, each in points.items()})


def _check_middle(
    dimensions: Mapping[str, Any],
    core: Any,
    cladding: Any,
    wl: Interval,
    temperature: Any,
    polarization: str,
    margin: float,
    accuracy: str,
) -> None:
    middle = {name: float(np.mean(value)) for name, value in dimensions.items()}
    slab = middle.get("slab", 0.0)
    section = CrossSection.rib(middle["width"], middle["height"], slab, core, cladding, margin=margin)
    fundamental_mode(
        section, float(np.mean(wl)), float(np.mean(temperature)), polarization=polarization, accuracy=accuracy
    )


def _key(core: Any, cladding: Any, margin: float, polarization: str, accuracy: str) -> dict[str, Any]:
    media = media_key(core=core, cladding=cladding)
    return {**media, "margin": margin, "polarization": polarization, "accuracy": accuracy, "solver": 2}
