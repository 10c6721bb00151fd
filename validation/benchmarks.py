"""Benchmarks: our time and a peer's on the same work, alternating in one run, with the difference of the results.

A peer that lives in the same environment is a function. One whose pins clash with ours runs as a process of an
environment of its own, started before timing and fed one request a line, so that both are warm and alternate.
The cases stand in `bench_rings.py`, `bench_films.py`, `bench_networks.py`, `bench_modes.py`,
`bench_couplers.py`, `bench_modulator.py`, `bench_heat.py`, `bench_fiber.py`,
`bench_grating_coupler.py`, `bench_batch.py`, `bench_optimise.py` and `bench_link.py`.
"""

import importlib
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.compiled_programs import make_room
from photonics_core.kernels.checks import check_choice
from photonics_core.runtime import device_name, precision
from photonics_core.validation.peer import PeerAbsent
from photonics_core.validation.precision import in_precision

REPEATS = 7
SUITES = (
    "bench_rings",
    "bench_films",
    "bench_networks",
    "bench_modes",
    "bench_couplers",
    "bench_modulator",
    "bench_heat",
    "bench_fiber_array",
    "bench_fiber",
    "bench_grating_coupler",
    "bench_batch",
    "bench_optimise",
    "bench_wafer_test",
    "bench_link",
)

Pair = tuple[Callable[[], Any], Callable[[], Any]]
Prepare = Callable[[Path | None], Pair]


@dataclass(frozen=True)
class Benchmark:
    """Work to time: ours, and a peer's that gives the same numbers.

    Args:
        name: `subject.case`.
        peer: name of the peer.
        prepare: takes the peer's environment (or None) and returns our function and the peer's, each without
            arguments, giving an array; the peer's raises `PeerAbsent` where it is not there.
        precision: the one precision in which the peer computes; None for that of the process.
        same_result: False where the peer is a yardstick for time only, such as our own forward pass for a gradient.
    """

    name: str
    peer: str
    prepare: Prepare
    precision: str | None = None
    same_result: bool = True


def catalogue() -> tuple[Benchmark, ...]:
    """All benchmarks, in order."""
    modules = (importlib.import_module(f"photonics_core.validation.{name}") for name in SUITES)
    return tuple(benchmark for module in modules for benchmark in module.BENCHMARKS)


def rows(subjects: Iterable[str] = (), peers: Path | None = None) -> Iterator[dict[str, Any]]:
    """Run the benchmarks of the subjects and yield a row for each.

    Args:
        subjects: subjects or exact names; all when empty.
        peers: the Python of the environment that holds the peers; None where there is none.

    Yields:
        Rows with case, ours_s and ours_min_s, peer, peer_s and peer_min_s, ratio (peer over ours, medians),
        ours_first_s and peer_first_s (preparation, compilation and the first run), max_difference, device, dtype, and
        skipped: why the peer has no time.

    Raises:
        ValueError: if a subject names no benchmark.
    """
    wanted, benchmarks = list(subjects), catalogue()
    names = {benchmark.name for benchmark in benchmarks}
    known = {name.split(".")[0] for name in names}
    for subject in wanted:
        if subject not in names:
            check_choice("subject", subject, sorted(known))
    for benchmark in benchmarks:
        if not wanted or benchmark.name in wanted or benchmark.name.split(".")[0] in wanted:
            with in_precision(benchmark.precision or precision()):
                yield _measure(benchmark, peers)
            make_room()


def _measure(benchmark: Benchmark, peers: Path | None) -> dict[str, Any]:
    start = time.perf_counter()
    ours, theirs = benchmark.prepare(peers)
    prepared = time.perf_counter() - start
    result, first = _first(ours)
    functions, firsts = [ours], [prepared + first]
    skipped, difference = None, None
    try:
        other, first = _first(theirs)
        functions.append(theirs)
        firsts.append(first)
        if benchmark.same_result:
            difference = float(np.max(np.abs(np.asarray(result) - np.asarray(other))))
    except PeerAbsent as reason:
        skipped = str(reason)
    del result
    times = _alternate(functions)
    medians = [statistics.median(t) for t in times]
    return {
        "case": benchmark.name,
        "ours_s": medians[0],
        "ours_min_s": min(times[0]),
        "ours_first_s": firsts[0],
        "peer": benchmark.peer,
        "peer_s": medians[1] if skipped is None else None,
        "peer_min_s": min(times[1]) if skipped is None else None,
        "peer_first_s": firsts[1] if skipped is None else None,
        "ratio": medians[1] / medians[0] if skipped is None else None,
        "max_difference": difference,
        "device": device_name(),
        "dtype": precision(),
        "skipped": skipped,
    }


def _first(function: Callable[[], Any]) -> tuple[Any, float]:
    """The result of a first call and its seconds; the peer's process reports its own."""
    start = time.perf_counter()
    result = function()
    elapsed = time.perf_counter() - start
    return result, getattr(result, "first_seconds", elapsed)


def _alternate(functions: Sequence[Callable[[], Any]]) -> list[list[float]]:
    """Seconds of each function, called in turn; the peer's process reports its own time."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(REPEATS):
        for row, function in zip(times, functions, strict=True):
            start = time.perf_counter()
            result = function()
            elapsed = time.perf_counter() - start
            row.append(getattr(result, "seconds", elapsed))
    return times
