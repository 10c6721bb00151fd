"""What an optical engine has to do, and the discrete choices that there are.

An engine is a chip edge of links like `photonics_core.devices.link.WdmLink`, as many out as in: each pair needs a fibre
of data out, one of data in, and one for the light of its lasers. Its rate counts the bits of both directions.
"""

import itertools
import math
from dataclasses import dataclass, replace

from photonics_core.devices import measured_silicon as silicon
from photonics_core.devices.engine_technology import EngineTechnology
from photonics_core.devices.link_energy import shoreline_density
from photonics_core.error_correction import KP4, KR4, ReedSolomon
from photonics_core.kernels.checks import check_choice, check_positive, check_range
from photonics_core.units import SPEED_OF_LIGHT

#: Codes by name.
CODES: dict[str, ReedSolomon | None] = {"none": None, "KR4": KR4, "KP4": KP4}
#: Most lines of a fibre; neighbours are padded to it, so that all engines run one compiled program.
MOST_CHANNELS = 32
#: Spacings in GHz and symbol rates in GBd that can be meant; Hz given for GHz are beyond them.
SPACINGS, SYMBOL_RATES = (1.0, 10_000.0), (0.1, 1000.0)
#: Fibres at the edge for a link out and one in, the light of the lasers included.
FIBRES_OF_A_PAIR = 3


@dataclass(frozen=True)
class EngineCandidate:
    """The discrete choices of an engine.

    Args:
        channels: lines of a fibre.
        spacing_ghz: of the lines.
        symbol_rate_gbd: symbols per ns of a line.
        levels: 2 for NRZ, 4 for PAM4.
        code: a name of `CODES`.

    Raises:
        ValueError: for a value outside its range.
    """

    channels: int
    spacing_ghz: float
    symbol_rate_gbd: float
    levels: int = 2
    code: str = "none"

    def __post_init__(self) -> None:
        check_range("channels", self.channels, 2, MOST_CHANNELS)
        if self.channels != int(self.channels):
            raise ValueError(f"channels = {self.channels} is not a whole number")
        check_range("spacing_ghz", self.spacing_ghz, *SPACINGS, "GHz")
        check_range("symbol_rate_gbd", self.symbol_rate_gbd, *SYMBOL_RATES, "GBd")
        check_choice("levels", self.levels, (2, 4))
        check_choice("code", self.code, CODES)

    @property
    def overhead(self) -> float:
        """Bits of the code over those of data."""
        code = CODES[self.code]
        return 0.0 if code is None else code.overhead

    @property
    def data_rate_gbps(self) -> float:
        """Bits of data per ns of one fibre, in its one direction."""
        return self.channels * self.symbol_rate_gbd * math.log2(self.levels) / (1.0 + self.overhead)

    @property
    def comb_thz(self) -> float:
        """Part of the free spectral range that the lines take up, in THz."""
        return 1e-3 * self.channels * self.spacing_ghz

    def pairs(self, rate_tbps: float) -> int:
        """Pairs of fibres, out and in, for a rate in Tb/s that counts both directions."""
        return math.ceil(round(1e3 * rate_tbps / (2.0 * self.data_rate_gbps), 9))

    def density(self, pitch: float) -> float:
        """Tb/s per mm of edge, both directions, three fibres of a `pitch` in um for each pair."""
        return float(shoreline_density(self.data_rate_gbps, pitch, fibres=FIBRES_OF_A_PAIR, directions=2))

    def __str__(self) -> str:
        form = "NRZ" if self.levels == 2 else "PAM4"
        code = "" if self.code == "none" else f" {self.code}"
        return f"{self.channels} x {self.symbol_rate_gbd:g} GBd {form}{code}, {self.spacing_ghz:g} GHz"


#: Choices of a specification, and what each is of a candidate.
_CHOICES = {
    "channels": "channels",
    "spacings_ghz": "spacing_ghz",
    "symbol_rates_gbd": "symbol_rate_gbd",
    "levels": "levels",
    "codes": "code",
}
_ANY = EngineCandidate(8, 200.0, 32.0)


