import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels import film_layer, film_modes
from photonics_core.kernels.film_fields import film_field
from photonics_core.kernels.film_incoherent import mixed_powers
from photonics_core.kernels.films import film_absorption, film_amplitudes, film_powers

N = np.array([1.0, 2.1 + 0.02j, 1.5, 3.2 + 0.4j, 1.45 + 0.01j])
D = np.array([0.11, 0.23, 0.05])
# By tmm 0.2.0 for the stack above at wl = 0.6 and angle 1.0.
STORED = {
    "r_s": (-0.43815765500723836 + 0.35400015249423644j),
    "t_s": (0.3179731512556935 + 0.25496616127407024j),
    "r_p": (-0.04014854116599698 - 0.32913964966387416j),
    "t_p": (0.42579313844482236 + 0.2371373250840775j),
}


def arrays(*values):
    return [jnp.asarray(value) for value in values]


def amplitudes(n, d, wl, angle):
    return film_amplitudes(*arrays(np.asarray(n, complex), np.asarray(d, float), wl, angle))


# One layer


def test_layer_functions_are_cosine_and_sine():
    rng = np.random.default_rng(0)
    kappa = rng.uniform(0, 20, 200)
    u = rng.uniform(-9, 9, 200) + 1j * rng.uniform(-3, 3, 200)
    root = np.sqrt(u)
    scale = np.exp(-np.abs((kappa * root).imag))
    cosine, sine, decay = film_layer.layer_functions(*arrays(kappa, u))
    np.testing.assert_allclose(cosine, scale * np.cos(kappa * root), atol=2e-14)
    np.testing.assert_allclose(sine, scale * np.sin(kappa * root) / root, atol=2e-14 * kappa.max())
    np.testing.assert_allclose(decay, scale, rtol=1e-13)


@pytest.mark.parametrize("u", [0.0, 1e-18, 1e-6j, -1e-9, 0.002, 0.02 + 0.01j])
def test_layer_functions_and_slopes_near_zero(u):
    kappa, u = 3.0, complex(u)
    functions = lambda k, u: film_layer.layer_functions(k, u)[:2]  # noqa: E731
    (cosine, sine), slopes = jax.jvp(functions, arrays(kappa, u), arrays(0.0, 1.0 + 0j))
    scale = math.exp(-abs((kappa * np.sqrt(u)).imag))
    z, terms = kappa**2 * u, range(12)
    factorial = math.factorial
    expected = sum((-z) ** k / factorial(2 * k) for k in terms), sum((-z) ** k / factorial(2 * k + 1) for k in terms)
    slope = sum(k * (-1) ** k * z ** (k - 1) / factorial(2 * k + 1) for k in terms if k)
    np.testing.assert_allclose([cosine, sine / kappa], scale * np.array(expected), rtol=1e-14)
    np.testing.assert_allclose(slopes[0], -0.5 * kappa * sine, rtol=1e-14)
    np.testing.assert_allclose(slopes[1], scale * kappa**3 * slope, rtol=1e-12)


def test_sine_and_cosine_by_arithmetic():
    x = np.random.default_rng(1).uniform(-1e6, 1e6, 20_000)
    sine, cosine = film_layer.sine_cosine(jnp.asarray(x))
    np.testing.assert_allclose(sine, np.sin(x), atol=3e-16)
    np.testing.assert_allclose(cosine, np.cos(x), atol=3e-16)
    single = (x / 1e4).astype(np.float32)
    sine, cosine = film_layer.sine_cosine(jnp.asarray(single))
    assert sine.dtype == jnp.float32
    np.testing.assert_allclose(sine, np.sin(single.astype(float)), atol=1e-7)
    np.testing.assert_allclose(cosine, np.cos(single.astype(float)), atol=1e-7)


# Laws


def test_stored_numbers_of_tmm():
    mine = amplitudes(N, D, 0.6, 1.0)
    for name, value in STORED.items():
        np.testing.assert_allclose(getattr(mine, name), value, rtol=1e-12, err_msg=name)


