"""Precision, device and threads of LAPACK: the choices a program makes once, each in one visible line.

The library never sets a global flag by itself. `set_precision`, `use_device` and `set_lapack_threads` are for
programs (scripts, notebooks, the shell); library code only asks what was chosen.
"""

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.errors import DeviceError
from photonics_core.kernels.checks import check_choice
from photonics_core.nvidia import install_line, unseen_gpu
from photonics_core.programs import forget_programs

#: Names of the call that sets threads, in the wheels of SciPy and in other builds of OpenBLAS.
SETTERS = ("scipy_openblas_set_num_threads", "openblas_set_num_threads")


def set_precision(precision: str) -> None:
    """Choose "float64" or "float32" for all arrays made from here on.

    Call it before the first array is made: those that are there keep the precision they have. What was compiled for
    the other precision is forgotten. JAX itself starts in float32.
    """
    check_choice("precision", precision, ("float64", "float32"))
    if jax.config.read("jax_enable_x64") == (precision == "float64"):
        return
    jax.config.update("jax_enable_x64", precision == "float64")
    # Rules of derivatives that were traced in one precision would be taken in the other.
    jax.clear_caches()
    forget_programs()


def precision() -> str:
    """Name the precision of new arrays: "float64" or "float32"."""
    return jnp.zeros(()).dtype.name


def use_device(kind: str = "auto") -> Any:
    """Run on the "cpu" or on a "gpu"; "auto" takes what JAX prefers. Return the `jax.Device`.

    Raises:
        DeviceError: if a GPU is asked for and JAX sees none, with what to install.
    """
    check_choice("device", kind, ("auto", "cpu", "gpu"))
    if kind == "auto":
        return jax.devices()[0]
    try:
        device = jax.devices(kind)[0]
    except RuntimeError:
        seen = ", ".join(sorted({d.platform for d in jax.devices()}))
        reason = unseen_gpu(seen) if kind == "gpu" else None
        raise DeviceError(
            f'device = "{kind}" was asked for, but JAX sees only: {seen}. '
            + (reason or f"For an NVIDIA GPU install the extra {install_line(None)}")
        ) from None
    jax.config.update("jax_default_device", device)
    return device


def set_lapack_threads(count: int = 1) -> bool:
    """Choose how many threads the LAPACK has that JAX calls on the CPU, for the whole process; say if it was found.

    JAX calls the OpenBLAS inside SciPy for eigendecompositions, LU and triangular solves, and that has as many threads
    as there are cores, which fight those of XLA. Best is one wherever matrices are of some hundred rows, as in mode
    solving and grating couplers. Measured on two busy cores, a grating coupler of 20 periods: 0.09 s of processor
    time a wavelength with one thread and 0.7 s with two, 0.25 s and 1.6 s by the clock. NumPy has a library of its
    own, which stays as it is. A SciPy that brings no OpenBLAS is left alone, and the answer is False.

    Args:
        count: number of threads, from 1 on.

    Raises:
        ValueError: for a count that is no whole number from 1 on.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count = {count!r} is not a whole number from 1 on")
    setter = _lapack_call(SETTERS)
    if setter is None:
        return False
    setter(count)
    return True


def lapack_threads() -> int | None:
    """How many threads the LAPACK has that JAX calls on the CPU; None where SciPy brings no OpenBLAS."""
    getter = _lapack_call([name.replace("set", "get") for name in SETTERS])
    return None if getter is None else int(getter())


def _lapack_call(names: Sequence[str]) -> Callable[..., Any] | None:
    """The first function of these names in SciPy's OpenBLAS."""
    import scipy

    folder = Path(scipy.__file__).parent
    places = (folder.parent / "scipy.libs", folder / ".dylibs")
    for path in (each for place in places if place.is_dir() for each in sorted(place.glob("*openblas*"))):
        library = ctypes.CDLL(str(path))
        for name in names:
            if hasattr(library, name):
                return getattr(library, name)
    return None


def device_name() -> str:
    """Name the device that new arrays are placed on, such as "cpu" or "NVIDIA H200"."""
    device = jnp.zeros(()).devices().pop()
    return device.device_kind if device.platform != "cpu" else "cpu"


def map_points(function: Callable[[Any], Any], points: Any, *, together: int | None = None) -> Any:
    """A function of one point at each point of a batch, the quickest way on the device at hand; for use within `jit`.

    For work that fills a device by itself, as solving for a mode does: one after another on a CPU, where a
    factorisation keeps its cores and its cache busy, and many at once on a GPU.

    Args:
        function: function of one point, a pytree of arrays.
        points: the pytree with a leading axis.
        together: how many at once; None for 1 on a CPU and 256 elsewhere.
    """
    if together is None:
        together = 1 if _platform() == "cpu" else 256
    return jax.lax.map(function, points, batch_size=None if together == 1 else together)


def point_solver(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of a batch of any size that compiles a function of one point only once; not for use within `jit`.

    Args:
        function: function of one point, a pytree of arrays.

    Returns:
        A function of the pytree with a leading axis, whose results are arrays of NumPy.
    """
    chunk = 8 if _platform() == "cpu" else 256
    solve = jax.jit(lambda points: map_points(function, points))

    def solve_all(points: Any) -> Any:
        count = np.shape(jax.tree.leaves(points)[0])[0]
        # The last point fills up the last chunk, so that all chunks are of one shape.
        places = np.minimum(np.arange(-(-count // chunk) * chunk), count - 1).reshape(-1, chunk)
        parts = [solve(jax.tree.map(lambda leaf, at=at: jnp.asarray(leaf)[at], points)) for at in places]
        return jax.tree.map(lambda *each: np.concatenate(each)[:count], *parts)

    return solve_all


def _platform() -> str:
    chosen = getattr(jax.config, "jax_default_device", None) or jax.devices()[0]
    return getattr(chosen, "platform", chosen)


def as_leaf(value: Any) -> Any:
    """Turn a number given for a device parameter into an array leaf; leave everything else alone.

    Python and NumPy numbers become float64 NumPy arrays and stay on the host, so that a device built in a
    float32 program still knows its lengths and indices to the last digit; phases are reduced from these.
    """
    if isinstance(value, (list, tuple)) and any(isinstance(item, jax.Array) for item in value):
        return jnp.stack([jnp.asarray(item) for item in value])
    if isinstance(value, bool) or not isinstance(value, (int, float, list, tuple, np.ndarray, np.generic)):
        return value
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind in "iuf" else array


def environment() -> dict[str, str]:
    """Versions, devices and precision of this process, for `info` and for the provenance of results."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import photonics_core

    def installed(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "not installed"

    packages = {name: installed(name) for name in ("jax", "jaxlib", "numpy", "scipy", "equinox", "optax", "h5py")}
    return {
        "version": photonics_core.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **packages,
        "devices": ", ".join(f"{d.platform}:{d.id} ({d.device_kind})" for d in jax.devices()),
        "device": device_name(),
        "precision": precision(),
    }
