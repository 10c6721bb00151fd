"""Waves both ways: against the closed form of a grating, against the transfer matrix, and the laws of energy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import expm

from photonics_core.kernels.counter_modes import counter_scattering
from photonics_core.kernels.counter_waves import counter_coupled

MODES = pytest.mark.parametrize(("forward", "backward"), [(1, 1), (2, 2), (1, 3), (3, 2)])


def grating(kappa, delta, loss=0.0):
    d = delta + 1j * loss
    return np.array([[[d, kappa], [-kappa, -d]]])


def random_pieces(forward, backward, count=5, loss=0.0, seed=0):
    """M = sigma (H + i G) with a Hermitian H and, for loss, a positive G."""
    random = np.random.default_rng(seed)
    size = forward + backward
    h, g = (random.normal(size=(count, size, size)) + 1j * random.normal(size=(count, size, size)) for _ in range(2))
    inner = h + np.conj(np.swapaxes(h, -1, -2)) + 1j * loss * g @ np.conj(np.swapaxes(g, -1, -2))
    sigma = np.where(np.arange(size) < forward, 1.0, -1.0)
    return jnp.asarray(sigma[:, None] * inner)


def energy(s):
    return np.conj(np.swapaxes(s, -1, -2)) @ np.asarray(s)


@pytest.mark.parametrize("kappa", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("delta", [0.0, 0.01, 0.05, -0.2])
@pytest.mark.parametrize("loss", [0.0, 1e-3])
def test_a_grating_of_two_waves_is_the_closed_form(kappa, delta, loss):
    closed = counter_coupled(*(jnp.asarray(x) for x in (kappa, delta, loss, 300.0)))
    assert_allclose(counter_scattering(grating(kappa, delta, loss), 300.0, 1), closed, rtol=0, atol=1e-12)


@pytest.mark.parametrize("delta", [0.0, 0.9, 1.0, 1.3])
def test_a_thousand_exponents(delta):
    s = counter_scattering(grating(1.0, delta), 1000.0, 1)
    closed = counter_coupled(*(jnp.asarray(x) for x in (1.0, delta, 0.0, 1000.0)))
    assert_allclose(s, closed, rtol=0, atol=1e-10)
    assert_allclose(energy(s), np.eye(2), atol=1e-14)


@MODES
def test_a_thin_row_is_its_transfer_matrix(forward, backward):
    pieces, lengths = random_pieces(forward, backward, loss=0.1), np.linspace(0.02, 0.06, 5)
    transfer = np.eye(forward + backward)
    for piece, length in zip(np.asarray(pieces), lengths, strict=True):
        transfer = expm(1j * piece * length) @ transfer
    n = forward
    s = np.asarray(counter_scattering(pieces, lengths, n))
    random = np.random.default_rng(1)
    left = random.normal(size=n + backward) + 1j * random.normal(size=n + backward)
    right = transfer @ left
    # In: forward on the left, backward on the right. Out: backward on the left, forward on the right.
    assert_allclose(s @ np.concatenate([left[:n], right[n:]]), np.concatenate([left[n:], right[:n]]), atol=1e-12)


@MODES
@pytest.mark.parametrize("length", [0.1, 10.0, 1000.0])
def test_lossless_rows_are_unitary_and_lossy_ones_passive(forward, backward, length):
    s = counter_scattering(random_pieces(forward, backward), length, forward)
    assert_allclose(energy(s), np.eye(forward + backward), atol=2e-14)
    lossy = counter_scattering(random_pieces(forward, backward, loss=0.1), length, forward)
    assert np.linalg.norm(lossy, ord=2) < 1.0


def test_loss_absorbs_what_does_not_come_out():
    s = counter_scattering(grating(0.0, 0.3, 1e-3), 200.0, 1)
    assert_allclose(s, np.exp((0.3j - 1e-3) * 200.0) * np.eye(2)[::-1], atol=1e-12)


def test_uncoupled_forward_modes_only_take_a_phase():
    m = jnp.diag(jnp.array([1.0, 2.0, -3.0]))[None]
    s = counter_scattering(m, 0.7, 2)
    expected = np.zeros((3, 3), complex)
    expected[1, 0], expected[2, 1], expected[0, 2] = np.exp(0.7j * np.array([1.0, 2.0, 3.0]))
    assert_allclose(s, expected, atol=1e-14)


def test_a_reciprocal_structure_has_a_symmetric_matrix():
    """Forward and backward waves of one set of modes with real symmetric couplings: as sigma M symmetric."""
    random = np.random.default_rng(3)
    same, across = random.normal(size=(2, 3, 3))
    same, across = same + same.T, across + across.T
    m = jnp.asarray(np.block([[same, across], [-across, -same]]))[None]
    s = counter_scattering(m, 2.0, 3)
    assert_allclose(s, s.T, atol=1e-12)


def test_batches_and_vmap():
    kappa = jnp.linspace(0.0, 0.2, 4)
    row = jnp.stack([grating(k, 0.03)[0] for k in np.asarray(kappa)])[None]
    lengths = jnp.array([[10.0, 1000.0, 20.0, 0.0]])
    closed = counter_coupled(kappa, jnp.full(4, 0.03), jnp.zeros(4), lengths[0])
    assert_allclose(counter_scattering(row, lengths, 1), closed, atol=1e-12)
    mapped = jax.vmap(lambda m, length: counter_scattering(m[None], length, 1))(row[0], lengths[0])
    assert_allclose(mapped, closed, atol=1e-12)


def grating_of(p):
    delta, kappa = jax.lax.complex(p[1], p[2]), jax.lax.complex(p[0], jnp.zeros_like(p[0]))
    matrix = jnp.stack([delta, kappa, -kappa, -delta]).reshape(1, 2, 2)
    s = counter_scattering(matrix, p[3], 1)
    return jnp.stack([s.real, s.imag])


def closed_of(p):
    s = counter_coupled(*p)
    return jnp.stack([s.real, s.imag])


FIRST, FIRST_CLOSED = jax.jit(jax.jacrev(grating_of)), jax.jit(jax.jacrev(closed_of))
SECOND, SECOND_CLOSED = jax.jit(jax.jacfwd(jax.jacrev(grating_of))), jax.jit(jax.jacfwd(jax.jacrev(closed_of)))


@pytest.mark.slow
@pytest.mark.parametrize("start", [(0.03, 0.01, 1e-3, 80.0), (0.0, 0.0, 0.0, 0.0), (0.03, 0.03, 0.0, 500.0)])
def test_derivatives_are_those_of_the_closed_form(start):
    """At coupling, detuning, loss, length: within the band, at nothing at all, and at the band edge."""
    p = jnp.asarray(start)
    expected, second = FIRST_CLOSED(p), SECOND_CLOSED(p)
    assert_allclose(FIRST(p), expected, rtol=1e-8, atol=1e-10 * (1.0 + np.max(np.abs(expected))))
    assert_allclose(SECOND(p), second, rtol=1e-6, atol=1e-8 * (1.0 + np.max(np.abs(second))))


@pytest.mark.slow
def test_derivatives_of_many_modes(assert_gradient):
    pieces, change = random_pieces(2, 1, 2, loss=0.1), random_pieces(2, 1, 2, loss=0.1, seed=5)

    def powers(p):
        s = counter_scattering(pieces + p[0].astype(complex) * change, p[1:], 2)
        return s.real[0] ** 2 + s.imag[0] ** 2

    assert_gradient(powers, jnp.array([0.1, 0.4, 0.7]))


def test_single_precision(float32):
    s = counter_scattering(np.asarray(grating(1.0, 0.5), np.complex64), np.float32(1000.0), 1)
    assert s.dtype == jnp.complex64
    closed = 1j / (np.sqrt(0.75) - 0.5j)
    assert_allclose(s, [[closed, 0.0], [0.0, closed]], atol=2e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: counter_scattering(m, -1.0, 1), r"lengths = -1 um is outside \[0, inf\)"),
        (lambda m: counter_scattering(m, 1.0, 2), r"forward = 2 is outside \[1, 1\]"),
        (lambda m: counter_scattering(m, 1.0, 0), r"forward = 0 is outside \[1, 1\]"),
        (lambda m: counter_scattering(m, 1.0, 1.0), "forward = 1.0 is not of the kind int"),
        (lambda m: counter_scattering(m[0], 1.0, 1), r"matrices of shape \(2, 2\) is not \[K, ..., N, N\]"),
        (lambda m: counter_scattering(m * np.nan, 1.0, 1), "matrices = nan is outside the finite numbers"),
        (lambda m: counter_scattering(m, np.ones(3), 1), r"lengths of shape \(3,\) do not go with matrices of shape"),
    ],
)
def test_errors_name_argument_value_and_range(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.asarray(grating(0.1, 0.0)))
