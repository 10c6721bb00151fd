"""Where measured spectra are looked for. They are public (openEBL, MIT licence) and do not ship with the package."""

import os
from pathlib import Path

from photonics_core.validation.registry import Absent

VARIABLE = "PHOTONICS_CORE_DATA"


def openebl(*names: str) -> list[Path]:
    """Paths of measured openEBL spectra by file name.

    They are looked for in $PHOTONICS_CORE_DATA/openebl and in shared/data/openebl beside the checkout.

    Raises:
        Absent: if a file is not there.
    """
    roots = [Path(os.environ[VARIABLE])] if VARIABLE in os.environ else []
    roots.append(Path(__file__).resolve().parents[2] / "shared" / "data")
    folder = next((root / "openebl" for root in roots if (root / "openebl" / "MANIFEST.csv").is_file()), None)
    if folder is None:
        raise Absent(f"measured openEBL spectra; set {VARIABLE} to the folder that holds openebl/")
    paths = [folder / name for name in names]
    for path in paths:
        if not path.is_file():
            raise Absent(f"{path.name} in {folder}")
    return paths
