"""Y-branch and crossing, by the few numbers that data sheets give. Measured or simulated ones are `CompactDevice`s.

A Y-branch has no port for the odd field of its two arms, which radiates: light from one arm alone loses half of its
power on the way to the trunk, however good the branch is.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_range
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix


class YBranch(Shown):
    """One guide into two. Ports: `in`, `upper` and `lower`.

    Args:
        loss_db: excess loss in dB, beside the division, at least 0.
        imbalance_db: power of `upper` over `lower` in dB.

    Raises:
        ValueError: for a value outside its range.
    """

    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)
    imbalance_db: Any = eqx.field(converter=as_leaf, default=0.0)

    def __check_init__(self) -> None:
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")
        check_range("imbalance_db", self.imbalance_db, -60.0, 60.0, "dB")

    def scattering(self, wl: Any) -> SMatrix:
        """Scattering matrix over `wl` in um, flat in wavelength."""
        passed, tilt = _field(self.loss_db), jnp.asarray(self.imbalance_db * (math.log(10.0) / 10.0))
        arms = {"upper": jax.nn.sigmoid(tilt), "lower": jax.nn.sigmoid(-tilt)}
        pairs = {("in", arm): _over(passed * jnp.sqrt(share), wl) for arm, share in arms.items()}
        return SMatrix.from_pairs(("in", "upper", "lower"), pairs, wl, reciprocal=True)


class Crossing(Shown):
    """Two guides that cross. Ports: `west`, `east`, `south` and `north`; light goes from west to east, south to north.

    With i x into each side arm, a crossing of two mirror planes that keeps all power passes (1 + s) / 2 and reflects
    -(1 - s) / 2, s^2 = 1 - 4 x^2: it cannot have crosstalk without a reflection of about x^2.

    Args:
        loss_db: excess loss in dB on all ways, at least 0.
        crosstalk_db: power into each side arm over that sent in, before the loss, in dB, at most -6.03.

    Raises:
        ValueError: for a value outside its range.
    """

    loss_db: Any = eqx.field(converter=as_leaf, default=0.0)
    crosstalk_db: Any = eqx.field(converter=as_leaf, default=-60.0)

    def __check_init__(self) -> None:
        check_range("loss_db", self.loss_db, 0.0, np.inf, "dB")
        check_range("crosstalk_db", self.crosstalk_db, -200.0, -6.03, "dB")

    def scattering(self, wl: Any) -> SMatrix:
        """Scattering matrix over `wl` in um, flat in wavelength."""
        passed, square = _field(self.loss_db), jnp.exp(jnp.asarray(self.crosstalk_db) * (math.log(10.0) / 10.0))
        root = jnp.sqrt(1.0 - 4.0 * square)
        through, side = _over(0.5 * passed * (1.0 + root), wl), 1j * _over(passed * jnp.sqrt(square), wl)
        # (1 - s) / 2 without cancelling.
        back = _over(-2.0 * passed * square / (1.0 + root), wl)
        ports = ("west", "east", "south", "north")
        pairs = {("west", "east"): through, ("south", "north"): through} | {(port, port): back for port in ports}
        pairs |= {(one, other): side for one in ports[:2] for other in ports[2:]}
        return SMatrix.from_pairs(ports, pairs, wl, reciprocal=True)


def _field(loss_db: Any) -> jax.Array:
    """Field left by a loss in dB."""
    return jnp.exp(jnp.asarray(-loss_db * (math.log(10.0) / 20.0)))


def _over(value: jax.Array, wl: Any) -> jax.Array:
    """A real amplitude as a complex one at each wavelength."""
    whole = jnp.broadcast_to(value, jnp.shape(wl))
    return jax.lax.complex(whole, jnp.zeros_like(whole))
