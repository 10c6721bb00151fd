"""Settings of the job `engine`."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from photonics_core.devices.engine_spec import MOST_CHANNELS, EngineSpec
from photonics_core.devices.engine_technology import EngineTechnology
from photonics_core.jobs import Settings
from photonics_core.suggestions import did_you_mean

#: Most choices of one kind.
MOST_CHOICES = 6


def _listed(value: Any) -> Any:
    """One choice by itself as a list of one."""
    return (value,) if isinstance(value, int | float | str) else value


def _some(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not 1 <= len(values) <= MOST_CHOICES:
        raise PydanticCustomError("some", "there have to be 1 to {most} choices", {"most": MOST_CHOICES})
    return values


def _ascending(values: tuple[float, float]) -> tuple[float, float]:
    if values[0] > values[1]:
        raise PydanticCustomError("ascending", "the first has to be the least")
    return values


Kelvin = Annotated[float, Field(ge=250, le=400)]
Kelvins = Annotated[tuple[Kelvin, Kelvin], AfterValidator(_ascending)]
Radius = Annotated[float, Field(ge=2, le=50)]
Radii = Annotated[tuple[Radius, Radius], AfterValidator(_ascending)]
Counts = tuple[Annotated[int, Field(ge=2, le=MOST_CHANNELS)], ...]
Numbers = tuple[Annotated[float, Field(gt=0, le=10_000)], ...]
AFewCounts = Annotated[Counts, BeforeValidator(_listed), AfterValidator(_some)]
AFewNumbers = Annotated[Numbers, BeforeValidator(_listed), AfterValidator(_some)]
Formats = Annotated[tuple[Literal[2, 4], ...], BeforeValidator(_listed), AfterValidator(_some)]
Codes = Annotated[tuple[Literal["none", "KR4", "KP4"], ...], BeforeValidator(_listed), AfterValidator(_some)]


class EngineSettings(Settings):
    """Settings of the job; every number has its unit in its name."""

    rate_tbps: Annotated[float, Field(gt=0, le=1000, description="bits of both directions")] = 4.0
    shoreline_mm: Annotated[float, Field(gt=0, le=200, description="edge for the fibres")] = 4.0
    temperatures_k: Annotated[Kelvins, Field(description="lowest and highest of the chip")] = (300.0, 350.0)
    laser_temperatures_k: Annotated[Kelvins, Field(description="of the lasers then")] = (300.0, 320.0)
    log10_target: Annotated[float, Field(ge=-30, le=-2, description="of the error ratio, behind a code")] = -12.0
    margin_db: Annotated[float, Field(ge=0, le=30, description="by which light at the detectors may be weaker")] = 3.0
    channels: AFewCounts = (4, 8, 16)
    spacings_ghz: AFewNumbers = (100.0, 200.0, 400.0)
    symbol_rates_gbd: AFewNumbers = (16.0, 32.0, 53.125)
    levels: Formats = (2, 4)
    codes: Codes = ("none", "KP4")
    most_line_power_mw: Annotated[float, Field(gt=0, le=1000)] = 20.0
    most_heater_power_mw: Annotated[float, Field(gt=0, le=1000)] = 40.0
    least_gap_um: Annotated[float, Field(ge=0.02, le=0.29)] = 0.08
    radii_um: Annotated[Radii, Field(description="least and largest")] = (3.0, 10.0)
    technology: dict[str, float] = Field(default_factory=dict, description="values of `EngineTechnology` by name")

    @property
    def spec(self) -> EngineSpec:
        """The specification."""
        values = self.model_dump()
        ends = {"most_line_power": "_mw", "most_heater_power": "_mw", "least_gap": "_um", "radii": "_um"}
        return EngineSpec(
            **{name: values[name + ends.get(name, "")] for name in EngineSpec.__dataclass_fields__},
        )

    @property
    def devices(self) -> EngineTechnology:
        """The technology: its defaults, with the values that are given."""
        return EngineTechnology(**self.technology)

    @field_validator("technology")
    @classmethod
    def _is_known(cls, values: dict[str, float]) -> dict[str, float]:
        known = EngineTechnology.__dataclass_fields__
        wrong = [name for name in values if name not in known]
        if wrong:
            raise PydanticCustomError(
                "known",
                "{wrong} is none of {known}{near}",
                {"wrong": ", ".join(wrong), "known": ", ".join(known), "near": did_you_mean(wrong[0], known)},
            )
        try:
            EngineTechnology(**values)
        except ValueError as error:
            raise PydanticCustomError("range", "{error}", {"error": str(error)}) from None
        return values
