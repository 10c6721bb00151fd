"""The closed overlap of two beams: against quadrature, against Joyce and DeLoach, and its laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.kernels.gaussian_overlap import beam_matrix, log_efficiency

WL = 1.31
K = 2.0 * np.pi / WL


@jax.jit
def overlap(waists, distances, angles, offset, ramp):
    beams = [beam_matrix(waists[k], distances[k], angles[k], jnp.asarray(K, waists.dtype)) for k in (0, 1)]
    return log_efficiency(beams[0], beams[1], offset, ramp)


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
