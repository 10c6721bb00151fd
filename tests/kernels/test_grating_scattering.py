"""The linear system of a row: its solution, its transpose, its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.grating_scattering import (
    Amplitudes,
    Joint,
    RowPhases,
    leaving,
    row_phases,
    scatter,
    solve_row,
)

COUNT, PERIODS = 4, 3


def _row() -> tuple[Joint, RowPhases]:
    """A joint with symmetric reflections, small enough for all echoes to die out, and decaying phases."""
    random = np.random.default_rng(5)
    parts = 0.15 * (random.normal(size=(3, COUNT, COUNT)) + 1j * random.normal(size=(3, COUNT, COUNT)))
    onward, back, behind = np.eye(COUNT) + parts[0], parts[1] + parts[1].T, parts[2] + parts[2].T
    beta = jnp.asarray([[10.0 + 0.1j, 5.0 + 1j, 2.0 + 3j, 5j], [9.0 + 0.1j, 4.0 + 1j, 2.0 + 4j, 6j]])
    phases = row_phases(beta[0], beta[1], jnp.asarray([0.3, 0.2, 0.25]), jnp.asarray([0.3, 0.35]))
    return Joint(*(jnp.asarray(each) for each in (onward, back, behind))), phases


def _source() -> Amplitudes:
    random = np.random.default_rng(6)
    parts = random.normal(size=(4, PERIODS, COUNT)) + 1j * random.normal(size=(4, PERIODS, COUNT))
    return Amplitudes(*(jnp.asarray(each) for each in parts))


def _sent_on(phases: RowPhases, x: Amplitudes) -> Amplitudes:
    """What arrives, joint by joint, written out."""
    rows: list[list[np.ndarray]] = [[], [], [], []]
    for p in range(PERIODS):
        rows[0].append(np.zeros(COUNT) if p == 0 else np.asarray(phases.tooth[p - 1] * x.tooth_forward[p - 1]))
        rows[1].append(np.asarray(phases.trench[p] * x.trench_backward[p]))
        rows[2].append(np.asarray(phases.trench[p] * x.trench_forward[p]))
        last = p == PERIODS - 1
        rows[3].append(np.zeros(COUNT) if last else np.asarray(phases.tooth[p] * x.tooth_backward[p + 1]))
    return Amplitudes(*(jnp.asarray(np.array(each), complex) for each in rows))


def test_solution_fulfils_the_equations():
    one, phases = _row()
    source = _source()
    found = jax.jit(solve_row)(one, phases, source)
    once = leaving(one, _sent_on(phases, found))
    for x, s, echo in zip(found, source, once, strict=True):
        np.testing.assert_allclose(x, s + echo, rtol=1e-11, atol=1e-11)


def test_transposed_solution_is_that_of_the_transposed_matrix():
    """c . (M^-1 s) = (M^-T c) . s, the right side by reverse differentiation."""
    one, phases = _row()
    source, weight = _source(), jax.tree.map(jnp.conj, _source())
    linear = lambda s: sum(jnp.sum(a * b) for a, b in zip(weight, solve_row(one, phases, s), strict=True))  # noqa: E731
    value, turn = jax.vjp(linear, source)
    (transposed,) = turn(jnp.ones_like(value))
    again = sum(jnp.sum(a * b) for a, b in zip(transposed, source, strict=True))
    np.testing.assert_allclose(again, value, rtol=1e-11)


def test_a_row_of_matched_joints_only_turns_phases():
    _, phases = _row()
    unit = jnp.eye(COUNT, dtype=complex)
    found = scatter(Joint(unit, 0 * unit, 0 * unit), phases, jnp.ones(COUNT, complex))
    through = np.prod(np.asarray(phases.trench), axis=0) * np.prod(np.asarray(phases.tooth[:-1]), axis=0)
    np.testing.assert_allclose(found.tooth_forward[-1], through, rtol=1e-12)
    np.testing.assert_allclose(found.tooth_backward, 0.0, atol=1e-14)


def test_derivatives_of_widths(assert_gradient):
    one, _ = _row()
    beta = jnp.asarray([[10.0 + 0.1j, 5.0 + 1j, 2.0 + 3j, 5j], [9.0 + 0.1j, 4.0 + 1j, 2.0 + 4j, 6j]])

    def values(widths):
        phases = row_phases(beta[0], beta[1], widths["trenches"], widths["teeth"])
        found = scatter(one, phases, jnp.zeros(COUNT, complex).at[0].set(1.0))
        return jnp.stack([jnp.abs(found.tooth_backward[0, 0]) ** 2, jnp.abs(found.tooth_forward[-1, 1]) ** 2])

    assert_gradient(values, {"trenches": jnp.asarray([0.3, 0.2, 0.25]), "teeth": jnp.asarray([0.3, 0.35])}, rtol=1e-7)
