"""Drift with temperature: closed forms, the mode solver at two temperatures, published ranges."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.cross_section import CrossSection
from photonics_core.devices.coupler import PointCoupler
from photonics_core.devices.ring import AllPassRing
from photonics_core.drift import GuideDrift, drift_pm_k
from photonics_core.index import LinearIndex
from photonics_core.kernels.roots import bracketed_root
from photonics_core.materials import SILICA, SILICON, SILICON_NITRIDE
from photonics_core.mode_solver import fundamental_mode
from photonics_core.modes import Mode
from photonics_core.thermo_optics import silicon_expansion
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

WL = 1.55
#: 0 and 85 degrees Celsius, and 22 and 80.
AMBIENT = (273.15, 358.15)
NRC = (295.15, 353.15)


@functools.cache
def _mode(kind: str, wl: float = WL, temperature: float = 300.0) -> Mode:
    """TE mode of a silicon wire of 500 x 220 nm, or of a silicon nitride guide of 1000 x 400 nm, in oxide."""
    size = (0.5, 0.22, SILICON) if kind == "silicon" else (1.0, 0.4, SILICON_NITRIDE)
    return fundamental_mode(CrossSection.strip(*size, SILICA), wl, temperature)


@case("drift.silicon_ring", source="1550 / 4.0 * 1.86e-4 by hand (numbers of de Cea et al. (2019))", kind="analytic")
@in_float64
def silicon_ring() -> Evidence:
    """Drift of a ring in pm/K, of its index model."""
    index = {"n_eff": 2.4, "n_g": 4.0, "wl0": WL, "thermo_optic": 1.86e-4}
    ring = AllPassRing(10.0, PointCoupler(0.1), LinearIndex(**index))
    both = float(drift_pm_k(WL, 4.0, 1.86e-4)), float(ring.drift_pm_k(WL))
    worst = max(both, key=lambda each: abs(each - 72.075))
    return Evidence(worst, 72.075, 1e-9, "pm/K")


@case(
    "drift.silicon_wire",
    source="rings of silicon on insulator, 60 to 90 pm/K (Appl. Phys. Lett. 121, 261104)",
    kind="range",
    is_long=True,
)
@in_float64
def silicon_wire() -> Evidence:
    """Drift of 500 x 220 nm at 1550 nm and 300 K from the solved mode in pm/K: 73.3, and 2.4 by expansion."""
    return Evidence(float(GuideDrift.of_mode(_mode("silicon")).drift_pm_k()), (60.0, 90.0), 0.0, "pm/K")


@case(
    "drift.silicon_nitride", source="rings of silicon nitride, 15 to 20 pm/K (second hand)", kind="range", is_long=True
)
@in_float64
def silicon_nitride() -> Evidence:
    """Drift of 1000 x 400 nm at 1550 nm from the solved mode in pm/K: 16.1, and 3.2 by the wafer's expansion."""
    return Evidence(float(GuideDrift.of_mode(_mode("nitride")).drift_pm_k()), (15.0, 20.0), 0.0, "pm/K")


@case("drift.mode_at_two_temperatures", source="n_eff solved 1 K above and below", kind="analytic", is_long=True)
@in_float64
def mode_at_two_temperatures() -> Evidence:
    """Largest relative difference of dn_eff/dT by the fields from that of two solutions, both materials."""
    worst = 0.0
    for kind in ("silicon", "nitride"):
        above, below = (float(_mode(kind, WL, 300.0 + step).n_eff.real) for step in (1.0, -1.0))
        first = float(GuideDrift.of_mode(_mode(kind)).thermo_optic())
        worst = max(worst, abs(first / (0.5 * (above - below)) - 1.0))
    return Evidence(worst, 0.0, 1e-5)


@case(
    "drift.over_the_range", source="the resonance solved for at 0 and 85 degrees Celsius", kind="analytic", is_long=True
)
@in_float64
def over_the_range() -> Evidence:
    """Relative error of the shift of a silicon wire from 0 to 85 degrees, its fields held at 300 K."""
    low, high = AMBIENT
    t = np.linspace(low, high, 2001)
    stretch = float(np.exp(np.trapezoid(np.asarray(silicon_expansion(t)), t)))
    wl = [WL, WL]
    # n_eff(wl, T) L(T) / wl is the same at both temperatures; Newton's method with the group index.
    order = float(_mode("silicon", WL, low).n_eff.real) / WL
    for _ in range(4):
        mode = fundamental_mode(_mode("silicon").section, wl[1], high)
        missed = float(mode.n_eff.real) * stretch - order * wl[1]
        wl[1] += missed / (order - stretch * float(mode.n_eff.real - mode.n_g.real) / wl[1])
    found = float(GuideDrift.of_mode(_mode("silicon")).shift_pm(low, high, WL))
    return Evidence(found / (1e6 * (wl[1] - WL)) - 1.0, 0.0, 2e-4)


