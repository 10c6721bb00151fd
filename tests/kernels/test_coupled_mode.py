"""Modes that exchange power along z: two guides in closed form, arrays, laws of energy, steps and their order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import expm
from scipy.special import jv

from photonics_core.kernels.coupled_mode import (
    amplitudes_along,
    gauss_points,
    magnus,
    magnus_propagators,
    propagate,
    propagator,
    total_propagator,
)
from photonics_core.kernels.transfer_matrix import transfer_chain

EXACT = {"rtol": 0, "atol": 1e-12}
SIZES = pytest.mark.parametrize("n", [2, 3, 6])


def two_guides(coupling, difference, mean=0.0):
    return np.array([[mean + difference, coupling], [coupling, mean - difference]])


def random_matrices(n, count, seed=0, loss=0.0):
    """H + i G with a Hermitian H and a positive G of size `loss`."""
    random = np.random.default_rng(seed)
    h, g = (random.normal(size=(count, n, n)) + 1j * random.normal(size=(count, n, n)) for _ in range(2))
    return 0.5 * (h + np.conj(np.swapaxes(h, -1, -2))) + 0.5j * loss * g @ np.conj(np.swapaxes(g, -1, -2))


def random_amplitudes(*shape):
    random = np.random.default_rng(9)
    a = random.normal(size=shape) + 1j * random.normal(size=shape)
    return a / np.linalg.norm(a, axis=-1, keepdims=True)


def power(amplitudes):
    return np.sum(np.abs(np.asarray(amplitudes)) ** 2, axis=-1)


@pytest.mark.parametrize("coupling", [0.0, 0.002, 0.05])
@pytest.mark.parametrize("difference", [0.0, 1e-9, 0.03, -0.4])
def test_two_guides_exchange_power_as_the_closed_form_says(coupling, difference):
    z = np.linspace(0.0, 300.0, 61)
    s = np.hypot(coupling, difference)
    crossed = coupling**2 * (z * np.sinc(s * z / np.pi)) ** 2
    u = np.asarray(propagator(two_guides(coupling, difference, mean=0.2), z))
    assert_allclose(np.abs(u[:, 1, 0]) ** 2, crossed, **EXACT)
    assert_allclose(np.abs(u[:, 0, 0]) ** 2, 1.0 - crossed, **EXACT)


def test_signs_are_those_of_the_time_convention():
    """exp(+i beta z) along a guide, Im(beta) > 0 is loss, and a coupler is [[t, i k], [i k, t]]."""
    assert_allclose(propagator([[2.0 + 0.1j]], 3.0), [[np.exp(6j - 0.3)]], **EXACT)
    assert_allclose(
        propagator(two_guides(0.1, 0.0), 2.0),
        [[np.cos(0.2), 1j * np.sin(0.2)]] * 1 + [[1j * np.sin(0.2), np.cos(0.2)]],
        **EXACT,
    )
    assert_allclose(propagator(np.diag([1.0, 2.0 + 0.5j, -1.0]), 2.0), np.diag(np.exp([2j, 4j - 1.0, -2j])), **EXACT)


def test_light_in_the_middle_of_an_array_spreads_as_bessel_functions():
    """A_n = i^n J_n(2 C z) (Jones, J. Opt. Soc. Am. 55, 261 (1965)), before light comes to the edge."""
    n, coupling, z = 101, 0.1, np.array([10.0, 50.0, 100.0])
    matrix = coupling * (np.eye(n, k=1) + np.eye(n, k=-1))
    order = np.arange(n) - n // 2
    start = np.where(order == 0, 1.0, 0.0)
    along = propagate(np.broadcast_to(matrix, (3, n, n)), np.diff(z, prepend=0.0), start)[1:]
    assert_allclose(along, 1j ** (order % 4) * (jv(order, 2.0 * coupling * z[:, None])), **EXACT)


@pytest.mark.parametrize("n", range(2, 17))
def test_equals_scipy(n):
    random = np.random.default_rng(n)
    m = random.normal(size=(2, n, n)) + 1j * random.normal(size=(2, n, n))
    expected = np.array([expm(1j * one * 0.7) for one in m])
    assert_allclose(propagator(m, 0.7), expected, rtol=0, atol=1e-13 * np.max(np.abs(expected)))


@SIZES
def test_power_falls_by_what_the_imaginary_part_takes(n):
    """d|A|^2/dz = -2 A^H Im(M) A."""
    m, a = random_matrices(n, 1, loss=0.2)[0], jnp.asarray(random_amplitudes(n))
    imaginary = (m - np.conj(m.T)) / 2j

    def total(z):
        b = propagator(m, z) @ a
        return jnp.sum(b.real**2 + b.imag**2)

    for z in (0.0, 0.8):
        b = np.asarray(propagator(m, z) @ a)
        loss = 2.0 * np.real(np.conj(b) @ imaginary @ b)
        assert loss > 0
        assert jax.grad(total)(z) == pytest.approx(-loss, rel=1e-12)


@SIZES
def test_symmetric_matrices_are_reciprocal_and_pieces_compose(n):
    m = random_matrices(n, 1, loss=0.1)[0]
    u = propagator(m + m.T, 1.3)
    assert_allclose(u, u.T, **EXACT)
    assert_allclose(propagator(m, 0.4) @ propagator(m, 0.9), propagator(m, 1.3), **EXACT)
    assert_allclose(propagator(m, -0.9) @ propagator(m, 0.9), np.eye(n), **EXACT)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("scale", [0.03, 3.0])
def test_power_is_kept_over_ten_thousand_pieces(n, scale):
    start = random_amplitudes(n)
    along = propagate(scale * random_matrices(n, 10000), 1.0, start)
    assert_allclose(power(along), power(start), rtol=0, atol=1e-13)


@SIZES
def test_pieces_are_a_loop_of_products(n):
    m, lengths, start = random_matrices(n, 5, loss=0.1), np.linspace(0.1, 1.0, 5), random_amplitudes(n)
    expected = [start]
    for matrix, length in zip(m, lengths, strict=True):
        expected.append(expm(1j * matrix * length) @ expected[-1])
    assert_allclose(propagate(m, lengths, start), expected, **EXACT)
    assert_allclose(total_propagator(m, lengths) @ start, expected[-1], **EXACT)
    assert_allclose(amplitudes_along(propagator(m, lengths), start), expected, **EXACT)


def test_batches_broadcast_and_map():
    m, lengths, starts = (
        random_matrices(3, 8).reshape(4, 2, 3, 3),
        np.array([0.1, 0.2, 0.3, 0.4]),
        random_amplitudes(2, 3),
    )
    whole = propagate(m, lengths, starts)
    assert whole.shape == (5, 2, 3)
    for k in range(2):
        assert_allclose(whole[:, k], propagate(m[:, k], lengths, starts[k]), **EXACT)
        assert_allclose(propagate(m[:, 0], lengths, starts)[:, k], propagate(m[:, 0], lengths, starts[k]), **EXACT)
    assert_allclose(jax.vmap(propagate, (1, None, 0), 1)(jnp.asarray(m), lengths, starts), whole, **EXACT)
    assert_allclose(propagate(m, lengths[:, None] * np.ones((1, 2)), starts), whole, **EXACT)
    assert_allclose(propagate(m, 0.1, starts[0])[1], propagate(m[:1], 0.1, starts[0])[1], **EXACT)
    assert propagator(m[:, :1], lengths[:, None] * np.ones((1, 7))).shape == (4, 7, 3, 3)


def coupled_chain(p, n):
    """Equal couplings p[0], detuning p[1] and loss p[2] of the first guide, with length p[3]."""
    near, first = np.eye(n, k=1) + np.eye(n, k=-1), np.diag(np.eye(n)[0])
    matrix = jax.lax.complex(p[0] * near + p[1] * first, p[2] * first)
    u = propagator(matrix, p[3])[:, 0]
    return u.real**2 + u.imag**2


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize(
    "start", [(0.3, 0.2, 0.1, 2.0), (0.0, 0.0, 0.0, 2.0), (0.3, 0.0, 0.0, 0.0), (0.3, 0.0, 0.0, 5.0)]
)
def test_derivatives_in_coupling_detuning_loss_and_length(n, start, assert_gradient):
    assert_gradient(lambda p: coupled_chain(p, n), jnp.asarray(start))


@pytest.mark.parametrize("n", [2, 3])
def test_derivatives_known_by_hand_where_nothing_happens_yet(n):
    """Crossed power (k z)^2, and exp(-2 a z) of loss a though M is Hermitian there."""
    p = jnp.array([0.0, 0.0, 0.0, 3.0])
    slope, second = jax.jit(
        lambda p: (jax.jacrev(lambda q: coupled_chain(q, n))(p), jax.hessian(lambda q: coupled_chain(q, n))(p))
    )(p)
    assert_allclose(slope[0], [0.0, 0.0, -6.0, 0.0], **EXACT)
    assert_allclose(second[1], np.diag([18.0, 0.0, 0.0, 0.0]), **EXACT)
    assert_allclose(second[0], [[-18.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 36.0, -2.0], [0, 0, -2.0, 0]], **EXACT)


def taper(z, p):
    """Three guides whose detunings and complex couplings vary along z; p scales them."""
    x = z[..., None, None].astype(complex)
    a, b, c = (jnp.asarray(m)[(None,) * z.ndim] for m in random_matrices(3, 3, seed=4))
    return p["size"].astype(complex) * (a + b * jnp.sin(0.7 * x) + c * jnp.exp(-0.5 * x) * x)


SIZE = {"size": jnp.asarray(0.8)}


def test_steps_of_magnus_are_of_fourth_order():
    start, steps = random_amplitudes(3), np.array([16, 32, 64])
    exact = magnus(taper, SIZE, 4.0, start, 1024)[-1]
    errors = [np.linalg.norm(magnus(taper, SIZE, 4.0, start, int(n))[-1] - exact) for n in steps]
    order = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert order == pytest.approx(4.0, abs=0.2)
    assert errors[-1] < 1e-5


@pytest.mark.slow
def test_magnus_meets_many_thin_pieces():
    """Second order in the piece, so a quarter of the error at half the piece: extrapolated, they meet."""
    z = [(np.arange(n) + 0.5) * 4.0 / n for n in (1000, 2000)]
    coarse, fine = (total_propagator(taper(jnp.asarray(x), SIZE), 4.0 / x.size) for x in z)
    start = random_amplitudes(3)
    assert_allclose(magnus(taper, SIZE, 4.0, start, 400)[-1], (fine + (fine - coarse) / 3.0) @ start, atol=1e-8)


@pytest.mark.parametrize("steps", [1, 3, 50])
def test_magnus_keeps_power_at_any_step(steps):
    along = magnus(taper, {"size": jnp.asarray(5.0)}, 20.0, random_amplitudes(3), steps)
    assert along.shape == (steps + 1, 3)
    assert_allclose(power(along), 1.0, rtol=0, atol=1e-14)


def test_magnus_of_a_constant_matrix_is_exact_and_loss_is_loss():
    m = random_matrices(4, 1, loss=0.2)
    samples = np.broadcast_to(m, (3, 2, 4, 4))
    assert_allclose(transfer_chain(magnus_propagators(samples, 0.5)), propagator(m[0], 1.5), **EXACT)


def test_tables_at_the_gauss_points_need_no_function():
    z = gauss_points(4.0, 16)
    assert z.shape == (16, 2)
    # Two Gauss points integrate cubics exactly.
    assert np.sum(np.asarray(z) ** 3) * 4.0 / 32 == pytest.approx(64.0, rel=1e-14)
    steps = magnus_propagators(taper(z, SIZE), 0.25)
    start = random_amplitudes(3)
    assert_allclose(amplitudes_along(steps, start), magnus(taper, SIZE, 4.0, start, 16), **EXACT)


def test_new_parameters_compile_nothing_anew():
    calls = []

    def matrix_at(z, p):
        calls.append(z.shape)
        return taper(z, p)

    for size in (0.1, 0.2, 0.3):
        magnus(matrix_at, {"size": jnp.asarray(size)}, 4.0 + size, random_amplitudes(3), 8)
    assert calls == [(8, 2)]


def test_derivatives_through_magnus(assert_gradient):
    start = random_amplitudes(3)

    def powers(p):
        a = magnus(taper, {"size": p[0]}, p[1], start, 6)[-1]
        return a.real**2 + a.imag**2

    assert_gradient(powers, jnp.array([0.8, 2.0]))


def test_single_precision(float32):
    m, start = random_matrices(3, 50), random_amplitudes(3)
    along = propagate(jnp.asarray(m, jnp.complex64), jnp.float32(1.0), jnp.asarray(start, jnp.complex64))
    assert along.dtype == jnp.complex64
    assert_allclose(power(along), 1.0, atol=5e-6)
    assert_allclose(
        propagator(two_guides(0.05, 0.02).astype(np.float32), np.float32(40.0)),
        expm(40j * two_guides(0.05, 0.02)),
        atol=2e-6,
    )


ONE = np.ones((1, 2, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: propagator(np.ones((2, 3)), 1.0), r"matrix of shape \(2, 3\) is not \[..., N, N\]"),
        (lambda: propagator(np.full((2, 2), np.nan), 1.0), "matrix = nan is outside the finite numbers"),
        (lambda: propagator(np.full((2, 2), complex(0.0, np.inf)), 1.0), "matrix = inf is outside the finite numbers"),
        (lambda: propagator(np.eye(2), np.inf), "length = inf um is outside the finite numbers"),
        (
            lambda: propagate(np.eye(2), 1.0, np.ones(2)),
            r"matrices of shape \(2, 2\) is not \[K, ..., N, N\]",
        ),
        (lambda: propagate(ONE, [1.0, 2.0], np.ones(2)), r"lengths of shape \(2,\) do not go with matrices of shape"),
        (lambda: propagate(ONE, np.nan, np.ones(2)), "lengths = nan um is outside the finite numbers"),
        (lambda: propagate(ONE, 1.0, np.ones(3)), r"amplitudes of shape \(3,\) is not \[..., 2\]"),
        (lambda: propagate(ONE, 1.0, [np.nan, 1.0]), "amplitudes = nan is outside the finite numbers"),
        (lambda: magnus(taper, SIZE, 1.0, np.ones(3), 0), r"steps = 0 is outside \[1, inf\)"),
        (lambda: magnus(taper, SIZE, 1.0, np.ones(3), 2.0), "steps = 2.0 is not of the kind int"),
        (
            lambda: magnus(taper, SIZE, 1.0, np.ones(2), 4),
            r"matrix_at gives shape \(4, 2, 3, 3\), not \[4, 2, ..., 2, 2\]",
        ),
        (
            lambda: magnus_propagators(np.ones((4, 3, 2, 2)), 1.0),
            r"samples of shape \(4, 3, 2, 2\) is not \[K, 2, ..., N, N\]",
        ),
    ],
)
def test_errors_name_argument_value_and_range(call, message):
    with pytest.raises(ValueError, match=message):
        call()
