"""Sweeps: a function of one device, or of some numbers, over a grid, a list, a design of experiments or random draws.

    def drop(ring, common):
        return {"drop": power(ring.amplitudes(common["wl"]).drop)}

    plan = RandomPlan({"radius": Normal(10.0, 0.01), "input_coupler.gap": Normal(0.15, 0.002)}, 1_000_000)
    swept = sweep(drop, plan, device=ring, common={"wl": wl}, folder="results/drop")

The function is that of one sample, pure, in JAX; it is batched, compiled once, cut into chunks and spread over the
devices of this process. Results are the same to the last bit for any chunks and any number of devices of one kind
(`sweep_program` says why). With a folder they are written chunk by chunk (`run_folder`), and the same call after a kill
goes on where it was. Samples whose results are not finite are kept, counted and reported.
"""

import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from photonics_core.display import Row, brief, page
from photonics_core.hdf5_variables import StoreError, Variable
from photonics_core.progress import Report, follow
from photonics_core.run_folder import RunFolder, Verified
from photonics_core.sample_plans import Plan
from photonics_core.sweep_engine import Engine
from photonics_core.sweep_program import Label
from photonics_core.sweep_setup import Setup, set_up

#: Samples that one warning names.
NAMED = 5


@dataclass(frozen=True)
class Swept:
    """Results of a sweep; `swept[name]` is a `Variable` in the dimensions of the plan.

    Attributes:
        variables: by name, results, axes and coordinates; empty where the results are in a folder.
        run: the run folder, or None.
        count: samples of the plan.
        computed: samples that this call has computed.
        not_finite: by name of a result, samples that have a value of it that is not finite.
        missing: chunks of the run that are not there: those of other shards.
        redone: what was wrong with the parts that were found damaged, and where they are now.
        seconds: wall time of this call.
    """

    variables: dict[str, Variable] = field(repr=False)
    run: RunFolder | None
    count: int
    computed: int
    not_finite: dict[str, int]
    missing: tuple[int, ...] = ()
    redone: tuple[str, ...] = ()
    seconds: float = 0.0

    def __getitem__(self, name: str) -> Variable:
        """A variable: from memory, or read from the folder whole."""
        if self.run is None or name in self.variables:
            return self.variables[name]
        return self.run.read(name)

    def _repr_html_(self) -> str:
        return page(self, self._summary, self._preview)

    def _summary(self) -> list[Row]:
        return [(name, brief(each.values), ", ".join(each.dims)) for name, each in self.variables.items()]

    def _preview(self) -> Callable[[Any], None] | None:
        from photonics_core.plot import histogram

        for name, each in self.variables.items():
            values = np.asarray(each.values)
            if name not in each.dims and values.size > 2 and np.issubdtype(values.dtype, np.floating):
                return lambda ax, name=name, values=values: histogram(ax, values, name)
        return None

    def to_json(self) -> dict[str, Any]:
        """Figures for a script, time in s; the results themselves are in the run folder."""
        rest = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("run", "variables")}
        return {"run": None if self.run is None else str(self.run.path)} | rest

    def report(self) -> str:
        """Figures as text, a line each."""
        lines = [f"{self.computed} of {self.count} samples computed in {self.seconds:.3g} s"]
        if self.run is not None:
            chunks = self.run.layout["chunks"]
            lines.append(f"{chunks - len(self.missing)} of {chunks} parts are in {self.run.path}")
        lines += [f"damaged and computed again: {each}" for each in self.redone]
        lines += [f"not finite: {name} of {bad} samples" for name, bad in self.not_finite.items() if bad]
        return "\n".join(lines)


