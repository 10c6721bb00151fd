"""Photonic device physics on JAX: rings, waveguides, couplers, thermal drift and gradient-based design.

Lengths are in um, times in ps, temperatures in K. The public names are listed in `__init__.pyi`, for type checkers and
for this module; each is loaded when it is first used, so that `import photonics_core` is as fast as it can be.
"""

import importlib
import importlib.util
from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _installed_version()
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{_meant(name)}")
    return _load(name)


def _meant(name: str) -> str:
    if name.startswith("_"):  # asked for by protocols, not by people
        return ""
    if importlib.util.find_spec(f"{__name__}.{name}"):
        return f"; it is a module: import {__name__}.{name}"
    return importlib.import_module(f"{__name__}.suggestions").did_you_mean(name, __all__)


def _installed_version() -> str:
    try:
        return importlib.import_module(f"{__name__}._version").version
    except ModuleNotFoundError:  # a bare checkout that was never installed
        return "0.0.0"