def test_single_interface_brewster_and_total_reflection(optimized):
    brewster = math.atan(1.5)
    assert abs(amplitudes([1.0, 1.5], [], 1.0, brewster).r_p) < 1e-16
    angle = 0.9
    total = amplitudes([1.5, 1.0], [], 1.0, angle)
    np.testing.assert_allclose(np.abs([total.r_s, total.r_p]), 1.0, rtol=1e-15)
    outside = math.sqrt((1.5 * math.sin(angle)) ** 2 - 1.0)
    expected = -2.0 * math.atan2(outside, 1.5 * math.cos(angle))
    np.testing.assert_allclose(np.angle(total.r_s), expected, rtol=1e-14)


def test_transmission_is_the_same_from_both_sides():
    n = N.copy()
    n[-1] = 1.45
    angle = 0.7
    back = math.asin(math.sin(angle) / 1.45)
    forward, reverse = (film_powers(*arrays(*x)) for x in ((n, D, 0.8, angle), (n[::-1], D[::-1], 0.8, back)))
    np.testing.assert_allclose(forward.transmission, reverse.transmission, rtol=1e-13)


def test_a_layer_may_be_cut_and_nothing_may_be_added():
    whole = amplitudes(N, D, 0.8, 0.6)
    cut = amplitudes(np.insert(N, 2, N[1]), [0.04, 0.07, *D[1:]], 0.8, 0.6)
    padded = amplitudes(np.insert(N, 2, 7.0 + 5j), [D[0], 0.0, *D[1:]], 0.8, 0.6)
    np.testing.assert_allclose(cut, whole, rtol=1e-13)
    np.testing.assert_allclose(padded, whole, rtol=1e-13)


def test_long_stop_bands_neither_overflow_nor_lose_energy():
    pairs = 600
    n = np.array([1.0, *[3.5, 1.0] * pairs, 1.5], complex)
    d = np.array([0.25 / 3.5, 0.25] * pairs)
    powers = film_powers(*arrays(n, d, 1.0, 0.1))
    np.testing.assert_allclose(powers.reflection, 1.0, rtol=1e-13)
    np.testing.assert_array_equal(powers.transmission, 0.0)


def test_axes_broadcast_with_layers_first():
    wl, angle = np.linspace(0.5, 0.9, 3), np.linspace(0, 1.4, 4)
    n = np.broadcast_to(N[:, None, None], (5, 3, 1))
    grid = film_powers(*arrays(n, D, wl[:, None], angle)).reflection.p
    assert grid.shape == (3, 4)
    np.testing.assert_allclose(grid[1, 2], film_powers(*arrays(N, D, wl[1], angle[2])).reflection.p, rtol=1e-13)
    assert film_absorption(*arrays(n, D, wl[:, None], angle)).s.shape == (3, 3, 4)


def test_absorption_is_the_integral_over_the_field():
    """A = k0 / Re(q_in) Im(n^2) times the integral of |E|^2 (Gauss points in each layer)."""
    wl, angle = 0.8, 0.9
    points, weights = np.polynomial.legendre.leggauss(40)
    starts = np.concatenate([[0.0], np.cumsum(D)])
    for k, d in enumerate(D):
        field = film_field(*arrays(starts[k] + 0.5 * d * (points + 1.0), N, D, wl, angle))
        electric = np.array([np.abs(field.e_y) ** 2, np.abs(field.e_x) ** 2 + np.abs(field.e_z) ** 2])
        lost = 2.0 * math.pi / wl * (N[k + 1] ** 2).imag * (electric @ weights) * 0.5 * d / math.cos(angle)
        mine = film_absorption(*arrays(N, D, wl, angle))
        np.testing.assert_allclose([mine.s[k], mine.p[k]], lost, rtol=1e-12, atol=1e-15)


def test_fields_outside_are_the_incident_and_the_passed_wave():
    wl, angle = 0.8, 0.9
    mine = amplitudes(N, D, wl, angle)
    # Forty depths as above, for one compilation.
    field = film_field(*arrays(np.resize([-0.3, D.sum() + 0.2], 40), N, D, wl, angle))
    turn = np.exp(2j * np.pi / wl * math.cos(angle) * -0.3)
    np.testing.assert_allclose(field.e_y[0], turn + mine.r_s / turn, rtol=1e-13)
    q = np.sqrt(N[-1] ** 2 - math.sin(angle) ** 2)
    np.testing.assert_allclose(field.e_y[1], mine.t_s * np.exp(2j * np.pi / wl * q * 0.2), rtol=1e-13)
    metal = np.array([1, 3 + 1j, 1, 1, 1])
    deep = film_field(*arrays(np.full(40, 500.0), metal, np.array([1e3, 0.0, 0.0]), 1.0, 0.3))
    np.testing.assert_array_equal(np.abs(np.array([deep.e_y, deep.e_x, *deep.flux])), 0.0)


