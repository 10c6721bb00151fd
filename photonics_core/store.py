"""Results files: named arrays with units, dimensions and provenance that outlive the run and its software.

A results file is one HDF5 file. `h5py` alone reads it, and `xarray.open_dataset(path, engine="h5netcdf")`
opens it with coordinates and `units`, for dimensions are stored as HDF5 dimension scales. Complex arrays are
compounds of `r` and `i`, which h5py and h5netcdf both hand over as complex; booleans are int8 marked
`dtype = "bool"`, which xarray turns back. Nothing is ever pickled.

    save("ring.h5", {
        "wl": Variable(wl, ("wl",), "um"),                       # named like its dimension: a coordinate
        "through": Variable(through, ("wl",), long_name="power transmission"),
        "fit/loss": Variable(2.1, units="dB/cm"),                # a slash makes a group
    }, inputs=job)
    results = load("ring.h5")
    results["through"].values

A file is either whole or not there. It is written under a temporary name in the same folder, synced to disk
and renamed, so a crash, a kill or a full disk leaves the earlier file as it was. It ends in a SHA-256 digest
of the rest, behind the end of the HDF5 data, where other readers pass over it. `load` checks it before HDF5
sees the file, so damage is an error, never a wrong number (HDF5 itself runs for ever on some damaged files).
"""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.atomic import write_atomically
from photonics_core.hdf5_variables import StoreError as StoreError
from photonics_core.hdf5_variables import Variable as Variable
from photonics_core.hdf5_variables import image, normalised, read

_FORMAT = "photonics_core results 1"
_PROVENANCE = "provenance_"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
TRAILER_LENGTH = len("sha256 ") + 64


@dataclasses.dataclass(frozen=True)
class Results:
    """The contents of a results file; `results[name]` is the variable of that name.

    Attributes:
        variables: Each `Variable` by its name; those in groups have a name with slashes.
        attributes: What the writer said about the whole.
        inputs: What the run was asked to do, or None.
        provenance: When, where and with what software the file was written.
    """

    variables: dict[str, Variable]
    attributes: dict[str, Any]
    inputs: Any
    provenance: dict[str, str]

    def __getitem__(self, name: str) -> Variable:
        return self.variables[name]


def save(
    path: str | os.PathLike[str],
    variables: Mapping[str, Any],
    *,
    attributes: Mapping[str, str | int | float] | None = None,
    inputs: Any = None,
) -> None:
    """Write a results file, whole or not at all.

    Args:
        path: Where to; a file that is there already is replaced at the very end.
        variables: Name to `Variable`, array, scalar, text or list, or to a mapping of these, which is a group
            (the same as names with slashes). Arrays may be NumPy's or JAX's.
        attributes: Facts about the whole.
        inputs: What the run was asked to do, anything that JSON can hold.

    Raises:
        StoreError: if something cannot be stored (the message names it), or the file cannot be written.
    """
    path = Path(path)
    try:
        write_image(path, results_image(variables, attributes, inputs))
    except StoreError as error:
        raise StoreError(f"{path}: {error}") from None
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise StoreError(f"{path}: cannot be written: {error}") from error


def load(path: str | os.PathLike[str]) -> Results:
    """Read a results file whole, and check it against its digest.

    Raises:
        StoreError: if the file is missing, is not a results file, or is truncated or damaged.
    """
    import h5py

    path = Path(path)
    try:
        with h5py.File(io.BytesIO(_intact(path)), "r") as file:
            facts = {name: _plain(value) for name, value in file.attrs.items()}
            return _results(dict(read(file)), facts)
    except StoreError as error:
        raise StoreError(f"{path}: {error}") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error


def results_image(
    variables: Mapping[str, Any],
    attributes: Mapping[str, str | int | float] | None = None,
    inputs: Any = None,
    *,
    origin: Mapping[str, str] | None = None,
    compress: bool = True,
) -> bytes:
    """Bytes of a results file without its digest; arguments as for `save`.

    Args:
        variables, attributes, inputs: as for `save`.
        origin: provenance, or None for that of this moment (which asks git, and so takes some ms).
        compress: whether large arrays are compressed.

    Raises:
        StoreError: if something cannot be stored; the message names it.
    """
    return image(normalised(variables), header(attributes or {}, inputs, origin), compress=compress)


