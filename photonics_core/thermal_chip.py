"""The outline of a chip and what its edges do to heat: mirror images, and waves that are summed as modes."""

from collections.abc import Sequence

import equinox as eqx
import jax

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_choice, check_positive, check_range, is_concrete
from photonics_core.kernels.edges import screen_for
from photonics_core.thermal_stack import ThermalRegion

#: Reflections that the shorter side of a chip is given at most.
_MOST_IMAGES = 8


class Chip(Shown):
    """The chip seen from above, from (0, 0) to (width, height) in um, and its edges.

    Args:
        width, height: in um.
        edges: "open" for layers that go on beyond, "adiabatic" where no heat leaves, "fixed" where the edge is as warm
            as the surroundings.
        images: largest number of reflections along the longer side that are summed one by one, and of more along the
            shorter; the rest are summed as modes of the chip. Results do not depend on it.

    Raises:
        ValueError: for sizes that are not above zero, or unknown edges.
    """

    width: float = eqx.field(static=True)
    height: float = eqx.field(static=True)
    edges: str = eqx.field(static=True, default="open")
    images: int = eqx.field(static=True, default=1)

    def __check_init__(self) -> None:
        check_positive("width", self.width, "um")
        check_positive("height", self.height, "um")
        check_choice("edges", self.edges, ("open", "adiabatic", "fixed"))
        check_range("images", self.images, 1, 100)

    def screen(self) -> float | None:
        """Wavenumber in 1/um below which waves are summed as modes of the chip; None for open edges."""
        if self.edges == "open":
            return None
        across, along = self._orders()
        return screen_for(min(across * self.width, along * self.height))

    def _orders(self) -> tuple[int, int]:
        """Reflections in x and in y that are summed one by one: more of them along a side that is shorter."""
        most, longest = max(self.images, _MOST_IMAGES), max(self.width, self.height)
        across, along = (min(self.images * round(longest / size), most) for size in (self.width, self.height))
        return across, along

    def mirrors(self) -> list[tuple[float, int, float, int, float]]:
        """Sign, and factor and shift of x and of y, of each image; the first is the thing itself."""
        if self.edges == "open":
            return [(1.0, 1, 0.0, 1, 0.0)]
        odd = -1.0 if self.edges == "fixed" else 1.0
        across, along = (
            _reflections(size, order) for size, order in zip((self.width, self.height), self._orders(), strict=True)
        )
        return [((odd if sx != sy else 1.0), sx, dx, sy, dy) for sx, dx in across for sy, dy in along]


def _reflections(size: float, images: int) -> list[tuple[int, float]]:
    """Factor and shift of x after up to so many reflections in the edges 0 and `size`."""
    found = [(1, 0.0)]
    for order in range(1, images + 1):
        if order % 2:
            found += [(-1, (order + 1) * size), (-1, (1 - order) * size)]
        else:
            found += [(1, order * size), (1, -order * size)]
    return found


def check_inside(name: str, regions: Sequence[ThermalRegion], chip: Chip) -> None:
    """Refuse the region that goes beyond the chip; what is traced is left alone."""
    for number, region in enumerate(regions):
        if not is_concrete(*jax.tree.leaves(region.shape)):
            continue
        for axis, sides, size in zip("xy", region.shape.extent(), (chip.width, chip.height), strict=True):
            low, high = map(float, sides)
            if low < -1e-9 or high > size + 1e-9:
                raise ValueError(
                    f"{name}[{number}] from {axis} = {low:g} to {high:g} um is outside the chip, [0, {size:g}] um"
                )