# Gradients


def power_sum(parameters, wl):
    n = jax.lax.complex(parameters["n"], parameters["k"])
    powers = film_powers(n, parameters["d"], wl, parameters["angle"])
    return powers.reflection.s + 2.0 * powers.reflection.p + 3.0 * powers.transmission.s - powers.transmission.p


DERIVATIVES = jax.jit(jax.grad(power_sum)), jax.jit(jax.jacfwd(power_sum))


def case(n, d, angle):
    return {"n": np.real(n), "k": np.imag(n).astype(float), "d": np.asarray(d, float), "angle": float(angle)}


def test_gradients_are_those_of_differences(assert_gradient):
    """At two angles, and close to grazing, where a step in the angle would leave the range: there in the others."""
    n = N.copy()
    n[0] = 1.2
    parameters = case(n, D, 0.0)
    ambient, rise = parameters.pop("k")[1:], parameters.pop("angle")

    def function(p):
        k = jnp.concatenate([jnp.zeros(1), p["k"]])
        angles = jnp.stack([0.3 + p["angle"], 1.2 + p["angle"], jnp.asarray(math.radians(89.999))])
        return power_sum({"n": p["n"], "d": p["d"], "k": k, "angle": angles}, jnp.asarray(0.7))

    assert_gradient(function, {**parameters, "k": ambient, "angle": rise})


# Arguments: thickness, index and extinction of the first of three layers, angle.
SECOND = {
    "absorbing": ([1.0, 2.0, 2.1 + 0.02j, 1.4, 1.5], [0.0, 0.3, 0.1], (0.2, 2.0, 0.3, 0.3)),
    "evanescent": ([1.5, 1.0, 1.5, 1.5, 1.5], [0.0, 0.0, 0.1], (0.2, 1.0, 0.0, 1.0)),
    "onset": ([2.0, 1.0, 2.0, 1.4, 2.0], [0.0, 0.1, 0.0], (0.3, 1.0, 0.0, math.asin(0.5))),
    "no_thickness": ([1.0, 2.0, 1.7, 1.4, 1.5], [0.0, 0.2, 0.1], (0.0, 2.0, 0.01, 0.4)),
    "normal_incidence": ([1.0, 2.0, 1.7 + 0.1j, 1.4, 1.5], [0.0, 0.2, 0.1], (0.2, 2.0, 0.0, 0.0)),
}


def second_order_sum(x, n, d, inside):
    """A sum over amplitudes, their products and absorption, or over fields, in which each has a weight of its own."""
    n, d = n.at[1].set(jax.lax.complex(x[1], x[2])), d.at[0].set(x[0])
    wl, angle = jnp.asarray(1.0), x[3]
    if inside:
        field = film_field(jnp.array([0.15]), n, d, wl, angle)
        parts = [*field[:3], *field.flux]
    else:
        waves = film_amplitudes(n, d, wl, angle)
        parts = [*waves, waves.r_s * jnp.conj(waves.t_p), *film_absorption(n, d, wl, angle)]
    values = jnp.concatenate([jnp.ravel(part).astype(complex) for part in parts])
    weights = jnp.linspace(0.5, 2.0, values.size)
    return jnp.sum(weights * (values.real + 0.7 * values.imag))


@functools.partial(jax.jit, static_argnames="inside", compiler_options={"xla_backend_optimization_level": 0})
def second_derivatives(x, n, d, inside):
    """Hessian and gradient; the compiler spends more time on making them fast than it takes to run them slowly."""

    def twice(x):
        gradient = jax.grad(second_order_sum)(x, n, d, inside)
        return gradient, gradient

    return jax.jacfwd(twice, has_aux=True)(x)