def sweep(
    function: Callable[..., Any],
    plan: Plan,
    *,
    device: Any = None,
    common: Any = None,
    seed: int | None = None,
    folder: str | os.PathLike[str] | None = None,
    chunk: int | None = None,
    block: int | None = None,
    devices: int | Sequence[Any] | None = None,
    shard: tuple[int, int] | None = None,
    labels: Mapping[str, Label] | None = None,
    coordinates: Mapping[str, Variable] | None = None,
    progress: bool | None = None,
    resume: bool = True,
) -> Swept:
    """Evaluate a function at every sample of a plan.

    Args:
        function: a pure function of one sample that gives an array, or a dict or other pytree of arrays. It is called
            as `function(device)` with the leaves of the sample in their places, where there is a device (axes that are
            no leaves are keyword arguments), else as `function(numbers)` with a dict by axis. `common` follows as the
            second argument if it is given, and `key=` if there is a seed. Numbers of a sample are floats in the
            precision of the process.
        plan: the samples.
        device: pytree; axes may be paths of its leaves, such as "radius" or "input_coupler.gap".
        common: pytree of what all samples share. Its arrays are arguments of the compiled program, so that other
            values do not compile again; text and functions in it are part of the program.
        seed: hands each sample the key fold_in(key(seed), global index), for functions that draw.
        folder: where the run is written; None keeps the results in memory.
        chunk: samples of a part, rounded up to whole blocks; None for some seconds of work and at most 64 MiB.
        block: samples that are computed at once; None for what suits memory. Results may differ in the last digit
            between two sizes of a block, and never otherwise.
        devices: number of devices of this process, or the devices; None for all of one kind.
        shard: (i, N) computes only every N-th chunk, from the i-th on, counted from 0; needs a folder.
        labels: dims, units and names of results, and units and names of axes, by name.
        coordinates: what the axes of results are, by name, such as {"wl": Variable(wl, ("wl",), "um")}.
        progress: True for a bar, False for nothing, None for a bar in a terminal and a line now and then elsewhere.
        resume: whether a run that is in the folder goes on; False refuses it.

    Returns:
        The results, in memory or by their folder.

    Raises:
        ValueError: for arguments that do not fit, or a function that fails for one sample; nothing is written then.
        StoreError: if the folder cannot be written, or holds another run; the message says what differs.
    """
    began = time.monotonic()
    if folder is None and shard is not None:
        raise ValueError(f"shard = {shard} needs a folder that all shares write to")
    check_shard(shard)
    if folder is not None and not resume and RunFolder.is_there(folder):
        raise StoreError(f"{folder} holds a run already; ask to resume it, or take another folder")
    setup = set_up(function, plan, device=device, common=common, seed=seed, labels=labels, coordinates=coordinates)
    if folder is None:
        found = run_in_memory(setup, setup.engine(block, devices), progress)
    else:
        run, engine = setup.open_run(folder, chunk, block, devices, shard)
        found = run_chunks(run, setup, engine, shard=shard, progress=progress)
    _warn(found)
    return _timed(found, time.monotonic() - began)


def run_chunks(
    run: RunFolder,
    setup: Setup,
    engine: Engine,
    *,
    shard: tuple[int, int] | None = None,
    progress: bool | None = None,
) -> Swept:
    """Compute and write all chunks of a run, or of a shard, that are not there; check those that are."""
    began = time.monotonic()
    verified, redone = mend(run, shard)
    todo = sorted({*verified.missing, *verified.damaged})
    bad = dict(verified.not_finite)
    sizes = {chunk: run.bounds(chunk)[1] - run.bounds(chunk)[0] for chunk in run.chunk_ids(shard)}
    total, left = sum(sizes.values()), sum(sizes[chunk] for chunk in todo)
    with follow("sweep", total, total - left, progress) as report:
        writer = _Writer(run, setup, report, total - left)
        with writer:
            for chunk in todo:
                writer.put(chunk, *_timed_chunk(engine, *run.bounds(chunk)))
    for counts in writer.counts:
        for name, count in counts.items():
            bad[name] += count
    seconds = time.monotonic() - began
    return Swept({}, run, run.layout["count"], left, bad, tuple(run.missing()), redone, seconds)


