"""How well two ends have to be aligned: the best alignment, curvatures, widths and the ellipsoid of a stated loss.

About the best alignment the loss is L_0 + d^T H d / 2 with the Hessian H in dB. From it come widths sqrt(2 level /
H_ii) and the ellipsoid d^T H d / 2 = level, whose principal axes say which errors add up and which compensate. Widths
by root finding are those of the loss itself; for Gaussian beams offset and tilt are exactly of second order, so that
both agree.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

from photonics_core.devices.fiber import FibreJoint
from photonics_core.devices.fiber_alignment import FREEDOMS, Alignment
from photonics_core.devices.fiber_input import LOST
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, is_concrete

#: Where a search for a width ends: um for x, y and z, rad for tilts and roll.
FARTHEST = (1e6, 1e6, 1e7, 1.5, 1.5, 0.5 * math.pi)
#: Part of 1 dB that curvature has to give over such a range to count at all.
FLAT = 1e-9
_STEPS = 60


class Tolerance(Shown):
    """What a joint tolerates about an alignment, in the order of `FREEDOMS`, on the host.

    Args:
        alignment: the alignment.
        loss_db: loss there.
        hessian: second derivatives of the loss in dB over um and rad, shape [6, 6].
        level_db: loss to add, for widths and ellipsoid.
        freedoms: the degrees of freedom that count.
    """

    alignment: Alignment
    loss_db: np.ndarray
    hessian: np.ndarray
    level_db: float = eqx.field(static=True)
    freedoms: tuple[str, ...] = eqx.field(static=True)

    @property
    def curvature_widths(self) -> np.ndarray:
        """Errors of one degree of freedom alone that cost the level by curvature, in um and rad; infinite if flat."""
        curvature = np.where(self._flat, 1.0, np.diag(self.hessian))
        return np.where(self._flat, np.inf, np.sqrt(2.0 * self.level_db / curvature))

    def estimate_db(self, errors: Any) -> np.ndarray:
        """Loss added by small errors, d^T H d / 2, of shape [..., 6]; in dB, shape [...]."""
        errors = np.asarray(errors, float)
        return 0.5 * np.einsum("...i,ij,...j->...", errors, self.hessian, errors)

    def principal_axes(self) -> np.ndarray:
        """Half axes of the ellipsoid in um and rad, each an error that costs the level, tightest first, [axes, 6].

        Axes are those of the Hessian in units of the widths of the degrees of freedom that count, so that they do not
        depend on the choice of um and rad. Degrees of freedom without curvature are left out.
        """
        used = [k for k, name in enumerate(FREEDOMS) if name in self.freedoms and not self._flat[k]]
        widths = self.curvature_widths[used]
        scaled = self.hessian[np.ix_(used, used)] * np.outer(widths, widths) / (2.0 * self.level_db)
        values, vectors = np.linalg.eigh(scaled)
        keep = values > FLAT
        axes = np.zeros((int(np.sum(keep)), len(FREEDOMS)))
        axes[:, used] = (vectors[:, keep] / np.sqrt(values[keep]) * widths[:, None]).T
        return axes[np.argsort(-values[keep], kind="stable")]

    def section(self, first: str, second: str) -> np.ndarray:
        """Hessian of two degrees of freedom, the others held, shape [2, 2], as plots take it."""
        for name in (first, second):
            check_choice("degree of freedom", name, FREEDOMS)
        used = [FREEDOMS.index(first), FREEDOMS.index(second)]
        return self.hessian[np.ix_(used, used)]

    @property
    def _flat(self) -> np.ndarray:
        return np.diag(self.hessian) * np.minimum(FARTHEST, 1e3) ** 2 <= FLAT


def best_alignment(
    joint: FibreJoint,
    start: Alignment | None = None,
    freedoms: tuple[str, ...] = ("x", "y", "z", "tilt_x", "tilt_y"),
) -> Alignment:
    """Alignment of least loss near another, by damped Newton steps; not to be traced.

    Args:
        joint: the joint. With reflection "coherent" there is a minimum every half wavelength of z.
        start: where to begin.
        freedoms: what may move; the others stay.

    Raises:
        ValueError: for an unknown degree of freedom, or if no minimum is found.
    """
    check_kind("joint", joint, FibreJoint)
    used = np.asarray([FREEDOMS.index(name) for name in _checked(freedoms)], int)
    at = np.asarray((Alignment() if start is None else start).vector(), float)
    loss, damping = float(joint.loss_db(Alignment.of_vector(at))), 1e-3
    for _ in range(_STEPS):
        slope = np.asarray(joint.gradient(Alignment.of_vector(at)), float)[used]
        bend = np.asarray(joint.hessian(Alignment.of_vector(at)), float)[np.ix_(used, used)]
        if not (np.all(np.isfinite(slope)) and np.all(np.isfinite(bend))):
            raise ValueError(f"no alignment of least loss was found: no light couples at {at.tolist()}")
        size = np.maximum(np.abs(np.diag(bend)), FLAT * np.max(np.abs(np.diag(bend))))
        if (
            not np.any(size)
            or np.max(np.abs(slope) / np.sqrt(size)) < 64.0 * np.sqrt(jnp.finfo(jnp.result_type(float)).eps) ** 1.5
        ):
            return Alignment.of_vector(at)
        while damping < 1e12:
            step = np.linalg.solve(bend + damping * np.diag(size), -slope)
            trial = at.copy()
            trial[used] += step
            then = _loss_within(joint, trial)
            if then <= loss and np.all(np.linalg.eigvalsh(bend + damping * np.diag(size)) > 0.0):
                break
            damping = max(4.0 * damping, 1e-6)
        else:
            return Alignment.of_vector(at)
        gained, at, loss, damping = loss - then, trial, then, 0.1 * damping
        if gained <= 1e-15 * max(loss, 1.0) and np.max(np.abs(step) * np.sqrt(size)) < 1e-7:
            return Alignment.of_vector(at)
    raise ValueError(f"no alignment of least loss was found in {_STEPS} steps; the last had {loss:.4g} dB")


def _loss_within(joint: FibreJoint, vector: np.ndarray) -> float:
    """Loss in dB, infinite where an alignment lies beyond what the joint can tell."""
    try:
        return float(joint.loss_db(Alignment.of_vector(vector)))
    except ValueError:
        return math.inf


def alignment_tolerance(
    joint: FibreJoint,
    alignment: Alignment | None = None,
    level_db: float = 1.0,
    freedoms: tuple[str, ...] = FREEDOMS,
) -> Tolerance:
    """Curvatures of the loss about an alignment of least loss in the degrees of freedom that count; see `Tolerance`.

    Raises:
        ValueError: for a level that is not above zero, an unknown degree of freedom, or one that counts in which the
            loss is not least: its curvature is below zero, or its slope adds half the level over the width.
    """
    check_kind("joint", joint, FibreJoint)
    check_positive("level_db", level_db, "dB")
    alignment = Alignment() if alignment is None else alignment
    loss, hessian = joint.loss_db(alignment), joint.hessian(alignment)
    found = Tolerance(alignment, np.asarray(loss), np.asarray(hessian), float(level_db), _checked(freedoms))
    _check_least(found, np.asarray(joint.gradient(alignment)))
    return found


def _check_least(found: Tolerance, slope: np.ndarray) -> None:
    curvature, widths = np.diag(found.hessian), found.curvature_widths
    for k, name in enumerate(FREEDOMS):
        rises = abs(slope[k]) * min(widths[k], FARTHEST[k]) > 0.5 * found.level_db
        if name in found.freedoms and (rises or curvature[k] * min(FARTHEST[k], 1e3) ** 2 < -1e-3 * found.level_db):
            unit = "um" if k < 3 else "rad"
            raise ValueError(
                f"the loss is not least in {name} there: slope {slope[k]:.4g} dB/{unit}, curvature {curvature[k]:.4g} "
                f"dB/{unit}^2; start from best_alignment, or leave it out of freedoms"
            )


def alignment_width(
    joint: FibreJoint, freedom: str, alignment: Alignment | None = None, level_db: float = 1.0, side: int = 1
) -> jax.Array:
    """Error of one degree of freedom at which the loss has grown by a level, by root finding, in um or rad.

    Differentiable in the joint and the alignment, twice too; not to be compiled or mapped, since it is sought on the
    host.

    Args:
        joint: the joint.
        freedom: one of `FREEDOMS`.
        alignment: where to start from.
        level_db: loss to add in dB.
        side: 1 for errors above zero, -1 for those below.

    Returns:
        The size of the error; infinite where the loss does not reach the level (within the window of sampled fields).

    Raises:
        ValueError: for an unknown degree of freedom or side, a level that is not above zero, or within jit or vmap.
    """
    check_kind("joint", joint, FibreJoint)
    (name,) = _checked((freedom,))
    check_positive("level_db", level_db, "dB")
    check_choice("side", side, (1, -1))
    number = FREEDOMS.index(name)
    vector = (Alignment() if alignment is None else alignment).vector()
    if not is_concrete(*jax.tree.leaves(jax.tree.map(jax.lax.stop_gradient, (joint, vector)))):
        raise ValueError("alignment_width seeks on the host: it can be differentiated, but not compiled or mapped")
    ends = _bracket(joint, vector, number, level_db, side)
    if ends is None:
        return jnp.asarray(jnp.inf, vector.dtype)
    return _root(joint, vector, number, level_db, side, ends)


def _root(
    joint: FibreJoint, vector: jax.Array, number: int, level: float, side: int, ends: tuple[float, float]
) -> jax.Array:
    """The root between bounds, found on the host, with the derivatives that two steps of Newton's method give it."""
    fixed, origin = jax.tree.map(jax.lax.stop_gradient, (joint, vector))
    direction = side * np.eye(len(FREEDOMS))[number]

    def moved(x: float) -> Alignment:
        return Alignment.of_vector(np.asarray(origin, float) + x * direction)

    goal = float(fixed.loss_db(moved(0.0))) + level
    found = float(brentq(lambda x: float(fixed.loss_db(moved(x))) - goal, *ends, xtol=1e-10 * ends[1]))  # type: ignore[arg-type]
    goal_there = joint.loss_db(Alignment.of_vector(vector)) + level
    at = jnp.asarray(found, vector.dtype)
    # One step gives first derivatives; each doubles the order to which they are right.
    for _ in range(2):
        there = Alignment.of_vector(vector + at * jnp.asarray(direction, vector.dtype))
        at = at - (joint.loss_db(there) - goal_there) / (side * joint.gradient(there)[number])
    return at