@pytest.mark.slow
@pytest.mark.parametrize("inside", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["outside", "inside"])
@pytest.mark.parametrize("name", SECOND)
def test_hessians_are_the_differences_of_gradients(name, inside):
    """A derivative rule that is lost on the way through the scan would show here."""
    n, d, x = (jnp.asarray(part) for part in (np.array(SECOND[name][0], complex), *SECOND[name][1:]))
    hessian, _ = second_derivatives(x, n, d, inside)
    columns = []
    for step in 1e-3 * np.eye(4):
        gradients = [second_derivatives(x + k * step, n, d, inside)[1] for k in (1, -1, 2, -2)]
        near, far = gradients[0] - gradients[1], gradients[2] - gradients[3]
        columns.append((8.0 * near - far) / 12e-3)
    expected = np.stack(columns)
    np.testing.assert_allclose(hessian, expected, atol=2e-7 * np.max(np.abs(expected)))


def test_the_derivative_rule_of_a_layer_outlives_every_transformation():
    """In a scan, a checkpoint, a batch, single precision: d2 cos(kappa sqrt u) / d kappa^2 = -u cos(kappa sqrt u)."""
    u, kappa = jnp.asarray(3.0 + 1.2j), jnp.array([0.4, 0.7])

    def through_scan(x, u):
        step = jax.checkpoint(lambda total, k: (total + film_layer.layer_functions(k, u)[0].real, None))
        return jax.lax.scan(step, jnp.zeros((), x.dtype), x)[0]

    expected = np.diag((-u * film_layer.layer_functions(kappa, jnp.broadcast_to(u, (2,)))[0]).real)
    np.testing.assert_allclose(jax.hessian(through_scan)(kappa, u), expected, rtol=1e-13)
    batched = jax.jit(jax.vmap(jax.hessian(through_scan), in_axes=(None, 0)))
    np.testing.assert_allclose(batched(kappa, jnp.stack([u, u]))[1], expected, rtol=1e-13)
    single = batched(kappa.astype(jnp.float32), jnp.stack([u, u]).astype(jnp.complex64))
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single[0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("n", "d", "angle"),
    [
        ([1.0, 2.0, 1.5], [0.2], 0.0),
        ([1.0, 2.0, 1.5], [0.2], math.radians(89.999)),
        ([1.0, 2.0, 1.5], [0.0], 0.4),
        ([2.0, 1.5, 1.0], [0.2], math.asin(0.5)),
        ([2.0, 1.0, 2.0], [0.2], math.asin(0.5)),
        ([2.0, 1.0, 1.0], [0.2], math.asin(0.5)),
        ([1.5, 1.5, 1.0], [0.0], math.asin(1 / 1.5)),
        ([1.0, 3.5 + 0.5j, 1.5], [1000.0], 0.7),
    ],
)
def test_gradients_are_finite_everywhere(n, d, angle):
    parameters = case(np.array(n, complex), d, angle)
    for derivative in DERIVATIVES:
        for leaf in jax.tree.leaves(derivative(jax.tree.map(jnp.asarray, parameters), jnp.asarray(0.7))):
            assert np.all(np.isfinite(leaf))


def test_gradient_at_a_critical_angle_inside_the_stack(assert_gradient):
    """u = 0 in a layer is no special point: sin(angle) is exactly one half, and n = 1 behind n = 2."""
    parameters = case(np.array([2.0, 1.0, 1.8]), [0.2], math.asin(0.5))
    parameters.pop("k")
    assert_gradient(lambda p: power_sum({**p, "k": jnp.zeros(3)}, jnp.asarray(0.7)), parameters)


# Incoherent layers


def test_an_incoherent_slab_is_the_sum_of_its_echoes():
    n, d, wl, angle = np.array([1.0, 1.5 + 1e-5j, 1.0]), np.array([1000.0]), 1.0, 0.5
    face = film_powers(*arrays(n[:2], np.zeros(0), wl, angle)).reflection
    inside = np.exp(-4 * np.pi * d[0] / wl * np.sqrt(n[1] ** 2 - math.sin(angle) ** 2).imag)
    mixed = mixed_powers(*arrays(n, d, wl, angle), (False,))
    for pol in "sp":
        r = float(getattr(face, pol))
        expected = (1 - r) ** 2 * inside / (1 - (r * inside) ** 2)
        np.testing.assert_allclose(getattr(mixed.powers.transmission, pol), expected, rtol=1e-9)
        total = getattr(mixed.powers.reflection, pol) + expected + getattr(mixed.absorption, pol)[0]
        np.testing.assert_allclose(total, 1.0, rtol=1e-9)