@case("drift.constant_rate", source="constant dn/dT without dispersion: wl follows n_eff L", kind="analytic")
@in_float64
def constant_rate() -> Evidence:
    """Relative error of the integrated shift over 85 K where n_eff (1 + expansion T) / wl gives it in closed form."""
    rate = 1.07 * 1.9e-4 + 0.24 * 0.9e-5
    guide = GuideDrift((1.07, 0.24), (1.9e-4, 0.9e-5), 4.2, 4.2, WL, 2.6e-6, AMBIENT[0])
    grown = (1.0 + rate * 85.0 / 4.2) * np.exp(2.6e-6 * 85.0) - 1.0
    return Evidence(float(guide.shift_pm(*AMBIENT)) / (1e6 * WL * grown) - 1.0, 0.0, 1e-12)


@case(
    "drift.what_a_constant_misses",
    source="a constant a band underestimates shifts by up to 10 %: Opt. Express 27, 27229 (2019), abstract",
    kind="range",
)
@in_float64
def what_a_constant_misses() -> Evidence:
    """Part of the shift of silicon at 1310 nm from 22 to 80 degrees that dn/dT of 1550 nm at 22 degrees leaves out."""
    return Evidence(missed_by_a_constant(1.31, float(SILICON.thermo_optic(1.55, NRC[0]))), (0.03, 0.10), 0.0)


def missed_by_a_constant(wl: float, constant: float) -> float:
    """Part of the shift of silicon between 22 and 80 degrees that a constant dn/dT does not see."""
    full, flat = (float(GuideDrift((1.0,), (rate,), 3.5, 3.7, wl, 0.0).shift_pm(*NRC)) for rate in (SILICON, constant))
    return 1.0 - flat / full


@case("drift.athermal_cladding", source="the drift with the rate put in", kind="analytic", is_long=True)
@in_float64
def athermal_cladding() -> Evidence:
    """Drift in pm/K of a silicon wire whose cladding has the dn/dT that is said to make it vanish."""
    mode = _mode("silicon")
    rate = GuideDrift.of_mode(mode).athermal_rate(1)
    return Evidence(float(GuideDrift.of_mode(mode, {1: rate}).drift_pm_k()), 0.0, 1e-10, "pm/K")


def polymer_clad_drift(width: Any, rate: Any) -> jax.Array:
    """Drift in pm/K of a wire 220 nm high on oxide under a polymer of index 1.515 and a dn/dT in 1/K."""
    section = CrossSection.strip(width, 0.22, SILICON, 1.515, substrate=SILICA)
    mode = fundamental_mode(section, WL, accuracy="fast")
    return GuideDrift.of_mode(mode, {1: rate}).drift_pm_k()


@functools.cache
def _athermal_width() -> Any:
    """Width in um without drift, and its derivative, of dn/dT of the polymer."""
    return jax.jit(jax.value_and_grad(lambda rate: bracketed_root(polymer_clad_drift, 0.28, 0.5, rate, steps=9)))


@case(
    "drift.athermal_width",
    source="around 350 nm, Teng et al., Opt. Express 17, 14627 (2009), abstract; dn/dT of the polymer second hand",
    kind="range",
    is_long=True,
)
@in_float64
def athermal_width() -> Evidence:
    """Width in um of a wire under a polymer of -2.4e-4 /K that does not drift: 305 nm, near the published one."""
    return Evidence(float(_athermal_width()(-2.4e-4)[0]), (0.28, 0.40), 0.0, "um")


@case("drift.athermal_width_gradient", source="central differences of the root", kind="analytic", is_long=True)
@in_float64
def athermal_width_gradient() -> Evidence:
    """Relative difference of d width / d (dn/dT of the polymer) through root and mode solver."""
    width, step, rate = _athermal_width(), 1e-6, -2.4e-4
    slope = (float(width(rate + step)[0]) - float(width(rate - step)[0])) / (2.0 * step)
    return Evidence(float(width(rate)[1]) / slope - 1.0, 0.0, 1e-4)


@case("drift.index_about_350", source="the shift from 300 to 350 K by integration", kind="analytic", is_long=True)
@in_float64
def index_about_350() -> Evidence:
    """Difference in pm of the resonance of a ring with the index model about 350 K from the shift; 3.9 nm in all."""
    guide = GuideDrift.of_mode(_mode("silicon"))
    cold, warm = (AllPassRing(10.0, PointCoupler(0.1), guide.linear_index(t)) for t in (300.0, 350.0))
    start = float(cold.resonance(WL, 300.0))
    shift = float(guide.shift_pm(300.0, 350.0, start))
    return Evidence(1e6 * (float(warm.resonance(start + 1e-6 * shift, 350.0)) - start) - shift, 0.0, 0.1, "pm")


@case(
    "drift.ring_model", source="the resonance of a ring with the index model, solved for", kind="analytic", is_long=True
)
@in_float64
def ring_model() -> Evidence:
    """Largest difference in pm of a ring's resonance from the shift by integration, 290 to 310 K."""
    guide = GuideDrift.of_mode(_mode("silicon"))
    ring = AllPassRing(10.0, PointCoupler(0.1), guide.linear_index(300.0))
    start = float(ring.resonance(WL, 300.0))
    ends = jnp.array([290.0, 295.0, 305.0, 310.0])
    shift = np.asarray(guide.shift_pm(300.0, ends, start))
    found = [
        1e6 * (float(ring.resonance(start + 1e-6 * each, end)) - start) for each, end in zip(shift, ends, strict=True)
    ]
    return Evidence(float(np.max(np.abs(found - shift))), 0.0, 0.5, "pm")
