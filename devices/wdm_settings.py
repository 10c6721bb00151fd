"""Settings of the job `wdm-transmitter`."""

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from photonics_core.devices import measured_silicon as silicon
from photonics_core.jobs import Settings
from photonics_core.units import SPEED_OF_LIGHT

Temperature = Annotated[float, Field(ge=250, le=400)]


class WdmSettings(Settings):
    """Settings of the job; every number has its unit in its name or beside it."""

    channels: Annotated[int, Field(strict=True, ge=2, le=32, description="number of laser lines and rings")] = 8
    spacing_ghz: Annotated[float, Field(ge=1, le=1000, description="spacing of the laser lines")] = 200.0
    center_um: Annotated[float, Field(ge=1.26, le=1.36, description="centre of the laser lines")] = 1.31
    radius_um: Annotated[float, Field(ge=3, le=20, description="nominal radius")] = 5.0
    temperatures_k: Annotated[tuple[Temperature, ...], Field(min_length=1, max_length=9)] = (
        300.0,
        330.0,
        358.0,
    )
    heater_nm_mw: Annotated[float, Field(gt=0, le=10, description="shift by a heater")] = 0.15
    drive_shift_pm: Annotated[float, Field(gt=0, le=1000, description="shift between the two bits")] = 80.0
    bandwidth_ghz: Annotated[float, Field(gt=0, le=500, description="least photon bandwidth c / (wl Q)")] = 30.0
    crosstalk_db: Annotated[float, Field(ge=-60, le=0, description="largest crosstalk")] = -25.0
    extinction_db: Annotated[float, Field(ge=0, le=40, description="least extinction")] = 5.0
    margin_nm: Annotated[float, Field(ge=0, le=5, description="heater's reserve when hottest")] = 0.5
    heater_weight: Annotated[float, Field(ge=0, le=100, description="price of 1 mW in dB of loss")] = 0.1
    steps: Annotated[int, Field(strict=True, ge=1, le=100_000, description="steps of the optimiser")] = 300

    @model_validator(mode="after")
    def _comb_fits(self) -> "WdmSettings":
        comb = self.channels * self.spacing_ghz * 1e-3
        fsr = SPEED_OF_LIGHT / (silicon.O_BAND_GROUP_INDEX * 2 * np.pi * self.radius_um)
        if comb > fsr:
            raise ValueError(
                f"{self.channels} lines {self.spacing_ghz:g} GHz apart take {comb:.2f} THz, more than the free "
                f"spectral range {fsr:.2f} THz of a ring of radius {self.radius_um:g} um"
            )
        return self
