import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core.cross_section import CrossSection
from photonics_core.eigenmode_expansion import expand_modes
from photonics_core.tapers import LocalModes, _at, local_modes

WIDTHS = np.linspace(0.5, 0.9, 25)
COUNT, STEPS = 3, 200


@pytest.fixture(scope="module")
def expansion():
    # A window wide enough for all the modes to propagate.
    sections = [CrossSection.strip(width, 0.22, 3.476, 1.444, margin=1.0) for width in WIDTHS]
    return expand_modes(sections, 1.55, count=COUNT)


@pytest.fixture(scope="module")
def local(expansion):
    return local_modes(expansion, WIDTHS)


def line(steps=STEPS):
    return np.linspace(WIDTHS[0], WIDTHS[-1], steps + 1)


def test_coupling_keeps_power(local):
    np.testing.assert_allclose(local.coupling, -np.swapaxes(local.coupling, -1, -2), atol=1e-14)
    np.testing.assert_allclose(local.coupling.imag, 0.0, atol=1e-12)
    carried = np.asarray(local.propagator(line(), 3.0))
    np.testing.assert_allclose(carried.conj().T @ carried, np.eye(COUNT), atol=1e-12)


def test_a_uniform_guide_only_turns_phases(local):
    carried = local.propagator(np.full(5, WIDTHS[0]), 2.0)
    np.testing.assert_allclose(carried, np.diag(np.exp(2j * np.asarray(local.beta[0]))), atol=1e-12)


def test_two_modes_of_constant_coupling_are_known_exactly():
    # dA/dz = [[i b, -c], [c, -i b]] A turns about an axis by sqrt(b^2 + c^2) L.
    b, c, length = 0.3, 0.2, 5.0
    coupling = jnp.asarray([[[0.0, -c], [c, 0.0]]], complex)
    beta = jnp.asarray([[b, -b], [b, -b]], complex)
    carried = LocalModes(jnp.array([0.0, length]), beta, coupling).propagator(np.linspace(0.0, length, 4), length)
    rate = np.hypot(b, c)
    np.testing.assert_allclose(abs(carried[1, 0]) ** 2, (c / rate * np.sin(rate * length)) ** 2, atol=1e-12)


def test_steps_converge_to_the_fourth_order(local):
    smooth = dataclasses.replace(
        local,
        widths=local.widths[jnp.array([0, -1])],
        beta=local.beta[jnp.array([0, -1])],
        coupling=local.coupling[12:13],
    )
    values = [np.asarray(smooth.propagator(line(steps), 8.0)) for steps in (16, 32, 128)]
    errors = [np.max(np.abs(value - values[-1])) for value in values[:2]]
    assert 3.7 < np.log2(errors[0] / errors[1]) < 4.4


def test_slices_and_local_modes_agree_in_a_slow_taper(expansion, local):
    lengths = np.array([6.0, 8.0])
    # Half slices at the ends, so that steps lie where the line passes between samples.
    parts = np.array([0.5, *np.ones(WIDTHS.size - 2), 0.5]) / (WIDTHS.size - 1)
    sliced = expansion.scattering(lengths[:, None] * parts)
    for k, length in enumerate(lengths):
        followed = local.propagator(line(), length)
        across = sliced.values[k, COUNT:, :COUNT]
        np.testing.assert_allclose(np.abs(followed[0, 0]) ** 2, np.abs(across[0, 0]) ** 2, atol=6e-5)
        assert 2e-5 < 1.0 - np.abs(followed[0, 0]) ** 2 < 2e-4


@pytest.mark.slow
def test_the_best_profile_is_as_adiabatic_everywhere(local):
    best = local.best_profile(STEPS)
    np.testing.assert_allclose(best[jnp.array([0, -1])], WIDTHS[[0, -1]], rtol=1e-12)
    measure, linear = (np.sqrt(np.sum(np.asarray(local.adiabaticity(w, 4.0)) ** 2, -1)) for w in (best, line()))
    # But for the one step in which the coupling passes through zero.
    assert np.quantile(np.abs(measure / np.median(measure) - 1.0), 0.99) < 0.01
    assert np.max(measure) < 0.5 * np.max(linear)
    np.testing.assert_allclose(
        local.adiabaticity(best, 8.0), 0.5 * np.asarray(local.adiabaticity(best, 4.0)), rtol=1e-12
    )


