"""Machines with a driver of NVIDIA, as files and variables would show them."""

import jax
import pytest

from photonics_core import nvidia, runtime
from photonics_core.errors import DeviceError

OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {}.124.06  Release Build\nGCC version: 12.2.0\n"
CLOSED = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}.82.07  Fri Aug 1 2025\n"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Pretend a driver with this text of its version, and these extras."""

    def pretend(text, there=(), tool=None):
        if text is not None:
            (tmp_path / "version").write_text(text)
        monkeypatch.setattr(nvidia, "DRIVER", tmp_path / "version")
        monkeypatch.setattr(nvidia.shutil, "which", lambda name: tool)
        monkeypatch.setattr(nvidia, "extras_there", lambda: list(there))

    for name in ("JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    return pretend


@pytest.mark.parametrize("text", [OPEN, CLOSED])
def test_the_version_of_the_driver_is_read(machine, text):
    machine(text.format(580))
    assert nvidia.nvidia_driver() == 580


def test_without_a_driver_there_is_nothing_to_say(machine):
    machine(None)
    assert nvidia.nvidia_driver() is None and nvidia.unseen_gpu("cpu") is None
    machine(None, tool="/usr/bin/nvidia-smi")
    assert nvidia.nvidia_driver() == 0


@pytest.mark.parametrize(
    ("driver", "there", "message"),
    [
        (580, (), 'install the extra "cuda13": pip install "photonics-core[cuda13]"'),
        (550, (), 'install the extra "cuda12": pip install "photonics-core[cuda12]"'),
        (470, (), "update of the driver to 525"),
        (550, ("cuda13",), "needs driver 580 or newer"),
        (580, ("cuda13",), "although the extra 'cuda13' is installed"),
    ],
)
def test_what_to_install_follows_from_the_driver(machine, driver, there, message):
    machine(CLOSED.format(driver), there)
    said = nvidia.unseen_gpu("cpu")
    assert said is not None and f"version {driver}" in said and message in said
    assert nvidia.unseen_gpu("gpu:0 (NVIDIA H200)") is None


def test_a_variable_that_hides_gpus_is_named(machine, monkeypatch):
    machine(OPEN.format(580), ("cuda13",))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert "JAX_PLATFORMS='cpu', which hides GPUs" in str(nvidia.unseen_gpu("cpu"))


def test_asking_for_a_gpu_says_which_extra_fits_the_driver(machine):
    if any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("there is a GPU")
    machine(OPEN.format(550))
    with pytest.raises(
        DeviceError, match=r'JAX sees only: cpu\. .*version 550.*pip install "photonics-core\[cuda12\]"'
    ):
        runtime.use_device("gpu")
