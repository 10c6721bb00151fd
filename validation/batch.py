"""Validation of batch jobs: runs that are killed, disks that are full, devices that differ in number, memory, draws.

What is killed is a real process with SIGKILL. Processes are started afresh (spawned), never forked.
"""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.measured_silicon import o_band_coupler, o_band_index
from photonics_core.devices.ring import AddDropRing
from photonics_core.distributions import Normal, Uniform
from photonics_core.drawn_plans import RandomPlan, SobolPlan
from photonics_core.kernels.block_tridiagonal import invert
from photonics_core.run_folder import RunFolder
from photonics_core.scattering import power
from photonics_core.store import StoreError
from photonics_core.sweep import Swept, run_chunks, run_in_memory
from photonics_core.sweep_engine import Engine
from photonics_core.sweep_setup import Setup, set_up
from photonics_core.validation.registry import Absent, Evidence, case

#: Samples, block and chunk of the run that is killed: 400 parts.
SAMPLES, BLOCK = 6_400, 16
ROOT = Path(__file__).resolve().parents[1]
NAMES = ("drop", "through", "inverse", "noise", "radius", "input_coupler.gap")


def ring() -> AddDropRing:
    """A ring as measured, its gaps 150 nm."""
    return AddDropRing(10.0, o_band_coupler(0.15, 10.0), o_band_coupler(0.15, 10.0), o_band_index())


def spectra(device: AddDropRing, wl: jax.Array, *, key: jax.Array) -> dict[str, jax.Array]:
    """Drop power, through amplitude, what noise does to it, and the inverse of a random matrix."""
    found = device.amplitudes(wl)
    noise = jax.random.normal(key, (4, 4), found.through.real.dtype)
    drop = power(found.drop)
    matrix = 4.0 * jnp.eye(4, dtype=noise.dtype) + jnp.sin(noise)
    return {"drop": drop, "through": found.through, "inverse": invert(matrix), "noise": jnp.exp(noise[0, 0])}


def spectra_setup(samples: int) -> Setup:
    """Spectra of rings of random radius and gap."""
    plan = RandomPlan({"radius": Normal(10.0, 0.01), "input_coupler.gap": Uniform(0.14, 0.16)}, samples, 1)
    wl = jnp.asarray(np.linspace(1.30, 1.32, 17), jnp.result_type(float))
    return set_up(spectra, plan, device=ring(), common=wl, seed=2)


def spectra_sweep(samples: int, folder: str, *, block: int, chunk: int) -> Swept:
    """The spectra of so many rings in a folder."""
    setup = spectra_setup(samples)
    return run_chunks(*_opened(setup, folder, chunk, block), progress=False)


def _opened(setup: Setup, folder: str, chunk: int, block: int, devices: int = 1) -> tuple[RunFolder, Setup, Engine]:
    run, engine = setup.open_run(folder, chunk, block, devices)
    return run, setup, engine


def work(folder: str, samples: str) -> None:
    """What the process that is killed does: start the run, or go on with it."""
    jax.config.update("jax_enable_x64", True)
    spectra_sweep(int(samples), folder, block=BLOCK, chunk=BLOCK)


