"""Silicon strip rings as measured: the index, loss and coupling that the examples start from.

Measured figures come from public spectra of the openEBL-2024-10 shuttle (SiEPIC, MIT licence; electron-beam
lithography, 220 nm silicon, oxide cladding, 25 C), fitted with `photonics_core.fit`; the tests fit them afresh where
the files are at hand. What a transmission spectrum cannot tell is computed and says so.
"""

from photonics_core.index import LinearIndex
from photonics_core.materials import SILICA, SILICON

O_BAND_WAVELENGTH = 1.31
O_BAND_GROUP_INDEX = 4.48
O_BAND_GAP = 0.160
O_BAND_KAPPA = 0.05
O_BAND_DECAY_LENGTH = 0.105
O_BAND_LOSS_DB_CM = 10.0
O_BAND_EFFECTIVE_INDEX = 2.438
O_BAND_INDEX_PER_SILICON = 1.10
O_BAND_INDEX_PER_OXIDE = 0.28


def o_band_index() -> LinearIndex:
    """The fundamental TE mode of a 350 nm x 220 nm strip around 1310 nm, in the bends of a small ring."""
    return LinearIndex(
        n_eff=O_BAND_EFFECTIVE_INDEX,
        n_g=O_BAND_GROUP_INDEX,
        wl0=O_BAND_WAVELENGTH,
        thermo_optic=2.1e-4,
        thermo_optic_slope=2e-7,
        loss_db_cm=O_BAND_LOSS_DB_CM,
    )