def test_all_coherent_is_the_coherent_result():
    mixed = mixed_powers(*arrays(N, D, 0.8, 0.6), (True, True, True))
    np.testing.assert_allclose(mixed.powers, film_powers(*arrays(N, D, 0.8, 0.6)), rtol=1e-13)
    np.testing.assert_allclose(mixed.absorption, film_absorption(*arrays(N, D, 0.8, 0.6)), rtol=1e-12, atol=1e-15)


# Modes


def test_far_coupled_guides_keep_both_modes():
    n, d, wl = arrays(np.array([1.444, 3.476, 1.444, 3.476, 1.444]), np.array([0.22, 3.0, 0.22]), 1.55)
    assert film_modes.guided_count(n[0], n, d, wl, "s") == 2
    even, odd = (film_modes.guided_index(jnp.asarray(m), n, d, wl, "s") for m in range(2))
    assert 1e-9 < even - odd < 1e-7


@pytest.mark.slow
def test_gradient_of_a_mode(assert_gradient):
    tree = {"n": np.array([1.0, 3.476, 1.444]), "d": np.array([0.5]), "wl": 1.55}
    assert_gradient(lambda p: film_modes.guided_index(jnp.asarray(1), p["n"], p["d"], p["wl"], "p"), tree)


@pytest.mark.slow
def test_second_derivative_of_a_guided_mode():
    arguments = jnp.asarray(0), jnp.array([1.0, 3.476, 1.444])

    def n_eff(d):
        return film_modes.guided_index(*arguments, jnp.reshape(d, (1,)), jnp.asarray(1.55), "p")

    assert_second_derivative(n_eff, 0.3)


@pytest.mark.slow
def test_second_derivative_of_a_mode_with_loss():
    n = jnp.array([1.0, 3.476 + 1e-3j, 1.444])

    def n_eff(d):
        return film_modes.mode_index(jnp.asarray(3.3 + 0j), n, jnp.reshape(d, (1,)), jnp.asarray(1.55), "s")[0].real

    assert_second_derivative(n_eff, 0.5)


def assert_second_derivative(function, x, step=1e-5):
    options = {"xla_backend_optimization_level": 0}
    slopes = jax.jit(jax.value_and_grad(jax.grad(function)), compiler_options=options)
    low, high = (slopes(jnp.asarray(x + sign * step)) for sign in (-1, 1))
    np.testing.assert_allclose(0.5 * (low[1] + high[1]), (high[0] - low[0]) / (2.0 * step), rtol=1e-6)


def test_a_leaky_mode_loses_what_tunnels():
    """A silicon guide above a silicon substrate: the loss falls as exp(-2 gamma d) with the oxide's thickness."""
    n, gaps = np.array([1.0, 3.476, 1.444, 3.476], complex), np.array([1.0, 1.2])
    found = [film_modes.mode_index(*arrays(2.8 + 0j, n, np.array([0.22, g]), 1.55), "s", (False, True)) for g in gaps]
    assert all(step < 1e-14 and root.imag > 0 for root, step in found)
    gamma = 2 * np.pi / 1.55 * math.sqrt(found[0][0].real ** 2 - 1.444**2)
    np.testing.assert_allclose(found[1][0].imag / found[0][0].imag, math.exp(-2 * gamma * 0.2), rtol=1e-4)


def test_single_precision(float32):
    n, d = jnp.asarray(N, jnp.complex64), jnp.asarray(D, jnp.float32)
    mine = film_powers(n, d, jnp.float32(0.6), jnp.float32(1.0))
    assert mine.reflection.s.dtype == jnp.float32
    np.testing.assert_allclose(mine.reflection.s, abs(STORED["r_s"]) ** 2, atol=1e-5)
    np.testing.assert_allclose(mine.reflection.p, abs(STORED["r_p"]) ** 2, atol=1e-5)