def killed_runs(kills: int, seed: int = 0, early: float = 0.2, samples: int = SAMPLES) -> dict[str, int]:
    """Kill runs at random moments and go on with them.

    Args:
        kills: how many processes are killed.
        seed: of the moments.
        early: share of kills within the first 3 s of a process, which fall on its start; the others follow within
            0.4 s on the first part that it has written.
        samples: samples of a run, in parts of 16.

    Returns:
        "kills" that hit a running process, "runs" that were completed, "wrong" values in them, samples that are
        "missing" or "twice", "damaged" parts and temporary files "left" over.
    """
    random = np.random.default_rng(seed)
    names = ("kills", "runs", "wrong", "missing", "twice", "damaged", "left")
    found: dict[str, int] = dict.fromkeys(names, 0)
    with tempfile.TemporaryDirectory() as space:
        number, whole = 0, _uninterrupted(Path(space) / "whole", samples)
        while found["kills"] < kills:
            folder = Path(space) / str(number)
            delay = random.uniform(0.0, 3.0) if (is_early := random.random() < early) else random.uniform(0.0, 0.4)
            found["kills"] += _kill(folder, samples, delay, after_part=not is_early)
            if found["kills"] == kills or (_count(folder) == samples // BLOCK):
                _finish(folder, samples, whole, found)
                number += 1
    return found


def _kill(folder: Path, samples: int, delay: float, after_part: bool) -> bool:
    """Start the work, kill it, and say whether it was still at work."""
    before = _count(folder)
    process = subprocess.Popen([sys.executable, "-c", _program("work", str(folder), str(samples))], cwd=ROOT)
    end = time.monotonic() + 120.0
    while after_part and process.poll() is None and _count(folder) <= before and time.monotonic() < end:
        time.sleep(0.002)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    if (code := process.wait()) not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the process that was to be killed ended by itself, with exit code {code}")
    return code != 0


def _count(folder: Path) -> int:
    return sum(1 for _ in (folder / "parts").glob("part-*.h5")) if folder.exists() else 0


def _uninterrupted(folder: Path, samples: int) -> RunFolder:
    """The run of a process that is let be, from the start or from where another one was killed."""
    subprocess.run([sys.executable, "-c", _program("work", str(folder), str(samples))], cwd=ROOT, check=True)
    return RunFolder.open(folder)


def _finish(folder: Path, samples: int, whole: RunFolder, found: dict[str, int]) -> None:
    run = _uninterrupted(folder, samples)
    verified = run.verify()
    index = np.concatenate([read_index(run, chunk) for chunk in verified.whole])
    found["runs"] += 1
    found["damaged"] += len(verified.damaged) + len(list(folder.glob("damaged/*")))
    found["missing"] += samples - np.unique(index).size
    found["twice"] += index.size - np.unique(index).size
    found["left"] += len(list(folder.glob("parts/.tmp-*")))
    for name in NAMES:
        a, b = np.ascontiguousarray(run.read(name).values), np.ascontiguousarray(whole.read(name).values)
        found["wrong"] += int(np.sum(a.view(np.uint8) != b.view(np.uint8)))


def read_index(run: RunFolder, chunk: int) -> np.ndarray:
    """Global indices of the samples that a part holds, as it says itself."""
    import h5py

    with h5py.File(run.part(chunk), "r") as file:
        return np.asarray(file["index"])


def _program(name: str, *arguments: str) -> str:
    return f"from photonics_core.validation.batch import {name}; {name}(*{arguments!r})"


def _run(name: str, *arguments: str, **variables: str) -> str:
    """Output of a function of this module in a process of its own."""
    command = [sys.executable, "-c", _program(name, *arguments)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=True)
    return done.stdout


@case(
    "batch.killed_runs",
    source="processes killed with SIGKILL 100 times at random moments and gone on with, beside an uninterrupted run",
    kind="analytic",
    is_long=True,
)
def _killed() -> Evidence:
    found = killed_runs(100)
    return Evidence(found["wrong"] + found["missing"] + found["twice"] + found["damaged"], 0.0, 0.0, "results")


def print_digests(precision: str) -> None:
    """Print a digest of the results for each number of devices, chunk and engine: one line each."""
    jax.config.update("jax_enable_x64", precision == "float64")
    setup = spectra_setup(901)
    for devices in (1, 3, 4):
        for chunk in (1, 2, 1000):
            with tempfile.TemporaryDirectory() as folder:
                run, _, engine = _opened(setup, folder, 64 * chunk, 64, devices)
                print(digest(run_chunks(run, setup, engine, progress=False)))
        print(digest(run_in_memory(setup, setup.engine(64, devices), False)))
    with tempfile.TemporaryDirectory() as folder:  # begun with one device, ended with four
        for devices, shard in ((1, (1, 3)), (4, None)):
            run, _, engine = _opened(setup, folder, 64, 64, devices)
            found = run_chunks(run, setup, engine, shard=shard, progress=False)
        print(digest(found))


def digest(found: Swept) -> str:
    """SHA-256 of all values of a sweep of spectra."""
    whole = hashlib.sha256()
    for name in NAMES:
        whole.update(np.ascontiguousarray(found[name].values).tobytes())
    return whole.hexdigest()


def _different(precision: str) -> Evidence:
    lines = _run("print_digests", precision, XLA_FLAGS="--xla_force_host_platform_device_count=4").split()
    if len(lines) != 13:
        raise RuntimeError(f"13 digests are expected, not {len(lines)}")
    return Evidence(len(set(lines)), 1.0, 0.0, "different results")


@case(
    "batch.bit_equal_float64",
    source="spectra, an inverse and draws of rings on 1, 3 and 4 simulated devices, by 3 chunks each, in memory, mixed",
    kind="analytic",
    is_long=True,
)
def _bit_equal() -> Evidence:
    return _different("float64")


@case("batch.bit_equal_float32", source="the same in float32", kind="analytic", is_long=True)
def _bit_equal_float32() -> Evidence:
    return _different("float32")


def print_peak(samples: str) -> None:
    """Print the largest memory in MiB that a process had which sweeps so many samples into a folder."""
    import resource

    jax.config.update("jax_enable_x64", True)
    with tempfile.TemporaryDirectory() as folder:
        spectra_sweep(int(samples), folder, chunk=1 << 14, block=1 << 10)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0)


