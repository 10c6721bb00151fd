"""What a sweep is made of before it runs: its program, the layout of its folder, and what it would cost."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from photonics_core.hdf5_variables import StoreError, Variable, normalised
from photonics_core.leaves import digest_of_leaf
from photonics_core.progress import said_bytes, said_time
from photonics_core.run_folder import RunFolder
from photonics_core.run_identity import surroundings
from photonics_core.sample_plans import Plan
from photonics_core.store import provenance, results_image
from photonics_core.sweep_engine import Engine, local_devices
from photonics_core.sweep_program import Label, Program

#: Bytes of results in a part, at most, and seconds of work that a part aims at.
PART_BYTES, PART_SECONDS = 1 << 26, 10.0
#: Chunks of each share, at least, so that all of them have much the same to do.
SHARES = 4


@dataclass(frozen=True)
class Cost:
    """What a sweep would take.

    Attributes:
        samples, blocks, chunks: how many there are.
        block, chunk: samples of each.
        devices: number of devices.
        result_bytes: bytes of all results and samples.
        memory_bytes: bytes that a block takes on a device, and that two chunks take on the host.
        block_seconds: time of one block on one device.
        compile_seconds: time to compile.
    """

    samples: int
    blocks: int
    chunks: int
    block: int
    chunk: int
    devices: int
    result_bytes: int
    memory_bytes: tuple[int, int]
    block_seconds: float
    compile_seconds: float

    @property
    def seconds(self) -> float:
        """Time of the whole sweep, from that of one block."""
        return self.compile_seconds + self.block_seconds * -(-self.blocks // self.devices)

    def to_json(self) -> dict[str, Any]:
        """Figures for a script, times in s."""
        return asdict(self) | {"seconds": self.seconds}

    def report(self) -> str:
        """Figures as text, a line each."""
        device, host = map(said_bytes, self.memory_bytes)
        whole, block, compiled = map(said_time, (self.seconds, self.block_seconds, self.compile_seconds))
        cut = f"{self.blocks} blocks of {self.block}, {self.chunks} chunks of {min(self.chunk, self.samples)}"
        return "\n".join(
            [
                f"samples  {self.samples}, in {cut}",
                f"results  {said_bytes(self.result_bytes)}",
                f"memory   {device} a device, {host} on the host",
                f"time     {whole} on {self.devices} devices: {block} a block, {compiled} to compile",
            ]
        )


@dataclass(frozen=True)
class Setup:
    """A program with its coordinates and its description; `set_up` makes one.

    Attributes:
        program: what is computed.
        labels: dims, units and names by variable.
        coordinates: what all samples share.
        job: description by which another process makes the same, or None.
    """

    program: Program
    labels: dict[str, Label] = field(repr=False)
    coordinates: dict[str, Variable] = field(repr=False)
    job: Any = None

    @cached_property
    def origin(self) -> dict[str, str]:
        """Provenance of this process, asked for once."""
        return provenance()

    def engine(self, block: int | None, devices: int | Sequence[Any] | None) -> Engine:
        """The program compiled for a block and devices.

        Raises:
            ValueError: for a block or devices that cannot be.
        """
        chosen = local_devices(devices)
        return Engine(self.program, self.block(block, chosen[0].platform), chosen)

    def block(self, wanted: int | None, platform: str) -> int:
        """The block asked for, or one that suits."""
        if wanted is None:
            return self.program.block_size(platform)
        _check_size("block", wanted)
        return wanted

    def variables(self, results: Mapping[str, np.ndarray]) -> dict[str, Variable]:
        """Results, axes and coordinates in the dimensions of the plan."""
        plan = self.program.plan
        found = dict(self.coordinates)
        rows = plan.rows(0, plan.count) if any(name not in found for name in plan.names) else {}
        about = self.about()
        for name, values in {**rows, **results}.items():
            if name not in found:
                each = about[name]
                shaped = values.reshape(*plan.shape, *each["shape"])
                found[name] = Variable(shaped, (*plan.dims, *each["dims"]), each["units"], each["long_name"])
        return found

    def about(self) -> dict[str, Any]:
        """Type, shape of one sample, dims, unit and label of each axis and result, as the manifest has them."""
        about = {}
        for name, values in self.program.plan.rows(0, 1).items():
            label, shape = self.labels.get(name, Label()), values.shape[1:]
            dims = label.dims or tuple(f"{name}_{k}" for k in range(len(shape)))
            about[name] = _about(values.dtype, shape, replace(label, dims=dims), True)
        for name, each in self.program.outputs.items():
            about[name] = _about(each.dtype, each.shape, each.label, False)
        return about

    def layout(self, block: int, chunk: int) -> dict[str, Any]:
        """Layout of a run folder."""
        plan = self.program.plan
        return {
            "count": plan.count,
            "block": block,
            "chunk": chunk,
            "chunks": -(-plan.count // chunk),
            "dims": list(plan.dims),
            "shape": list(plan.shape),
        }

    def identity(self, block: int, platform: str) -> dict[str, Any]:
        """What tells the run from others."""
        given = {name: each for name, each in self.coordinates.items() if name not in self.program.plan.names}
        shared = {name: digest_of_leaf(np.asarray(each.values)) for name, each in given.items()}
        labels = {name: [*each.dims, each.units] for name, each in self.labels.items()}
        own = self.program.identity(block)
        return {**own, "coordinates": shared, "labels": labels, "block": block, **surroundings(platform)}

    def open_run(
        self,
        folder: str | os.PathLike[str],
        chunk: int | None,
        block: int | None,
        devices: int | Sequence[Any] | None,
        shard: tuple[int, int] | None = None,
    ) -> tuple[RunFolder, Engine]:
        """Make the folder of a run, or open the one that is there, which keeps its block and chunk.

        Raises:
            StoreError: if the folder cannot be written, or holds another run; the message says what differs.
            ValueError: for a block, chunk or devices that cannot be.
        """
        for name, size in (("chunk", chunk), ("block", block)):
            if size is not None:
                _check_size(name, size)
        chosen = local_devices(devices)
        platform = chosen[0].platform
        there = RunFolder.open(folder) if RunFolder.is_there(folder) else None
        if there is not None:
            _check_layout(there, chunk, block)
            block, chunk = int(there.layout["block"]), int(there.layout["chunk"])
            there.check_same(self.identity(block, platform))
        self.check_storable()
        engine = Engine(self.program, self.block(block, platform), chosen)
        size = self.chunk(engine, chunk, shard)
        run = RunFolder.create(
            folder,
            identity=self.identity(engine.block, platform),
            layout=self.layout(engine.block, size),
            variables=self.about(),
            provenance=self.origin | {"seed": str(self.program.seed)},
            job=self.job,
            coordinates=self.coordinates,
        )
        return run, engine

    def chunk(self, engine: Engine, wanted: int | None, shard: tuple[int, int] | None = None) -> int:
        """Samples of a chunk, whole blocks: as asked for, or some seconds of work within the memory of a part."""
        block, count = engine.block, self.program.plan.count
        most = -(-count // block)
        if wanted is not None:
            return block * min(most, -(-wanted // block))
        seconds = max(_time_block(engine), 1e-6) / len(engine.devices)
        blocks = min(PART_SECONDS / seconds, PART_BYTES / (block * self._bytes_of_sample()))
        if shard is not None:
            blocks = min(blocks, most / (SHARES * shard[1]))
        return block * int(np.clip(blocks, 1, most))

    def cost(
        self, chunk: int | None = None, block: int | None = None, devices: int | Sequence[Any] | None = None
    ) -> Cost:
        """What the sweep would take, from one block that is computed and timed; nothing is written."""
        began = time.perf_counter()
        engine = self.engine(block, devices)
        compiled = time.perf_counter() - began
        size, count = self.chunk(engine, chunk), self.program.plan.count
        each = self._bytes_of_sample()
        memory = self.program.memory(engine.block), 5 * size * each
        blocks, chunks = (-(-count // length) for length in (engine.block, size))
        seconds = _time_block(engine)
        return Cost(
            count, blocks, chunks, engine.block, size, len(engine.devices), count * each, memory, seconds, compiled
        )

    def check_storable(self) -> None:
        """Raise a `StoreError` if a part could not be written: of names and dimensions that clash, one by one."""
        count = 2
        content: dict[str, Variable] = dict(self.coordinates)
        for name, each in self.about().items():
            values = np.zeros((count, *each["shape"]), each["dtype"])
            if name not in content:
                content[name] = Variable(values, ("sample", *each["dims"]), each["units"], each["long_name"])
        results_image(content, origin={})

    def _bytes_of_sample(self) -> int:
        return self.program.bytes_each + 8 * sum(values.size for values in self.program.plan.rows(0, 1).values()) + 8


def set_up(
    function: Callable[..., Any],
    plan: Plan,
    *,
    device: Any = None,
    common: Any = None,
    seed: int | None = None,
    labels: Mapping[str, Label] | None = None,
    coordinates: Mapping[str, Variable] | None = None,
    job: Any = None,
) -> Setup:
    """Check and trace a sweep; arguments as for `sweep`.

    Raises:
        ValueError: as `sweep` does.
    """
    program = Program(function, plan, device=device, common=common, seed=seed, labels=labels)
    labels = dict(labels or {})
    shared = {name: Variable(values, (name,), *_unit(labels.get(name))) for name, values in plan.coordinates().items()}
    for name, given in normalised(coordinates or {}).items():
        if name in shared or name in program.outputs or name in plan.names:
            raise ValueError(f"coordinates[{name!r}] has the name of an axis or a result")
        shared[name] = given
    for name, output in program.outputs.items():
        for dim, length in zip(output.label.dims, output.shape, strict=True):
            if dim in shared and np.shape(shared[dim].values) != (length,):
                shape = np.shape(shared[dim].values)
                raise ValueError(f"result {name!r} has length {length} along {dim!r}, whose coordinate has {shape}")
    return Setup(program, labels, shared, job)


def _unit(label: Label | None) -> tuple[str, str]:
    return (label.units, label.long_name) if label is not None else ("", "")


def _about(dtype: Any, shape: Sequence[int], label: Label, axis: bool) -> dict[str, Any]:
    facts = {"dtype": np.dtype(dtype).name, "shape": list(shape), "dims": list(label.dims)}
    return facts | {"units": label.units, "long_name": label.long_name, "axis": axis}


def _check_size(name: str, size: Any) -> None:
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"{name} = {size!r} is not a whole number from 1 on")


def _check_layout(run: RunFolder, chunk: int | None, block: int | None) -> None:
    layout = run.layout
    if block is not None and block != layout["block"]:
        raise StoreError(f"{run.path} holds a run with block = {layout['block']}, not {block}; leave it out to go on")
    if chunk is not None:
        whole = layout["block"] * min(-(-chunk // layout["block"]), -(-layout["count"] // layout["block"]))
        if whole != layout["chunk"]:
            raise StoreError(
                f"{run.path} holds a run with chunk = {layout['chunk']}, not {whole}; leave it out to go on"
            )


def _time_block(engine: Engine) -> float:
    """Seconds of one block, the second time it is computed."""
    stop = min(engine.block, engine.program.plan.count)
    engine.compute(0, stop)
    began = time.perf_counter()
    engine.compute(0, stop)
    return time.perf_counter() - began
