"""The run folder: results that survive a kill, a full disk and two writers, and that other software reads.

    RUN/manifest.json         what is computed, of what, in which chunks, by what
    RUN/coordinates.h5        coordinates that all samples share, a results file of `store`
    RUN/parts/part-000000.h5  the samples of chunk 0, a results file of `store` with a digest at its end
    RUN/damaged/...           parts that were found damaged and computed again

Each file is written under a temporary name, synced and renamed (`atomic`), so it is whole or not there: the parts that
are there are the state of the run, and nothing else is. A chunk that is computed twice gives the same bytes of results,
so two writers harm nothing and there is no lock that a kill could leave behind. The manifest is made by whoever comes
first; everyone else reads it, and refuses to go on if what it says differs from what is asked.

A reader needs h5py and json only; docs/batch.md has one of ten lines.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.atomic import make_folder, remove_leftovers, write_new
from photonics_core.hdf5_variables import StoreError, Variable
from photonics_core.run_identity import describe_differences, digest_of
from photonics_core.store import check_digest, load, results_image, save, write_image

FORMAT = "photonics_core run 1"
MANIFEST, COORDINATES, PARTS, DAMAGED = "manifest.json", "coordinates.h5", "parts", "damaged"


@dataclass(frozen=True)
class Verified:
    """What `RunFolder.verify` found.

    Attributes:
        chunks: number of chunks of the run.
        whole: chunks whose parts are there and agree with their digests.
        missing: chunks without a part.
        damaged: by chunk, what is wrong with its part.
        not_finite: by name of a result, samples that have a value of it that is not finite.
        seconds: time that the parts took to compute.
    """

    chunks: int
    whole: tuple[int, ...]
    missing: tuple[int, ...]
    damaged: dict[int, str]
    not_finite: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether every part is there and whole."""
        return len(self.whole) == self.chunks

    def to_json(self) -> dict[str, Any]:
        """Figures for a script, times in s."""
        return asdict(self) | {"complete": self.is_complete}

    def report(self) -> str:
        """Figures as text, a line each; missing and damaged parts are listed."""
        lines = [f"{len(self.whole)} of {self.chunks} parts are whole, computed in {self.seconds:.3g} s"]
        if self.missing:
            lines.append(f"missing: {listed(self.missing)}")
        lines += [f"damaged: {reason}" for reason in self.damaged.values()]
        lines += [f"not finite: {name} of {count} samples" for name, count in self.not_finite.items() if count]
        return "\n".join(lines)