@case(
    "batch.memory_of_a_million",
    source="largest memory of a process that sweeps 1e6 rings, over that for 1e5, the same chunks",
    kind="range",
    is_long=True,
)
def _memory() -> Evidence:
    if sys.platform != "linux":
        raise Absent("the size of a process is read as Linux gives it")
    few, many = (float(_run("print_peak", str(count))) for count in (100_000, 1_000_000))
    return Evidence(many / few, (0.9, 1.1), 0.0)


@contextlib.contextmanager
def small_disk(mebibytes: int) -> Iterator[Path]:
    """A disk of a few MiB.

    Raises:
        Absent: where this process may not mount one.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        raise Absent("a disk that fills up has to be mounted, by root on Linux")
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", folder]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise Absent("this process may not mount a disk")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


@case(
    "batch.full_disk",
    source="a run on a disk of 2 MiB: parts that are whole when it is full, and when room is made and the run goes on",
    kind="analytic",
    is_long=True,
)
def _full_disk() -> Evidence:
    with small_disk(2) as disk:
        ballast, folder = disk / "ballast", str(disk / "run")
        ballast.write_bytes(bytes(1 << 20))
        try:
            spectra_sweep(4096, folder, block=64, chunk=256)
        except StoreError as error:
            full = "No space left" in str(error)
        else:
            raise RuntimeError("the disk did not fill up")
        verified = RunFolder.open(folder).verify()
        kept = len(verified.whole) > 0 and not verified.damaged and full
        ballast.unlink()
        with contextlib.suppress(StoreError):
            spectra_sweep(4096, folder, block=64, chunk=256)
        after = RunFolder.open(folder).verify()
    return Evidence(float(kept and len(after.whole) > len(verified.whole) and not after.damaged), 1.0, 0.0)


def _mean_error(sobol: bool, count: int, seeds: int) -> float:
    """Root mean square error of the mean of a smooth function of 4 normal numbers, over seeds."""
    axes = {f"x{k}": Normal(0.0, 1.0) for k in range(4)}
    errors = []
    for seed in range(seeds):
        plan = (SobolPlan if sobol else RandomPlan)(axes, count, seed)
        x = np.stack(list(plan.rows(0, count).values()))
        # The mean of exp(a x) over a normal x is exp(a^2 / 2).
        errors.append(np.mean(np.exp(0.3 * np.sum(x, axis=0))) / np.exp(0.5 * 4 * 0.09) - 1.0)
    return float(np.sqrt(np.mean(np.square(errors))))


def _order(sobol: bool) -> float:
    counts = np.array([256, 1024, 4096])
    errors = [_mean_error(sobol, int(count), 20) for count in counts]
    return float(-np.polyfit(np.log(counts), np.log(errors), 1)[0])


@case(
    "batch.random_order", source="error of a mean of exp(a x), closed form, over the number of draws", kind="analytic"
)
def _random_order() -> Evidence:
    return Evidence(_order(False), 0.5, 0.15)


@case(
    "batch.sobol_order",
    source="the same with scrambled Sobol points, for which A. B. Owen, Ann. Stat. 25, 1541 (1997) has up to 3/2",
    kind="range",
)
def _sobol_order() -> Evidence:
    return Evidence(_order(True), (0.75, 1.5), 0.1)
