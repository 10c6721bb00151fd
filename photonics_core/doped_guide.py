"""A guide with a PN junction in its core: what a voltage does to its index and its loss.

The junction says where there are carriers (`PNJunction`), the mode how much light is there: to first order the
effective index changes by that of silicon times the overlap of the mode with the part that has carriers.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.carriers import MODELS, CarrierProfile, carrier_complex_index, mode_overlap, same_shape
from photonics_core.display import Shown
from photonics_core.junction import JunctionDensities, PNJunction
from photonics_core.kernels.checks import check_choice, check_kind, check_positive, check_range, is_concrete
from photonics_core.modes import Mode
from photonics_core.runtime import as_leaf
from photonics_core.units import loss_db_cm


class DopedGuide(Shown):
    """A guide with a junction in its core: index and loss against voltage, to first order in the carriers.

    The effective index changes by the change of the index of silicon times d n_eff / d n of the part of the guide that
    has carriers: the integral of n |E|^2 over it, over 2 Z_0 times the power (the share of energy times n_g / n; see
    `Mode.index_sensitivity`). Voltages are reverse voltages in V, `wl` in um; they broadcast.

    Args:
        junction: the junction.
        overlap: d n_eff / d n of the whole core as a number, its field taken as even over it (0.91 for the TE mode of a
            rib of 500 x 220 nm on a slab of 90 nm at 1.55 um). Or a solved `Mode` of a guide in the coordinates of
            `CrossSection.rib` whose silicon is the medium of highest index: then the slab counts too, up to the
            contacts. The field is that of the mode's own wavelength.
        model: as for `carrier_index_change`.

    Raises:
        ValueError: for an overlap outside (0, 3], or another model.
    """

    junction: PNJunction
    overlap: Any = eqx.field(converter=as_leaf)
    model: str = eqx.field(static=True, default="nedeljkovic")

    def __check_init__(self) -> None:
        check_kind("junction", self.junction, PNJunction)
        check_choice("model", self.model, MODELS)
        if not isinstance(self.overlap, Mode):
            check_positive("overlap", self.overlap)
            check_range("overlap", self.overlap, 0.0, 3.0)

    def index_change(self, voltage: Any, wl: Any) -> jax.Array:
        """Complex change of the effective index against the guide without dopants; the imaginary part absorbs."""
        voltage, wl = same_shape(voltage, wl)
        (p, p_slab), (n, n_slab) = self.junction.densities()
        parts, weights = [(0.0, p), (n, 0.0)], self._core(*self.junction.depletion_parts(voltage))
        if isinstance(self.overlap, Mode):
            parts, weights = [*parts, (0.0, p_slab), (n_slab, 0.0)], weights + self._slabs(self.overlap)
        changes = [carrier_complex_index(*pair, wl=wl, model=self.model) for pair in parts]
        terms = [weight.astype(each.dtype) * each for weight, each in zip(weights, changes, strict=True)]
        return sum(terms[1:], terms[0])

    def loss_db_cm(self, voltage: Any, wl: Any) -> jax.Array:
        """Loss by carriers in dB/cm."""
        return loss_db_cm(4.0 * math.pi * self.index_change(voltage, wl).imag / wl)

    def phase(self, voltage: Any, wl: Any, bias: Any = 0.0) -> jax.Array:
        """Phase in rad/um that a reverse voltage adds to that at a bias; above zero for the higher voltage."""
        change = self.index_change(voltage, wl).real - self.index_change(bias, wl).real
        return 2.0 * math.pi * change / wl

    def v_pi_l_cm(self, voltage: Any, wl: Any, bias: Any = 0.0) -> jax.Array:
        """Voltage step times length for a phase of pi, in V cm, of steps from `bias` to a higher `voltage`."""
        if is_concrete(voltage, bias):
            check_positive("voltage - bias", np.asarray(voltage) - np.asarray(bias), "V")
        return 1e-4 * math.pi * (voltage - bias) / self.phase(voltage, wl, bias)

    def profile(self, voltage: Any, wl: Any, medium: int = 0) -> CarrierProfile:
        """The change of the index over a section whose silicon is the medium of this number, for the mode solver.

        The layer's edges are abrupt: let `CrossSection.divided` put lines there, and unfold the section across it.
        """
        return CarrierProfile(JunctionDensities(self.junction, voltage, medium), wl, self.model)

    def _core(self, x_p: jax.Array, x_n: jax.Array) -> list[jax.Array]:
        """d n_eff / d n of what has holes, and of what has electrons, in the core."""
        p, n = self.junction.span()
        left = [jnp.maximum(p - x_p, 0.0), jnp.maximum(n - x_n, 0.0)]
        x, y = 0.5 * self.junction.width, 0.5 * self.junction.height
        if not isinstance(self.overlap, Mode):
            return [self.overlap * span / (p + n) for span in left]
        if self.junction.orientation == "lateral":
            return [mode_overlap(self.overlap, side, (-y, y)) for side in ((-x, left[0] - x), (x - left[1], x))]
        if self.junction.orientation == "vertical":
            return [mode_overlap(self.overlap, (-x, x), side) for side in ((-y, left[0] - y), (y - left[1], y))]
        whole = mode_overlap(self.overlap, (-x, x), (-y, y))
        return [whole * span / (p + n) for span in left]

    def _slabs(self, mode: Mode) -> list[jax.Array]:
        """The same of the slabs on the left and on the right."""
        inner, foot = 0.5 * self.junction.width, -0.5 * self.junction.height
        outer, y = inner + self.junction.access, (foot, foot + self.junction.slab)
        return [mode_overlap(mode, side, y) for side in ((-outer, -inner), (inner, outer))]
