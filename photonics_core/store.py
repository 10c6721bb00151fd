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
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.atomic import write_atomically

_FORMAT = "photonics_core results 1"
_PROVENANCE = "provenance_"
# The text by which the netCDF-4 format marks a dimension scale that has a length and no values.
_BARE_DIMENSION = "This is a netCDF dimension but not a netCDF variable.{:10d}"
_COMPRESS_FROM_BYTES = 1 << 16
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_TRAILER_LENGTH = len("sha256 ") + 64


class StoreError(ValueError):
    """A results file cannot be written or read; the message names the file and what is wrong with it."""


@dataclasses.dataclass(frozen=True)
class Variable:
    """A named quantity of a results file.

    Attributes:
        values: Boolean, integer, real, complex or text array, or a scalar of these, or a list of them.
        dims: A name for each axis; empty to have them made up from the variable's name. A variable of one
            dimension that bears the name of that dimension is its coordinate.
        units: Unit of the values, such as "um"; empty for a pure number.
        long_name: What the values are, as for the label of an axis.
    """

    values: Any
    dims: tuple[str, ...] = ()
    units: str = ""
    long_name: str = ""


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
        content = _normalised(variables)
        header = _header(attributes or {}, inputs)
        image = _image(content, header)
        write_atomically(path, lambda temporary: temporary.write_bytes(image + _trailer(image)))
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
            header = {name: _plain(value) for name, value in file.attrs.items()}
            return _results(dict(_read(file)), header)
    except StoreError as error:
        raise StoreError(f"{path}: {error}") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error


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


def _normalised(variables: Mapping[str, Any], prefix: str = "") -> dict[str, Variable]:
    """Flatten groups to names with slashes; bring all values to arrays that HDF5 can hold."""
    content: dict[str, Variable] = {}
    for key, value in variables.items():
        if not isinstance(key, str) or not all(map(_is_name, key.split("/"))):
            raise StoreError(f"variable name {prefix}{key!r} is empty, or is not text")
        name = prefix + key
        if isinstance(value, Mapping):
            added = _normalised(value, f"{name}/")
        else:
            added = {name: _checked(name, value if isinstance(value, Variable) else Variable(value))}
        if twice := content.keys() & added.keys():
            raise StoreError(f"variable {min(twice)!r} is there twice")
        content |= added
    return content


def _is_name(text: Any) -> bool:
    """Whether HDF5 can use `text` as the name of one thing: "." means the group itself, "/" goes into it."""
    return isinstance(text, str) and bool(text.strip(". ")) and not set("/\0") & set(text)


def _checked(name: str, variable: Variable) -> Variable:
    try:
        values = np.asarray(variable.values)
    except (TypeError, ValueError) as error:
        raise StoreError(f"variable {name!r} is not an array: {error}") from None
    storable = values.dtype.kind == "U" or values.dtype.name in _NUMERIC
    if not storable:
        raise StoreError(f"variable {name!r} holds {values.dtype} values; only numbers and text can be stored")
    own = name.rpartition("/")[2]
    dims = tuple(variable.dims) or tuple(f"{own}_{axis}" for axis in range(values.ndim))
    if len(dims) != values.ndim or len(set(dims)) != values.ndim:
        raise StoreError(f"variable {name!r} of shape {values.shape} needs as many different dims, got {dims}")
    if not all(map(_is_name, dims)):
        raise StoreError(f"variable {name!r} has dims {dims} that are not plain names")
    if not (isinstance(variable.units, str) and isinstance(variable.long_name, str)):
        raise StoreError(f"variable {name!r} has units or a long_name that is not text")
    return Variable(values, dims, variable.units, variable.long_name)


_NUMERIC = {"bool", "float16", "float32", "float64", "complex64", "complex128"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}


def _header(attributes: Mapping[str, Any], inputs: Any) -> dict[str, Any]:
    """Attributes of the whole file: the caller's own, the inputs as JSON, and the provenance."""
    own = {"format", "inputs"}
    header: dict[str, Any] = {}
    for name, value in attributes.items():
        if not isinstance(name, str) or not name or name in own or name.startswith(_PROVENANCE):
            raise StoreError(f"attribute name {name!r} is taken, or is not text")
        if isinstance(value, bool | np.bool_) or not isinstance(value, str | int | float | np.number):
            raise StoreError(f"attribute {name!r} = {value!r} is not text or a number")
        header[name] = _plain(value)
    try:
        header["inputs"] = json.dumps(inputs)
    except (TypeError, ValueError) as error:
        raise StoreError(f"inputs cannot be written as JSON: {error}") from None
    header["format"] = _FORMAT
    return header | {_PROVENANCE + name: value for name, value in provenance().items()}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _trailer(image: bytes) -> bytes:
    return b"sha256 " + hashlib.sha256(image).hexdigest().encode()


