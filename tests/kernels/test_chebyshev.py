"""Chebyshev expansions: against polynomials written out, NumPy's own, exact derivatives, and in both precisions."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial import chebyshev as reference
from numpy.testing import assert_allclose

from photonics_core.kernels import chebyshev

RANDOM = np.random.default_rng(3)
X = np.linspace(-1.0, 1.0, 41)
TENSOR = RANDOM.normal(size=(6, 5, 4))


def expand(function, counts):
    grid = np.meshgrid(*map(chebyshev.nodes, counts), indexing="ij")
    return chebyshev.tensor_coefficients(function(*grid), len(counts))


def test_nodes_are_the_roots_and_extrema_the_extremes_of_the_next_polynomial():
    for count in (1, 2, 7, 8):
        last = np.eye(count + 1)[count]
        assert_allclose(reference.chebval(chebyshev.nodes(count), last), 0.0, atol=1e-14)
        assert_allclose(np.abs(reference.chebval(chebyshev.extrema(count), last)), 1.0, rtol=1e-14)
    assert np.all(np.diff(chebyshev.nodes(9, 1.5, 1.6)) > 0)
    assert_allclose(chebyshev.extrema(4, 1.5, 1.6)[[0, -1]], [1.5, 1.6], rtol=0)


def test_a_polynomial_comes_back_exactly():
    coefficients = expand(lambda x, y: 3.0 - x + 2.0 * x**3 * y**2 - 0.5 * y, (5, 4))
    x, y = RANDOM.uniform(-1, 1, (2, 50))
    assert_allclose(chebyshev.evaluate(coefficients, (x, y)), 3.0 - x + 2.0 * x**3 * y**2 - 0.5 * y, atol=1e-14)
    assert_allclose(coefficients[4], 0.0, atol=1e-15)


def test_the_recurrence_agrees_with_numpy_in_three_variables():
    points = RANDOM.uniform(-1, 1, (3, 30))
    values = chebyshev.evaluate(TENSOR, points)
    assert isinstance(values, np.ndarray)
    assert_allclose(values, reference.chebval3d(*points, TENSOR), atol=1e-13)
    assert_allclose(chebyshev.evaluate(jnp.asarray(TENSOR), points), values, atol=1e-13)
    assert_allclose(jax.vmap(lambda *p: chebyshev.evaluate(TENSOR, p))(*points), values, atol=1e-13)


def test_points_and_trailing_axes_broadcast():
    columns = RANDOM.normal(size=(6, 5, 7))
    x, y = RANDOM.uniform(-1, 1, (2, 3, 1))
    values = chebyshev.evaluate(columns, (0.3, y))
    assert values.shape == (3, 7)
    assert_allclose(values[:, 2], [reference.chebval2d(0.3, b, columns[..., 2]) for b in y[:, 0]], atol=1e-13)
    assert chebyshev.evaluate(jnp.asarray(columns), (x[:, :, None], y)).shape == (3, 3, 7)
    assert chebyshev.evaluate(np.array([2.0]), (X,)).shape == X.shape
    assert chebyshev.evaluate(TENSOR, ()) is not None


def test_derivative_coefficients_agree_with_numpy_and_with_differentiation():
    for axis in range(3):
        assert_allclose(chebyshev.derivative(TENSOR, axis), reference.chebder(TENSOR, axis=axis), atol=1e-12)
    line = TENSOR[:, 0, 0]
    slope = line
    function = lambda x: chebyshev.evaluate(jnp.asarray(line), (x,))  # noqa: E731
    for _ in range(3):
        function, slope = jax.grad(function), chebyshev.derivative(slope)
        assert_allclose(jax.vmap(function)(X), chebyshev.evaluate(slope, (X,)), atol=1e-10)
    assert_allclose(chebyshev.derivative(np.array([2.0])), [0.0], rtol=0)


@pytest.mark.parametrize("start", [0.0, -0.37, 1.0])
def test_the_divided_difference_times_the_step_is_the_difference(start):
    line = TENSOR[:, 1, 1]
    quotient = chebyshev.evaluate(chebyshev.divided_difference(line, start), (X,))
    difference = reference.chebval(X, line) - reference.chebval(start, line)
    assert_allclose(quotient * (X - start), difference, atol=1e-13)
    assert_allclose(
        chebyshev.evaluate(chebyshev.divided_difference(line, start), (start,)),
        reference.chebval(start, reference.chebder(line)),
        rtol=1e-12,
    )


def test_deviation_is_the_difference_of_two_values():
    start, steps = (0.2, -0.4, 0.0), RANDOM.uniform(-0.5, 0.5, (3, 20))
    ends = np.array(start)[:, None] + steps
    difference = reference.chebval3d(*ends, TENSOR) - reference.chebval3d(*start, TENSOR)
    assert_allclose(chebyshev.deviation(TENSOR, start, steps), difference, atol=1e-13)
    traced = jax.jit(lambda c, s: chebyshev.deviation(c, start, s))(TENSOR, tuple(steps))
    assert_allclose(traced, difference, atol=1e-13)


def test_deviation_keeps_its_digits_in_float32_where_the_difference_of_values_does_not(float32):
    line = np.array([2.4, -0.05, 1e-3, 1e-4])
    step = np.float32(3e-5)
    exact = reference.chebval(float(step), line) - reference.chebval(0.0, line)
    mine = chebyshev.deviation(jnp.asarray(line, jnp.float32), (0.0,), (jnp.asarray(step),))
    assert mine.dtype == jnp.float32
    assert abs(float(mine) / exact - 1.0) < 3e-7
    plain = [chebyshev.evaluate(jnp.asarray(line, jnp.float32), (jnp.asarray(x, jnp.float32),)) for x in (step, 0.0)]
    assert abs(float(plain[0] - plain[1]) / exact - 1.0) > 1e-3


def test_derivatives_for_coefficients_and_points(assert_gradient):
    tree = {"coefficients": jnp.asarray(TENSOR[:3, :3, 0]), "x": jnp.asarray(0.3), "y": jnp.asarray(-0.2)}
    assert_gradient(lambda t: chebyshev.evaluate(t["coefficients"], (t["x"], t["y"])), tree)
    assert_gradient(lambda t: chebyshev.deviation(t["coefficients"], (0.1, 0.1), (t["x"], t["y"])), tree)


def test_convergence_is_geometric_for_a_square_root():
    # The branch point at x = -1.25 puts the ellipse of convergence at rho = 1.25 + sqrt(1.25^2 - 1) = 2.
    errors = []
    for count in (5, 9, 13, 17, 21):
        line = expand(lambda x: np.sqrt(x + 1.25), (count,))
        errors.append(np.max(np.abs(chebyshev.evaluate(line, (X,)) - np.sqrt(X + 1.25))))
    ratios = [late / early for early, late in itertools.pairwise(errors)]
    assert all(ratio < 2.0**-4 for ratio in ratios)
    assert ratios[-1] > 0.5 * 2.0**-4


def test_tails_continue_the_series():
    for parity in (1, 2):
        line = np.where(np.arange(9) % parity == 0, 2.0 ** -np.arange(9.0), 0.0)
        rest = sum(2.0**-k for k in range(9, 60) if k % parity == 0)
        assert rest / 2 < chebyshev.tails(line, 1)[0] < 3 * rest
    assert chebyshev.tails(np.zeros((9, 5)), 2).tolist() == [0.0, 0.0]
    assert chebyshev.tails(TENSOR[:4, 0, 0], 1)[0] == 0.0


def columns_of(function):
    return lambda points: function(*points.values())[:, None]


def test_a_fit_finds_its_degrees():
    calls = []

    def function(x, y, z):
        calls.append(x.size)
        return np.sqrt(x + y) + 0.0 * z

    bounds = {"x": (1.0, 2.0), "y": (0.3, 0.6), "z": (5.0, 5.0)}
    found = chebyshev.fit(columns_of(function), bounds, np.array([1e-7]), {}, 10_000)
    assert found.errors[0] <= 1e-7
    assert found.coefficients.shape[2:] == (1, 1)
    assert found.coefficients.size < 100 and len(calls) <= 5
    x, y = RANDOM.uniform(-1, 1, (2, 200))
    exact = np.sqrt(1.5 + 0.5 * x + 0.45 + 0.15 * y)
    assert np.max(np.abs(chebyshev.evaluate(found.coefficients[..., 0, 0], (x, y)) - exact)) <= 1e-7


def test_a_fit_that_cannot_be_made_says_why():
    bounds = {"x": (-1.0, 1.0), "y": (0.0, 1.0)}
    with pytest.raises(ValueError, match="x: degree 64 does not reach the tolerance. Either the samples are noisy"):
        chebyshev.fit(columns_of(lambda x, y: np.abs(x) + y), bounds, np.array([1e-6]), {}, 10_000)
    with pytest.raises(ValueError, match=r"call for 36 points, above the limit of 30"):
        chebyshev.fit(columns_of(lambda x, y: x * y), bounds, np.array([1e-6]), {"x": 5, "y": 5}, 30)
    with pytest.raises(ValueError, match="tolerance = 1e-06 is not reached: the error is"):
        # Flat along the lines through the middle, with a kink beside them.
        chebyshev.fit(columns_of(lambda x, y: np.abs(x - 0.3) * (y - 0.5)), bounds, np.array([1e-6]), {}, 10_000)