def test_the_best_profile_loses_less(local):
    lengths = np.linspace(2.0, 6.0, 9)
    lost = [
        [1.0 - abs(complex(local.propagator(profile, length)[0, 0])) ** 2 for length in lengths]
        for profile in (line(), local.best_profile(STEPS))
    ]
    assert np.mean(lost[1]) < 0.4 * np.mean(lost[0])


def test_profiles_have_derivatives(local, assert_gradient):
    inside = jnp.asarray(line(6)).at[1:-1].add(0.01)

    def transmitted(tree):
        profile, length = tree
        return jnp.abs(local.propagator(profile, length)[0, 0]) ** 2

    assert_gradient(transmitted, (inside[1:-1], jnp.asarray(2.0)), rtol=1e-5)


def test_derivatives_have_no_kinks_where_the_modes_are_known(local):
    # One step, a Gauss point of which passes a place where the coupling is known, or the propagation constants are.
    def phase(end):
        return jnp.angle(local.propagator(jnp.stack([WIDTHS[0], end]), 2.0)[1, 0])

    for place in (WIDTHS[2], 0.5 * (WIDTHS[3] + WIDTHS[4])):
        end = WIDTHS[0] + (place - WIDTHS[0]) / (0.5 - np.sqrt(3.0) / 6.0)
        below, above = jax.vmap(jax.grad(phase))(jnp.array([end - 1e-9, end + 1e-9]))
        np.testing.assert_allclose(below, above, rtol=1e-6)


@pytest.mark.slow
def test_between_the_samples_lie_cubics():
    widths = jnp.array([0.0, 0.1, 0.25, 0.45, 0.6, 1.0])
    beta = jnp.stack([2.0 + widths - 3.0 * widths**2, -widths], axis=1).astype(complex)
    middles = 0.5 * (widths[1:] + widths[:-1])
    coupling = jnp.zeros((5, 2, 2), complex).at[:, 0, 1].set((middles**2 - 1.0).astype(complex))
    at = jnp.linspace(0.0, 1.0, 51)
    found = _at(LocalModes(widths, beta, coupling), at)
    np.testing.assert_allclose(found[0][:, 0], 2.0 + at - 3.0 * at**2, atol=1e-14)
    np.testing.assert_allclose(found[1][:, 0, 1], at**2 - 1.0, atol=1e-14)


def test_a_traced_profile_that_leaves_the_samples_stops_the_program(local):
    with pytest.raises(Exception, match=r"profile is outside \[0.5, 0.9\] um"):
        jax.block_until_ready(jax.jit(lambda end: local.propagator(jnp.stack([0.5, end]), 1.0))(0.95))
    with pytest.raises(Exception, match="profile is outside its range"):
        jax.block_until_ready(jax.jit(lambda modes: modes.propagator(np.array([0.5, 0.95]), 1.0))(local))


def test_bad_input_is_named(expansion, local):
    with pytest.raises(ValueError, match=r"widths of shape \(2,\)"):
        local_modes(expansion, [0.5, 0.6])
    with pytest.raises(ValueError, match="steps of widths = 0 um"):
        local_modes(expansion, np.full(WIDTHS.size, 0.5))
    with pytest.raises(ValueError, match="least real n_eff of the modes = 0 "):
        local_modes(dataclasses.replace(expansion, n_eff=1j * expansion.n_eff), WIDTHS)
    with pytest.raises(ValueError, match="profile = 0.95 um"):
        local.propagator([0.5, 0.95], 1.0)
    with pytest.raises(ValueError, match="length = 0 um"):
        local.propagator(line(), 0.0)
    with pytest.raises(ValueError, match="mode = 3"):
        local.best_profile(10, mode=3)
    with pytest.raises(ValueError, match=r"steps = 2\.5 is not of the kind int"):
        local.best_profile(2.5)
    with pytest.raises(ValueError, match=r"mode = 0\.5 is not of the kind int"):
        local.adiabaticity(line(), 1.0, mode=0.5)
    with pytest.raises(ValueError, match="steps = 0"):
        local.best_profile(0)
    with pytest.raises(ValueError, match=r"profile of shape \(1,\)"):
        local.adiabaticity([0.5], 1.0)
