"""Every test runs in float64 with strict promotion: a silent broadcast or a silent cast is an error."""

import os
from pathlib import Path

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="session")
def openebl() -> Path:
    """Folder of measured spectra. Set PHOTONICS_CORE_DATA to a folder that holds `openebl`."""
    candidates = [Path(os.environ["PHOTONICS_CORE_DATA"])] if "PHOTONICS_CORE_DATA" in os.environ else []
    candidates.append(Path(__file__).resolve().parents[2] / "shared" / "data")
    for folder in candidates:
        if (folder / "openebl" / "MANIFEST.csv").is_file():
            return folder / "openebl"
    pytest.skip("the measured openEBL spectra are not here; set PHOTONICS_CORE_DATA to the folder that holds openebl/")