def _intact(path: Path) -> bytes:
    """Bytes of the HDF5 file at `path`, once they are known to be those that were written."""
    data = path.read_bytes()
    if not data.startswith(_SIGNATURE):
        raise StoreError("is not an HDF5 file")
    image, trailer = data[:-_TRAILER_LENGTH], data[-_TRAILER_LENGTH:]
    if not trailer.startswith(b"sha256 "):
        raise StoreError("is truncated, or was not written by `save`")
    if trailer != _trailer(image):
        raise StoreError("is damaged: its contents do not match its digest")
    return image


def _image(content: Mapping[str, Variable], header: Mapping[str, Any]) -> bytes:
    """Bytes of the HDF5 file, made in memory.

    HDF5 itself must not meet a full disk: it cannot close the file then, and ends in a crash of the process.
    Metadata of the 1.10 format carry checksums, which those of older formats do not.
    """
    import h5py

    with h5py.File("results", "w", driver="core", backing_store=False, libver=("v110", "v110")) as file:
        file.attrs.update(header)
        for name, variable in content.items():
            _write(file, name, variable)
        for name, variable in content.items():
            _attach_dimensions(file, name, variable, content)
        file.flush()
        return file.id.get_file_image()


def _write(file: Any, name: str, variable: Variable) -> None:
    import h5py

    values, options = variable.values, {}
    try:
        if values.dtype.kind == "U":
            file.create_dataset(name, data=values.astype(object), dtype=h5py.string_dtype())
        else:
            # Checksums need chunks, and HDF5 has no chunks for a scalar or for nothing at all.
            if values.ndim and values.size:
                large = values.nbytes >= _COMPRESS_FROM_BYTES
                options = {"fletcher32": True, "chunks": True if large else values.shape}
                options |= {"shuffle": True, "compression": "gzip", "compression_opts": 1} if large else {}
            data = values.astype(np.int8) if values.dtype == bool else values
            file.create_dataset(name, data=data, **options)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise StoreError(f"variable {name!r} cannot be stored: {error}") from None
    facts = {"units": variable.units, "long_name": variable.long_name}
    file[name].attrs.update({key: text for key, text in facts.items() if text})
    if values.dtype == bool:
        file[name].attrs["dtype"] = "bool"


def _attach_dimensions(file: Any, name: str, variable: Variable, content: Mapping[str, Variable]) -> None:
    for axis, (dim, length) in enumerate(zip(variable.dims, variable.values.shape, strict=True)):
        scale = _scale(file, name, dim, length, content)
        if scale.shape != (length,):
            raise StoreError(
                f"variable {name!r} has length {length} along {dim!r}, but {scale.name!r} has {scale.shape}"
            )
        # HDF5 forbids a scale of a scale: a coordinate is its own.
        if scale.name != f"/{name}":
            file[name].dims[axis].attach_scale(scale)


def _scale(file: Any, name: str, dim: str, length: int, content: Mapping[str, Variable]) -> Any:
    """Dimension scale called `dim` in the group of the variable, or the nearest around it, or a new one."""
    folders = name.split("/")[:-1]
    for depth in range(len(folders), -1, -1):
        candidate = "/".join([*folders[:depth], dim])
        if candidate in content and content[candidate].dims == (dim,):
            if not file[candidate].is_scale:
                file[candidate].make_scale(dim)
            return file[candidate]
        if candidate in file and candidate not in content and file[candidate].is_scale:
            return file[candidate]
    candidate = "/".join([*folders, dim])
    if candidate in file:
        raise StoreError(f"dimension {dim!r} of variable {name!r} is also the name of something else")
    scale = file.create_dataset(candidate, shape=(length,), dtype=np.float32)
    scale.make_scale(_BARE_DIMENSION.format(length))
    return scale


def _read(group: Any, prefix: str = "") -> Iterator[tuple[str, Variable]]:
    import h5py

    for key, item in group.items():
        name = prefix + key
        if isinstance(item, h5py.Group):
            yield from _read(item, f"{name}/")
        elif not _text(item.attrs.get("NAME", "")).startswith(_BARE_DIMENSION[:40]):
            yield name, _variable(item, key)


def _variable(dataset: Any, key: str) -> Variable:
    import h5py

    attributes = dataset.attrs
    if h5py.check_string_dtype(dataset.dtype):
        values = np.asarray(dataset.asstr()[()], dtype=np.str_)
    else:
        values = np.asarray(dataset[()])
    if attributes.get("dtype") == "bool":
        values = values.astype(bool)
    dims = (key,) if dataset.is_scale else tuple(scales[0].name.rpartition("/")[2] for scales in dataset.dims)
    return Variable(values, dims, attributes.get("units", ""), attributes.get("long_name", ""))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _results(content: dict[str, Variable], header: dict[str, Any]) -> Results:
    if header.pop("format", None) != _FORMAT:
        raise StoreError(f"is of another format than {_FORMAT!r}")
    inputs = json.loads(header.pop("inputs"))
    origin = {name: value for name, value in header.items() if name.startswith(_PROVENANCE)}
    attributes = {name: value for name, value in header.items() if name not in origin}
    return Results(content, attributes, inputs, {key.removeprefix(_PROVENANCE): v for key, v in origin.items()})