@dataclass(frozen=True)
class EngineSpec:
    """What is asked of an engine, and the limits.

    Args:
        rate_tbps: in Tb/s, bits of both directions.
        shoreline_mm: length of edge for its fibres in mm.
        temperatures_k: lowest and highest temperature of the chip in K.
        laser_temperatures_k: of the lasers then.
        log10_target: decimal logarithm of the bit error ratio, behind the code if there is one.
        margin_db: by which light at the detectors may be weaker than the model says, in dB.
        channels, spacings_ghz, symbol_rates_gbd, levels, codes: what may be chosen.
        most_line_power: largest power of a line out of its laser, for one fibre, in mW.
        most_heater_power: largest power of a heater in mW.
        least_gap: of the couplers in um.
        radii: least and largest radius in um.

    Raises:
        ValueError: for a value outside its range.
    """

    rate_tbps: float = 4.0
    shoreline_mm: float = 4.0
    temperatures_k: tuple[float, float] = (300.0, 350.0)
    laser_temperatures_k: tuple[float, float] = (300.0, 320.0)
    log10_target: float = -12.0
    margin_db: float = 3.0
    channels: tuple[int, ...] = (4, 8, 16)
    spacings_ghz: tuple[float, ...] = (100.0, 200.0, 400.0)
    symbol_rates_gbd: tuple[float, ...] = (16.0, 32.0, 53.125)
    levels: tuple[int, ...] = (2, 4)
    codes: tuple[str, ...] = ("none", "KP4")
    most_line_power: float = 20.0
    most_heater_power: float = 40.0
    least_gap: float = 0.08
    radii: tuple[float, float] = (3.0, 10.0)

    def __post_init__(self) -> None:
        for name, most, unit in (
            ("rate_tbps", 1000.0, "Tb/s"),
            ("shoreline_mm", 200.0, "mm"),
            ("most_line_power", 1000.0, "mW"),
            ("most_heater_power", 1000.0, "mW"),
        ):
            check_positive(name, getattr(self, name), unit)
            check_range(name, getattr(self, name), 0.0, most, unit)
        check_range("least_gap", self.least_gap, 0.02, 0.29, "um")
        check_range("log10_target", self.log10_target, -30.0, -2.0)
        check_range("margin_db", self.margin_db, 0.0, 30.0, "dB")
        for name, low, high, unit in (
            ("temperatures_k", 250.0, 400.0, "K"),
            ("laser_temperatures_k", 250.0, 400.0, "K"),
            ("radii", 2.0, 50.0, "um"),
        ):
            values = getattr(self, name)
            if not isinstance(values, tuple | list) or len(values) != 2:
                raise ValueError(f"{name} = {values!r} is not a pair of the least and the largest in {unit}")
            check_range(name, values, low, high, unit)
            if not values[0] <= values[1]:
                raise ValueError(f"{name} = {values} descends")
        for name, of_candidate in _CHOICES.items():
            values = getattr(self, name)
            if not isinstance(values, tuple | list):
                raise ValueError(f"{name} = {values!r} is not a tuple of choices; one choice is ({values!r},)")
            if not values:
                raise ValueError(f"{name} = () leaves nothing to choose")
            for value in values:
                replace(_ANY, **{of_candidate: value})  # refuses what no candidate can have

    def all_candidates(self) -> list[EngineCandidate]:
        """All combinations of the choices."""
        choices = self.channels, self.spacings_ghz, self.symbol_rates_gbd, self.levels, self.codes
        return [EngineCandidate(*each) for each in itertools.product(*choices)]

    def candidates(self, technology: EngineTechnology) -> list[EngineCandidate]:
        """Combinations that fit the shoreline and the free spectral range of the smallest ring.

        Raises:
            ValueError: if there is none; it says which limit leaves none.
        """
        pitch_mm = 1e-3 * float(technology.pitch)
        most = SPEED_OF_LIGHT / (silicon.O_BAND_GROUP_INDEX * 2.0 * math.pi * self.radii[0])
        fitting = [each for each in self.all_candidates() if each.comb_thz <= most]
        if not fitting:
            least = min(each.comb_thz for each in self.all_candidates())
            raise ValueError(
                f"radii = {self.radii} um: the free spectral range of the smallest ring, {most:.3g} THz, is less than "
                f"the {least:.3g} THz of the narrowest grid of lines"
            )
        edges = [each.pairs(self.rate_tbps) * FIBRES_OF_A_PAIR * pitch_mm for each in fitting]
        found = [each for each, edge in zip(fitting, edges, strict=True) if edge <= self.shoreline_mm]
        if not found:
            raise ValueError(
                f"rate_tbps = {self.rate_tbps:g} Tb/s does not fit shoreline_mm = {self.shoreline_mm:g} mm: the "
                f"densest candidate takes {min(edges):.3g} mm"
            )
        return found
