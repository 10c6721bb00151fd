"""A strip waveguide solved once, index and coupling, and the devices drawn with it.

    guide = StripGuide.solve(0.5, 0.22, loss_db_cm=5.0, cache="modes")
    ring = guide.add_drop_ring(radius=10.0, gaps=(0.1, 0.1))

Solving takes a minute and is kept in the cache; what is drawn afterwards is as fast as a device given by numbers and
differentiable in radius, gaps and lengths. The ring's index is that of the straight strip, so radii are those at which
a bend does not change the mode, 5 um and more in silicon.
"""

import math
import os
from typing import Any

import equinox as eqx
import numpy as np

from photonics_core.coupling_map import CouplingMap, Interval
from photonics_core.devices.drawn_coupler import DrawnCoupler, PulleyCoupler, is_straight
from photonics_core.devices.ring import AddDropRing, AllPassRing
from photonics_core.display import Shown
from photonics_core.index_map import IndexMap
from photonics_core.kernels.checks import check_positive, check_range, is_concrete
from photonics_core.materials import SILICA, SILICON
from photonics_core.runtime import as_leaf
from photonics_core.strip_map import strip_index


class StripGuide(Shown):
    """Index and coupling of a strip, made by `StripGuide.solve`.

    Args:
        width: width of the strip in um.
        index: its effective index over wavelength and temperature.
        coupling: coupling per length of two of them over gap and wavelength.
    """

    width: Any = eqx.field(converter=as_leaf)
    index: IndexMap
    coupling: CouplingMap

    @classmethod
    def solve(
        cls,
        width: float | Interval = 0.5,
        height: float | Interval = 0.22,
        core: Any = SILICON,
        cladding: Any = SILICA,
        *,
        gap: Interval = (0.05, 0.6),
        wl: Interval = (1.5, 1.6),
        temperature: float | Interval = (290.0, 370.0),
        polarization: str = "te",
        loss_db_cm: Any = 0.0,
        cache: str | os.PathLike[str] | None = None,
    ) -> "StripGuide":
        """Solve for the modes of the strip and of two of them.

        Args:
            width, height: in um: a number, or an interval over which `at` changes it; the guide starts in the middle.
            core, cladding: media, as for `CrossSection`.
            gap: narrowest and widest gap in um; beyond the widest, coupling falls on as an exponential.
            wl: shortest and longest wavelength in um.
            temperature: lowest and highest temperature in K of the index; the coupling is that in the middle.
            polarization: "te" or "tm".
            loss_db_cm: propagation loss in dB/cm, such as scattering, which no mode solver knows.
            cache: folder in which what was solved is kept.

        Raises:
            ValueError: as `strip_index` and `CouplingMap.fit` do.
        """
        media = {"core": core, "cladding": cladding}
        common = {"wl": wl, "polarization": polarization, "cache": cache}
        index = strip_index(width, height, **media, temperature=temperature, loss_db_cm=loss_db_cm, **common)
        middle = float(np.mean(temperature))
        coupling = CouplingMap.fit(width, height, **media, gap=gap, temperature=middle, **common)
        return cls(float(np.mean(width)), index, coupling)

    def at(self, **dimensions: Any) -> "StripGuide":
        """The same guide with another `width` or `height` in um, of those that were solved over an interval.

        Raises:
            ValueError: for a dimension that does not vary, or a value outside its interval.
        """
        index, coupling = self.index.at(**dimensions), self.coupling.at(**dimensions)
        return StripGuide(dimensions.get("width", self.width), index, coupling)

    def bus_coupler(self, radius: Any, gap: Any, straight_length: Any = 0.0, loss_db: Any = 0.0) -> DrawnCoupler:
        """A ring of `radius` um beside a straight bus at `gap` um; a racetrack has a straight part too."""
        self._check_radius(radius)
        return DrawnCoupler(self.coupling, gap, straight_length, (math.inf, radius), loss_db)

    def ring_coupler(self, radii: tuple[Any, Any], gap: Any, loss_db: Any = 0.0) -> DrawnCoupler:
        """Two rings of these radii in um side by side."""
        for radius in _pair("radii", radii):
            self._check_radius(radius)
        return DrawnCoupler(self.coupling, gap, 0.0, radii, loss_db)

    def directional_coupler(self, gap: Any, length: Any, radius: Any = math.inf, loss_db: Any = 0.0) -> DrawnCoupler:
        """Two guides in parallel over `length` um, which part with bends of `radius` um (infinite: they end there)."""
        self._check_radius(radius)
        return DrawnCoupler(self.coupling, gap, length, (radius, radius), loss_db)

    def pulley_coupler(self, radius: Any, gap: Any, wrap_angle: Any, loss_db: Any = 0.0) -> PulleyCoupler:
        """A bus that goes around a ring of `radius` um over `wrap_angle` rad."""
        return PulleyCoupler(self.coupling, self.index, gap, radius, self.width, wrap_angle, loss_db)

    def all_pass_ring(self, radius: Any, gap: Any, straight_length: Any = 0.0, loss_db: Any = 0.0) -> AllPassRing:
        """A ring, or racetrack, beside one bus."""
        coupler = self.bus_coupler(radius, gap, straight_length)
        return AllPassRing(radius, coupler, self.index, straight_length, loss_db)

    def add_drop_ring(
        self, radius: Any, gaps: tuple[Any, Any], straight_length: Any = 0.0, loss_db: Any = 0.0
    ) -> AddDropRing:
        """A ring, or racetrack, between two buses at these gaps in um.

        Raises:
            ValueError: for gaps that are not two or below those solved, or a radius below half the width.
        """
        entry, drop = (self.bus_coupler(radius, gap, straight_length) for gap in _pair("gaps", gaps))
        return AddDropRing(radius, entry, drop, self.index, straight_length, loss_db)

    def _check_radius(self, radius: Any) -> None:
        if is_straight(radius):
            return
        check_positive("radius", radius, "um")
        if is_concrete(radius, self.width):
            lowest = 0.5 * float(np.max(self.width))
            if not np.all(np.asarray(radius, float) > lowest):
                raise ValueError(f"radius = {np.min(radius):g} um is not above half the width, {lowest:g} um")


def _pair(name: str, values: Any) -> Any:
    """Two values, one for each side."""
    if not isinstance(values, (tuple, list)) and not np.ndim(values):
        raise ValueError(f"{name} = {values!r} is not a pair of numbers in um")
    check_range(f"number of {name}", len(values), 2, 2)
    return values
