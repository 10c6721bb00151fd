"""Precision, device, and how numbers become leaves."""

import ctypes
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy

from photonics_core import runtime


@pytest.mark.parametrize("value", [3, 0.1, [1, 2], (1.0, 2.0), np.float32(0.5), np.arange(3)], ids=repr)
def test_numbers_stay_on_the_host_in_double_precision(value, float32):
    leaf = runtime.as_leaf(value)
    assert isinstance(leaf, np.ndarray)
    assert leaf.dtype == np.float64
    np.testing.assert_array_equal(leaf, value)


@pytest.mark.parametrize("value", [None, "text", True, pytest.param(object(), id="object"), jnp.ones(2)], ids=repr)
def test_everything_else_is_left_alone(value):
    assert runtime.as_leaf(value) is value


def test_a_list_may_hold_traced_numbers():
    gradient = jax.grad(lambda x: jnp.sum(runtime.as_leaf([x, 2.0]) ** 2))(3.0)
    assert gradient == 6.0


def test_precision_is_what_was_set():
    assert runtime.precision() == "float64"
    try:
        runtime.set_precision("float32")
        assert runtime.precision() == "float32"
    finally:
        runtime.set_precision("float64")
    assert jnp.zeros(1).dtype == jnp.float64


def test_unknown_choices_are_named():
    with pytest.raises(ValueError, match="precision = 'half' is not one of 'float64', 'float32'"):
        runtime.set_precision("half")
    with pytest.raises(ValueError, match="device = 'tpu' is not one of 'auto', 'cpu', 'gpu'"):
        runtime.use_device("tpu")


def test_threads_of_lapack_are_what_was_set():
    """Asked of the library itself; all that calls it in the process has them."""
    get = _threads_of_lapack()
    if get is None:
        assert not runtime.set_lapack_threads(1)
        pytest.skip("SciPy brings no OpenBLAS")
    before = get()
    try:
        for count in (2, 1):
            assert runtime.set_lapack_threads(count)
            assert get() == count
    finally:
        runtime.set_lapack_threads(before)


def test_numbers_of_threads_are_whole():
    for wrong in (0, -1, 1.5, True, "two"):
        with pytest.raises(ValueError, match="is not a whole number from 1 on"):
            runtime.set_lapack_threads(wrong)  # pyright: ignore[reportArgumentType]


def test_importing_and_solving_leave_the_threads_of_lapack_alone():
    """The library sets nothing that a program did not ask for."""
    get = _threads_of_lapack()
    if get is None:
        pytest.skip("SciPy brings no OpenBLAS")
    before = get()
    try:
        runtime.set_lapack_threads(3)
        from photonics_core import GratingCoupler

        fixed = {"core": 3.476, "oxide": 1.444, "substrate": 3.476, "degree": 4, "margin": 1.0}
        GratingCoupler([0.3], [], **fixed).response(1.55)
        assert get() == 3
    finally:
        runtime.set_lapack_threads(before)


def _threads_of_lapack():
    """What tells the threads of SciPy's OpenBLAS, or None."""
    places = (Path(scipy.__file__).parents[1] / "scipy.libs", Path(scipy.__file__).parent / ".dylibs")
    for path in (each for place in places for each in place.glob("*openblas*")):
        library = ctypes.CDLL(str(path))
        for setter in runtime.SETTERS:
            getter = setter.replace("set", "get")
            if hasattr(library, getter):
                return getattr(library, getter)
    return None


def test_a_missing_gpu_is_reported_with_what_to_install():
    if any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("there is a GPU")
    with pytest.raises(RuntimeError, match=r"JAX sees only: cpu\. .* pip install"):
        runtime.use_device("gpu")


def test_automatic_choice_is_what_jax_prefers():
    assert runtime.use_device() == jax.devices()[0]
    assert runtime.device_name()
