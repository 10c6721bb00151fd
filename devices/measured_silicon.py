"""Silicon strip rings as measured: the index, loss and coupling that the transmitter starts from.

Measured figures come from public spectra of the openEBL-2024-10 shuttle (SiEPIC, MIT licence; electron-beam
lithography, 220 nm silicon, oxide cladding, 25 C), fitted with `photonics_core.fit`; standard errors are in brackets.
A test fits them afresh where the files are at hand. What a transmission spectrum cannot tell is solved for, and a test
solves for it again.
"""

from typing import Any

from photonics_core.devices.coupler import DirectionalCoupler, approach_length
from photonics_core.index import LinearIndex

#: Centre of the O-band fits in um.
O_BAND_WAVELENGTH = 1.3175
#: Group index of a 350 nm x 220 nm strip bent to 10 um: mean of four neighbouring rings, 4.481(2).
O_BAND_GROUP_INDEX = 4.481
#: Power coupling of the same rings at a gap of 160 nm, 0.045(2), and that gap in um.
O_BAND_POWER_COUPLING = 0.045
O_BAND_GAP = 0.160
#: Their coupling angle grows by 6(2) per um of wavelength.
O_BAND_COUPLING_DISPERSION = 6.0
#: Loss in dB/cm of a ring of radius 5 um, from the C band: 10.3(20). Rings of 10 um have 5(1) there, and the O-band
#: rings of 10 um 5 to 7.5 with errors of 1 to 6.
LOSS_DB_CM = 10.3
#: Gap in um over which the coupling angle falls by e in the C band, from gaps of 80, 90 and 100 nm: 0.103(5).
C_BAND_DECAY_LENGTH = 0.103

#: Computed: effective index of the 350 nm x 220 nm strip at 1310 nm and 300 K by `fundamental_mode` (the same solution
#: has a group index of 4.476), its derivative with respect to temperature in 1/K, and by how much that grows up to
#: 350 K, in 1/K^2.
O_BAND_EFFECTIVE_INDEX = 2.4302
O_BAND_THERMO_OPTIC = 2.167e-4
O_BAND_THERMO_OPTIC_SLOPE = 2.94e-7

#: Assumed: the decay length scales from the C to the O band as the evanescent decay outside the core,
#: wl / (2 pi sqrt(n_eff^2 - n_oxide^2)), does: 0.1246 um at 1550 nm, 0.1063 um at 1310 nm.
O_BAND_DECAY_LENGTH = C_BAND_DECAY_LENGTH * 0.1063 / 0.1246
#: Coupling per length in rad/um at the gap above: asin(sqrt 0.045) over the approach length of a 10 um circle.
O_BAND_KAPPA = 0.0910


def o_band_index() -> LinearIndex:
    """The fundamental TE mode of a 350 nm x 220 nm strip around 1310 nm, in the bend of a small ring."""
    return LinearIndex(
        n_eff=O_BAND_EFFECTIVE_INDEX,
        n_g=O_BAND_GROUP_INDEX,
        wl0=1.31,
        thermo_optic=O_BAND_THERMO_OPTIC,
        thermo_optic_slope=O_BAND_THERMO_OPTIC_SLOPE,
        loss_db_cm=LOSS_DB_CM,
    )


def o_band_coupler(gap: Any, radius: Any) -> DirectionalCoupler:
    """The coupler between a straight guide and a circle of `radius` um at `gap` um, both 350 nm x 220 nm strips.

    With the radius the angle grows as its square root (see `approach_length`); measured in the C band at a gap of
    80 nm, from 5 to 10 um, it grows by 1.37(2) instead of 1.41.
    """
    return DirectionalCoupler(
        gap=gap,
        length=0.0,
        kappa=O_BAND_KAPPA,
        decay_length=O_BAND_DECAY_LENGTH,
        bend_length=approach_length(radius, O_BAND_DECAY_LENGTH),
        dispersion=O_BAND_COUPLING_DISPERSION,
        gap0=O_BAND_GAP,
        wl0=O_BAND_WAVELENGTH,
    )
