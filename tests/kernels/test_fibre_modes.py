import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

from photonics_core.kernels import fibre_modes
from photonics_core.kernels.fibre_modes import branch, cutoff, gaussian_radius, mode_angle, petermann_radius

LABELS = [("LP", 0, 1), ("LP", 0, 2), ("LP", 1, 1), ("LP", 3, 2), ("HE", 1, 1), ("HE", 1, 3)]
LABELS += [("HE", 2, 1), ("HE", 4, 2), ("EH", 1, 1), ("EH", 3, 2), ("TE", 0, 1), ("TM", 0, 2)]


ALL = fibre_modes.Branch(*(np.stack(part) for part in zip(*(branch(*label) for label in LABELS), strict=True)))


@jax.jit
def _angle(v, contrast, where):
    return mode_angle(v, contrast, where, 4)


def angle(label, v, contrast=0.3):
    return _angle(jnp.asarray(v), jnp.asarray(contrast), branch(*label))


@pytest.mark.parametrize("label", LABELS)
def test_a_mode_begins_at_its_cutoff_and_its_index_rises(label):
    limit = max(cutoff(*label, 0.3), 0.5)
    v = jnp.asarray(limit + np.array([1e-6, 1e-3, 0.1, 1.0, 5.0, 20.0]))
    where = fibre_modes.Branch(*(np.repeat(part, v.size) for part in branch(*label)))
    contrast = jnp.full_like(v, 0.3)
    phi, guided = fibre_modes.mode_angles(v, contrast, where, 4)
    assert np.all(guided)
    assert np.all(np.diff(phi) > 0)
    # The parameter u stays between the zeros of J_l, and the index between those of the two media.
    u = v * jnp.cos(phi)
    assert np.all((u > where.low) & (u < where.high) & (phi > 0) & (phi < np.pi / 2))
    if label not in (("LP", 0, 1), ("HE", 1, 1)):
        assert phi[0] < 0.1
        assert not np.any(fibre_modes.mode_angles(jnp.full_like(v, limit - 1e-9), contrast, where, 4)[1])


@pytest.mark.parametrize("label", LABELS)
def test_the_function_is_zero_at_the_mode_and_nowhere_else_between_the_poles(label):
    v = cutoff(*label, 0.3) + 6.0
    phi, where = angle(label, v), branch(*label)
    u = np.linspace(float(where.low) + 1e-6, min(float(where.high), v) - 1e-6, 2000)
    grid = jnp.arccos(jnp.asarray(u / v))
    values = jax.vmap(lambda p: fibre_modes.characteristic(p, jnp.asarray(v), jnp.asarray(0.3), where, 4))(grid)
    crossings = np.flatnonzero(np.diff(np.sign(values)))
    assert len(crossings) == 1
    assert u[crossings[0]] <= v * np.cos(phi) <= u[crossings[0] + 1]


def test_cutoffs():
    zeros = [special.jn_zeros(order, 3) for order in range(4)]
    assert cutoff("LP", 0, 1, 0.1) == cutoff("HE", 1, 1, 0.1) == 0.0
    np.testing.assert_allclose(cutoff("LP", 0, 2, 0.1), zeros[1][0])
    np.testing.assert_allclose(cutoff("LP", 3, 2, 0.1), zeros[2][1])
    np.testing.assert_allclose(cutoff("EH", 2, 1, 0.1), zeros[2][0])
    np.testing.assert_allclose(cutoff("HE", 1, 2, 0.1), zeros[1][0])
    # HE_lm of weak guidance is LP_{l-1,m}.
    np.testing.assert_allclose(cutoff("HE", 3, 2, 1e-9), zeros[1][1], rtol=1e-8)


def derivative(order, v, contrast):
    """Derivatives of the angles of all modes with respect to v."""

    def angles(v):
        v, c = (jnp.full(len(LABELS), 1.0) * x for x in (v, contrast))
        return fibre_modes.mode_angles(v, c, ALL, 4)[0]

    for _ in range(order):
        angles = functools.partial(lambda f, v: jax.jvp(f, (v,), (jnp.ones_like(v),))[1], angles)
    return angles(v)


