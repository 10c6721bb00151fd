"""What bends lose: radiation along them, and the mismatch of modes where the curvature jumps.

A bent guide loses power as exp(-int alpha ds), alpha = exp(a - b R) for a radius R, for light tunnels out through a
barrier whose width grows with R (Marcatili, Bell Syst. Tech. J. 48, 2103 (1969); Marcuse, J. Opt. Soc. Am. 66, 216
(1976), whose factor before the exponential is here part of a). The mode of a bend is shifted outwards in proportion to
the curvature k, so that a jump of k by D loses c D^2 of the power, to lowest order (Neumann, IEE Proc. H 129, 278
(1982)). Both come from solved modes: `fit_bend_loss`.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from photonics_core.cross_section import CrossSection
from photonics_core.display import Shown
from photonics_core.guide_paths import GuidePath, PathChain, PiecewisePath, Straight
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range
from photonics_core.kernels.guide_curves import namespace, part_nodes, real
from photonics_core.radiating_modes import bend_mode
from photonics_core.runtime import as_leaf
from photonics_core.units import DB_PER_NEPER, REFERENCE_TEMPERATURE

#: Loss in dB/cm below which that of a solved mode is rounding and no point of a fit.
LEAST_LOSS = 1e-4


class BendLoss(Shown):
    """Radiation alpha = exp(offset - slope R) in 1/um, and a loss mismatch D^2 where the curvature jumps by D.

    Args:
        offset: a, the logarithm of 1/um.
        slope: b in 1/um, above 0.
        mismatch: c in um^2, at least 0.

    Raises:
        ValueError: for a value outside its range.
    """

    offset: Any = eqx.field(converter=as_leaf)
    slope: Any = eqx.field(converter=as_leaf)
    mismatch: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_finite("offset", self.offset)
        check_positive("slope", self.slope, "1/um")
        check_range("mismatch", self.mismatch, 0.0, np.inf, "um^2")

    def radiation(self, curvature: Any) -> Any:
        """Power lost along a bend in 1/um over its curvature in 1/um; none, with all derivatives, at 0."""
        xp = namespace(curvature, *jax.tree.leaves(self))
        size = xp.abs(real(xp, curvature))
        # Below 1e-4 / um all is far below the least number for any guide; there exp is not asked for 1 / 0.
        bent = size > 1e-4
        radius = 1.0 / xp.where(bent, size, xp.ones_like(size))
        power = xp.exp(real(xp, self.offset) - real(xp, self.slope) * radius)
        return xp.where(bent, power, xp.zeros_like(power))

    def step_db(self, jump: Any) -> Any:
        """Loss in dB where the curvature jumps by so much in 1/um; that of a jump beyond the law goes on in a line."""
        xp = namespace(jump, *jax.tree.leaves(self))
        lost = real(xp, self.mismatch) * real(xp, jump) ** 2
        # -ln(1 - p) up to p = 1/2, and its tangent beyond, where the law is lost anyway.
        near = xp.minimum(lost, 0.5 * xp.ones_like(lost))
        return DB_PER_NEPER * (-xp.log1p(-near) + 2.0 * (lost - near))


def path_loss_db(path: PathChain | GuidePath, loss: BendLoss) -> Any:
    """Loss in dB along a path between straight guides: radiation of its bends, and jumps of the curvature.

    The integral of each piece of linear curvature, and of each other path, is one of Gauss in 16 parts of 12 points.

    Raises:
        ValueError: if the path or the loss is of another kind.
    """
    if not isinstance(path, PathChain | GuidePath):
        raise ValueError(f"path = {path!r} is no GuidePath and no PathChain")
    check_kind("loss", loss, BendLoss)
    segments = path.segments if isinstance(path, PathChain) else (path,)
    radiated = sum(_radiated(segment, loss) for segment in segments if not isinstance(segment, Straight))
    steps = loss.step_db(path.curvature_steps())
    return DB_PER_NEPER * radiated + namespace(steps).sum(steps)


def fit_bend_loss(
    section: CrossSection,
    wl: Any,
    radii: Sequence[float],
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    polarization: str = "te",
    accuracy: str = "normal",
) -> BendLoss:
    """The bend loss of a cross-section from its solved modes at some radii.

    ln alpha over R is a straight line in least squares; the mismatch is the mean of 1 - |overlap|^2 over the square of
    the jump of curvature, between neighbouring radii.

    Args:
        section: as for `bend_mode`.
        wl: free-space wavelength in um.
        radii: in um, at least two, tight enough to lose some 1e-4 dB/cm or more.
        temperature, polarization, accuracy: as for `bend_mode`.

    Raises:
        ValueError: for fewer than two radii, one that does not lose enough to be told from rounding, or as `bend_mode`.
    """
    radii = sorted(float(radius) for radius in radii)
    check_positive("radii", radii, "um")
    if len(set(radii)) < 2:
        raise ValueError(f"radii = {radii} are not two or more different ones")
    found = {"polarization": polarization, "accuracy": accuracy}
    modes = [bend_mode(section, wl, radius, temperature, **found) for radius in radii]
    losses = np.array([float(mode.loss_db_cm) for mode in modes])
    for radius, lost in zip(radii, losses, strict=True):
        if lost < LEAST_LOSS:
            raise ValueError(
                f"radii: a bend of {radius:g} um loses {lost:.3g} dB/cm, below the {LEAST_LOSS:g} that a mode can be "
                "trusted with; give tighter ones"
            )
    alpha = losses / (DB_PER_NEPER * 1e4)
    slope, offset = np.polyfit(radii, np.log(alpha), 1)
    jumps = np.diff(1.0 / np.asarray(radii))
    lost = [1.0 - abs(complex(one.overlap(other))) ** 2 for one, other in itertools.pairwise(modes)]
    mismatch = float(np.mean(np.asarray(lost) / jumps**2))
    return BendLoss(float(offset), float(-slope), max(mismatch, 0.0))


def _radiated(path: GuidePath, loss: BendLoss) -> Any:
    """Integral of the radiation along one path."""
    nodes, weights = part_nodes()
    if isinstance(path, PiecewisePath):
        lengths, begin, finish = path.pieces()
        xp = namespace(lengths, begin, finish, *jax.tree.leaves(loss))
        nodes, weights = real(xp, nodes)[None, :], real(xp, weights)[None, :]
        power = loss.radiation(begin[:, None] + (finish - begin)[:, None] * nodes)
        return xp.sum(lengths * xp.sum(weights * power, axis=1))
    points = path.at(nodes)
    density = loss.radiation(points.curvature) * points.speed
    xp = namespace(density)
    return xp.sum(real(xp, weights) * density)
