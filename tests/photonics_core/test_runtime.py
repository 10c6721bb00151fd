"""Precision, device, and how numbers become leaves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

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


def test_a_missing_gpu_is_reported_with_what_to_install():
    if any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("there is a GPU")
    with pytest.raises(RuntimeError, match=r"JAX sees only: cpu\. .* pip install"):
        runtime.use_device("gpu")


def test_automatic_choice_is_what_jax_prefers():
    assert runtime.use_device() == jax.devices()[0]
    assert runtime.device_name()
