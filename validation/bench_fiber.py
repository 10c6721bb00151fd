"""Benchmarks of joints: many alignments in one call, beside the same integrals in NumPy, one by one or as arrays.

The NumPy version of the plane waves makes the same steps (turn by three shears, ramp, transform of twice the window,
phases), with what does not change made once.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.beams import GaussianBeam
from photonics_core.devices.fiber import FibreJoint
from photonics_core.devices.fiber_alignment import Alignment
from photonics_core.fields import FieldGrid, SampledField
from photonics_core.validation.benchmarks import Benchmark, Pair

WL = 1.31
COUNT, STEP = 64, 0.5
K = 2.0 * np.pi / WL


def _vectors(count: int) -> np.ndarray:
    random = np.random.default_rng(6)
    return random.uniform(-1.0, 1.0, (count, 6)) * np.array([1.0, 1.0, 10.0, 0.02, 0.02, 0.2])


def _fields(method: str) -> FibreJoint:
    grid = FieldGrid(COUNT, STEP)
    source, receiver = (SampledField.of_beam(GaussianBeam(*waists), grid, WL) for waists in ((4.6, 4.6), (4.0, 3.5)))
    return FibreJoint(source, receiver, WL, method=method)


class _Plain:
    """Efficiencies by NumPy."""

    def __init__(self, joint: FibreJoint) -> None:
        self.r = (np.arange(COUNT) - 0.5 * (COUNT - 1)) * STEP
        self.k = 2.0 * np.pi * np.fft.fftfreq(2 * COUNT) / STEP
        self.short = 2.0 * np.pi * np.fft.fftfreq(COUNT)
        self.square = self.k[:, None] ** 2 + self.k[None, :] ** 2
        self.reach = np.maximum(np.abs(self.k[:, None]), np.abs(self.k[None, :])) / K
        self.ours = np.fft.fft2(np.asarray(joint.source.e), (2 * COUNT, 2 * COUNT)) * STEP**2
        self.theirs = np.asarray(joint.receiver.e).conj()

    def _sheared(self, field: np.ndarray, slope: float, axis: int) -> np.ndarray:
        phase = self.short[:, None] * self.r[None, :] / STEP
        waves = np.fft.fft(field, axis=axis)
        return np.fft.ifft(waves * np.exp(-1j * slope * (phase if axis == -2 else phase.T)), axis=axis)

    def __call__(self, vector: Any) -> float:
        x, y, z, tilt_x, tilt_y, roll = vector
        lean, rise = -np.tan(0.5 * roll), np.sin(roll)
        field = self._sheared(self._sheared(self._sheared(self.theirs, lean, -2), rise, -1), lean, -2)
        field = np.stack([np.cos(roll) * field[0] - rise * field[1], rise * field[0] + np.cos(roll) * field[1]])
        along, across = K * np.sin(tilt_x) * np.cos(tilt_y), K * np.sin(tilt_y)
        field = field * np.exp(1j * (along * self.r[:, None] + across * self.r[None, :]))
        theirs = np.fft.fft2(field, (2 * COUNT, 2 * COUNT)) * STEP**2
        pair = np.sum(self.ours * theirs.conj(), axis=0) * np.exp(-0.5j * self.square / K * z)
        pair = np.where(self.reach * abs(z) <= 0.5 * COUNT * STEP, pair, 0.0)
        amplitude = np.exp(1j * self.k * x) @ pair @ np.exp(1j * self.k * y)
        return abs(amplitude / (2 * COUNT * STEP) ** 2) ** 2


def plane_waves(peers: Path | None) -> Pair:
    """256 alignments of all six degrees of freedom, fields of 64 x 64, beside NumPy."""
    del peers
    joint, vectors = _fields("paraxial"), _vectors(256)
    plain, at = _Plain(joint), Alignment.of_vector(vectors)
    return (
        lambda: jax.block_until_ready(joint.efficiency(at)),
        lambda: np.array([plain(vector) for vector in vectors]),
    )


def offset_map(peers: Path | None) -> Pair:
    """A map of 41 x 41 offsets beside NumPy's matrix products, with all else made anew."""
    del peers
    joint, x = _fields("paraxial"), np.linspace(-4.0, 4.0, 41)
    plain = _Plain(joint)

    def theirs() -> np.ndarray:
        waves = np.fft.fft2(plain.theirs, (2 * COUNT, 2 * COUNT)) * STEP**2
        phases = np.exp(1j * x[:, None] * plain.k[None])
        amplitudes = phases @ np.sum(plain.ours * waves.conj(), axis=0) @ phases.T / (2 * COUNT * STEP) ** 2
        return -20.0 * np.log10(np.abs(amplitudes))

    return lambda: jax.block_until_ready(joint.loss_map(x, x)), theirs


def closed(peers: Path | None) -> Pair:
    """1e5 alignments of two round beams in closed form, beside the formula of round beams in NumPy."""
    del peers
    vectors = _vectors(100_000)
    vectors[:, 4] = vectors[:, 1] = vectors[:, 5] = 0.0
    joint = FibreJoint(GaussianBeam.from_mfd(9.2), GaussianBeam.from_mfd(8.0), WL)
    at = Alignment.of_vector(jnp.asarray(vectors))

    def theirs() -> np.ndarray:
        x, z, theta = vectors[:, 0], vectors[:, 2], np.sin(vectors[:, 3])
        w_1, w_2 = 4.6, 4.0
        at_second = w_1**2 * (1.0 + (WL * z / (np.pi * w_1**2)) ** 2)
        size = 4.0 * w_1**2 * w_2**2 / ((w_1**2 + w_2**2) ** 2 + (WL * z / np.pi) ** 2)
        terms = 0.5 * x**2 * (w_1**-2 + w_2**-2) + (np.pi * theta / WL) ** 2 * (at_second + w_2**2) / 2.0
        return -10.0 / np.log(10.0) * (np.log(size) - size * (terms - x * theta * z / w_1**2))

    return lambda: jax.block_until_ready(joint.loss_db(at)), theirs


def with_gradient(method: str, count: int) -> Any:
    """Derivatives of all six beside the losses alone, in the same number of alignments."""

    def prepare(peers: Path | None) -> Pair:
        del peers
        joint, at = _fields(method), Alignment.of_vector(_vectors(count))
        return lambda: jax.block_until_ready(joint.gradient(at)), lambda: jax.block_until_ready(joint.loss_db(at))

    return prepare


BENCHMARKS = (
    Benchmark("fiber.plane_waves_256", "NumPy", plane_waves, "float64"),
    Benchmark("fiber.offset_map_41", "NumPy", offset_map, "float64"),
    Benchmark("fiber.closed_1e5", "NumPy, round beams", closed, "float64"),
    Benchmark("fiber.gradient_64", "own losses", with_gradient("paraxial", 64), same_result=False),
    Benchmark("fiber.gradient_exact_4", "own losses", with_gradient("exact", 4), same_result=False),
)
