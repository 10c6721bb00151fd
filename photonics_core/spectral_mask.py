"""Masks of filters: within which limits a transmission has to lie over bands of frequency or wavelength.

The excess of a transmission T in dB over a band's limits is max(least - T, T - most): above zero where the mask is
missed, by how many dB, and below zero where it is met, by how many. The largest excess over all bands and errors of
fabrication is what a filter is designed by.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.display import Shown
from photonics_core.kernels.checks import check_range
from photonics_core.units import DB_PER_NEPER


class Band(NamedTuple):
    """Limits over one band.

    Args:
        low, high: where it begins and ends, in the unit of the mask's axis.
        least_db: lowest transmission allowed in dB; -inf for any.
        most_db: highest transmission allowed in dB; inf for any.
    """

    low: float
    high: float
    least_db: float = -np.inf
    most_db: float = np.inf


class SpectralMask(Shown):
    """Bands with limits; static.

    Args:
        bands: the bands, in any order; they may overlap.

    Raises:
        ValueError: for no band, one that ends before it begins, or one whose limits leave nothing or forbid nothing.
    """

    bands: tuple[Band, ...] = eqx.field(static=True, converter=lambda bands: tuple(Band(*band) for band in bands))

    def __check_init__(self) -> None:
        if not self.bands:
            raise ValueError("bands = () has no band")
        for k, band in enumerate(self.bands):
            check_range(f"bands[{k}].high", band.high, band.low, np.inf, exclusive=True)
            if not band.most_db > band.least_db:
                raise ValueError(f"bands[{k}].most_db = {band.most_db:g} is not above least_db = {band.least_db:g}")
            if not (np.isfinite(band.least_db) or np.isfinite(band.most_db)):
                raise ValueError(f"bands[{k}] = {band} forbids nothing: give least_db or most_db")

    @staticmethod
    def flat_top(
        passband: float, stopband: float, span: float, least_db: float, stop_db: float, most_db: float = 0.0
    ) -> "SpectralMask":
        """A band-pass filter, even about 0.

        Args:
            passband: half the width of the band that passes between `least_db` and `most_db`.
            stopband: from where on, on both sides, at most `stop_db` passes.
            span: where the mask ends, on both sides.
            least_db, stop_db, most_db: limits in dB.
        """
        check_range("stopband", stopband, passband, np.inf, exclusive=True)
        sides = Band(-span, -stopband, most_db=stop_db), Band(stopband, span, most_db=stop_db)
        return SpectralMask((sides[0], Band(-passband, passband, least_db, most_db), sides[1]))

    def points(self, counts: int | Sequence[int]) -> np.ndarray:
        """Equally spaced places in all bands, their ends included, one band after the other, shape [sum of counts].

        Args:
            counts: how many in each band, at least 2; one number for all.
        """
        each = [counts] * len(self.bands) if isinstance(counts, int) else list(counts)
        if len(each) != len(self.bands):
            raise ValueError(f"counts of {len(each)} bands are not those of {len(self.bands)}")
        check_range("counts", np.asarray(each), 2)
        return np.concatenate([np.linspace(b.low, b.high, n) for b, n in zip(self.bands, each, strict=True)])

    def excess_db(self, places: Any, transmission: Any) -> jax.Array:
        """By how many dB a transmission misses the mask at places (above zero) or keeps it (below), shape [..., P].

        Args:
            places: concrete places on the mask's axis, shape [P]; where no band is, the excess is -inf.
            transmission: parts of power, shape [..., P].

        Raises:
            ValueError: for shapes that do not go together.
        """
        places, power = np.asarray(places, float), jnp.asarray(transmission)
        if places.ndim != 1 or power.shape[-1:] != places.shape:
            raise ValueError(
                f"places of shape {places.shape} and transmission of {power.shape} are not [P] and [..., P]"
            )
        least, most = (jnp.asarray(each, power.dtype) for each in self._limits(places))
        tiny = float(jnp.finfo(power.dtype).tiny)
        decibels = DB_PER_NEPER * jnp.log(jnp.maximum(power, tiny))
        shape = (1,) * (power.ndim - 1) + places.shape
        return jnp.maximum(least.reshape(shape) - decibels, decibels - most.reshape(shape))

    def _limits(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The tightest limits at each place."""
        least, most = np.full(places.shape, -np.inf), np.full(places.shape, np.inf)
        for band in self.bands:
            inside = (places >= band.low) & (places <= band.high)
            least[inside] = np.maximum(least[inside], band.least_db)
            most[inside] = np.minimum(most[inside], band.most_db)
        return least, most
