"""Benchmarks of one add-drop ring, beside SAX and beside a textbook formula."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core import AddDropRing, LinearIndex, PointCoupler
from photonics_core.validation.benchmarks import Benchmark, Pair, Prepare
from photonics_core.validation.peer import Peer


def _ring() -> AddDropRing:
    index = LinearIndex(n_eff=2.34, n_g=4.2, wl0=1.55, loss_db_cm=2.0)
    return AddDropRing(10.0, PointCoupler.from_power(0.1), PointCoupler.from_power(0.1), index)


def _add_drop(count: int) -> Prepare:
    def prepare(peers: Path | None) -> Pair:
        ring, wl = _ring(), np.linspace(1.53, 1.57, count)

        def ours() -> Any:
            amplitudes = ring.amplitudes(wl)
            return jax.block_until_ready(amplitudes.through)

        return ours, Peer(peers, "sax_add_drop", {"count": count})

    return prepare


def _closed_form(count: int) -> Prepare:
    def prepare(peers: Path | None) -> Pair:
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
