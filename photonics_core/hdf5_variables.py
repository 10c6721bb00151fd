"""Named arrays as the datasets of an HDF5 file, and back: what `store` and the parts of a run are made of.

Dimensions are HDF5 dimension scales as netCDF-4 writes them: a variable named like its one dimension is the coordinate,
and a dimension without one is a scale that has a length and no values.
"""

import dataclasses
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

# The text by which the netCDF-4 format marks a dimension scale that has a length and no values.
_BARE_DIMENSION = "This is a netCDF dimension but not a netCDF variable.{:10d}"
_COMPRESS_FROM_BYTES = 1 << 16
#: Oldest and newest format of HDF5 that is written.
VERSIONS = ("v110", "v110")
#: Kinds of numbers that can be stored.
NUMERIC = {"bool", "float16", "float32", "float64", "complex64", "complex128"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}


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


def normalised(variables: Mapping[str, Any], prefix: str = "") -> dict[str, Variable]:
    """Flatten groups to names with slashes; bring all values to arrays that HDF5 can hold."""
    content: dict[str, Variable] = {}
    for key, value in variables.items():
        if not isinstance(key, str) or not all(map(is_name, key.split("/"))):
            raise StoreError(f"variable name {prefix}{key!r} is empty, or is not text")
        name = prefix + key
        if isinstance(value, Mapping):
            added = normalised(value, f"{name}/")
        else:
            added = {name: checked(name, value if isinstance(value, Variable) else Variable(value))}
        if twice := content.keys() & added.keys():
            raise StoreError(f"variable {min(twice)!r} is there twice")
        content |= added
    return content


def is_name(text: Any) -> bool:
    """Whether HDF5 can use `text` as the name of one thing: "." means the group itself, "/" goes into it."""
    return isinstance(text, str) and bool(text.strip(". ")) and not set("/\0") & set(text)


def checked(name: str, variable: Variable) -> Variable:
    """The variable with an array for its values and a name for each dimension.

    Raises:
        StoreError: naming the variable, if it cannot be stored.
    """
    try:
        values = np.asarray(variable.values)
    except (TypeError, ValueError) as error:
        raise StoreError(f"variable {name!r} is not an array: {error}") from None
    storable = values.dtype.kind == "U" or values.dtype.name in NUMERIC
    if not storable:
        raise StoreError(f"variable {name!r} holds {values.dtype} values; only numbers and text can be stored")
    own = name.rpartition("/")[2]
    dims = tuple(variable.dims) or tuple(f"{own}_{axis}" for axis in range(values.ndim))
    if len(dims) != values.ndim or len(set(dims)) != values.ndim:
        raise StoreError(f"variable {name!r} of shape {values.shape} needs as many different dims, got {dims}")
    if not all(map(is_name, dims)):
        raise StoreError(f"variable {name!r} has dims {dims} that are not plain names")
    if not (isinstance(variable.units, str) and isinstance(variable.long_name, str)):
        raise StoreError(f"variable {name!r} has units or a long_name that is not text")
    return Variable(values, dims, variable.units, variable.long_name)


def image(content: Mapping[str, Variable], header: Mapping[str, Any], *, compress: bool = True) -> bytes:
    """Bytes of the HDF5 file, made in memory.

    HDF5 itself must not meet a full disk: it cannot close the file then, and ends in a crash of the process.
    Metadata of the 1.10 format carry checksums, which those of older formats do not.

    Args:
        content: variables that `normalised` gave.
        header: attributes of the whole file.
        compress: whether large arrays are compressed; most of what is computed hardly gets smaller.

    Raises:
        StoreError: naming the variable that cannot be stored.
    """
    import h5py

    # HDF5 refuses a name that another thread has open, even where there is no file.
    name = f"results-{secrets.token_hex(8)}"
    with h5py.File(name, "w", driver="core", backing_store=False, libver=VERSIONS) as file:
        file.attrs.update(header)
        for name, variable in content.items():
            write(file, name, variable, compress=compress)
        for name, variable in content.items():
            attach_dimensions(file, name, variable, content)
        file.flush()
        return file.id.get_file_image()


def write(file: Any, name: str, variable: Variable, *, compress: bool = True, empty: bool = False) -> None:
    """Write one variable, its unit and its label; `empty` makes room for the values and writes none.

    Raises:
        StoreError: naming the variable, if HDF5 refuses it.
    """
    import h5py

    values = variable.values
    try:
        if values.dtype.kind == "U":
            file.create_dataset(name, data=values.astype(object), dtype=h5py.string_dtype())
        else:
            dtype = np.dtype(np.int8) if values.dtype == bool else values.dtype
            given = {"shape": values.shape} if empty else {"data": values.astype(dtype, copy=False)}
            file.create_dataset(name, dtype=dtype, **given, **_options(values, compress))
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise StoreError(f"variable {name!r} cannot be stored: {error}") from None
    facts = {"units": variable.units, "long_name": variable.long_name}
    file[name].attrs.update({key: text for key, text in facts.items() if text})
    if values.dtype == bool:
        file[name].attrs["dtype"] = "bool"


def _options(values: np.ndarray, compress: bool) -> dict[str, Any]:
    # Checksums need chunks, and HDF5 has no chunks for a scalar or for nothing at all.
    if not values.ndim or not values.size:
        return {}
    large = values.nbytes >= _COMPRESS_FROM_BYTES
    options: dict[str, Any] = {"fletcher32": True, "chunks": True if large else values.shape}
    return options | ({"shuffle": True, "compression": "gzip", "compression_opts": 1} if large and compress else {})


def attach_dimensions(file: Any, name: str, variable: Variable, content: Mapping[str, Variable]) -> None:
    """Attach the dimension scales of a variable that is written, the coordinates among `content`.

    Raises:
        StoreError: if two lengths of a dimension differ, or its name is that of something else.
    """
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


def read(group: Any, prefix: str = "") -> Iterator[tuple[str, Variable]]:
    """All variables of a group of a file and of those within it, by name."""
    import h5py

    for key, item in group.items():
        name = prefix + key
        if isinstance(item, h5py.Group):
            yield from read(item, f"{name}/")
        elif not text(item.attrs.get("NAME", "")).startswith(_BARE_DIMENSION[:40]):
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


def text(value: Any) -> str:
    """An attribute as text."""
    return value.decode() if isinstance(value, bytes) else str(value)
