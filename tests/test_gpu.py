"""The same code on a GPU: results agree with the CPU in both precisions. Run with `make test-gpu`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import (
    AddDropRing,
    BraggGrating,
    CoupledRings,
    LinearIndex,
    PointCoupler,
    Resonator,
    RingBus,
    Waveguide,
)

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def gpu():
    try:
        return jax.devices("gpu")[0]
    except RuntimeError:
        pytest.skip("JAX sees no GPU")


def amplitudes():
    """A few devices' spectra, built afresh so that every array belongs to the device and precision of the moment."""
    index = LinearIndex(n_eff=2.44, n_g=4.2, wl0=1.55, thermo_optic=1.9e-4, loss_db_cm=3.0)
    couplers = [PointCoupler.from_power(k) for k in (0.1, 0.02, 0.02, 0.1)]
    ring = AddDropRing(10.0, couplers[0], couplers[1], index)
    wl = np.linspace(1.53, 1.57, 2001)
    return {
        "ring": ring.amplitudes(wl, 330.0).through,
        "coupled": CoupledRings(np.full(3, 10.0), couplers, index).amplitudes(wl).drop,
        "bus": RingBus([ring] * 3, Waveguide(50.0, index)).through(wl),
        "grating": BraggGrating(index, (300, 300), 0.318, 0.03).reflection(wl),
    }


@pytest.mark.parametrize(("x64", "tolerance"), [(True, 1e-11), (False, 1e-3)])
def test_spectra_agree_with_the_cpu(gpu, x64, tolerance):
    with jax.enable_x64(x64), jax.numpy_dtype_promotion("standard"):
        with jax.default_device(gpu):
            on_gpu = amplitudes()
        with jax.default_device(jax.devices("cpu")[0]):
            on_cpu = amplitudes()
    for name, values in on_gpu.items():
        assert values.devices() == {gpu}
        np.testing.assert_allclose(values, on_cpu[name], atol=tolerance, err_msg=name)


@pytest.mark.parametrize(("x64", "tolerance"), [(True, 1e-12), (False, 2e-5)])
def test_a_driven_resonance_agrees_with_the_cpu(gpu, x64, tolerance):
    """On a GPU chunks of the record run side by side."""
    detuning = -0.05 + 0.01 * np.sin(0.2 * np.arange(20_000))
    outs = []
    with jax.enable_x64(x64), jax.numpy_dtype_promotion("standard"):
        for device in (gpu, jax.devices("cpu")[0]):
            with jax.default_device(device):
                outs.append(jax.vmap(lambda t: Resonator(t, 13.0).drive(detuning, 0.5)[0])(jnp.asarray([12.0, 20.0])))
    np.testing.assert_allclose(*outs, atol=tolerance)


def test_gradients_agree_with_the_cpu(gpu):
    index = LinearIndex(n_eff=2.44, n_g=4.2, wl0=1.55, loss_db_cm=3.0)
    ring = AddDropRing(10.0, PointCoupler(0.3), PointCoupler(0.2), index)
    wl = np.linspace(1.53, 1.57, 501)

    def power(ring):
        return jnp.sum(jnp.abs(ring.amplitudes(wl).drop) ** 2)

    gradients = []
    for device in (gpu, jax.devices("cpu")[0]):
        with jax.default_device(device):
            gradients.append(jax.tree.leaves(jax.grad(power)(ring)))
    for ours, reference in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, reference, rtol=1e-9, atol=1e-9)
