"""Settings of the job `engine`."""

from typing import Annotated

from pydantic import Field, model_validator

from photonics_core.devices.engine_spec import EngineSpec
from photonics_core.jobs import Settings

Kelvin = Annotated[float, Field(ge=250, le=400)]
Many = Annotated[tuple[float, ...], Field(min_length=1, max_length=6)]


class EngineSettings(Settings):
    """Settings of the job; every number has its unit in its name."""

    rate_tbps: Annotated[float, Field(gt=0, le=1000, description="bits of both directions")] = 4.0
    shoreline_mm: Annotated[float, Field(gt=0, le=200, description="edge for the fibres")] = 4.0
    temperatures_k: Annotated[tuple[Kelvin, Kelvin], Field(description="lowest and highest of the chip")] = (
        300.0,
        350.0,
    )
    laser_temperatures_k: Annotated[tuple[Kelvin, Kelvin], Field(description="of the lasers then")] = (300.0, 320.0)
    log10_target: Annotated[float, Field(ge=-30, le=-2, description="of the error ratio, behind a code")] = -12.0
    margin_db: Annotated[float, Field(ge=0, le=30, description="by which light at the detectors may be weaker")] = 3.0
    channels: Annotated[tuple[int, ...], Field(min_length=1, max_length=6)] = (4, 8, 16)
    spacings_ghz: Many = (100.0, 200.0, 400.0)
    symbol_rates_gbd: Many = (16.0, 32.0, 53.125)
    levels: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)] = (2, 4)
    codes: Annotated[tuple[str, ...], Field(min_length=1, max_length=3)] = ("none", "KP4")
    most_line_power_mw: Annotated[float, Field(gt=0, le=1000)] = 20.0
    most_heater_power_mw: Annotated[float, Field(gt=0, le=1000)] = 40.0
    least_gap_um: Annotated[float, Field(ge=0.02, le=0.29)] = 0.08
    radii_um: Annotated[tuple[float, float], Field(description="least and largest")] = (4.0, 10.0)

    @property
    def spec(self) -> EngineSpec:
        """The specification."""
        values = self.model_dump()
        ends = {"most_line_power": "_mw", "most_heater_power": "_mw", "least_gap": "_um", "radii": "_um"}
        return EngineSpec(
            **{name: values[name + ends.get(name, "")] for name in EngineSpec.__dataclass_fields__},
        )

    @model_validator(mode="after")
    def _is_consistent(self) -> "EngineSettings":
        self.spec.all_candidates()
        return self
