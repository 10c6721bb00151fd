"""From a batch of mode solves to the coefficients of an index map, kept on disk so that they are solved for once.

A cache is a folder with one results file (`store`) a fit, named by the SHA-256 digest of its description: everything
that determines the outcome, as JSON. The description is in the file too. A file is used if it is whole, undamaged and
of just this description; any other is reported, and replaced by what is computed anew.
"""

import dataclasses
import hashlib
import json
import math
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core import units
from photonics_core.kernels import chebyshev
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range
from photonics_core.store import StoreError, load, save

# Changes with the layout of the files and with any change to the fit that moves a coefficient.
_FORMAT = "index map 1"
_ARRAYS = ("index", "extinction", "errors")

Interval = tuple[float, float]
Solve = Callable[[dict[str, np.ndarray]], Any]


class IndexCacheWarning(UserWarning):
    """A file of a cache cannot be used or written; the message names it and says why."""


@dataclasses.dataclass(frozen=True)
class ModeFit:
    """What is asked of a fit; arguments as for `IndexMap.fit`.

    Attributes:
        variables: interval of each parameter, of `temperature` and of `wl`, in this order; a number for a fixed one.
        degrees: degree of every variable, or of some by name, or None.
        tolerance: largest error of n_eff.
        loss_tolerance_db_cm: largest error of the loss in dB/cm.
        max_solves: largest number of points to solve at in one call.

    Raises:
        ValueError: for an interval that does not rise, a name that is not there, or a value outside its range.
    """

    variables: Mapping[str, Interval | float]
    degrees: int | Mapping[str, int] | None
    tolerance: float
    loss_tolerance_db_cm: float
    max_solves: int

    def __post_init__(self) -> None:
        check_positive("tolerance", self.tolerance)
        check_positive("loss_tolerance_db_cm", self.loss_tolerance_db_cm, "dB/cm")
        check_range("max_solves", self.max_solves, 1)
        for name, value in self.variables.items():
            _check_interval(name, value)
        if np.ndim(self.variables["wl"]) == 0:
            raise ValueError(f"wl = {self.variables['wl']!r} is one wavelength, which has no group index")
        for name, degree in self.known_degrees.items():
            check_kind(f"degrees[{name!r}]", degree, int)
            check_range(f"degrees[{name!r}]", degree, 0, 200)
            if name not in self.bounds:
                raise ValueError(f"degrees[{name!r}] is not of one of {', '.join(self.bounds)}")

    @property
    def bounds(self) -> dict[str, Interval]:
        """Interval of each variable that has an axis; a fixed temperature keeps one, of no width."""
        pairs = {name: np.broadcast_to(value, 2) for name, value in self.variables.items() if name not in self.fixed}
        return {name: (float(low), float(high)) for name, (low, high) in pairs.items()}

    @property
    def fixed(self) -> dict[str, float]:
        """Value of each parameter that does not vary."""
        numbers = {name: value for name, value in self.variables.items() if np.ndim(value) == 0}
        return {name: float(np.asarray(value)) for name, value in numbers.items() if name != "temperature"}

    @property
    def known_degrees(self) -> dict[str, int]:
        """Degrees that need not be found, by name."""
        if self.degrees is None or isinstance(self.degrees, Mapping):
            return dict(self.degrees or {})
        return dict.fromkeys(self.bounds, self.degrees)

    def description(self, key: Any) -> dict[str, Any]:
        """All that determines the coefficients, `key` for the part of the solver."""
        return {
            "format": _FORMAT,
            "key": key,
            "bounds": [[name, *interval] for name, interval in self.bounds.items()],
            "fixed": self.fixed,
            "degrees": self.known_degrees,
            "tolerances": [float(self.tolerance), float(self.loss_tolerance_db_cm)],
        }

    def solved(self, solve: Solve) -> dict[str, np.ndarray]:
        """Coefficients `index` and `extinction`, and `errors` of index and loss (dB/cm), shape [2]."""
        exponent = 4.0 * math.pi / self.bounds["wl"][0]
        extinction = units.attenuation(self.loss_tolerance_db_cm) / exponent
        tolerances = np.array([self.tolerance, extinction])

        def columns(points: dict[str, np.ndarray]) -> np.ndarray:
            count = points["wl"].size
            points |= {name: np.full(count, value) for name, value in self.fixed.items()}
            return _columns(solve(points), points, extinction)

        fitted = chebyshev.fit(columns, self.bounds, tolerances, self.known_degrees, int(self.max_solves))
        index, extinction_error = fitted.errors
        errors = np.array([index, units.loss_db_cm(extinction_error * exponent)])
        arrays = fitted.coefficients[..., 0].copy(), fitted.coefficients[..., 1].copy(), errors
        return dict(zip(_ARRAYS, arrays, strict=True))


