"""Probability of an ellipse: Marcum's function for circles, products for strips, drawn points for the rest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import ncx2, norm

from photonics_core.kernels.ellipse_probability import ellipse_probability
from photonics_core.kernels.gaussian_overlap import OffsetForm, Symmetric

PROBABILITY = jax.jit(ellipse_probability, static_argnums=4)


def _form(x, y, xx=1.0, xy=0.0, yy=1.0):
    """(r - r_0)^T M (r - r_0) / 2 with the middle at (x, y)."""
    x, y, xx, xy, yy = np.broadcast_arrays(*(np.asarray(each, float) for each in (x, y, xx, xy, yy)))
    pull = xx * x + xy * y, xy * x + yy * y
    level = 0.5 * (pull[0] * x + pull[1] * y)
    parts = [jnp.asarray(each) for each in (level, -pull[0], -pull[1], xx, xy, yy)]
    return OffsetForm(parts[0], parts[1], parts[2], Symmetric(parts[3], parts[4], parts[5]))


def _marcum_error(radius, nodes):
    """Largest difference from the noncentral chi-squared distribution, for middles near and far from the circle."""
    offsets = np.asarray([each for each in (1e-9, 0.5 * radius, radius - 3, radius, radius + 3) if each > 0])
    turns = np.asarray([0.0, 0.05, 0.1, 0.3, 0.8, 1.2, 1.57])[:, None]
    form = _form(offsets * np.cos(turns), offsets * np.sin(turns))
    found = PROBABILITY(form, jnp.ones(()), jnp.ones(()), jnp.asarray(0.5 * radius**2), nodes)
    return float(np.max(np.abs(np.asarray(found) - ncx2.cdf(radius**2, 2, offsets**2))))


@pytest.mark.parametrize(
    ("radius", "tolerance"), [(0.5, 1e-14), (3.0, 1e-10), (10.0, 2e-10), (30.0, 5e-10), (100.0, 5e-10), (3000.0, 5e-10)]
)
def test_a_circle_has_the_function_of_marcum(radius, tolerance):
    assert _marcum_error(radius, 48) < tolerance


def test_ellipses_of_any_size_need_no_more_nodes():
    # Middles so far from the origin that a side, or the tip of a thin one, passes near it.
    random, count = np.random.default_rng(0), 500
    a = 10.0 ** random.uniform(-0.5, 4.0, count)
    b = a * 10.0 ** random.uniform(-2.0, 0.0, count)
    angle, beyond = random.uniform(0.0, 2.0 * np.pi, (2, count)), random.uniform(-6.0, 6.0, count)
    c, s, u, v = np.cos(angle[0]), np.sin(angle[0]), np.cos(angle[1]), np.sin(angle[1])
    size = np.hypot(u / a, v / b)
    along, across = a * u + beyond * u / a / size, b * v + beyond * v / b / size
    bend = c * c / a**2 + s * s / b**2, c * s * (a**-2.0 - b**-2.0), s * s / a**2 + c * c / b**2
    form = _form(c * along - s * across, s * along + c * across, *bend)
    few, many = (PROBABILITY(form, jnp.ones(()), jnp.ones(()), jnp.asarray(0.5), nodes) for nodes in (48, 400))
    assert np.min(many) < 0.01
    assert np.max(many) > 0.8
    np.testing.assert_allclose(few, many, atol=1e-11)


def test_more_nodes_converge_exponentially():
    errors = [_marcum_error(10.0, nodes) for nodes in (12, 20, 28)]
    assert errors[1] < 0.2 * errors[0]
    assert errors[2] < 0.2 * errors[1]


def test_a_strip_is_an_interval():
    # So long along y that only x counts; both orders of the deviations.
    form = _form(0.7, -0.4, yy=1e-8)
    for wide, narrow in ((1.0, 0.3), (0.3, 1.0)):
        expected = norm.cdf(2.7 / wide) - norm.cdf(-1.3 / wide)
        found = PROBABILITY(form, jnp.asarray(wide), jnp.asarray(narrow), jnp.asarray(2.0), 48)
        np.testing.assert_allclose(found, expected, atol=1e-7)


def test_a_leaning_ellipse_holds_its_part_of_drawn_points():
    random, count = np.random.default_rng(2), 400_000
    form = _form(0.5, -0.3, 1.3, 0.6, 0.7)
    points = random.normal(size=(2, count)) * np.asarray([0.6, 1.1])[:, None]
    values = np.asarray(form.about(jnp.asarray(points[0]), jnp.asarray(points[1])).level)
    for limit in (0.1, 0.5, 2.0):
        found = float(PROBABILITY(form, jnp.asarray(0.6), jnp.asarray(1.1), jnp.asarray(limit), 48))
        assert abs(np.mean(values <= limit) - found) < 4.0 * np.sqrt(found * (1 - found) / count)


def test_what_cannot_be_is_zero_with_finite_derivatives():
    def total(x, deviation):
        form = _form(0.0, 0.0)._replace(level=x)
        return ellipse_probability(form, deviation, 0.5 * deviation, jnp.asarray(1.0))

    for level in (1.0, 2.0):
        value, slope = jax.value_and_grad(total)(jnp.asarray(level), jnp.asarray(0.4))
        assert float(value) == 0.0
        assert np.isfinite(slope)
    # A deviation of zero is the limit of small ones.
    one = [
        float(PROBABILITY(_form(0.5, 0.2), jnp.asarray(0.7), jnp.asarray(s), jnp.asarray(0.5), 48)) for s in (0, 1e-3)
    ]
    np.testing.assert_allclose(one[0], one[1], atol=1e-5)


def test_derivatives_are_those_of_differences(assert_gradient):
    def values(leaves):
        bend = Symmetric(*(leaves["bend"][k] for k in range(3)))
        form = OffsetForm(leaves["level"], leaves["slope"][0], leaves["slope"][1], bend)
        pairs = ((leaves["s"], leaves["t"]), (leaves["t"], leaves["s"]))
        return jnp.stack([ellipse_probability(form, *pair, leaves["limit"]) for pair in pairs])

    leaves = {"bend": np.array([1.3, 0.4, 0.8]), "level": 0.2, "slope": np.array([0.3, -0.5]), "s": 0.3, "t": 0.5}
    assert_gradient(values, leaves | {"limit": 0.6})
