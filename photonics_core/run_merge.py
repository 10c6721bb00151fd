"""One results file of a whole run: every part checked by its digest, values copied part after part.

The file is a real copy, for a virtual dataset with a missing part reads NaN without an error. It is written straight to
disk, as it may be larger than memory. HDF5 must not meet a full disk, since it cannot close a file then: it writes
through an object that remembers the first error and from then on takes everything, and the error is raised once HDF5
has closed the file, which never gets its name.
"""

import hashlib
import io
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.atomic import write_atomically
from photonics_core.hdf5_variables import VERSIONS, StoreError, Variable, attach_dimensions, normalised, write
from photonics_core.run_folder import COORDINATES, DAMAGED, MANIFEST, PARTS, RunFolder
from photonics_core.store import header, provenance, trailer

#: Bytes of chunks that HDF5 keeps at hand, so that rows of two parts in one chunk are compressed once.
CACHE = 1 << 26
#: Where in its folder a run is: no results file may go there.
_OWN = {(name,) for name in (MANIFEST, COORDINATES, PARTS, DAMAGED)}


def merge(run: RunFolder | str | os.PathLike[str], path: str | os.PathLike[str], *, compress: bool = True) -> None:
    """Write the results of a complete run to one results file, which `store.load`, h5py and xarray read.

    Args:
        run: the run or its folder.
        path: where to; a file that is there is replaced at the very end.
        compress: whether large arrays are compressed.

    Raises:
        StoreError: if parts are missing or damaged (all of them are listed), or the file cannot be written or would
            take the place of what the run is made of.
    """
    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    _check_apart(run, Path(path))
    found = run.verify()
    if not found.is_complete:
        raise StoreError(f"{run.path} cannot be merged: {found.report()}")
    try:
        write_atomically(path, lambda temporary: _write(run, temporary, compress))
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error


def _check_apart(run: RunFolder, path: Path) -> None:
    folder, target = run.path.resolve(), path.resolve()
    if target.is_relative_to(folder) and target.relative_to(folder).parts[:1] in _OWN:
        raise StoreError(f"{path} is a part of the run in {run.path}, which would be lost; take another file")


def _write(run: RunFolder, path: Path, compress: bool) -> None:
    import h5py

    shared = run.coordinates()
    content = _content(run, shared)
    own = [name for name in content if name not in shared]
    with path.open("w+b") as raw:
        safe = _Patient(raw)
        try:
            with h5py.File(safe, "w", libver=VERSIONS, rdcc_nbytes=CACHE) as file:
                file.attrs.update(header({}, {"run": run.manifest}, _origin(run)))
                for name, variable in content.items():
                    write(file, name, variable, compress=compress, empty=name in own)
                for name, variable in content.items():
                    attach_dimensions(file, name, variable, content)
                for name in own:
                    _fill(run, name, file[name], safe)
        except (OSError, RuntimeError):
            if safe.error is None:
                raise
        if safe.error is not None:
            raise safe.error
        raw.flush()
        raw.seek(0)
        digest = hashlib.file_digest(raw, "sha256")
        raw.seek(0, os.SEEK_END)
        raw.write(trailer(digest))


def _origin(run: RunFolder) -> dict[str, str]:
    """Provenance of the merged file: that of this process, but the precision and the device of the run."""
    kept = {name: each for name, each in run.manifest["provenance"].items() if name in ("precision", "device", "seed")}
    return provenance() | kept


def _content(run: RunFolder, shared: dict[str, Variable]) -> dict[str, Variable]:
    """All variables of the merged file; those of the run are as large as they will be and take no memory."""
    dims, shape = run.layout["dims"], tuple(run.layout["shape"])
    room = {
        name: run.variable(name, np.broadcast_to(np.zeros((), about["dtype"]), (*shape, *about["shape"])), dims)
        for name, about in run.variables.items()
        if name not in shared
    }
    return normalised({**shared, **room})


def _fill(run: RunFolder, name: str, dataset: Any, safe: "_Patient") -> None:
    shape, start = run.layout["shape"], 0
    for values in run.parts(name):
        if safe.error is not None:
            return
        values = values.astype(dataset.dtype, copy=False)
        for box, low, high in boxes(start, start + len(values), shape):
            lengths = [each.stop - each.start for each in box]
            dataset[box] = values[low - start : high - start].reshape(*lengths, *values.shape[1:])
        start += len(values)


def boxes(start: int, stop: int, shape: list[int]) -> Iterator[tuple[tuple[slice, ...], int, int]]:
    """Cut a range of flat indices of an array, the last axis fastest, into boxes, at most two an axis and one more.

    Yields:
        Slices of the array, and the flat range that they are.
    """
    if start >= stop:
        return
    if len(shape) == 1:
        yield (slice(start, stop),), start, stop
        return
    inner = math.prod(shape[1:])
    first, last = -(-start // inner), stop // inner
    if first > last:  # within one row
        yield from _within(start, stop, first - 1, shape)
        return
    yield from _within(start, first * inner, first - 1, shape)
    if first < last:
        whole = tuple(slice(0, length) for length in shape[1:])
        yield (slice(first, last), *whole), first * inner, last * inner
    yield from _within(last * inner, stop, last, shape)


def _within(start: int, stop: int, row: int, shape: list[int]) -> Iterator[tuple[tuple[slice, ...], int, int]]:
    base = row * math.prod(shape[1:])
    for box, low, high in boxes(start - base, stop - base, shape[1:]):
        yield (slice(row, row + 1), *box), low + base, high + base


class _Patient(io.RawIOBase):
    """A file that never fails for its writer: the first error is kept, and what comes after it is let go."""

    def __init__(self, raw: Any) -> None:
        super().__init__()
        self.raw = raw
        self.error: OSError | None = None
        self.place = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        if self.error is None:
            try:
                self.raw.seek(self.place)
                self.raw.write(data)
                self.raw.flush()
            except OSError as error:
                self.error = error
        self.place += size
        return size

    def readinto(self, buffer: Any) -> int:
        self.raw.seek(self.place)
        count: int = self.raw.readinto(buffer) or 0
        self.place += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.place}.get(whence)
        self.place = offset + (self.raw.seek(0, os.SEEK_END) if base is None else base)
        return self.place

    def tell(self) -> int:
        return self.place

    def truncate(self, size: int | None = None) -> int:
        size = int(self.place if size is None else size)
        if self.error is None:
            try:
                self.raw.truncate(size)
            except OSError as error:
                self.error = error
        return size

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
