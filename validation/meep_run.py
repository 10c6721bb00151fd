"""Scripts that need Meep, run by a Python that has it: that of Debian's python3-meep, or another that is named."""

import os
import subprocess
import tempfile
from pathlib import Path

from photonics_core.validation.registry import Absent

#: Variable of the environment that names such a Python.
MEEP_PYTHON = "PHOTONICS_CORE_MEEP_PYTHON"


def run_with_meep(script: Path, *arguments: str) -> str:
    """What a script of this folder prints.

    Raises:
        Absent: where there is no Python with Meep.
    """
    python = os.environ.get(MEEP_PYTHON, "/usr/bin/python3")
    where = f"no Meep in {python}; install Debian's python3-meep, or name a Python that has it in {MEEP_PYTHON}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        subprocess.run([python, "-c", "import meep"], check=True, capture_output=True, env=clean)
    except (OSError, subprocess.CalledProcessError):
        raise Absent(where) from None
    command = [python, str(script), *arguments]
    one = clean | {"OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(command, check=True, capture_output=True, env=one, text=True, cwd=folder).stdout
