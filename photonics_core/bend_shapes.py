"""Bends of any shape on a fixed footprint, and what their changes of curvature lose.

The curvature is a polyline over the length, the same from both ends, scaled so that the bend turns its angle and ends
where an arc of its effective radius does; the shape alone is left to choose. A constant shape is the arc, a triangle
the Euler bend.

To first order, where the curvature k changes the mode leaves light behind: sqrt(c) dk of the amplitude, c as in
`BendLoss`. It runs on with wavenumbers smaller than the mode's, by q. The light of one q adds up along the bend,

    F(q) = int k'(s) exp(i q s) ds = sum over pieces and jumps of dk exp(i q s_mid) sinc(q length / 2),

and lost = c int p(q) |F(q)|^2 dq. No light in the cladding has less than the beat b = 2 pi (n_eff - n_clad) / wl, above
which p(q) = exp(-(q - b) / w) / w is taken, with a spread w. A jump by D loses c D^2, whatever p is; changes over many
beats lose nothing; ends far apart do not interfere. The density p is an estimate, half of the beat by default, and so
is what smooth bends lose by it.
"""

import dataclasses
from typing import Any

import equinox as eqx
import numpy as np

from photonics_core.bend_loss import BendLoss, path_loss_db
from photonics_core.guide_paths import FULL_TURN, PiecewisePath
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range, is_concrete
from photonics_core.kernels.guide_curves import gauss_unit, namespace, piecewise_end, real
from photonics_core.runtime import as_leaf
from photonics_core.units import DB_PER_NEPER

#: Points of the density of wavenumbers, and where it is cut off.
POINTS, CUT = 96, 11.5


class ShapedBend(PiecewisePath):
    """A bend that is the same from both ends, with a curvature of any shape.

    Args:
        effective_radius: radius in um of the arc that ends at the same place.
        angle: in rad, positive to the left, not 0 and less than a full turn.
        shape: curvature at equal steps from the start to the middle, in any unit, at least 0, shape [K], K from 2 on.

    Raises:
        ValueError: for a value outside its range, or a shape without any curvature.
    """

    effective_radius: Any = eqx.field(converter=as_leaf)
    angle: Any = eqx.field(converter=as_leaf)
    shape: Any = eqx.field(converter=as_leaf)

    def __check_init__(self) -> None:
        check_positive("effective_radius", self.effective_radius, "um")
        check_range("angle", self.angle, -FULL_TURN, FULL_TURN, "rad", exclusive=True)
        if is_concrete(self.angle) and not np.all(np.asarray(self.angle)):
            raise ValueError("angle = 0 rad is no bend")
        if np.ndim(self.shape) != 1 or np.shape(self.shape)[0] < 2:
            raise ValueError(f"shape of shape {np.shape(self.shape)} is not [K] with K from 2 on")
        check_range("shape", self.shape, 0.0, np.inf)
        if is_concrete(self.shape):
            check_positive("sum of the shape", np.sum(np.asarray(self.shape, float)))

    def pieces(self) -> tuple[Any, Any, Any]:
        xp, radius, angle, shape = self._real(self.effective_radius, self.angle, self.shape)
        nodes = xp.concatenate([shape, shape[-2::-1]])
        begin, finish = nodes[:-1], nodes[1:]
        lengths = xp.ones_like(begin) / begin.size
        turn = angle / (0.5 * xp.sum((begin + finish) * lengths))
        # Of a bend of length 1; its chord against that of the arc is the length.
        x, y, _ = piecewise_end(xp, lengths, turn * begin, turn * finish)
        length = 2.0 * radius * xp.abs(xp.sin(0.5 * angle)) / xp.sqrt(x**2 + y**2)
        return length * lengths, turn * begin / length, turn * finish / length


