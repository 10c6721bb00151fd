"""Samples that are drawn: scrambled Sobol points, Latin hypercubes and random numbers, any of them by global index.

    Sobol     scrambled sequence of low discrepancy (I. M. Sobol, USSR Comput. Math. Math. Phys. 7, 86 (1967);
              scrambled as in J. Matousek, J. Complexity 14, 527 (1998)), from `scipy.stats.qmc`
    Latin     every axis cut into as many strata as there are samples, one sample in each (M. D. McKay et al.,
              Technometrics 21, 239 (1979)), from `scipy.stats.qmc`
    random    bits of the counter generator Threefry keyed by fold_in(key(seed), global index), 52 for each number

All are numbers in (0, 1) that the quantile functions of `distributions` turn into values, in float64 on the host.
"""

import abc
import functools
import hashlib
import math
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from photonics_core.distributions import Distribution, check_axes
from photonics_core.kernels.checks import check_range
from photonics_core.sample_plans import MOST, Plan, check_count, check_names

#: Most points of a Sobol sequence of 30 bits.
MOST_SOBOL = 2**30
#: Most numbers of a Latin hypercube, which is drawn whole.
MOST_LATIN = 2**24
#: Rows that are drawn in one call of the compiled generator.
TOGETHER = 4096


@dataclass(frozen=True, eq=False)
class _Drawn(Plan):
    """Base of the plans that draw from distributions.

    Args:
        axes: by name, a `Uniform`, `LogUniform` or `Normal`.
        samples: number of samples.
        seed: a whole number from 0 on.
    """

    axes: Mapping[str, Distribution]
    samples: int
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", dict(self.axes))
        check_axes(self.axes)
        check_names(self.axes)
        for name, least in (("samples", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} = {value!r} is not a whole number from {least} on")
            object.__setattr__(self, name, int(value))
        check_range("seed", self.seed, 0, 2**32 - 1)
        self._check_limits()

    def _check_limits(self) -> None:
        check_count(self.samples)
        if not self.axes:
            raise ValueError("axes is empty: the plan varies nothing")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(self.axes)

    @property
    def count(self) -> int:
        """Number of samples."""
        return self.samples

    @property
    def width(self) -> int:
        """Number of numbers of a sample."""
        return sum(math.prod(axis.shape) for axis in self.axes.values())

    def _rows(self, start: int, stop: int) -> dict[str, np.ndarray]:
        u = self._unit(start, stop)
        ends = np.cumsum([math.prod(axis.shape) for axis in self.axes.values()], dtype=int)
        parts = np.split(u, ends[:-1], axis=1) if self.axes else []
        return {
            name: np.broadcast_to(axis.quantile(part.reshape(-1, *axis.shape)), (stop - start, *axis.shape))
            for (name, axis), part in zip(self.axes.items(), parts, strict=True)
        }

    @abc.abstractmethod
    def _unit(self, start: int, stop: int) -> np.ndarray:
        """Numbers in (0, 1), shape [stop - start, width]."""

    def identity(self) -> dict[str, Any]:
        """Kind, distributions, number, seed, and a digest of the first numbers, which tells a changed generator."""
        axes = {name: axis.identity() for name, axis in self.axes.items()}
        first = hashlib.sha256(self._unit(0, min(16, self.samples)).tobytes()).hexdigest()[:16]
        kind = type(self).__name__.removesuffix("Plan").lower()
        return {"kind": kind, "axes": axes, "samples": self.samples, "seed": self.seed, "first numbers": first}


class _Stream:
    """A Sobol sequence at some place; going on from there costs nothing."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.engine: Any = None
        self.place = 0

    def take(self, width: int, seed: int, start: int, stop: int) -> np.ndarray:
        from scipy.stats import qmc

        with self.lock, warnings.catch_warnings():
            # The balance of a whole power of two is the user's choice, not that of each piece.
            warnings.simplefilter("ignore", UserWarning)
            if self.engine is None or start < self.place:
                # SciPy 1.15 has renamed `seed`, and takes both names.
                rng = np.random.default_rng(seed)
                self.engine = qmc.Sobol(width, seed=rng)  # pyright: ignore[reportCallIssue]
                self.place = 0
            if start > self.place:
                self.engine.fast_forward(start - self.place)
            self.place = stop
            return self.engine.random(stop - start)


@dataclass(frozen=True, eq=False)
class SobolPlan(_Drawn):
    """Points of a scrambled Sobol sequence; powers of two keep its balance.

    Args:
        axes: by name, a `Uniform`, `LogUniform` or `Normal`.
        samples: number of samples, at most 2^30.
        seed: of the scrambling; other seeds give independent replicates.

    Raises:
        ValueError: for axes, a number or a seed that cannot be.
    """

    _stream: _Stream = field(default_factory=_Stream, init=False, repr=False)

    def _check_limits(self) -> None:
        super()._check_limits()
        check_range("samples", self.samples, 1, MOST_SOBOL)

    def _unit(self, start: int, stop: int) -> np.ndarray:
        if start == stop:
            return np.zeros((0, self.width))
        # The middle of each cell of 2^-30, so that no quantile is infinite.
        return self._stream.take(self.width, self.seed, start, stop) + 0.5**31


@dataclass(frozen=True, eq=False)
class LatinPlan(_Drawn):
    """A Latin hypercube. It is drawn whole, so it has at most 2^24 numbers; Sobol points have no such limit.

    Args:
        axes: by name, a `Uniform`, `LogUniform` or `Normal`.
        samples: number of samples.
        seed: a whole number from 0 on.

    Raises:
        ValueError: for axes, a number or a seed that cannot be.
    """

    _drawn: list[np.ndarray] = field(default_factory=list, init=False, repr=False)

    def _check_limits(self) -> None:
        super()._check_limits()
        if self.samples * self.width > MOST_LATIN:
            raise ValueError(
                f"samples = {self.samples} of {self.width} numbers are more than a Latin hypercube can have, which is "
                f"drawn whole ({MOST_LATIN} numbers); take SobolPlan"
            )

    def _unit(self, start: int, stop: int) -> np.ndarray:
        from scipy.stats import qmc

        if not self._drawn:
            rng = np.random.default_rng(self.seed)
            engine = qmc.LatinHypercube(self.width, seed=rng)  # pyright: ignore[reportCallIssue]
            self._drawn.append(np.clip(engine.random(self.samples), 0.5**53, 1.0 - 0.5**53))
        return self._drawn[0][start:stop]


@dataclass(frozen=True, eq=False)
class RandomPlan(_Drawn):
    """Independent random draws. Without axes it varies nothing but the key that the function is given.

    Args:
        axes: by name, a `Uniform`, `LogUniform` or `Normal`.
        samples: number of samples, at most 2^32.
        seed: a whole number from 0 on.

    Raises:
        ValueError: for axes, a number or a seed that cannot be.
    """

    _kept: dict[str, tuple[int, np.ndarray]] = field(default_factory=dict, init=False, repr=False)

    def _check_limits(self) -> None:
        check_count(self.samples)

    def _unit(self, start: int, stop: int) -> np.ndarray:
        width = self.width
        pieces = [np.zeros((0, width))]
        for low in range(start - start % TOGETHER, stop, TOGETHER) if width else ():
            pieces.append(self._piece(low)[max(start - low, 0) : stop - low])
        return np.concatenate(pieces) if width else np.zeros((stop - start, 0))

    def _piece(self, low: int) -> np.ndarray:
        """Numbers of the samples from `low` on; the last ones are kept for the next block."""
        found = self._kept.get("piece")
        if found is None or found[0] != low:
            found = low, _uniform(self.seed, low, self.width)
            self._kept["piece"] = found
        return found[1]


def _uniform(seed: int, low: int, width: int) -> np.ndarray:
    """Numbers of `TOGETHER` samples from global index `low` on, multiples of 2^-52 plus half of that."""
    import jax

    with jax.default_device(_host()):
        index = (np.arange(low, low + TOGETHER) % MOST).astype(np.uint32)
        bits = np.asarray(_bits(width)(np.uint32(seed), index)).astype(np.uint64)
    high, rest = bits[..., 0] >> 6, bits[..., 1] >> 6
    return ((high << 26 | rest).astype(np.float64) + 0.5) * 0.5**52


@functools.cache
def _host() -> Any:
    """The processor, or where there is none (JAX_PLATFORMS=cuda) what JAX prefers: the bits are the same."""
    import jax

    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:
        return jax.local_devices()[0]


@functools.lru_cache(maxsize=16)
def _bits(width: int) -> Any:
    """The generator of `width` pairs of 32 bits for each of `TOGETHER` samples; a compiled program, no values."""
    import jax

    def draw(seed: Any, index: Any) -> Any:
        key = jax.random.key(seed, impl="threefry2x32")
        return jax.vmap(lambda i: jax.random.bits(jax.random.fold_in(key, i), (width, 2), "uint32"))(index)

    return jax.jit(draw)