def _bracket(joint: FibreJoint, vector: jax.Array, number: int, level: float, side: int) -> tuple[float, float] | None:
    """Bounds of the first error at which the loss has grown by the level, by growing steps."""
    joint = jax.tree.map(jax.lax.stop_gradient, joint)
    origin = np.asarray(jax.lax.stop_gradient(vector))
    limit = FARTHEST[number]
    if number < 2 and joint.grid_in_use is not None:
        limit = 0.5 * float(joint.grid_in_use.window) - abs(float(origin[number]))
    if number in (3, 4) and joint.grid_in_use is not None:
        limit = min(limit, 0.9 * joint.steepest_tilt)
    start = float(joint.loss_db(Alignment.of_vector(origin)))
    low, step = 0.0, 1e-2 if number < 3 else 1e-4
    while low < limit:
        high = min(low + step, limit)
        moved = origin.copy()
        moved[number] += side * high
        if number == 2 and float(joint.left_out(moved[2])) > LOST:
            return None
        if float(joint.loss_db(Alignment.of_vector(moved))) - start >= level:
            return low, high
        low, step = high, 1.5 * step
    return None


def _checked(freedoms: tuple[str, ...]) -> tuple[str, ...]:
    for name in freedoms:
        check_choice("degree of freedom", name, FREEDOMS)
    return tuple(freedoms)
