"""The closed overlap of two beams: against quadrature, against Joyce and DeLoach, and its laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.gaussian_overlap import beam_matrix, offset_form

WL = 1.31
K = 2.0 * np.pi / WL


def form(waists, distances, angles, ramp):
    source, receiver = (
        beam_matrix((w[0], w[1]), (d[0], d[1]), jnp.cos(a), jnp.sin(a), jnp.asarray(K, w.dtype))
        for w, d, a in zip(*(jnp.asarray(each) for each in (waists, distances, angles)), strict=True)
    )
    return offset_form(source, receiver, ramp[0], ramp[1])


@jax.jit
def overlap(waists, distances, angles, offset, ramp):
    return -form(waists, distances, angles, ramp).about(offset[0], offset[1]).level


def draw(random):
    return (
        random.uniform(1.5, 4.0, (2, 2)),
        random.uniform(-8.0, 8.0, (2, 2)),
        random.uniform(-2.0, 2.0, 2),
        random.uniform(-1.5, 1.5, 2),
        random.uniform(-0.4, 0.4, 2),
    )


def test_it_is_the_integral_over_the_plane():
    random = np.random.default_rng(0)
    r = np.linspace(-40.0, 40.0, 1601)
    for _ in range(5):
        waists, distances, angles, offset, ramp = draw(random)
        fields = []
        for k, place in ((0, np.zeros(2)), (1, offset)):
            x, y = np.meshgrid(r - place[0], r - place[1], indexing="ij")
            c, s = np.cos(angles[k]), np.sin(angles[k])
            field = np.ones_like(x, complex)
            for along, w, z in zip((c * x + s * y, c * y - s * x), waists[k], distances[k], strict=True):
                field *= np.exp(0.5j * K * along**2 / (z - 0.5j * K * w**2))
            fields.append(field * (np.exp(1j * (ramp[0] * x + ramp[1] * y)) if k else 1.0))
        norms = [np.sum(np.abs(field) ** 2) for field in fields]
        exact = np.log(abs(np.vdot(fields[1], fields[0])) ** 2 / (norms[0] * norms[1]))
        assert float(overlap(waists, distances, angles, offset, ramp)) == pytest.approx(exact, rel=1e-9, abs=1e-11)


def joyce_deloach(w_1, w_2, x, z, theta):
    """Appl. Opt. 23, 4187 (1984), as recalled: w_1 at 0, w_2 at z, offset x and angle theta of the second there."""
    at_second = w_1**2 * (1.0 + (WL * z / (np.pi * w_1**2)) ** 2)
    size = 4.0 * w_1**2 * w_2**2 / ((w_1**2 + w_2**2) ** 2 + (WL * z / np.pi) ** 2)
    terms = (
        0.5 * x**2 * (1.0 / w_1**2 + 1.0 / w_2**2)
        + (np.pi * theta / WL) ** 2 * (at_second + w_2**2) / 2.0
        - x * theta * z / w_1**2
    )
    return np.log(size) - size * terms


def test_round_beams_give_the_formula_of_joyce_and_deloach():
    random = np.random.default_rng(1)
    for _ in range(50):
        w_1, w_2 = random.uniform(1.0, 6.0, 2)
        x, z, theta = random.uniform(-4, 4), random.uniform(-60, 60), random.uniform(-0.1, 0.1)
        waists, distances = np.array([[w_1, w_1], [w_2, w_2]]), np.array([[z, z], [0.0, 0.0]])
        found = overlap(waists, distances, np.zeros(2), np.array([x, 0.0]), np.array([K * theta, 0.0]))
        assert float(found) == pytest.approx(joyce_deloach(w_1, w_2, x, z, theta), rel=1e-12)


def test_laws():
    """At most all couples; exchanged beams the same; a common turn, or a common way, changes nothing."""
    random = np.random.default_rng(2)
    for _ in range(100):
        waists, distances, angles, offset, ramp = draw(random)
        found = float(overlap(waists, distances, angles, offset, ramp))
        assert found <= 0.0
        aligned = [waists, distances, angles, np.zeros(2), np.zeros(2)]
        exchanged = [part[::-1] for part in aligned[:3]] + aligned[3:]
        assert float(overlap(*exchanged)) == pytest.approx(float(overlap(*aligned)), rel=1e-12)
        assert float(overlap(waists, distances + 7.0, angles, np.zeros(2), np.zeros(2))) == pytest.approx(
            float(overlap(*aligned)), rel=1e-10
        )
        turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
        together = overlap(waists, distances, angles + 0.7, turn @ offset, turn @ ramp)
        assert float(together) == pytest.approx(found, rel=1e-11)
    same = [np.tile(part[:1], (2,) + (1,) * (part.ndim - 1)) for part in (waists, distances, angles)]
    assert abs(float(overlap(*same, np.zeros(2), np.zeros(2)))) < 1e-14


def test_small_losses_keep_their_digits_in_single_precision(float32):
    """A mismatch of 1e-4 costs 1e-8 of the power, which 1 - eta cannot tell."""
    waists = np.array([[4.6, 4.6], [4.6 * 1.0001, 4.6]], np.float32)
    none = np.zeros((2, 2), np.float32)
    found = overlap(waists, none, none[0], none[0], none[0])
    assert found.dtype == np.float32
    ratio = float(waists[1, 0]) / float(waists[0, 0])
    exact = np.log(2.0 * ratio / (1.0 + ratio**2))
    assert float(found) == pytest.approx(exact, rel=5e-3)


def draw_many(count):
    random = np.random.default_rng(1)
    waists, distances = random.uniform(1.0, 6.0, (2, 2, count)), random.uniform(-20.0, 20.0, (2, 2, count))
    return waists, distances, random.uniform(-2.0, 2.0, (2, count)), random.normal(size=(4, count))


def test_a_form_about_another_place_is_the_same_form():
    waists, distances, angles, rest = (jnp.asarray(each) for each in draw_many(20))
    made = form(waists, distances, angles, 0.1 * rest[:2])
    x, y = rest[2:]
    np.testing.assert_allclose(made.about(x, y).about(-x, -y).level, made.level, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(made.about(x, y).about(-x, -y).slope_x, made.slope_x, rtol=1e-9, atol=1e-12)


def test_equal_beams_lose_nothing_and_nothing_cancels():
    same, none = np.full((2, 2), 4.6), np.zeros((2, 2))
    assert float(form(same, none, none[0], none[0]).level) == 0.0
    found = form(same, np.array([[0.0, 0.0], [0.0, 4.6e-9]]), none[0], none[0]).level
    # ln(1 + (z / 2 z_R)^2) / 2 of one axis.
    np.testing.assert_allclose(found, 0.5 * np.log1p((4.6e-9 / (K * 4.6**2)) ** 2), rtol=1e-6)


def test_forms_in_single_precision(float32):
    waists, distances, angles, rest = (np.asarray(each) for each in draw_many(100))
    ramp, offset = 0.1 * rest[:2], rest[2:]
    single = form(*(jnp.asarray(each, jnp.float32) for each in (waists, distances, angles, ramp)))
    found = single.about(*jnp.asarray(offset, jnp.float32)).level
    assert found.dtype == np.float32
    with jax.enable_x64(True):
        exact = np.asarray(
            form(*(jnp.asarray(each) for each in (waists, distances, angles, ramp))).about(*offset).level
        )
    np.testing.assert_allclose(found, exact, rtol=2e-4, atol=2e-6)
