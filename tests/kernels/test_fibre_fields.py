import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.fibre_fields import vector_fields
from photonics_core.kernels.fibre_modes import branch, cutoff, mode_angles

LABELS = [("HE", 1, 1), ("HE", 2, 1), ("HE", 1, 2), ("EH", 1, 1), ("TE", 0, 1), ("TM", 0, 1)]
CORE = 1.6
LENGTH = 1536
STEP = 2e-3
POINTS = np.array([[0.0, 0.0], [0.3, -0.2], [-0.6, 0.5], [1.2, 0.4], [-0.3, -1.5]])


def mode_of(label, v, contrast, turn=0.4):
    """Fields as a function of positions alone, the wavenumber times the radius, and the effective index."""
    where = jax.tree.map(lambda part: np.asarray(part)[None], branch(*label))
    v, contrast, core = (jnp.asarray(value, float) for value in (v, contrast, CORE))
    phi = mode_angles(v[None], contrast[None], where, 4)[0][0]
    psi = jnp.asarray({"TE": -0.5 * math.pi, "TM": 0.0}.get(label[0], turn), float)
    k, n_eff = v / (core * jnp.sqrt(contrast)), core * jnp.sqrt(1.0 - contrast * jnp.cos(phi) ** 2)
    mode = functools.partial(vector_fields, order=label[1], root=int(branch(*label).root))
    return lambda x, y: mode(x, y, v, contrast, core, phi, psi), float(k), float(n_eff)


def fields(label, x, y, v, contrast):
    """Fields at points of any shape. All calls are of one length, so that one program serves them."""
    x, y = np.broadcast_arrays(x, y)
    padded = (jnp.asarray(np.resize(part.ravel(), LENGTH), float) for part in (x, y))
    mode, k, n_eff = mode_of(label, v, contrast)
    e, h = (np.asarray(part)[:, : x.size].reshape(3, *x.shape) for part in mode(*padded))
    return e, h, k, n_eff


def jumps(label, v, contrast, gap=1e-13):
    """Largest relative jumps at the face of E_z, H_z, E_theta, H_theta, H_r and n^2 E_r."""
    theta = np.linspace(0.1, 6.0, 8)
    r = 1.0 + gap * np.array([-1.0, 1.0])[:, None]
    e, h, _, _ = fields(label, r * np.cos(theta), r * np.sin(theta), v, contrast)
    turn = np.array([[np.cos(theta), np.sin(theta)], [-np.sin(theta), np.cos(theta)]])
    found = []
    for field, n_square in ((e, np.array([1.0, 1.0 - contrast])), (h, np.ones(2))):
        radial, azimuthal = np.einsum("abt,bst->ast", turn, field[:2])
        scale = np.max(np.abs(field))
        parts = radial * n_square[:, None], azimuthal, field[2]
        found += [np.max(np.abs(part[1] - part[0])) / scale for part in parts]
    return found


@pytest.mark.parametrize("label", LABELS)
def test_fields_are_continuous_obey_maxwell_and_have_unit_flux(label):
    v, contrast = 6.0, 0.4
    assert max(jumps(label, v, contrast)) < 1e-10

    # Differences of fourth order in core and cladding, and at the axis.
    offsets = STEP * np.array([[0, 0], [-2, 0], [-1, 0], [1, 0], [2, 0], [0, -2], [0, -1], [0, 1], [0, 2]])
    x, y = np.moveaxis(POINTS[:, None] + offsets, -1, 0)
    e, h, k, n_eff = fields(label, x, y, v, contrast)
    n_square = CORE**2 * np.where(np.hypot(*POINTS.T) < 1.0, 1.0, 1.0 - contrast)
    for field, other, factor in ((e, h, 1j * k), (h, e, -1j * k * n_square)):
        along_x, along_y = (
            field[..., s] @ np.array([1.0, -8.0, 8.0, -1.0]) / (12 * STEP) for s in (slice(1, 5), slice(5, 9))
        )
        middle, beta = field[..., 0], 1j * k * n_eff
        curl = [along_y[2] - beta * middle[1], beta * middle[0] - along_x[2], along_x[1] - along_y[0]]
        np.testing.assert_allclose(curl, factor * other[..., 0], rtol=0, atol=1e-7 * np.max(np.abs(curl)))

    nodes, weights = np.polynomial.legendre.leggauss(48)
    r = np.concatenate([0.5 * (nodes + 1.0), 1.0 + 10.0 * (nodes + 1.0)])
    weight = np.concatenate([0.5 * weights, 10.0 * weights]) * r * 2.0 * math.pi / 16
    theta = np.arange(16) * 2.0 * math.pi / 16
    e, h, _, _ = fields(label, r[:, None] * np.cos(theta), r[:, None] * np.sin(theta), v, contrast)
    flux = np.real(e[0] * np.conj(h[1]) - e[1] * np.conj(h[0]))
    np.testing.assert_allclose(np.sum(weight[:, None] * flux), 1.0, rtol=1e-9)


@pytest.mark.parametrize("label", [("HE", 1, 1), ("HE", 2, 1), ("EH", 1, 1), ("TM", 0, 1)])
@pytest.mark.parametrize("contrast", [1e-6, 0.7])
def test_they_are_continuous_next_to_cutoff_too(label, contrast):
    assert max(jumps(label, max(cutoff(*label, contrast) * (1 + 1e-3), 0.8), contrast)) < 1e-9


def test_derivatives_with_respect_to_position_hold_at_the_axis():
    mode, _, _ = mode_of(("HE", 2, 1), 6.0, 0.4)

    def at(position):
        return jnp.concatenate([part.ravel() for f in mode(*position[:, None]) for part in (f.real, f.imag)])

    exact = jax.jacfwd(at)(jnp.zeros(2))
    slopes = [(at(step) - at(-step)) / (2 * STEP) for step in STEP * jnp.eye(2)]
    np.testing.assert_allclose(exact.T, slopes, atol=1e-4 * np.max(np.abs(exact)))
    assert np.max(np.abs(exact)) > 0.1


def test_single_precision(float32):
    label = ("EH", 1, 1)
    x, y = POINTS.T
    mine = fields(label, x, y, 6.0, 0.4)[:2]
    assert mine[0].dtype == jnp.complex64
    with jax.enable_x64(True):
        expected = fields(label, x, y, 6.0, 0.4)[:2]
    for part, reference in zip(mine, expected, strict=True):
        np.testing.assert_allclose(part, reference, rtol=0, atol=2e-5 * np.max(np.abs(reference)))
