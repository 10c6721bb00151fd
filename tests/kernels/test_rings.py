"""Closed forms of rings against the textbook, against a cascade of scattering matrices, and at their branch points."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from photonics_core.kernels import rings
from photonics_core.kernels.transfer_matrix import star_chain

EXACT = {"rtol": 0, "atol": 1e-12}
TURNS = jnp.linspace(-0.5, 0.5, 101)
BRANCH_POINTS = list(itertools.product([0.0, np.pi / 2], [0.0, np.pi / 2, 0.3], [0.0, 0.1], [0.0, 0.5, 0.13]))


def number(value):
    return jnp.asarray(value, jnp.float64)


def draw(count, seed=3):
    """Random (angle_in, angle_drop, loss_in, loss_drop, ring_loss), each [count, 1], and all TURNS."""
    random = np.random.default_rng(seed)
    angles = random.uniform(0, np.pi, (2, count, 1))
    losses = random.uniform(0, 0.3, (3, count, 1))
    return [*(jnp.asarray(x) for x in (*angles, *losses)), TURNS[None]]


def two_by_two(amplitudes):
    """Scattering matrix from (in, add) to (through, drop)."""
    through, drop, add_drop = amplitudes
    return jnp.stack([jnp.stack([through, drop], -1), jnp.stack([drop, add_drop], -1)], -2)


def textbook_add_drop(angle_in, angle_drop, loss_in, loss_drop, ring_loss, half_turns, *, sign=1.0):
    """The same ring as anyone would write it in complex numbers."""
    angle_in, angle_drop, loss_in, loss_drop, ring_loss, half_turns = map(
        np.asarray, (angle_in, angle_drop, loss_in, loss_drop, ring_loss, half_turns)
    )
    t1, t2 = np.exp(-loss_in) * np.cos(angle_in), np.exp(-loss_drop) * np.cos(angle_drop)
    k1, k2 = np.exp(-loss_in) * np.sin(angle_in), np.exp(-loss_drop) * np.sin(angle_drop)
    half = np.exp(-ring_loss / 2 + sign * 2j * np.pi * half_turns)
    inside = 1 / (1 - t1 * t2 * half**2)
    return (
        t1 - k1**2 * t2 * half**2 * inside,
        -k1 * k2 * half * inside,
        t2 - k2**2 * t1 * half**2 * inside,
    )


def coupler_block(angle, loss):
    """Coupler between two guides, left ports (in, through), right ports (cross, add)."""
    t, k = np.exp(-loss) * np.cos(angle), 1j * np.exp(-loss) * np.sin(angle)
    return np.array([[0, t, k, 0], [t, 0, 0, k], [k, 0, 0, t], [0, k, t, 0]])


def arcs_block(loss, half_turns):
    """The two half rings between two couplers, each half a round trip."""
    wave = np.exp(-loss / 2 + 2j * np.pi * half_turns)
    zero, one = np.zeros((2, 2)), np.eye(2)
    return wave * np.block([[zero, one], [one, zero]])


def test_the_closed_form_is_the_textbook_one():
    parameters = draw(40)
    ours = rings.add_drop(*parameters)
    for mine, reference in zip(ours, textbook_add_drop(*parameters), strict=True):
        assert_allclose(mine, reference, **EXACT)


def test_the_wrong_sign_of_the_phase_would_be_seen():
    parameters = draw(40)
    through = rings.add_drop(*parameters).through
    wrong, _, _ = textbook_add_drop(*parameters, sign=-1.0)
    assert np.max(np.abs(through - wrong)) > 0.1


def test_an_all_pass_ring_is_an_add_drop_ring_without_a_drop_guide():
    angle, _, coupler_loss, _, ring_loss, _ = draw(40)
    none = jnp.zeros_like(angle)
    reference, _, _ = textbook_add_drop(angle, none, coupler_loss, none, ring_loss, TURNS[None])
    assert_allclose(rings.all_pass(angle, coupler_loss, ring_loss, TURNS[None]), reference, **EXACT)


def test_without_loss_all_light_comes_out():
    angle_in, angle_drop, *_ = draw(40)
    none = jnp.zeros_like(angle_in)
    s = two_by_two(rings.add_drop(angle_in, angle_drop, none, none, none, TURNS[None]))
    product = jnp.conj(jnp.swapaxes(s, -1, -2)) @ s
    assert_allclose(product, np.broadcast_to(np.eye(2), product.shape), **EXACT)
    assert_allclose(jnp.abs(rings.all_pass(angle_in, none, none, TURNS[None])), np.ones((40, 101)), **EXACT)


def test_a_passive_ring_never_gives_more_than_it_gets():
    s = two_by_two(rings.add_drop(*draw(200)))
    assert np.max(np.linalg.norm(s, ord=2, axis=(-2, -1))) <= 1 + 1e-12


def test_at_critical_coupling_nothing_passes_on_resonance():
    angle = number(0.3)
    loss = -jnp.log(jnp.cos(angle))
    assert abs(rings.all_pass(angle, number(0.0), loss, number(0.0))) < 1e-15


def test_a_row_of_one_ring_is_an_add_drop_ring():
    angle_in, angle_drop, loss_in, loss_drop, ring_loss = (x[0] for x in draw(1)[:5])
    row = rings.coupled_rings(
        jnp.stack([angle_in, angle_drop]), jnp.stack([loss_in, loss_drop]), ring_loss[None], TURNS[None]
    )
    single = rings.add_drop(angle_in, angle_drop, loss_in, loss_drop, ring_loss, TURNS)
    for mine, reference in zip(row, single, strict=True):
        assert_allclose(mine, reference, **EXACT)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_row_of_rings_is_the_cascade_of_its_parts(count):
    random = np.random.default_rng(count)
    angles, losses = random.uniform(0.1, 1.4, count + 1), random.uniform(0, 0.1, count + 1)
    ring_losses, turns = random.uniform(0, 0.1, count), random.uniform(-0.5, 0.5, count)
    row = rings.coupled_rings(*map(jnp.asarray, (angles, losses, ring_losses, turns)))
    blocks = [coupler_block(angles[0], losses[0])]
    for n in range(count):
        blocks += [arcs_block(ring_losses[n], turns[n]), coupler_block(angles[n + 1], losses[n + 1])]
    cascade = star_chain(jnp.asarray(blocks))
    assert_allclose([row.through, row.drop, row.add_drop], [cascade[1, 0], cascade[2, 0], cascade[2, 3]], **EXACT)


def test_couplers_may_depend_on_wavelength_where_their_losses_do_not():
    # As many wavelengths as couplers, so that a wrong broadcast would go unseen.
    angles = jnp.asarray(np.random.default_rng(0).uniform(0.2, 0.9, (3, 3)))
    losses, ring_losses, turns = (
        jnp.asarray([0.01, 0.05, 0.2]),
        jnp.asarray([0.02, 0.03]),
        TURNS[:6].reshape(2, 3),
    )
    row = rings.coupled_rings(angles, losses, ring_losses, turns)
    for i in range(3):
        single = rings.coupled_rings(angles[:, i], losses, ring_losses, turns[:, i])
        assert_allclose([x[i] for x in row], single, **EXACT)


def test_a_thousand_rings_neither_overflow_nor_gain_in_complex64():
    angles = jnp.full(1001, 0.3, jnp.float32)
    none = jnp.zeros(1001, jnp.float32)
    turns = jnp.broadcast_to(TURNS.astype(jnp.float32), (1000, 101))
    row = rings.coupled_rings(angles, none, none[:-1], turns)
    assert row.drop.dtype == jnp.complex64
    assert_allclose(jnp.abs(row.through) ** 2 + jnp.abs(row.drop) ** 2, np.ones(101), rtol=0, atol=2e-3)


@pytest.mark.parametrize("angle", [0.2, 0.5])
def test_twenty_rings_in_complex64_are_those_of_complex128_on_the_same_inputs(angle):
    angles = np.array([0.8, *19 * [angle], 0.8], np.float32)
    turns = np.broadcast_to(np.linspace(-0.5, 0.5, 1001, dtype=np.float32), (20, 1001))
    inputs = angles, np.zeros(21, np.float32), np.zeros(20, np.float32), turns
    single = rings.coupled_rings(*map(jnp.asarray, inputs))
    double = rings.coupled_rings(*(jnp.asarray(x, jnp.float64) for x in inputs))
    assert single.drop.dtype == jnp.complex64
    assert np.max(np.abs(np.stack(single).astype(complex) - np.stack(double))) < 1e-4


@pytest.mark.parametrize(("resonance", "resolution"), [(0.0, 1e-7), (0.5, 2.0**-20)])
def test_single_precision_is_relative_to_the_linewidth_however_narrow(resonance, resolution):
    # A finesse of three million: one minus the round-trip amplitude is below what float32 resolves beside one.
    angle, loss = np.float32(1e-3), np.float32(5e-7)
    turns = np.float32(resonance) + np.arange(-50, 51).astype(np.float32) * np.float32(resolution)
    single = rings.all_pass(*map(jnp.asarray, (angle, np.float32(0.0), loss, turns)))
    double = rings.all_pass(*(jnp.asarray(x, jnp.float64) for x in (angle, 0.0, loss, turns)))
    assert single.dtype == jnp.complex64
    assert np.min(np.abs(double)) < 0.01
    assert_allclose(np.abs(single) ** 2, np.abs(double) ** 2, rtol=0, atol=2e-6)
    assert_allclose(
        rings.amplitude_gap(jnp.asarray(angle), jnp.float32(0.0), jnp.asarray(loss)),
        rings.amplitude_gap(number(angle), number(0.0), number(loss)),
        rtol=1e-6,
    )


@pytest.mark.parametrize("angle_in", [0.0, 0.7, np.pi / 2, 2.5, np.pi])
def test_the_amplitude_gap_is_one_minus_what_a_turn_leaves(angle_in):
    gap = rings.amplitude_gap(number(angle_in), number(0.4), number(0.2))
    assert_allclose(gap, 1 - abs(np.cos(angle_in) * np.cos(0.4)) * np.exp(-0.2), **EXACT)


@pytest.mark.parametrize(
    ("angles", "turns"), [((0.5, 0.5), 0.0), ((2.0, 0.5), 0.5), ((0.5, 2.0), 0.5), ((2.0, 2.0), 0.0)]
)
def test_a_coupler_beyond_complete_coupling_adds_half_a_turn(angles, turns):
    assert rings.coupler_turns(*map(number, angles)) == turns


@pytest.mark.parametrize("point", BRANCH_POINTS, ids=str)
def test_derivatives_are_finite_at_every_branch_point(point):
    angle_in, angle_drop, loss, turns = point
    arguments = jnp.asarray([angle_in, angle_drop, loss, loss, loss, turns])
    assert np.all(np.isfinite(add_drop_jacobian(arguments)))
    assert np.all(np.isfinite(row_jacobian(arguments)))
    assert np.all(np.isfinite(gap_gradient(arguments)))


@jax.jit
@jax.jacobian
def add_drop_jacobian(x):
    return jnp.stack([jnp.stack([a.real, a.imag]) for a in rings.add_drop(*x)])


@jax.jit
@jax.jacobian
def row_jacobian(x):
    angles, losses = jnp.stack([x[0], x[1], x[0], x[1]]), jnp.stack([x[2], x[3], x[2], x[3]])
    row = rings.coupled_rings(angles, losses, x[4] * jnp.ones(3), x[5] * jnp.ones(3))
    return jnp.stack([jnp.stack([a.real, a.imag]) for a in row])


@jax.jit
@jax.grad
def gap_gradient(x):
    return rings.amplitude_gap(x[0], x[1], x[2])
