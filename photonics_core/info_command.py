"""What `photonics-core info` says: versions, devices, threads, the compilation cache, extras, jobs, what is amiss."""

import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from photonics_core.compilation_cache import kept_programs
from photonics_core.jobs import job_names
from photonics_core.nvidia import PLUGINS, unseen_gpu
from photonics_core.runtime import environment, lapack_threads

DISTRIBUTION = "photonics-core"
#: Extras for work on the package itself.
_FOR_DEVELOPERS = ("test", "dev", "docs")


def information() -> dict[str, Any]:
    """Everything that `info` says, as JSON holds it.

    Returns:
        The keys of `runtime.environment`, and "lapack_threads" (None where SciPy brings no OpenBLAS),
        "compilation_cache" (on, folder, programs, size_bytes), "extras" (by name: installed, packages with versions,
        install), "jobs" and "warnings".
    """
    kept = kept_programs()
    found = dict(environment())
    warning = unseen_gpu(found["devices"])
    return found | {
        "lapack_threads": lapack_threads(),
        "compilation_cache": {
            "on": kept.is_on,
            "folder": str(kept.folder),
            "programs": kept.programs,
            "size_bytes": kept.size,
        },
        "extras": extras(),
        "jobs": job_names(),
        "warnings": [warning] if warning else [],
    }


def say_information(found: dict[str, Any], say: Callable[[str], None]) -> None:
    """Print what `information` gives, a line each; warnings come last, where they are seen."""
    apart = ("lapack_threads", "compilation_cache", "extras", "jobs", "warnings")
    for key, value in found.items():
        if key not in apart:
            say(f"{key:<12} {value}")
    threads = found["lapack_threads"]
    say(f"{'LAPACK':<12} {'not an OpenBLAS of SciPy' if threads is None else f'{threads} threads'}; commands take 1")
    say(f"{'cache':<12} {_cache_line(found['compilation_cache'])}")
    for name, extra in found["extras"].items():
        packages = ", ".join(f"{each} {number}" for each, number in extra["packages"].items() if number)
        state = f"installed: {packages}" if extra["installed"] else f"not installed; {extra['install']}"
        say(f"{'extra':<12} {name:<9} {state}")
    say(f"{'jobs':<12} {', '.join(found['jobs'])}")
    for warning in found["warnings"]:
        say(f"{'warning':<12} {warning}")


def extras() -> dict[str, dict[str, Any]]:
    """The package's extras by name: whether all their packages are there, with versions, and how to install them."""
    found: dict[str, dict[str, Any]] = {}
    for name, packages in _required().items():
        versions = {package: _version(package) for package in packages}
        found[name] = {
            "installed": all(versions.values()),
            "packages": versions,
            "install": f'pip install "{DISTRIBUTION}[{name}]"',
        }
    return found


def _required() -> dict[str, list[str]]:
    """Packages of each extra; those for CUDA are JAX's plugin, which is what a bare JAX lacks."""
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:  # a bare checkout that was never installed
        lines = []
    packages: dict[str, list[str]] = {}
    for line in lines:
        found = re.match(r"([A-Za-z0-9._-]+).*;.*extra == ['\"]([A-Za-z0-9._-]+)['\"]", line)
        if found and found[2] not in _FOR_DEVELOPERS:
            package = PLUGINS[found[2]].replace("_", "-") if found[2] in PLUGINS else found[1]
            packages.setdefault(found[2], []).append(package)
    return packages


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cache_line(kept: dict[str, Any]) -> str:
    size = f"{kept['programs']} programs, {kept['size_bytes'] / 1e6:.1f} MB in {kept['folder']}"
    return f"on; {size}" if kept["on"] else f"off (photonics-core --cache COMMAND keeps programs); {size}"
