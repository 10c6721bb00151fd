"""Coupled modes beside closed forms and laws: power, order, reciprocity, discrete diffraction, gratings, slices."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import jv

from photonics_core.cross_section import CrossSection
from photonics_core.devices.fused_coupler import fused_section, strongly_fused_coupling
from photonics_core.devices.waveguide_array import WaveguideArray
from photonics_core.eigenmode_expansion import ModeExpansion, expand_modes
from photonics_core.kernels.counter_modes import counter_scattering
from photonics_core.kernels.coupled_mode import magnus, propagate, propagator
from photonics_core.supermodes import couple
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

TWO_MODES = "Yariv, IEEE J. Quantum Electron. 9, 919 (1973): kappa^2 / s^2 sin^2(s L), s^2 = kappa^2 + delta^2"


@case("couplers.two_modes", source=TWO_MODES, kind="analytic")
@in_float64
def two_modes() -> Evidence:
    """Largest error of the power that crosses, equal and detuned modes, up to 100 beats."""
    length = np.linspace(0.0, 4000.0, 101)
    errors = []
    for kappa, delta in ((0.08, 0.0), (0.08, 0.05), (0.01, 0.2)):
        crossed = np.abs(propagator(jnp.array([[delta, kappa], [kappa, -delta]]), length)[:, 1, 0]) ** 2
        total = math.hypot(kappa, delta)
        errors.append(np.max(np.abs(crossed - (kappa / total * np.sin(total * length)) ** 2)))
    return Evidence(float(max(errors)), 0.0, 1e-12)


@case("couplers.power_is_kept", source="energy conservation, 10 000 random pieces of three modes", kind="analytic")
@in_float64
def power_is_kept() -> Evidence:
    """Largest change of the power along the row."""
    random = np.random.default_rng(5)
    rough = random.normal(size=(10_000, 3, 3)) + 1j * random.normal(size=(10_000, 3, 3))
    along = propagate(jnp.asarray(rough + np.conj(np.swapaxes(rough, 1, 2))), 0.3, jnp.array([0.6, 0.0, 0.8]))
    return Evidence(float(jnp.max(jnp.abs(jnp.sum(jnp.abs(along) ** 2, axis=1) - 1.0))), 0.0, 1e-13)


def _rising(z: jax.Array, reach: jax.Array) -> jax.Array:
    """Two modes whose detuning goes through zero."""
    delta, kappa = reach * (z - 20.0), 0.1 + 0.0 * z
    return jnp.stack([jnp.stack([delta, kappa], axis=-1), jnp.stack([kappa, -delta], axis=-1)], axis=-2)


@case(
    "couplers.magnus_order",
    source="Blanes et al., Phys. Rep. 470, 151 (2009): fourth order",
    kind="analytic",
    is_long=True,
)
@in_float64
def magnus_order() -> Evidence:
    """Order of the error when steps are halved."""
    ends = [magnus(_rising, jnp.asarray(0.01), 40.0, jnp.array([1.0, 0.0]), steps)[-1] for steps in (40, 80, 2560)]
    coarse, fine = (float(jnp.max(jnp.abs(end - ends[-1]))) for end in ends[:2])
    return Evidence(math.log2(coarse / fine), 4.0, 0.1)


@case("couplers.diffraction", source="Christodoulides et al., Nature 424, 817 (2003): i^n J_n(2 C z)", kind="analytic")
@in_float64
def diffraction() -> Evidence:
    """Largest error of the amplitudes in 81 guides."""
    array = WaveguideArray.uniform(81, 0.05, 100.0)
    middle = array.transmission(1.55)[:, 40]
    order = np.arange(-40, 41)
    return Evidence(float(np.max(np.abs(middle - 1j ** np.abs(order) * jv(np.abs(order), 10.0)))), 0.0, 1e-11)


@case(
    "couplers.counter_modes",
    source="Erdogan, J. Lightwave Technol. 15, 1277 (1997): R = tanh^2(kappa L)",
    kind="analytic",
)
@in_float64
def counter_modes() -> Evidence:
    """Largest error of a grating's reflection on resonance for kappa L from 0.1 to 30."""
    matrix = jnp.array([[[0.0, 0.01], [-0.01, 0.0]]])
    errors = [
        abs(float(jnp.abs(counter_scattering(matrix, product / 0.01, 1)[0, 0]) ** 2) - math.tanh(product) ** 2)
        for product in (0.1, 1.0, 3.0, 30.0)
    ]
    return Evidence(max(errors), 0.0, 1e-12)


@case(
    "couplers.straight_in_slices", source="a guide is the same in one piece and in four", kind="analytic", is_long=True
)
@in_float64
def straight_in_slices() -> Evidence:
    """Largest reflection, conversion or lack of transmission, in amplitude."""
    expansion = expand_modes([CrossSection.strip(0.5, 0.22, 3.476, 1.444)] * 4, 1.55, count=6)
    whole = np.array(expansion.scattering(np.full(4, 1.0)).values)
    whole[6:, :6] -= np.diag(np.exp(4.0j * np.asarray(expansion.beta[0])))
    return Evidence(float(np.max(np.abs(whole[:, :6]))), 0.0, 1e-10)


def _taper(slices: int, count: int) -> ModeExpansion:
    sections = [CrossSection.strip(w, 0.22, 3.476, 1.444, margin=1.5) for w in np.linspace(0.5, 1.0, slices)]
    return expand_modes(sections, 1.55, count=count)


@case("couplers.slices_keep_power", source="energy conservation and reciprocity", kind="analytic", is_long=True)
@in_float64
def slices_keep_power() -> Evidence:
    """Largest departure from unitarity among guided modes, and from symmetry, of a taper in eight slices."""
    expansion = _taper(8, 4)
    values = np.asarray(expansion.scattering(np.full(8, 0.5)).values)
    guided = np.flatnonzero(np.tile(np.asarray(expansion.n_eff[0].real) > 0, 2))
    kept = values[np.ix_(guided, guided)]
    unitary = np.max(np.abs(np.conj(kept.T) @ kept - np.eye(len(guided))))
    return Evidence(float(max(unitary, np.max(np.abs(values - values.T)))), 0.0, 1e-10)


@case(
    "couplers.fused_fibres",
    source="closed form of two fused cylinders as one rectangle, V = 60",
    kind="analytic",
    is_long=True,
)
@in_float64
def fused_fibres() -> Evidence:
    """Relative difference of the closed form from the modes of the rectangle, E along its long side."""
    half_width = 60.0 / (2.0 * math.pi / 1.55 * math.sqrt(1.444**2 - 1.0))
    solved = float(couple(fused_section(half_width, 1.444), 1.55, accuracy="fast").coupling)
    return Evidence(float(strongly_fused_coupling(1.55, half_width, 1.444)) / solved - 1.0, 0.0, 0.002)
