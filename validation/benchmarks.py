"""Benchmarks: our time and a peer's on the same work, alternating in one run, with the difference of the results.

A peer that lives in the same environment is a function. One whose pins clash with ours (SAX) runs as a process of an
environment of its own, started before timing and fed one request a line, so that both are warm and alternate.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core import AddDropRing, LinearIndex, PointCoupler
from photonics_core.kernels.checks import check_choice
from photonics_core.runtime import device_name, precision
from photonics_core.validation.peer import Peer, PeerAbsent

REPEATS = 7


@dataclass(frozen=True)
class Benchmark:
    """Work to time: ours, and a peer's that gives the same numbers.

    Args:
        name: `subject.case`.
        peer: name of the peer.
        prepare: takes the peer's environment (or None) and returns our function and the peer's, each without
            arguments, giving an array; raises `PeerAbsent` for the peer alone where it is not there.
    """

    name: str
    peer: str
    prepare: Callable[[Path | None], tuple[Callable[[], Any], Callable[[], Any]]]


def rows(subjects: Iterable[str] = (), peers: Path | None = None) -> Iterator[dict[str, Any]]:
    """Run the benchmarks of the subjects and yield a row for each.

    Args:
        subjects: subjects or exact names; all when empty.
        peers: the Python of the environment that holds the peers; None where there is none.

    Yields:
        Rows with case, ours_s and ours_min_s, peer, peer_s and peer_min_s, ratio (peer over ours, medians),
        max_difference, device, dtype, and skipped: why the peer has no time.

    Raises:
        ValueError: if a subject names no benchmark.
    """
    wanted = list(subjects)
    known = {benchmark.name for benchmark in BENCHMARKS} | {b.name.split(".")[0] for b in BENCHMARKS}
    for subject in wanted:
        if subject not in known:
            check_choice("subject", subject, sorted({benchmark.name.split(".")[0] for benchmark in BENCHMARKS}))
    for benchmark in BENCHMARKS:
        if not wanted or benchmark.name in wanted or benchmark.name.split(".")[0] in wanted:
            yield _measure(benchmark, peers)


def _measure(benchmark: Benchmark, peers: Path | None) -> dict[str, Any]:
    ours, theirs = benchmark.prepare(peers)
    skipped, difference = None, None
    functions = [ours]
    result = np.asarray(ours())
    try:
        difference = float(np.max(np.abs(result - np.asarray(theirs()))))
        functions.append(theirs)
    except PeerAbsent as reason:
        skipped = str(reason)
    times = _alternate(functions)
    medians = [statistics.median(t) for t in times]
    return {
        "case": benchmark.name,
        "ours_s": medians[0],
        "ours_min_s": min(times[0]),
        "peer": benchmark.peer,
        "peer_s": medians[1] if skipped is None else None,
        "peer_min_s": min(times[1]) if skipped is None else None,
        "ratio": medians[1] / medians[0] if skipped is None else None,
        "max_difference": difference,
        "device": device_name(),
        "dtype": precision(),
        "skipped": skipped,
    }


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


def _ring() -> AddDropRing:
    index = LinearIndex(n_eff=2.34, n_g=4.2, wl0=1.55, loss_db_cm=2.0)
    return AddDropRing(10.0, PointCoupler.from_power(0.1), PointCoupler.from_power(0.1), index)


def _add_drop(count: int) -> Callable[[Path | None], tuple[Callable[[], Any], Callable[[], Any]]]:
    def prepare(peers: Path | None) -> tuple[Callable[[], Any], Callable[[], Any]]:
        ring, wl = _ring(), np.linspace(1.53, 1.57, count)

        def ours() -> Any:
            amplitudes = ring.amplitudes(wl)
            return jax.block_until_ready(amplitudes.through)

        return ours, Peer(peers, "sax_add_drop", {"count": count})

    return prepare


def _closed_form(count: int) -> Callable[[Path | None], tuple[Callable[[], Any], Callable[[], Any]]]:
    def prepare(peers: Path | None) -> tuple[Callable[[], Any], Callable[[], Any]]:
        ring, wl = _ring(), np.linspace(1.53, 1.57, count)
        device_wl = jnp.asarray(wl)
        by_hand = jax.jit(_ring_by_hand)
        return (
            lambda: jax.block_until_ready(ring.amplitudes(wl).through),
            lambda: jax.block_until_ready(by_hand(device_wl)[0]),
        )

    return prepare


def _ring_by_hand(wl: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The textbook formula in one jitted function, for the same ring: what a user would write."""
    length = 2.0 * math.pi * 10.0
    n_eff = 2.34 - (wl - 1.55) * (4.2 - 2.34) / 1.55
    phase = 2.0 * jnp.pi * n_eff * length / wl
    loss = jnp.full_like(phase, 10.0 ** (-2.0e-4 * length / 40.0))
    half = jax.lax.complex(loss * jnp.cos(phase / 2), loss * jnp.sin(phase / 2))
    t, cross = math.sqrt(0.9), 0.1
    denominator = 1.0 - t * t * half * half
    return t * (1.0 - half * half) / denominator, -cross * half / denominator


BENCHMARKS = (
    Benchmark("rings.add_drop_1e4", "sax", _add_drop(10_000)),
    Benchmark("rings.add_drop_1e5", "sax", _add_drop(100_000)),
    Benchmark("rings.add_drop_1e6", "sax", _add_drop(1_000_000)),
    Benchmark("rings.closed_form_1e6", "closed form by hand", _closed_form(1_000_000)),
)
