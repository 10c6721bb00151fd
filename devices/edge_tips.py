"""Tips of edge couplers: one, two or three narrow guides side by side, and the mode they hold at the facet.

A guide much narrower than its mode holds it weakly, so that the field swells to the size of a fibre's. The mode of one
core in an endless medium has no cut-off, but below some width its index is above the cladding's by less than 1e-5 and
its field wider than any window; then no mode is found, and an error says so.

The window is a box of half-sides `window`. What it cuts off changes the loss at the facet by `window_error_db`. Silicon
220 nm high, TE at 1550 nm, from a window of 12 um to one of 18 um: 0.0013 dB for a tip of 180 nm and a spot of 3 um,
0.006 dB for 150 nm, to a spot of 3 um or a fibre of 10.4 um. A tip of 120 nm changes by 0.3 dB from 16 to 24 um.

The search starts at the index that the effective-index method gives for one core of all the widths together, which is
too high, so that no mode lies nearer than the fundamental one.

Inverse taper: Almeida, Panepucci and Lipson, Opt. Lett. 28, 1302 (2003). Trident: Hatori et al., J. Lightwave Technol.
32, 1329 (2014). Both are cited second hand, for the idea alone.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from photonics_core.cross_section import CrossSection
from photonics_core.display import Shown
from photonics_core.effective_index_method import effective_index
from photonics_core.films import FilmStack
from photonics_core.guidance import check_guided
from photonics_core.kernels.checks import check_choice, check_positive, check_range, is_concrete
from photonics_core.materials import SILICA, SILICON
from photonics_core.medium import as_medium, medium_index
from photonics_core.mode_solver import fundamental_walls, solve_classes
from photonics_core.modes import Mode
from photonics_core.runtime import as_leaf
from photonics_core.units import REFERENCE_TEMPERATURE

#: Where the cladding around the tips is divided, as fractions of its width.
OUTER = (0.06, 0.2, 0.5)
#: Where the buried oxide is divided, counted from the substrate.
BURIED = (0.5, 0.8, 0.95)
#: Thickness of the substrate in front of the absorbing layer in um.
SUBSTRATE = 0.25
#: Modes of the open section among which the one of the tip is sought.
CANDIDATES = 3


class EdgeTips(Shown):
    """The section at one place of an edge coupler: one, two or three cores of one height in a cladding.

    Args:
        width: width in um of the core, or of each of the outer two.
        height: height in um.
        gap: distance of neighbours in um, for two and three cores; None for one.
        middle: width of the middle one of three in um.
        core: medium of the cores: silicon, or nitride for converters of thin nitride.
        cladding: medium around them.
        window: half the side of the box in which modes are sought, in um.

    Raises:
        ValueError: for a dimension that is not above zero, a middle without a gap, or cores that do not fit the window.
    """

    width: Any = eqx.field(converter=as_leaf)
    height: Any = eqx.field(converter=as_leaf, default=0.22)
    gap: Any = eqx.field(converter=as_leaf, default=None)
    middle: Any = eqx.field(converter=as_leaf, default=None)
    core: Any = eqx.field(converter=lambda value: as_medium("core", value), default=SILICON)
    cladding: Any = eqx.field(converter=lambda value: as_medium("cladding", value), default=SILICA)
    window: Any = eqx.field(converter=as_leaf, default=12.0)

    def __check_init__(self) -> None:
        for name in ("width", "height", "gap", "middle", "window"):
            value = getattr(self, name)
            if value is not None:
                check_positive(name, value, "um")
        if self.middle is not None and self.gap is None:
            raise ValueError("middle is given without gap: three cores need their distance")
        if is_concrete(*jax.tree.leaves((self.width, self.gap, self.middle, self.height, self.window))):
            half, tall = np.max(self._edges()[-1]), 0.5 * np.max(self.height)
            check_range("half the width of all cores", half, 0.0, 0.8 * float(np.min(self.window)), "um")
            check_range("half the height", tall, 0.0, 0.8 * float(np.min(self.window)), "um")

    @property
    def count(self) -> int:
        """Number of cores."""
        return 1 if self.gap is None else 2 if self.middle is None else 3

    def section(self) -> CrossSection:
        """The cross-section, a quarter of it, in its window."""
        ends = jnp.stack([_number(x) for x in (0.0, *self._edges(), self.window)])
        y = jnp.stack([_number(x) for x in (0.0, 0.5 * self.height, self.window)])
        columns = tuple((medium, 1) for medium in self._columns())
        x = jnp.broadcast_to(ends[:, None], (ends.size, 3))
        whole = CrossSection(x, y, (self.core, self.cladding), columns, (True, True))
        return whole.divided(0, len(columns) - 1, OUTER).divided(1, 1, OUTER)

    def section_on(self, buried_oxide: Any, substrate: Any = SILICON) -> CrossSection:
        """The cross-section over a substrate, half of it, cut close below the oxide; for `leaky_tip`.

        Args:
            buried_oxide: distance in um of the cores from the substrate; what lies there is the cladding.
            substrate: medium of the substrate.
        """
        check_positive("buried_oxide", buried_oxide, "um")
        half = 0.5 * self.height
        foot = -half - buried_oxide
        ends = jnp.stack([_number(x) for x in (0.0, *self._edges(), self.window)])
        y = jnp.stack([_number(v) for v in (foot - SUBSTRATE, foot, -half, half, self.window)])
        columns = tuple((2, 1, medium, 1) for medium in self._columns())
        media = (self.core, self.cladding, as_medium("substrate", substrate))
        whole = CrossSection(jnp.broadcast_to(ends[:, None], (ends.size, 5)), y, media, columns, (True, False))
        return whole.divided(0, len(columns) - 1, OUTER).divided(1, 3, OUTER).divided(1, 1, BURIED)

    def mode(
        self,
        wl: Any,
        temperature: Any = REFERENCE_TEMPERATURE,
        *,
        polarization: str = "te",
        accuracy: str = "normal",
    ) -> Mode:
        """The fundamental mode, traceable: what the facet sends out and takes.

        Args:
            wl: free-space wavelength in um.
            temperature: temperature in K.
            polarization: "te" (E along x) or "tm".
            accuracy: as for `solve_modes`.

        Raises:
            ValueError: for tips that hold no such mode in this window.
            equinox.EquinoxRuntimeError: where that shows only when a compiled function runs.
        """
        section = self.section()
        walls = [fundamental_walls(section, polarization)]
        guess = self.highest_index(wl, temperature, polarization)
        (mode,) = solve_classes(section, wl, temperature, walls=walls, accuracy=accuracy, guess=guess)
        if is_concrete(mode.n_eff):
            check_guided(mode, temperature, polarization)
            return mode
        free = ~(mode.n_eff.real > self.cladding_index(wl, temperature))
        n_eff = eqx.error_if(mode.n_eff, free, f"the tips guide no {polarization} mode in this window")
        return eqx.tree_at(lambda each: each.n_eff, mode, n_eff)

    def highest_index(self, wl: Any, temperature: Any, polarization: str) -> jax.Array:
        """An index above that of the fundamental mode, from the effective-index method; it has no derivatives."""
        check_choice("polarization", polarization, ("te", "tm"))
        core, cladding = (self._index(medium, wl, temperature) for medium in (self.core, self.cladding))
        held = jax.tree.map(lax.stop_gradient, (core, cladding, self.height, self._silicon(), _number(wl)))
        core, cladding, height, width, wl = (_number(each) for each in held)
        slab = FilmStack([cladding, core, cladding], jnp.reshape(height, (1,)))
        return lax.stop_gradient(effective_index(slab, cladding, width, wl, "s" if polarization == "te" else "p"))

    def cladding_index(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Index of the cladding, above which a mode is guided."""
        return self._index(self.cladding, wl, temperature)

    def _index(self, medium: Any, wl: Any, temperature: Any) -> jax.Array:
        return jnp.max(jnp.real(medium_index(medium, wl, temperature))).astype(jnp.result_type(float))

    def _silicon(self) -> Any:
        """Width of all cores together."""
        return self.width if self.count == 1 else 2.0 * self.width + (0.0 if self.middle is None else self.middle)

    def _edges(self) -> list[Any]:
        """Where the cores end at x > 0, in rising order."""
        if self.gap is None:
            return [0.5 * self.width]
        if self.middle is None:
            return [0.5 * self.gap, 0.5 * self.gap + self.width]
        near = 0.5 * self.middle
        return [near, near + self.gap, near + self.gap + self.width]

    def _columns(self) -> tuple[int, ...]:
        """Media of the row of the cores, from x = 0 to the wall."""
        return {1: (0, 1), 2: (1, 0, 1), 3: (0, 1, 0, 1)}[self.count]


