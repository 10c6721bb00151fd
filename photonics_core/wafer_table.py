"""The table of a fitted wafer, as named variables for an HDF5 file.

Along `device`: file, x, y, radius, gap (um), band, ports, estimates with their standard errors (`*_se`), regime, flags
and notes; `weighted/` holds the estimates of `wafer_estimates`, `under/` and `over/` both readings of the regime. Along
`line`: every resonance with the number of its device and, in
`noise/`, its errors by noise alone. `bad/` lists the files that could not be used. What is not known
is nan, or an empty text.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from photonics_core.robust import Estimate

if TYPE_CHECKING:
    from photonics_core.hdf5_variables import Variable
    from photonics_core.wafer_fit import WaferFit

_ESTIMATES = {
    "q": ("", "loaded quality factor"),
    "fsr": ("um", "free spectral range at the middle of the band"),
    "n_g": ("", "group index at the middle of the band"),
    "n_g_slope": ("1/um", "slope of the group index over wavelength"),
    "loss_db_cm": ("dB/cm", "propagation loss"),
    "power_coupling": ("", "power coupling of one bus"),
}
_LINE_UNITS = {"wl": "um", "wl_se": "um", "splitting": "um"}
_LINE_NUMBERS = (
    "wl",
    "wl_se",
    "q",
    "q_se",
    "round_trip",
    "round_trip_se",
    "difference",
    "difference_se",
    "peak",
    "asymmetry",
    "splitting",
    "residual",
)
_NOISE_NUMBERS = ("wl_se", "q_se", "round_trip_se", "difference_se", "correlation")


def wafer_variables(fit: "WaferFit") -> dict[str, "Variable"]:
    """All variables of the table of one wafer, by name."""
    return {**_devices(fit), **_weighted(fit), **_readings(fit), **_lines(fit), **_bad(fit)}


def _devices(fit: "WaferFit") -> dict[str, "Variable"]:
    from photonics_core.hdf5_variables import Variable

    along, fits = ("device",), fit.fits
    lengths = {
        "x": fit.positions[:, 0],
        "y": fit.positions[:, 1],
        "radius": _numbers([each.radius for each in fits]),
        "gap": _numbers([each.gap for each in fits]),
        "band_low": _numbers([each.band[0] for each in fits]),
        "band_high": _numbers([each.band[1] for each in fits]),
    }
    texts = {
        "file": [file.name for file in fit.files],
        "through": [each.ports.through for each in fits],
        "drop": [each.ports.drop or "" for each in fits],
        "regime": [each.regime or "" for each in fits],
        "notes": ["; ".join(each.notes) for each in fits],
    }
    counts = {"line_count": [len(each.resonances) for each in fits], "used_count": [len(each.used) for each in fits]}
    table = {name: Variable(_texts(text), along) for name, text in texts.items()}
    table |= {name: Variable(values, along, "um") for name, values in lengths.items()}
    table |= {name: Variable(np.array(values, np.int64), along) for name, values in counts.items()}
    for name in _ESTIMATES:
        table |= _pair(name, [getattr(each, name) for each in fits], along)
    table |= {f"flags/{name}": Variable(values, along) for name, values in fit.flags.items()}
    table["outlier"] = Variable(fit.outliers, along, long_name="whether the device has any flag")
    return table


def _weighted(fit: "WaferFit") -> dict[str, "Variable"]:
    """Estimates whose errors hold for noise."""
    table: dict[str, Any] = {}
    for name in ("q", "n_g", "loss_db_cm", "power_coupling"):
        pairs = _pair(name, [getattr(each, name) for each in fit.weighted], ("device",))
        table |= {f"weighted/{key}": value for key, value in pairs.items()}
    return table


def _readings(fit: "WaferFit") -> dict[str, "Variable"]:
    """Both readings of each all-pass ring."""
    table: dict[str, Any] = {}
    for regime in ("under", "over"):
        found = [next((c for c in each.candidates if c.regime == regime), None) for each in fit.fits]
        for name in ("loss_db_cm", "power_coupling"):
            pairs = [None if each is None else getattr(each, name) for each in found]
            table |= {f"{regime}/{key}": value for key, value in _pair(name, pairs, ("device",)).items()}
    return table


def _pair(name: str, estimates: Sequence[Estimate | None], along: tuple[str]) -> dict[str, "Variable"]:
    from photonics_core.hdf5_variables import Variable

    unit, meaning = _ESTIMATES[name]
    value = _numbers([None if each is None else each.value for each in estimates])
    error = _numbers([None if each is None else each.se for each in estimates])
    return {
        name: Variable(value, along, unit, meaning),
        f"{name}_se": Variable(error, along, unit, f"standard error of {meaning}"),
    }


def _lines(fit: "WaferFit") -> dict[str, "Variable"]:
    from photonics_core.hdf5_variables import Variable

    along = ("line",)
    lines = [(i, line) for i, each in enumerate(fit.fits) for line in each.resonances]
    used = {(i, id(line)) for i, each in enumerate(fit.fits) for line in each.used}
    table = {"lines/device": Variable(np.array([i for i, _ in lines], np.int64), along)}
    for name in _LINE_NUMBERS:
        values = _numbers([getattr(line, name) for _, line in lines])
        table[f"lines/{name}"] = Variable(values, along, _LINE_UNITS.get(name, ""))
    for name in _NOISE_NUMBERS:
        values = _numbers([None if line.noise is None else getattr(line.noise, name) for _, line in lines])
        table[f"lines/noise/{name}"] = Variable(values, along, _LINE_UNITS.get(name, ""))
    is_used = np.array([(i, id(line)) in used for i, line in lines], bool)
    table["lines/used"] = Variable(is_used, along, long_name="whether the line enters Q, loss and coupling")
    table["lines/split_regime"] = Variable(_texts([line.split_regime or "" for _, line in lines]), along)
    return table


def _bad(fit: "WaferFit") -> dict[str, "Variable"]:
    from photonics_core.hdf5_variables import Variable

    return {
        "bad/file": Variable(_texts([name for name, _ in fit.bad]), ("bad_file",)),
        "bad/reason": Variable(_texts([reason for _, reason in fit.bad]), ("bad_file",)),
    }


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([math.nan if value is None else value for value in values], np.float64)


def _texts(values: Sequence[str]) -> np.ndarray:
    """Texts as HDF5 holds them: no null character, and no half of a pair of code units."""
    return np.array([value.replace("\x00", "").encode("utf-8", "replace").decode() for value in values], np.str_)