def write_image(path: Path, data: bytes) -> None:
    """Write the bytes of a results file and their digest, whole or not at all.

    Raises:
        OSError: if the file cannot be written.
    """

    def pour(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(data)
            file.write(trailer(hashlib.sha256(data)))

    write_atomically(path, pour)


def check_digest(path: Path) -> None:
    """Read a results file through once, of any size, and compare it with its digest.

    Raises:
        StoreError: if it is damaged, cut short or no results file.
        OSError: if it cannot be read.
    """
    left, digest = path.stat().st_size - TRAILER_LENGTH, hashlib.sha256()
    with path.open("rb") as file:
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            raise StoreError("is not an HDF5 file")
        file.seek(0)
        while left > 0 and (block := file.read(min(left, 1 << 22))):
            digest.update(block)
            left -= len(block)
        _check_trailer(file.read(), digest)


def provenance() -> dict[str, str]:
    """Say when, where and with what software this process runs."""
    from photonics_core.runtime import device_name, precision

    packages = ("photonics-core", "jax", "jaxlib", "numpy", "h5py")
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device_name(),
        "precision": precision(),
        **{package.replace("-", "_"): _version(package) for package in packages},
    }


def _git_commit() -> str:
    """Commit of the package's own checkout, marked "-dirty" if it has changes; empty for an installed package."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            command, capture_output=True, text=True, timeout=5, check=True, cwd=Path(__file__).parent
        ).stdout.strip()
    return ""


def _version(package: str) -> str:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return "unknown"


def header(attributes: Mapping[str, Any], inputs: Any, origin: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Attributes of a whole results file: the caller's own, the inputs as JSON, and the provenance.

    Raises:
        StoreError: if the name of an attribute is taken, or something is not plain.
    """
    own = {"format", "inputs"}
    facts: dict[str, Any] = {}
    for name, value in attributes.items():
        if not isinstance(name, str) or not name or name in own or name.startswith(_PROVENANCE):
            raise StoreError(f"attribute name {name!r} is taken, or is not text")
        if isinstance(value, bool | np.bool_) or not isinstance(value, str | int | float | np.number):
            raise StoreError(f"attribute {name!r} = {value!r} is not text or a number")
        facts[name] = _plain(value)
    try:
        facts["inputs"] = json.dumps(inputs)
    except (TypeError, ValueError) as error:
        raise StoreError(f"inputs cannot be written as JSON: {error}") from None
    facts["format"] = _FORMAT
    origin = provenance() if origin is None else origin
    return facts | {_PROVENANCE + name: value for name, value in origin.items()}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def trailer(digest: Any) -> bytes:
    """What stands behind the end of the HDF5 data: the digest of all bytes before it."""
    return b"sha256 " + digest.hexdigest().encode()


def _check_trailer(found: bytes, digest: Any) -> None:
    if not found.startswith(b"sha256 "):
        raise StoreError("is truncated, or was not written by `save`")
    if found != trailer(digest):
        raise StoreError("is damaged: its contents do not match its digest")


def _intact(path: Path) -> bytes:
    """Bytes of the HDF5 file at `path`, once they are known to be those that were written."""
    data = path.read_bytes()
    if not data.startswith(_SIGNATURE):
        raise StoreError("is not an HDF5 file")
    whole = data[:-TRAILER_LENGTH]
    _check_trailer(data[-TRAILER_LENGTH:], hashlib.sha256(whole))
    return whole


def _results(content: dict[str, Variable], header: dict[str, Any]) -> Results:
    if header.pop("format", None) != _FORMAT:
        raise StoreError(f"is of another format than {_FORMAT!r}")
    inputs = json.loads(header.pop("inputs"))
    origin = {name: value for name, value in header.items() if name.startswith(_PROVENANCE)}
    attributes = {name: value for name, value in header.items() if name not in origin}
    return Results(content, attributes, inputs, {key.removeprefix(_PROVENANCE): v for key, v in origin.items()})
