"""Copper, pluggable modules, lasers modulated themselves and ring links side by side, each figure with its source.

None of these figures was measured here, and they do not all count the same: `counted` says what is in. `certainty` is
"measured" (of a prototype, by its makers, in a paper), "vendor" (a statement), "review" (a figure of a paper about
others' work), "derived" (from such figures, here) or "estimate". "Second hand" means that an abstract or a summary was
read and not the paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from photonics_core.kernels.checks import check_choice, check_positive, check_range

#: How sure a figure is.
CERTAINTIES = ("measured", "vendor", "review", "derived", "estimate")
#: Insertion loss of a trace on a board in dB per inch and GHz, a rule of thumb (M. Rowe on OIF's panel at DesignCon
#: 2019, oiforum.com); 0.3 to 0.4 dB per inch at 12.5 GHz on the best laminates is a third of it.
TRACE_LOSS_DB_INCH_GHZ = 0.1
#: Loss in dB at the Nyquist frequency that transceivers of 112 Gb/s bridge: extra short reach (Gangasani et al., IEEE
#: Solid-State Circuits Lett. 8, 33 (2025), abstract) and long reach (Krupnik et al., IEEE J. Solid-State Circuits 55,
#: 1077 (2020), abstract).
XSR_LOSS_DB, LR_LOSS_DB = 12.0, 35.0
#: Loss in dB/m of a twinaxial pair of 26 AWG at 26.56 GHz, an estimate.
TWINAX_LOSS_DB_M = 8.0
_INCH = 0.0254


@dataclass(frozen=True)
class Alternative:
    """One way to carry bits.

    Args:
        name: what it is.
        rate_gbps: bits per ns of one lane, in one direction.
        energy_pj_bit: lowest and highest figure in pJ per bit.
        counted: what the energy counts.
        reach_m: how far it goes, in m.
        certainty: one of `CERTAINTIES`.
        source: where the figures come from.

    Raises:
        ValueError: for values outside their ranges.
    """

    name: str
    rate_gbps: float
    energy_pj_bit: tuple[float, float]
    counted: str
    reach_m: float
    certainty: str
    source: str

    def __post_init__(self) -> None:
        check_positive("rate_gbps", self.rate_gbps, "Gb/s")
        check_positive("reach_m", self.reach_m, "m")
        check_choice("certainty", self.certainty, CERTAINTIES)
        check_range("energy_pj_bit", self.energy_pj_bit, 0.0, float("inf"), "pJ")
        if self.energy_pj_bit[0] > self.energy_pj_bit[1]:
            raise ValueError(f"energy_pj_bit = {self.energy_pj_bit} descends")


def nyquist_ghz(rate_gbps: Any, levels: int = 2) -> Any:
    """Half the symbol rate in GHz, at which losses of copper are given.

    Raises:
        ValueError: for a rate that is not above zero, or levels other than 2 and 4.
    """
    check_positive("rate_gbps", rate_gbps, "Gb/s")
    check_choice("levels", levels, (2, 4))
    return rate_gbps / (2.0 if levels == 2 else 4.0)


def trace_loss_db(
    length_m: Any, rate_gbps: Any, levels: int = 2, loss_db_inch_ghz: Any = TRACE_LOSS_DB_INCH_GHZ
) -> Any:
    """Loss in dB at the Nyquist frequency of a trace on a board, taken to grow with the frequency.

    Raises:
        ValueError: for values outside their ranges.
    """
    check_range("length_m", length_m, 0.0)
    check_positive("loss_db_inch_ghz", loss_db_inch_ghz, "dB")
    return loss_db_inch_ghz * nyquist_ghz(rate_gbps, levels) * length_m / _INCH


def trace_reach_m(
    budget_db: Any, rate_gbps: Any, levels: int = 2, loss_db_inch_ghz: Any = TRACE_LOSS_DB_INCH_GHZ
) -> Any:
    """Length in m of a trace that takes up a budget in dB; arguments as for `trace_loss_db`."""
    check_positive("budget_db", budget_db, "dB")
    return budget_db / trace_loss_db(1.0, rate_gbps, levels, loss_db_inch_ghz)


#: The table, without the link of one's own.
ALTERNATIVES = (
    Alternative(
        "copper trace, extra short reach",
        112.0,
        (1.1, 1.1),
        "both transceivers, without the host's logic",
        trace_reach_m(XSR_LOSS_DB, 112.0, 4),
        "measured",
        "Gangasani et al., IEEE Solid-State Circuits Lett. 8, 33 (2025), abstract: 113 Gb/s PAM4, 1 to 12 dB, below "
        "1.1 pJ/bit; reach from 12 dB by 0.1 dB per inch and GHz",
    ),
    Alternative(
        "copper trace, long reach",
        112.0,
        (4.0, 7.0),
        "both transceivers with their digital equalisers",
        trace_reach_m(LR_LOSS_DB, 112.0, 4),
        "estimate",
        "energy from memory; 35 dB of Krupnik et al., IEEE J. Solid-State Circuits 55, 1077 (2020), abstract",
    ),
    Alternative(
        "direct-attach cable",
        100.0,
        (4.25, 7.25),
        "long-reach transceivers of the host and 0.1 W at either end of 800 Gb/s",
        2.0,
        "derived",
        "NVIDIA, cables of 100G PAM4, overview of copper cables: 0.1 W an end, up to 2 m; transceivers as above",
    ),
    Alternative(
        "pluggable module, 800 Gb/s",
        100.0,
        (15.0, 20.0),
        "one module, both its directions over the bits of one; without the host's transceivers",
        500.0,
        "vendor",
        "14 to 16 W per 800 Gb/s (R. Pancholy, Broadcom, in Laser Focus World on Bailly); about 15 pJ/bit (Intel, "
        "2024, by Converge Digest); reach of DR8",
    ),
    Alternative(
        "VCSEL transmitter, 28-nm CMOS",
        56.0,
        (0.56, 1.28),
        "transmitter alone",
        100.0,
        "measured",
        "IEEE 9619473, its title: 32 to 56 Gb/s, 0.56 to 1.28 pJ/bit; reach of multimode fibre, estimate",
    ),
    Alternative(
        "VCSEL link, 1060 nm",
        26.0,
        (1.1, 1.1),
        "transmitter alone",
        100.0,
        "measured",
        "IBM, J. Lightwave Technol., abstract: 1.1 pJ/bit at 26 Gb/s, 0.99 mW of amplitude, 8.2 dB extinction; reach "
        "of multimode fibre, estimate",
    ),
    Alternative(
        "VCSEL, co-packaged",
        32.0,
        (0.75, 0.75),
        "the whole link beside UCIe",
        1000.0,
        "review",
        "J. Teissier and M. Kohli, arXiv:2601.14342 (2026), second hand: 0.75 pJ/bit at 32 Gb/s NRZ, reach 1 to 2 km",
    ),
    Alternative(
        "co-packaged switch port",
        100.0,
        (6.875, 6.875),
        "optical engine and lasers of one port over the bits of one direction",
        500.0,
        "vendor",
        "5.5 W per 800 Gb/s (R. Pancholy, Broadcom, in Laser Focus World on Bailly); reach of DR, from memory",
    ),
    Alternative(
        "rings, remote lasers",
        16.0,
        (4.96, 5.56),
        "transmitting and receiving chiplets, without the remote lasers",
        2000.0,
        "measured",
        "M. Wade et al., Ayar Labs, OFC 2021: 8 ports of 8 lines of 16 Gb/s; reach second hand",
    ),
    Alternative(
        "optical compute interconnect",
        32.0,
        (5.0, 5.0),
        "the chiplet with its lasers, as stated",
        100.0,
        "vendor",
        "Intel, OFC 2024, by Converge Digest: 64 lines of 32 Gb/s each way, 5 pJ/bit, 100 m",
    ),
    Alternative(
        "rings, three-dimensional",
        10.0,
        (0.12, 0.12),
        "front ends of transmitter (0.05) and receiver (0.07), without laser, heaters, clocks",
        1.0,
        "measured",
        "S. Daudlin et al., Nature Photonics (2025), 10.1038/s41566-025-01633-0, abstract; reach of a demonstration, "
        "estimate",
    ),
)


def comparison_table(alternatives: Sequence[Alternative] = ALTERNATIVES) -> str:
    """The table as text in Markdown, in the order of the lowest energy."""
    head = "| link | Gb/s a lane | pJ/bit | counted | reach (m) | certainty |\n|---|---|---|---|---|---|"
    rows = []
    for each in sorted(alternatives, key=lambda one: one.energy_pj_bit[0]):
        low, high = each.energy_pj_bit
        energy = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
        rows.append(
            f"| {each.name} | {each.rate_gbps:g} | {energy} | {each.counted} | {each.reach_m:.2g} | {each.certainty} |"
        )
    return "\n".join([head, *rows])
