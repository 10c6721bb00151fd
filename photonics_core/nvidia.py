"""Why JAX does not see an NVIDIA GPU that the machine has, and what to install."""

import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

DRIVER = Path("/proc/driver/nvidia/version")
#: The first driver that runs the libraries of each extra (https://docs.jax.dev/en/latest/installation.html).
FIRST_DRIVER = {"cuda13": 580, "cuda12": 525}
PLUGINS = {"cuda13": "jax_cuda13_plugin", "cuda12": "jax_cuda12_plugin"}


def nvidia_driver() -> int | None:
    """The main number of the NVIDIA driver's version; 0 if there is a driver of unknown version, None without one."""
    if DRIVER.is_file():
        found = re.search(r"Kernel Module.*?\s(\d{3,})\.\d+", DRIVER.read_text(errors="replace"))
        return int(found[1]) if found else 0
    return 0 if shutil.which("nvidia-smi") else None


def extras_there() -> list[str]:
    """The extras for CUDA whose JAX plugin is installed."""
    return [extra for extra, plugin in PLUGINS.items() if find_spec(plugin)]


def unseen_gpu(seen: str) -> str | None:
    """One sentence on a GPU of NVIDIA that is there while JAX sees none, and what to do; None where there is nothing.

    Args:
        seen: platforms that JAX sees, such as "cpu".
    """
    driver = nvidia_driver()
    if driver is None or "gpu" in seen or "cuda" in seen:
        return None
    start = f"There is an NVIDIA driver{f' (version {driver})' if driver else ''}, and JAX does not see a GPU"
    there = extras_there()
    if not there:
        return f"{start}: install the extra {install_line(driver)}"
    for variable in ("JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES"):
        if variable in os.environ:
            return f"{start}: the environment has {variable}={os.environ[variable]!r}, which hides GPUs"
    old = [extra for extra in there if 0 < driver < FIRST_DRIVER[extra]]
    if old:
        return f"{start}: the extra {old[0]!r} needs driver {FIRST_DRIVER[old[0]]} or newer: update the driver"
    return f'{start}, although the extra {there[0]!r} is installed; python -c "import jax; jax.devices()" says why'


def install_line(driver: int | None) -> str:
    """The extra for a driver, with the line that installs it; both where the version is not known."""
    fitting = [extra for extra, first in FIRST_DRIVER.items() if not driver or driver >= first]
    if not fitting:
        first = min(FIRST_DRIVER.values())
        return f'"cuda12" after an update of the driver to {first} or newer: pip install "photonics-core[cuda12]"'
    if driver:
        return f'"{fitting[0]}": pip install "photonics-core[{fitting[0]}]"'
    return '"cuda12" or "cuda13": pip install "photonics-core[cuda13]"'
