"""What a joint of two ends refuses: ends that do not go together, windows too small for them, places beyond them.

Fields on a grid go wrong in silence where the grid does not hold them. What is refused is told by bounds of the
amplitude that is lost, the square root of the product of what both fields lose (Cauchy and Schwarz): a wide beam may
well be cut by the window of a small mode, whose light does not come so far.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.beams import GaussianBeam, floating
from photonics_core.fields import FieldGrid, SampledField, check_step, part_outside
from photonics_core.kernels.checks import check_choice, check_positive, check_range, is_concrete

METHODS = ("auto", "closed", "paraxial", "exact")
REFLECTIONS = ("none", "incoherent", "coherent")
POLARIZATIONS = ("kept", "free")
#: Most of the amplitude that a window may lose: 0.009 dB of light that couples well.
LOST = 1e-3
#: Largest power of a field that counts as one of power 1.
MOST_POWER = 1.5
#: Most of the wavelength over a waist. Beyond it light runs in no direction; wavelengths in nm are far beyond.
WIDEST = 60.0


def check_joint(joint: Any) -> None:
    """Raise a `ValueError` for a joint whose parts are not valid or do not go together."""
    for name in ("source", "receiver"):
        if not isinstance(getattr(joint, name), GaussianBeam | SampledField):
            raise ValueError(f"{name} = {getattr(joint, name)!r} is not of the kind GaussianBeam or SampledField")
    check_positive("wl", joint.wl, "um")
    check_range("index", joint.index, 1.0, np.inf)
    check_choice("method", joint.method, METHODS)
    check_choice("reflection", joint.reflection, REFLECTIONS)
    check_choice("polarization", joint.polarization, POLARIZATIONS)
    _check_facets(joint)
    _check_wavelength(joint)
    _check_method(joint)


def _check_facets(joint: Any) -> None:
    if joint.facets is None:
        if joint.reflection != "none":
            raise ValueError(f"reflection = {joint.reflection!r} needs the indices of the facets")
        return
    if not isinstance(joint.facets, tuple | list) or len(joint.facets) != 2:
        raise ValueError(f"facets = {joint.facets!r} is not a pair of indices, of source and receiver")
    for place, value in zip(("source", "receiver"), joint.facets, strict=True):
        check_range(f"index of the {place}'s facet", value, 1.0, np.inf)


def _check_wavelength(joint: Any) -> None:
    for name in ("source", "receiver"):
        end = getattr(joint, name)
        if isinstance(end, GaussianBeam) and is_concrete(joint.wl, end.waist_x, end.waist_y):
            least = min(np.min(end.waist_x), np.min(end.waist_y))
            check_range(f"wl against the {name}'s waist of {least:.6g} um,", joint.wl, 0.0, WIDEST * least, "um")
        if isinstance(end, SampledField) and end.wl is not None and is_concrete(joint.wl, end.wl):
            ours, theirs = np.asarray(joint.wl, float), np.asarray(end.wl, float)
            if np.any(np.abs(theirs - ours) > 1e-6 * ours):
                raise ValueError(
                    f"wl = {np.ravel(ours)[0]:.6g} um is not that of the {name}'s field, {np.ravel(theirs)[0]:.6g} um; "
                    "make the field anew, or with wl = None to use it at others"
                )


def _check_method(joint: Any) -> None:
    ends = [end for end in (joint.source, joint.receiver) if isinstance(end, SampledField)]
    if joint.method == "closed" and ends:
        raise ValueError("method = 'closed' is for two Gaussian beams; a sampled field needs 'paraxial' or 'exact'")
    if joint.method == "closed" or (joint.method == "auto" and not ends):
        return
    if not ends and joint.grid is None:
        raise ValueError(f"method = {joint.method!r} of two beams needs a grid to sample them on")
    grids = [end.grid for end in ends] + ([] if joint.grid is None else [joint.grid])
    if len({grid.count for grid in grids}) > 1 or (
        is_concrete(*(grid.step for grid in grids)) and len({float(grid.step) for grid in grids}) > 1
    ):
        sizes = ", ".join(f"{grid.count} points every {grid.step} um" for grid in grids)
        raise ValueError(f"the fields lie on different grids: {sizes}")
    _check_window(joint, grids[0])


def _check_window(joint: Any, grid: FieldGrid) -> None:
    """Raise a `ValueError` unless the grid holds at least one of the two fields."""
    leaves = jax.tree.leaves((joint.source, joint.receiver, grid, joint.wl, joint.index))
    if not is_concrete(*leaves) or any(np.ndim(leaf) for leaf in jax.tree.leaves((joint.wl, joint.index))):
        return
    missing = []
    for end in (joint.source, joint.receiver):
        if isinstance(end, GaussianBeam):
            if any(np.ndim(leaf) for leaf in jax.tree.leaves(end)):
                return
            check_step(end, grid)
            missing.append(part_outside(end, grid, joint.wl, joint.index))
        else:
            missing.append(_missing(float(end.power())))
    if math.sqrt(missing[0] * missing[1]) > LOST:
        held = ", ".join(f"{1.0 - part:.4g}" for part in missing)
        raise ValueError(
            f"the window of {float(grid.window):.6g} um holds only these parts of source and receiver: {held}; "
            "take a wider one"
        )


def _missing(power: float) -> float:
    """Part of the power that a field lacks; the modes of a chip have a little more than 1."""
    if power > MOST_POWER:
        raise ValueError(f"power of the field = {power:.6g} is above 1: `SampledField.of` brings it there")
    return max(0.0, 1.0 - power)


def check_single(joint: Any) -> None:
    """Raise a `ValueError` for a batch of joints, which `jax.vmap` has to take apart first."""
    for place in ("source", "receiver"):
        end = getattr(joint, place)
        names = ("wl", "distance") if isinstance(end, SampledField) else tuple(end.__dataclass_fields__)
        for name in names:
            if np.shape(getattr(end, name)):
                _raise_batch(f"{name} of the {place}", getattr(end, name))
    for name in ("wl", "index"):
        if np.shape(getattr(joint, name)):
            _raise_batch(name, getattr(joint, name))


def _raise_batch(name: str, value: Any) -> None:
    raise ValueError(f"{name} of shape {np.shape(value)} is not one number; use jax.vmap over several joints")


def checked_places(joint: Any, vectors: jax.Array) -> jax.Array:
    """The vectors [..., 6], once they are known to lie within the window; of traced ones when the program runs."""
    grid = joint.grid_in_use
    if grid is None:
        return vectors
    half, steepest = 0.5 * floating(grid.window), joint.steepest_tilt
    leans = vectors[..., 3:5]
    if not is_concrete(vectors, *jax.tree.leaves(joint)):
        beyond = jnp.any(jnp.abs(vectors[..., :2]) > half) | jnp.any(jnp.abs(leans) > steepest)
        beyond = beyond | (jnp.max(joint.left_out(vectors[..., 2])) > LOST)
        return eqx.error_if(vectors, beyond, "an offset, a tilt or a gap is beyond the window of the fields")
    for name, column in zip(("x", "y"), (vectors[..., 0], vectors[..., 1]), strict=True):
        side = float(half)
        check_range(f"offset {name} within half the window of the fields,", column, -side, side, "um")
    most = float(steepest)
    check_range("tilt within what the grid's step holds,", leans, -most, most, "rad")
    _check_gap(joint, vectors[..., 2], 2.0 * float(half))
    return vectors


def _check_gap(joint: Any, z: jax.Array, window: float) -> None:
    lost = float(joint.left_out(z))
    if lost > LOST:
        raise ValueError(
            f"gap z = {float(jnp.ravel(z)[jnp.argmax(jnp.abs(z))]):.6g} um is too long for the window of {window:.6g} "
            f"um: up to {lost:.2g} of the amplitude runs beyond half of it and would be left out; take a wider window"
        )