class ShapedSBend(PiecewisePath):
    """An S-bend of two equal bends of any shape, ending `run` ahead and `offset` aside with the heading that it had.

    Args:
        run: in um, above 0.
        offset: in um, positive to the left, not 0.
        shape: of each bend, as of `ShapedBend`.

    Raises:
        ValueError: for a value outside its range, or a shape without any curvature.
    """

    run: Any = eqx.field(converter=as_leaf)
    offset: Any = eqx.field(converter=as_leaf)
    shape: Any = eqx.field(converter=as_leaf)

    def __check_init__(self) -> None:
        check_positive("run", self.run, "um")
        check_finite("offset", self.offset, "um")
        if is_concrete(self.offset) and not np.all(np.asarray(self.offset)):
            raise ValueError("offset = 0 um is no bend")
        ShapedBend(1.0, 1.0, self.shape)

    def pieces(self) -> tuple[Any, Any, Any]:
        xp, run, offset = self._real(self.run, self.offset)
        # Each bend has half of the chord, which runs at half of its angle.
        radius = (run**2 + offset**2) / (4.0 * xp.abs(offset))
        lengths, begin, finish = ShapedBend(radius, 2.0 * xp.arctan2(offset, run), self.shape).pieces()
        return tuple(xp.concatenate(each) for each in ((lengths, lengths), (begin, -begin), (finish, -finish)))


def transition_loss(path: PiecewisePath, beat: Any, spread: Any = None) -> Any:
    """The mean of |F(q)|^2 in 1/um^2: what changes of curvature lose between straight guides, over c of `BendLoss`.

    Args:
        path: the bend; a piece without length is a jump.
        beat: b in 1/um.
        spread: w in 1/um; None for half the beat.

    Raises:
        ValueError: for a beat or a spread that is not above zero, or another kind of path.
    """
    check_kind("path", path, PiecewisePath)
    spread = 0.5 * beat if spread is None else spread
    check_positive("beat", beat, "1/um")
    check_positive("spread", spread, "1/um")
    lengths, begin, finish = path.pieces()
    xp = namespace(lengths, begin, finish, beat, spread)
    lengths, begin, finish, beat, spread = (real(xp, each) for each in (lengths, begin, finish, beat, spread))
    ends, none = xp.cumsum(lengths), xp.zeros_like(lengths[:1])
    # What changes along pieces, and the jumps at the start, before each piece and at the end.
    along = xp.where(lengths != 0.0, finish - begin, xp.zeros_like(begin))
    changes = xp.concatenate([along, real(xp, path.curvature_steps())])
    places = xp.concatenate([ends - 0.5 * lengths, none, ends - lengths, ends[-1:]])
    widths = xp.concatenate([lengths, none, xp.zeros_like(lengths), none])
    nodes, weights = (real(xp, each) for each in _density())
    q = beat + spread * nodes
    phase = q[:, None] * places[None, :]
    size = changes[None, :] * xp.sinc(q[:, None] * widths[None, :] / (2.0 * np.pi))
    square = xp.sum(size * xp.cos(phase), axis=1) ** 2 + xp.sum(size * xp.sin(phase), axis=1) ** 2
    return xp.sum(weights * square)


def shape_loss_db(path: PiecewisePath, loss: BendLoss, beat: Any, spread: Any = None) -> Any:
    """Loss in dB of a bend between straight guides: radiation, and what changes of its curvature lose.

    Args:
        path: the bend.
        loss: radiation and mismatch, as of `fit_bend_loss`.
        beat, spread: as for `transition_loss`.

    Raises:
        ValueError: as `transition_loss` and `path_loss_db`.
    """
    radiation = path_loss_db(path, dataclasses.replace(loss, mismatch=0.0))
    changes = transition_loss(path, beat, spread)
    xp = namespace(changes, loss.mismatch)
    return radiation + DB_PER_NEPER * real(xp, loss.mismatch) * changes


def _density() -> tuple[np.ndarray, np.ndarray]:
    """Points (q - b) / w and weights of the density exp(-(q - b) / w) / w, cut off where it is 1e-5."""
    nodes, weights = gauss_unit(POINTS)
    nodes = CUT * nodes
    weights = weights * np.exp(-nodes)
    return nodes, weights / np.sum(weights)