def _check_interval(name: str, value: Any) -> None:
    check_finite(name, value)
    if name in ("wl", "temperature"):
        check_positive(name, value, "um" if name == "wl" else "K")
    if np.shape(value) not in ((), (2,)) or (np.ndim(value) and not value[0] < value[1]):
        raise ValueError(f"{name} = {value!r} is not a number or a pair of rising numbers")


def _columns(result: Any, points: Mapping[str, np.ndarray], gain: float) -> np.ndarray:
    """Real and imaginary part of what a mode solver returned, checked, shape [N, 2]."""
    n = np.asarray(result)
    count = points["wl"].size
    if n.shape != (count,) or n.dtype.kind not in "iufc":
        raise ValueError(f"solve returned {n.dtype} values of shape {n.shape}, not numbers of shape {(count,)}")
    wrong = np.flatnonzero(~(np.isfinite(n) & (np.imag(n) >= -gain)))
    if wrong.size:
        place = ", ".join(f"{name} = {values[wrong[0]]:.6g}" for name, values in points.items())
        raise ValueError(f"solve returned n_eff = {n[wrong[0]]:.6g} at {place}: not finite, or with gain (Im < 0)")
    return np.stack([np.real(n), np.imag(n)], axis=1).astype(np.float64)


def cached_fit(
    solve: Solve, request: ModeFit, folder: str | os.PathLike[str] | None = None, key: Any = None
) -> dict[str, np.ndarray]:
    """Arrays of `request.solved(solve)`, from the cache if they are there, else solved for and put there.

    Args:
        solve: as for `IndexMap.fit`.
        request: what to fit.
        folder: folder of the cache, made if need be; None to solve in any case.
        key: what determines the outcome of `solve`, anything that JSON can hold.

    Returns:
        The arrays; from a file they are bit by bit those that were put there. A file that is damaged or foreign is
        named by an `IndexCacheWarning` and replaced; one that cannot be written, named likewise.

    Raises:
        ValueError: if `folder` is a file, `key` is None or not of a kind that JSON can hold, or the fit fails.
    """
    if folder is None:
        return request.solved(solve)
    path = cache_file(request, folder, key)
    if path.exists():
        try:
            return _read(path, request, key)
        except StoreError as error:
            warnings.warn(f"{error}; it is replaced", IndexCacheWarning, stacklevel=3)
    arrays = request.solved(solve)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, arrays, inputs=request.description(key))
    except (OSError, StoreError) as error:
        warnings.warn(f"{error}; the fit is not kept", IndexCacheWarning, stacklevel=3)
    return arrays


def cache_file(request: ModeFit, folder: str | os.PathLike[str], key: Any) -> Path:
    """Path of the file in `folder` that belongs to a fit; arguments and errors as for `cached_fit`."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"cache = {str(folder)!r} is not a folder")
    if key is None:
        raise ValueError("key = None does not say which modes the cache is to keep")
    return folder / f"{hashlib.sha256(_canonical(request, key).encode()).hexdigest()}.h5"


def _canonical(request: ModeFit, key: Any) -> str:
    try:
        return json.dumps(request.description(key), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"key = {key!r} cannot be written as JSON: {error}") from None


def _read(path: Path, request: ModeFit, key: Any) -> dict[str, np.ndarray]:
    results = load(path)
    if results.inputs != json.loads(_canonical(request, key)):
        raise StoreError(f"{path}: is of another fit")
    arrays = {name: results.variables[name].values for name in _ARRAYS if name in results.variables}
    shapes = [array.shape for array in arrays.values() if array.dtype == np.float64 and np.all(np.isfinite(array))]
    whole = len(shapes) == 3 and shapes[0] == shapes[1] and len(shapes[0]) == len(request.bounds) and shapes[2] == (2,)
    if not whole:
        raise StoreError(f"{path}: does not hold the coefficients of a fit")
    return arrays