def run_in_memory(setup: Setup, engine: Engine, progress: bool | None = None) -> Swept:
    """Compute all samples of a sweep and keep them in memory."""
    began = time.monotonic()
    plan = setup.program.plan
    outputs = setup.program.outputs
    whole = {name: np.empty((plan.count, *each.shape), each.dtype) for name, each in outputs.items()}
    step = engine.block * len(engine.devices) * max(1, plan.count // (100 * engine.block * len(engine.devices)))
    with follow("sweep", plan.count, shown=progress) as report:
        for start in range(0, plan.count, step):
            stop = min(start + step, plan.count)
            for name, values in engine.compute(start, stop).items():
                whole[name][start:stop] = values
            report(stop)
    bad = {name: len(not_finite(values)) for name, values in whole.items()}
    seconds = time.monotonic() - began
    return Swept(setup.variables(whole), None, plan.count, plan.count, bad, seconds=seconds)


def write_chunk(
    run: RunFolder, setup: Setup, chunk: int, found: Mapping[str, np.ndarray], seconds: float
) -> dict[str, int]:
    """Write the part of a chunk: its samples and their results; return how many samples are not finite, by result."""
    start, stop = run.bounds(chunk)
    bad = {name: len(not_finite(values)) for name, values in found.items()}
    facts = {"seconds": round(seconds, 4), "not_finite": bad}
    run.write_part(chunk, {**setup.program.plan.rows(start, stop), **found}, facts, setup.origin)
    return bad


def mend(run: RunFolder, shard: tuple[int, int] | None = None) -> tuple[Verified, tuple[str, ...]]:
    """Check the parts that are there; set damaged ones aside and say where they are."""
    verified = run.verify(shard)
    redone = []
    for chunk, reason in verified.damaged.items():
        try:
            redone.append(f"{reason}; it is now {run.set_aside(chunk)}")
        except FileNotFoundError:  # another process was quicker
            continue
        except OSError as error:
            raise StoreError(f"{reason}; it cannot be moved: {error.strerror or error}") from error
    return verified, tuple(redone)


def check_shard(shard: Any) -> None:
    """Raise a `ValueError` unless `shard` is None or two numbers (i, N) with 0 <= i < N."""
    if shard is None:
        return
    whole = isinstance(shard, tuple | list) and len(shard) == 2 and all(type(each) is int for each in shard)
    if not whole or not 0 <= shard[0] < shard[1]:
        raise ValueError(f"shard = {shard!r} is not (i, N) with i from 0 to N - 1")


def not_finite(values: np.ndarray) -> np.ndarray:
    """Places of the samples that have a value that is not finite."""
    if values.dtype.kind not in "fc":
        return np.zeros(0, int)
    return np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))


class _Writer:
    """Writes parts in a thread while the next chunk is computed, one at a time."""

    def __init__(self, run: RunFolder, setup: Setup, report: Report, done: int) -> None:
        self.run, self.setup, self.report, self.done = run, setup, report, done
        self.counts: list[dict[str, int]] = []
        self._pool = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        try:
            if self._last is not None and kind is None:
                self._last.result()
        finally:
            self._pool.shutdown()

    def put(self, chunk: int, found: dict[str, np.ndarray], seconds: float) -> None:
        """Hand over a chunk, once the one before it is written."""
        if self._last is not None:
            self._last.result()
        self._last = self._pool.submit(self._write, chunk, found, seconds)

    def _write(self, chunk: int, found: dict[str, np.ndarray], seconds: float) -> None:
        self.counts.append(write_chunk(self.run, self.setup, chunk, found, seconds))
        start, stop = self.run.bounds(chunk)
        self.done += stop - start
        self.report(self.done)


def _timed_chunk(engine: Engine, start: int, stop: int) -> tuple[dict[str, np.ndarray], float]:
    began = time.monotonic()
    found = engine.compute(start, stop)
    return found, time.monotonic() - began


def _timed(found: Swept, seconds: float) -> Swept:
    return replace(found, seconds=seconds)


def _warn(found: Swept) -> None:
    """Say which samples are not finite, where that is at hand."""
    for name, bad in found.not_finite.items():
        if not bad:
            continue
        where = ""
        if found.run is None:
            values = found.variables[name]
            flat = values.values.reshape(found.count, -1)
            where = f"; the first are samples {', '.join(map(str, not_finite(flat)[:NAMED]))}"
        message = f"{bad} of {found.count} samples have a value of {name!r} that is not finite{where}"
        warnings.warn(message, stacklevel=3)
    if found.redone:
        warnings.warn(f"computed again: {'; '.join(found.redone)}", stacklevel=3)
