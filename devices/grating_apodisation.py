"""Apodised grating couplers: every trench and tooth by gradient, from a grating as it is.

Light of a uniform grating falls off exponentially, and a Gaussian takes at most 80 % of an exponential; trenches that
widen along the row let it out as the fibre's mode has it. Here nothing is assumed of the profile: the widths and the
position of the fibre are free within bounds, and the figure is the efficiency itself, at one wavelength or its mean
over several.
"""

from dataclasses import dataclass, field
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.grating_coupler import GratingCoupler
from photonics_core.devices.grating_response import search_range
from photonics_core.devices.tilted_beam import TiltedBeam
from photonics_core.kernels.checks import check_kind, check_positive, check_range
from photonics_core.optimize import minimize


@dataclass(frozen=True)
class ApodisedGrating:
    """Outcome of `apodise`.

    Args:
        coupler: the best grating met.
        position: of the fibre over it in um.
        start, efficiency: mean efficiency at the start, with the fibre at its best, and at the end.
        history: mean efficiency at each step, shape [steps + 1].
    """

    coupler: GratingCoupler
    position: float
    start: float
    efficiency: float
    history: np.ndarray = field(repr=False)


def apodise(
    coupler: GratingCoupler,
    wl: Any,
    beam: TiltedBeam | None = None,
    *,
    smallest: float = 0.06,
    largest: float = 0.9,
    steps: int = 100,
    rate: float = 0.008,
    progress: bool | None = None,
) -> ApodisedGrating:
    """Widths of all trenches and teeth, and a position of the fibre, for the most light.

    Args:
        coupler: where to start, its widths within the bounds.
        wl: wavelengths in um over which the efficiency is averaged, a number or shape [N].
        beam: the fibre's, which stays as it is but for its position; None for that of `GratingCoupler.efficiency`.
        smallest: the least width that a trench or a tooth may have, in um.
        largest: the greatest, in um.
        steps: number of gradient steps.
        rate: greatest step of a width in units of its range, at the start of Adam; it falls along a cosine.
        progress: as for `minimize`.

    Raises:
        ValueError: for bounds that do not enclose the widths, a beam of another kind, or arguments outside their
            ranges.
    """
    check_kind("coupler", coupler, GratingCoupler)
    check_positive("smallest", smallest, "um")
    check_range("largest", largest, smallest, np.inf, "um", exclusive=True)
    check_range("rate", rate, 0.0, 1.0, exclusive=True)
    import optax

    beam = TiltedBeam() if beam is None else beam
    wl = jnp.atleast_1d(jnp.asarray(wl, jnp.result_type(float)))
    for name in ("trenches", "teeth"):
        check_range(name, getattr(coupler, name), smallest, largest, "um")
    begin = coupler.response(wl)
    position = jnp.mean(begin.best_position(beam))
    first = float(jnp.mean(begin.efficiency(beam, position)))

    def objective(free: dict[str, jax.Array]) -> tuple[jax.Array, dict[str, jax.Array]]:
        changed = with_widths(coupler, free["trenches"], free["teeth"])
        return -jnp.mean(changed.response(wl).efficiency(beam, free["position"])), {}

    left, right = (float(each) for each in search_range(jnp.asarray([0.0, coupler.length]), beam))
    start = {"trenches": coupler.trenches, "teeth": coupler.teeth, "position": position}
    low = {"trenches": smallest, "teeth": smallest, "position": left}
    high = {"trenches": largest, "teeth": largest, "position": right}
    optimizer = optax.adam(optax.cosine_decay_schedule(rate, steps))
    found = minimize(objective, start, low, high, steps=steps, optimizer=optimizer, progress=progress)
    best = found.parameters
    widths = np.asarray(best["trenches"]), np.asarray(best["teeth"])
    better = with_widths(coupler, *widths)
    return ApodisedGrating(better, float(best["position"]), first, -found.value, -found.history["objective"])


def with_widths(coupler: GratingCoupler, trenches: Any, teeth: Any) -> GratingCoupler:
    """The same grating with other widths in um, as many as there are."""
    return eqx.tree_at(lambda each: (each.trenches, each.teeth), coupler, (trenches, teeth))
