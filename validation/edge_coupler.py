"""Edge couplers beside laws, closed forms and the range of published designs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.beams import GaussianBeam
from photonics_core.devices.edge_coupler import facet_efficiency, facet_transmission, tip_joint
from photonics_core.devices.edge_tips import EdgeTips, leaky_tip
from photonics_core.devices.edge_transition import EdgeTransition, inverse_taper
from photonics_core.devices.fiber_alignment import Alignment
from photonics_core.fields import FieldGrid
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

MEDIA = {"core": 3.476, "cladding": 1.444}
SCRIPT = (
    "nanotaper 180 nm x 220 nm, script of SiEPIC for Chrostowski and Hochberg, Silicon Photonics Design (2015), with "
    "Gaussian beams of a lensed fibre; generic cell of gdsfactory: 200 nm; both read as code, not measured"
)
ALMEIDA = (
    "100 nm: Almeida et al., Opt. Lett. 28, 1302 (2003), second hand; about 100 nm for inverse tapers in general: "
    "Dewanjee et al. (2014), an abstract"
)


def _loss(width: float, mfd: float, polarization: str = "te", **more: float) -> float:
    tip = EdgeTips(width, **MEDIA, window=16.0)
    mode = tip.mode(1.55, polarization=polarization, accuracy="fast")
    beam = GaussianBeam.from_mfd(mfd, azimuth=0.0 if polarization == "te" else 0.5 * np.pi)
    return float(-10.0 * jnp.log10(facet_efficiency(mode, beam, Alignment(**more))))


def _best_width(mfd: float, polarization: str, low: float, high: float) -> float:
    """Width of least loss, at the top of a parabola through the three least of nine."""
    widths = np.linspace(low, high, 9)
    losses = np.array([_loss(width, mfd, polarization) for width in widths])
    k = int(np.clip(np.argmin(losses), 1, widths.size - 2))
    return float(-0.5 * np.divide(*np.polyfit(widths[k - 1 : k + 2], losses[k - 1 : k + 2], 2)[1::-1]))


@case("edge_coupler.te_lensed", source=SCRIPT, kind="range", is_long=True)
@in_float64
def te_lensed() -> Evidence:
    """Width of the tip that couples best to a spot of 2.5 um, TE."""
    return Evidence(_best_width(2.5, "te", 0.15, 0.23), (0.16, 0.20), 0.0, "um")


@case("edge_coupler.te_spot_3", source=SCRIPT, kind="range", is_long=True)
@in_float64
def te_spot_3() -> Evidence:
    """Width of the tip that couples best to a spot of 3 um, TE."""
    return Evidence(_best_width(3.0, "te", 0.14, 0.22), (0.15, 0.20), 0.0, "um")


@case("edge_coupler.tm_lensed", source=f"{SCRIPT}; {ALMEIDA}", kind="range", is_long=True)
@in_float64
def tm_lensed() -> Evidence:
    """Width of the tip that couples best to a spot of 3 um, TM."""
    return Evidence(_best_width(3.0, "tm", 0.09, 0.17), (0.10, 0.18), 0.0, "um")


@case(
    "edge_coupler.smf28",
    source="a fibre of 10.4 um asks for a narrower tip than a spot of 3 um",
    kind="analytic",
    is_long=True,
)
@in_float64
def smf28() -> Evidence:
    """Loss to the fibre less that to the spot at 180 nm, in dB; both fields as if round Gaussians of the best waist.

    The tip of least loss to a spot of 2.6 um is near 180 nm; Gaussians of 2.6 and 10.4 um lose 6.5 dB on each other.
    """
    value = _loss(0.18, 10.4) - _loss(0.18, 3.0)
    return Evidence(value, (4.0, 6.5), 0.0, "dB")


@case(
    "edge_coupler.square_tip", source="a square core is the same turned by a right angle", kind="analytic", is_long=True
)
@in_float64
def square_tip() -> Evidence:
    """Difference of the losses of TE and TM of a tip of 220 nm to a spot of 3 um."""
    return Evidence(_loss(0.22, 3.0, "te") - _loss(0.22, 3.0, "tm"), 0.0, 1e-6, "dB")


@case(
    "edge_coupler.weak_guidance",
    source="overlap of the shapes alone, exact without contrast of index",
    kind="analytic",
    is_long=True,
)
@in_float64
def weak_guidance() -> Evidence:
    """Relative difference of the efficiency to the fibre from that of the shapes, indices 1.446 and 1.444."""
    mode = EdgeTips(6.0, 6.0, core=1.446, cladding=1.444, window=20.0).mode(1.55, accuracy="fast")
    shape = float(mode.gaussian_overlap(10.4))
    return Evidence(float(facet_efficiency(mode, GaussianBeam.from_mfd(10.4))) / shape - 1.0, 0.0, 5e-4)


@case("edge_coupler.joint", source="the same integral over plane waves of a grid", kind="analytic", is_long=True)
@in_float64
def joint() -> Evidence:
    """Relative difference of the efficiency of a silicon tip of 180 nm from that of its paraxial joint, misaligned."""
    mode = EdgeTips(0.18, **MEDIA, window=8.0).mode(1.55, accuracy="fast")
    beam, place = GaussianBeam(2.0, 2.6, 1.0, -2.0, 0.3, 0.1, 0.2), Alignment(0.7, -0.4, 6.0, 0.04, -0.05, 0.3)
    fields = tip_joint(mode, beam, FieldGrid.over(16.0, 48), 1.2, method="paraxial")
    return Evidence(float(facet_efficiency(mode, beam, place, 1.2) / fields.efficiency(place)) - 1.0, 0.0, 1e-6)


@case("edge_coupler.matched_facet", source="Fresnel: equal indices reflect nothing", kind="analytic")
@in_float64
def matched_facet() -> Evidence:
    """Reflected part at a facet of three equal indices."""
    return Evidence(1.0 - float(facet_transmission(1.444, 1.444, 1.444)), 0.0, 0.0)


@functools.cache
def _taper() -> EdgeTransition:
    return inverse_taper(EdgeTips(0.18, **MEDIA, window=5.0), 0.45, 1.55, samples=31, count=6)


@case("edge_coupler.slices_and_local_modes", source="two methods, one taper", kind="analytic", is_long=True)
@in_float64
def slices_and_local_modes() -> Evidence:
    """Largest relative difference of the losses of both profiles, 10 to 160 um."""
    lengths = np.array([10.0, 40.0, 160.0])
    worst = 0.0
    for kind in ("straight", "best"):
        followed = np.array([float(_taper().loss_db(length, None, kind)) for length in lengths])
        sliced = np.asarray(_taper().sliced_loss_db(lengths, kind))
        worst = max(worst, float(np.max(np.abs(followed - sliced) / (sliced + 0.02))))
    return Evidence(worst, 0.0, 0.06)


@case("edge_coupler.adiabatic_limit", source="a slow taper loses nothing", kind="analytic", is_long=True)
@in_float64
def adiabatic_limit() -> Evidence:
    """Loss of a straight taper of 5 mm in dB; it falls at each step from 20 um on, or the value is NaN."""
    lost = [float(_taper().loss_db(length)) for length in (20.0, 80.0, 320.0, 1280.0, 5120.0)]
    return Evidence(lost[-1] if np.all(np.diff(lost) < 0.0) else float("nan"), 0.0, 2e-3, "dB")


@case(
    "edge_coupler.first_order",
    source="first order in w' = W / L: |C w' / (beta_j - beta_0)|^2 at the ends; Marcuse (1991), 3.3",
    kind="analytic",
    is_long=True,
)
@in_float64
def first_order() -> Evidence:
    """Loss of a straight taper of 5 mm over that which its ends scatter, in power, less one."""
    profile = _taper().profile(None, "straight", 4000)
    ends = np.asarray(_taper().local.adiabaticity(profile, 5120.0))[[0, -1]]
    return Evidence(float(_taper().loss_db(5120.0)) * np.log(10.0) / 10.0 / float(np.sum(ends**2)) - 1.0, 0.0, 0.01)


@case("edge_coupler.power", source="energy conservation", kind="analytic", is_long=True)
@in_float64
def power() -> Evidence:
    """Largest departure from unitarity of a taper of 20 um by local modes."""
    carried = np.asarray(_taper().local.propagator(_taper().profile(), 20.0))
    return Evidence(float(np.max(np.abs(carried.conj().T @ carried - np.eye(carried.shape[0])))), 0.0, 1e-10)


@case("edge_coupler.gradient", source="central differences, extrapolated once", kind="analytic", is_long=True)
@in_float64
def gradient() -> Evidence:
    """Largest relative error of the derivatives of the facet's loss in width, height, offset, gap and tilt."""
    beam = GaussianBeam.from_mfd(3.0)

    def loss(at: jax.Array) -> jax.Array:
        mode = EdgeTips(at[0], at[1], **MEDIA, window=8.0).mode(1.55, accuracy="fast")
        return jnp.log(facet_efficiency(mode, beam, Alignment(at[2], 0.1, at[3], at[4])))

    at = jnp.array([0.17, 0.22, 0.3, 1.0, 0.05])
    value, slope = jax.jit(loss), np.asarray(jax.jit(jax.grad(loss))(at))
    steps = np.array([1e-4, 1e-4, 1e-3, 1e-2, 1e-3])
    found = []
    for k, step in enumerate(steps):
        one = jnp.asarray(np.eye(5)[k])
        coarse, fine = (float((value(at + h * one) - value(at - h * one)) / (2.0 * h)) for h in (step, 0.5 * step))
        found.append((4.0 * fine - coarse) / 3.0)
    return Evidence(float(np.max(np.abs(slope / np.array(found) - 1.0))), 0.0, 1e-6)


@case(
    "edge_coupler.substrate",
    source="power at a distance d falls as exp(-2 g d), and up to 1 / d besides, g^2 = k^2 (n^2 - n_clad^2)",
    kind="range",
    is_long=True,
)
@in_float64
def substrate() -> Evidence:
    """Logarithm of the leak over 2 um of oxide to that over 3 um, tip of 180 nm, TE."""
    tip = EdgeTips(0.18, **MEDIA, window=6.0)
    rates = [float(leaky_tip(tip, 1.55, d, substrate=3.476, accuracy="fast").loss_db_cm) for d in (2.0, 3.0)]
    n = float(tip.mode(1.55, accuracy="fast").n_eff)
    decay = 4.0 * np.pi / 1.55 * np.sqrt(n**2 - 1.444**2)
    return Evidence(float(np.log(rates[0] / rates[1])), (float(decay), float(decay + np.log(3.11 / 2.11))), 0.0)