@dataclass(frozen=True)
class RunFolder:
    """A run on disk; `create` and `open` make one.

    Attributes:
        path: the folder.
        manifest: contents of its manifest: "identity", "layout", "variables", "provenance" and "job".
    """

    path: Path
    manifest: dict[str, Any] = field(repr=False)

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        identity: Mapping[str, Any],
        layout: Mapping[str, Any],
        variables: Mapping[str, Any],
        provenance: Mapping[str, Any],
        job: Any = None,
        coordinates: Mapping[str, Variable] | None = None,
    ) -> "RunFolder":
        """Make a run folder, or open the one that is there if it is of the same run.

        Args:
            path: the folder.
            identity: what tells the run from others.
            layout: "count", "block", "chunk", "chunks", "dims" and "shape"; that of a run that is there stays.
            variables: by name, "dtype", "shape", "dims", "units" and "long_name".
            provenance: when, where and with what.
            job: description by which another process makes the same run, or None.
            coordinates: what all samples share.

        Raises:
            StoreError: if the folder cannot be written, or holds another run; the message says what differs.
        """
        folder = Path(path)
        facts = {"format": FORMAT, "identity": dict(identity), "layout": dict(layout), "variables": dict(variables)}
        facts = json.loads(json.dumps(facts | {"provenance": dict(provenance), "job": job}))
        text = json.dumps(facts | {"digest": digest_of(facts)}, indent=1)
        try:
            make_folder(folder / PARTS)
            remove_leftovers(folder)
            remove_leftovers(folder / PARTS)
            write_new(folder / MANIFEST, text.encode())
        except OSError as error:
            # A run that is complete can be gone on with where nothing can be written: nothing is.
            if not (cls.is_there(folder) and not cls.open(folder).missing()):
                raise StoreError(f"{folder}: no run can be written there: {error.strerror or error}") from error
        run = cls.open(folder)
        run.check_same(identity)
        if coordinates and not (folder / COORDINATES).exists():
            save(folder / COORDINATES, coordinates)
        return run

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "RunFolder":
        """Open a run folder.

        Raises:
            StoreError: if there is none, or its manifest is damaged.
        """
        folder = Path(path)
        try:
            facts = json.loads((folder / MANIFEST).read_bytes())
        except OSError as error:
            raise StoreError(f"{folder} is no run folder: its manifest cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise StoreError(f"{folder / MANIFEST} is damaged: it is not JSON: {error}") from None
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise StoreError(f"{folder / MANIFEST} is of another format than {FORMAT!r}")
        if facts.pop("digest", None) != digest_of(facts):
            raise StoreError(f"{folder / MANIFEST} is damaged: its contents do not match its digest")
        return cls(folder, facts)

    @staticmethod
    def is_there(path: str | os.PathLike[str]) -> bool:
        """Whether a folder holds a run."""
        return (Path(path) / MANIFEST).exists()

    @property
    def layout(self) -> dict[str, Any]:
        """Samples, block, chunk, number of chunks, dims and shape of the plan."""
        return self.manifest["layout"]

    @property
    def variables(self) -> dict[str, Any]:
        """Type, shape of one sample, dims, unit and label of each variable."""
        return self.manifest["variables"]

    @property
    def id(self) -> str:
        """Digest of identity and layout, which every part bears."""
        return digest_of([self.manifest["identity"], self.layout])

    def check_same(self, identity: Mapping[str, Any]) -> None:
        """Raise a `StoreError` that says what differs, unless the run is that of an identity."""
        if found := describe_differences(self.manifest["identity"], identity):
            raise StoreError(f"{self.path} holds another run: {found}. Take another folder for this one")

    def bounds(self, chunk: int) -> tuple[int, int]:
        """Global indices of the first sample of a chunk, and after its last one.

        Raises:
            StoreError: if the run has no such chunk.
        """
        if not 0 <= chunk < self.layout["chunks"]:
            raise StoreError(f"{self.path}: chunk {chunk} is outside [0, {self.layout['chunks'] - 1}]")
        start = chunk * self.layout["chunk"]
        return start, min(start + self.layout["chunk"], self.layout["count"])

    def part(self, chunk: int) -> Path:
        """Path of the part of a chunk."""
        return self.path / PARTS / f"part-{chunk:06d}.h5"

    def chunk_ids(self, shard: tuple[int, int] | None = None) -> range:
        """All chunks, or those of one of N shares: every N-th, from the i-th on, counted from 0."""
        first, step = shard or (0, 1)
        return range(first, self.layout["chunks"], step)

    def missing(self, shard: tuple[int, int] | None = None) -> list[int]:
        """Chunks without a part; parts that are there are not read."""
        there = {entry.name for entry in (self.path / PARTS).iterdir()}
        return [chunk for chunk in self.chunk_ids(shard) if self.part(chunk).name not in there]

    def facts(self, chunk: int) -> dict[str, Any]:
        """Read a part through, check it, and return what its writer said about it.

        Raises:
            StoreError: if it is damaged, missing, or of another run.
        """
        import h5py

        path = self.part(chunk)
        try:
            check_digest(path)
            with h5py.File(path, "r") as file:
                found = json.loads(str(file.attrs["inputs"]))
        except StoreError as error:
            raise StoreError(f"{path} {error}") from None
        except (OSError, KeyError, ValueError) as error:
            raise StoreError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
        if found.get("run") != self.id or found.get("chunk") != chunk:
            raise StoreError(f"{path} is of another run or chunk")
        return found

    def verify(self, shard: tuple[int, int] | None = None) -> Verified:
        """Compare every part with its digest; list those that are missing or damaged. Nothing is changed."""
        whole, damaged, missing = [], {}, set(self.missing(shard))
        bad, seconds = {name: 0 for name, each in self.variables.items() if not each["axis"]}, 0.0
        for chunk in self.chunk_ids(shard):
            if chunk in missing:
                continue
            try:
                facts = self.facts(chunk)
            except StoreError as error:
                damaged[chunk] = str(error)
                continue
            whole.append(chunk)
            seconds += facts["seconds"]
            for name, count in facts["not_finite"].items():
                bad[name] += count
        chunks = len(self.chunk_ids(shard))
        return Verified(chunks, tuple(whole), tuple(sorted(missing)), damaged, bad, seconds)

    def set_aside(self, chunk: int) -> Path:
        """Move the part of a chunk to the folder of damaged ones and return where it is now."""
        make_folder(self.path / DAMAGED)
        source = self.part(chunk)
        number = sum(1 for _ in (self.path / DAMAGED).glob(f"{source.stem}*"))
        target = self.path / DAMAGED / f"{source.stem}-{number}{source.suffix}"
        os.replace(source, target)
        return target

    def write_part(
        self, chunk: int, content: Mapping[str, np.ndarray], facts: Mapping[str, Any], origin: Mapping[str, str]
    ) -> None:
        """Write the part of a chunk, whole or not at all.

        Args:
            chunk: number of the chunk.
            content: by name, arrays whose leading axis is that of samples: axes and results.
            facts: what is said about the part, as JSON holds it; "seconds" and "not_finite" at least.
            origin: provenance.

        Raises:
            StoreError: if it cannot be written; the message says how many parts are there.
        """
        start, stop = self.bounds(chunk)
        index = Variable(np.arange(start, stop, dtype=np.int64), ("sample",), "", "global index of the sample")
        named = {name: self.variable(name, values) for name, values in content.items()}
        about = {"run": self.id, "chunk": chunk, "start": start, "stop": stop, **facts}
        path = self.part(chunk)
        try:
            write_image(path, results_image({"index": index, **named}, {}, about, origin=origin, compress=False))
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror or error}; {self._state()}") from error

    def variable(self, name: str, values: np.ndarray, dims: Iterable[str] = ("sample",)) -> Variable:
        """A variable of the run with its unit and label, the leading dimensions being `dims`."""
        about = self.variables[name]
        return Variable(values, (*dims, *about["dims"]), about["units"], about["long_name"])

    def _state(self) -> str:
        chunks = self.layout["chunks"]
        there, free = chunks - len(self.missing()), shutil.disk_usage(self.path).free / 2**20
        return f"{there} of {chunks} parts are there and stay, {free:.3g} MiB are free; the same run goes on from there"

    def parts(self, name: str) -> Iterator[np.ndarray]:
        """Values of a variable, part after part, as they are on disk.

        Raises:
            StoreError: if a part is missing.
        """
        import h5py

        for chunk in self.chunk_ids():
            try:
                with h5py.File(self.part(chunk), "r") as file:
                    values = np.asarray(file[name][()])  # pyright: ignore[reportIndexIssue]
            except OSError:
                raise StoreError(f"{self.part(chunk)} is missing or cannot be read: the run is not complete") from None
            yield values.astype(self.variables[name]["dtype"], copy=False)

    def read(self, name: str) -> Variable:
        """A whole variable in the dimensions of the plan; digests are not checked (`verify`, `merge` do).

        Raises:
            StoreError: if there is no such variable, or a part is missing.
        """
        if name in (shared := self.coordinates()):
            return shared[name]
        if name not in self.variables:
            raise StoreError(f"{self.path} has no variable {name!r}; there are {', '.join(self.variables)}")
        about = self.variables[name]
        values = np.empty((self.layout["count"], *about["shape"]), about["dtype"])
        start = 0
        for part in self.parts(name):
            values[start : start + len(part)] = part
            start += len(part)
        return self.variable(name, values.reshape(*self.layout["shape"], *about["shape"]), self.layout["dims"])

    def coordinates(self) -> dict[str, Variable]:
        """What all samples share.

        Raises:
            StoreError: if the file is damaged.
        """
        path = self.path / COORDINATES
        return load(path).variables if path.exists() else {}


def listed(numbers: Iterable[int], most: int = 12) -> str:
    """Numbers as text, runs of them as "first to last"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    said = [str(low) if low == high else f"{low} to {high}" for low, high in runs]
    return ", ".join(said[:most]) + (f" and {len(said) - most} more runs" if len(said) > most else "")