def leaky_tip(
    tips: EdgeTips,
    wl: Any,
    buried_oxide: Any,
    temperature: Any = REFERENCE_TEMPERATURE,
    *,
    substrate: Any = SILICON,
    polarization: str = "te",
    accuracy: str = "normal",
) -> Mode:
    """The mode of tips over a substrate into which it leaks; `Mode.loss_db_cm` says how fast. Traceable.

    Of the modes nearest the index without the substrate it is that with the largest part of its power in the cores. A
    field that reaches the substrate as wide as it is tall is no guided mode any more, and a loss above some 1 dB in
    10 um is an order of magnitude. Arguments and errors are those of `EdgeTips.mode`, and

    Args:
        buried_oxide: distance in um of the cores from the substrate.
        substrate: medium of the substrate.
    """
    check_positive("buried_oxide", buried_oxide, "um")
    closed = tips.mode(wl, temperature, polarization=polarization, accuracy=accuracy)
    section = tips.section_on(buried_oxide, substrate)
    found = solve_classes(
        section,
        wl,
        temperature,
        walls=[fundamental_walls(section, polarization)],
        count=CANDIDATES,
        accuracy=accuracy,
        guess=lax.stop_gradient(closed.n_eff.real),
        absorbers=("right", "bottom"),
    )
    held = jnp.stack([mode.confinement(0) for mode in found])
    best = lax.stop_gradient(jnp.argmax(held))
    return jax.tree.map(lambda *leaves: jnp.take(jnp.stack(leaves), best, axis=0), *found)


def _number(value: Any) -> jax.Array:
    return jnp.asarray(value).astype(jnp.result_type(float))