def test_gradients(assert_gradient):
    assert_gradient(lambda x: derivative(0, x[0], x[1]), np.array([11.0, 0.3]))


@pytest.mark.slow
@pytest.mark.parametrize("order", [2, 3])
def test_higher_derivatives(order):
    step, compiled = 1e-3, jax.jit(derivative, static_argnums=0)
    low, high = (compiled(order - 1, 11.0 + x, 0.3) for x in (-step, step))
    np.testing.assert_allclose(compiled(order, 11.0, 0.3), (high - low) / (2 * step), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("v", [0.05, 0.3, 1.0, 2.4, 90.0])
def test_the_first_mode_is_finite_everywhere(v):
    for label in (("LP", 0, 1), ("HE", 1, 1)):
        slopes = jax.grad(lambda x, label=label: jnp.sin(angle(label, x)) ** 2)(jnp.asarray(v))
        assert np.isfinite(slopes)
    bound = 2.0 * np.exp(-2.0 / v**2) / v if v < 1 else 1.0  # w = 1.123 exp(-2 / v^2) for small v
    assert 0 < angle(("LP", 0, 1), v) < max(bound, 2e-8) or v >= 1


def test_radii_by_integration():
    v = jnp.asarray(2.0)
    phi = angle(("LP", 0, 1), 2.0)
    x = np.concatenate([np.linspace(0, 1, 4001), np.linspace(1, 20, 16001)[1:]])
    u, w = float(v * jnp.cos(phi)), float(v * jnp.sin(phi))
    inside = x <= 1
    field = np.where(inside, special.j0(u * x) / special.j0(u), special.k0(w * np.maximum(x, 1)) / special.k0(w))
    slope = np.where(
        inside, u * special.j1(u * x) / special.j0(u), w * special.k1(w * np.maximum(x, 1)) / special.k0(w)
    )
    moments = [integrate.simpson(y**2 * x, x=x) for y in (field, slope)]
    np.testing.assert_allclose(petermann_radius(v, phi), np.sqrt(2 * moments[0] / moments[1]), rtol=1e-7)
    mine = fibre_modes.radial_field(jnp.asarray(x), v, phi, 0)
    np.testing.assert_allclose(mine, field / np.sqrt(2 * np.pi * moments[0]), rtol=1e-7, atol=1e-12)
    radii = float(gaussian_radius(v, phi)) * (1 + np.linspace(-1e-3, 1e-3, 5))
    overlaps = [integrate.simpson(field * np.exp(-((x / r) ** 2)) * x, x=x) / r for r in radii]
    assert np.argmax(overlaps) == 2


@pytest.mark.parametrize("v", [0.9, 1.5, 4.0, 10.0])
def test_the_gaussian_is_the_best_one_far_from_the_usual_v(v):
    phi = angle(("LP", 0, 1), v)
    best = float(gaussian_radius(jnp.asarray(v), phi))
    u, w = v * np.cos(phi), v * np.sin(phi)

    def overlap(radius):
        def weighted(x):
            field = special.j0(u * x) / special.j0(u) if x < 1 else special.k0(w * x) / special.k0(w)
            return field * np.exp(-((x / radius) ** 2)) * x

        parts = (integrate.quad(weighted, low, high, epsabs=1e-13)[0] for low, high in ((0, 1), (1, 1 + 8 * radius)))
        return sum(parts) / radius

    assert overlap(best) > max(overlap(best * 0.999), overlap(best * 1.001), overlap(best * 0.5), overlap(best * 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("EH", 0, 1), "order = 0 of a mode EH"),
        (("TE", 1, 1), "order = 1"),
        (("LP", 0, 0), "number = 0"),
        (("X", 0, 1), "kind"),
    ],
)
def test_bad_labels(arguments, message):
    with pytest.raises(ValueError, match=message):
        branch(*arguments)


def test_single_precision(float32):
    def angles():
        v = jnp.full(len(LABELS), 12.0)
        return fibre_modes.mode_angles(v, jnp.full_like(v, 0.3), ALL, 4)[0]

    mine = angles()
    assert mine.dtype == jnp.float32
    with jax.enable_x64(True):
        expected = angles()
    np.testing.assert_allclose(mine, expected, atol=1e-5)
