"""Rings: closed forms against cascades, conservation laws, precision, and published figures."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

from photonics_core.devices.bus import RingBus
from photonics_core.devices.coupled_rings import CoupledRings
from photonics_core.devices.coupler import Coupler, PointCoupler
from photonics_core.devices.ring import AddDropRing, AllPassRing, Ring
from photonics_core.devices.waveguide import Waveguide
from photonics_core.index import IndexModel, LinearIndex
from photonics_core.kernels.transfer_matrix import star_chain
from photonics_core.scattering import SMatrix
from photonics_core.units import SPEED_OF_LIGHT
from photonics_core.validation.precision import in_float64, in_precision
from photonics_core.validation.registry import Evidence, case

BOGAERTS = "Bogaerts et al., Laser Photonics Rev. 6, 47 (2012)"
WL = np.linspace(1.54, 1.56, 401)


def _index(loss_db_cm: float = 0.0) -> LinearIndex:
    """A silicon strip waveguide, 500 nm x 220 nm."""
    return LinearIndex(2.44, 4.18, 1.55, -4400.0, 1.86e-4, loss_db_cm=loss_db_cm)


def _largest(difference: Any, tolerance: float) -> Evidence:
    return Evidence(float(jnp.max(jnp.abs(difference))), 0.0, tolerance)


# Published figures


@case("rings.thermal_drift", source="(wl / n_g) dn_eff/dT = 1550 nm / 4.0 * 1.86e-4 / K", kind="analytic")
@in_float64
def thermal_drift() -> Evidence:
    """Drift of a silicon ring, by the derivative of its phase."""
    ring = AllPassRing(10.0, PointCoupler(0.3), LinearIndex(2.4, 4.0, 1.55, thermo_optic=1.86e-4))
    return Evidence(float(ring.drift_pm_k(1.55)), 72.075, 1e-6, "pm/K")


def _root(function: Callable[[Any], Any], low: float, high: float) -> float:
    return float(brentq(function, low, high, xtol=1e-14 * high))  # type: ignore[arg-type]


def _critical_all_pass(length: jax.Array) -> AllPassRing:
    loss_db = 2.7e-4 * length + 0.04 + 0.035
    angle = jnp.arccos(10.0 ** (-loss_db / 20.0))
    index = LinearIndex(2.4, 4.2, 1.55, loss_db_cm=2.7)
    return AllPassRing(length / (2.0 * math.pi), PointCoupler(angle, loss_db=0.035), index, loss_db=0.04)


def _critical_add_drop(length: jax.Array) -> AddDropRing:
    loss_db = 2.7e-4 * length + 0.04 + 0.07
    angle = jnp.arccos(0.99 * 10.0 ** (-loss_db / 20.0))
    couplers = PointCoupler(angle, loss_db=0.035), PointCoupler(math.acos(0.99), loss_db=0.035)
    index = LinearIndex(2.4, 4.2, 1.55, loss_db_cm=2.7)
    return AddDropRing(length / (2.0 * math.pi), *couplers, index, loss_db=0.04)


def _best_length(ring: Callable[[jax.Array], Ring]) -> tuple[float, float]:
    """Length in um at which the loaded quality factor is largest, and that factor."""
    quality = jax.jit(lambda length: ring(length).q_loaded(1.55))
    length = _root(jax.grad(quality), 1e3, 1e5)
    return length, float(quality(length))


@case("rings.length_of_maximum_q_all_pass", source=f"{BOGAERTS}, Fig. 5: about 10 mm", kind="published")
@in_float64
def length_of_maximum_q_all_pass() -> Evidence:
    """2.7 dB/cm, 0.04 dB of bends and 0.035 dB of coupler loss a round trip, critically coupled."""
    return Evidence(_best_length(_critical_all_pass)[0] / 1e3, 10.0, 1.0, "mm")


@case("rings.length_of_maximum_q_add_drop", source=f"{BOGAERTS}, Fig. 5: almost 13 mm", kind="published")
@in_float64
def length_of_maximum_q_add_drop() -> Evidence:
    """The same waveguide with two couplers, 0.07 dB together, the second with t = 0.99."""
    return Evidence(_best_length(_critical_add_drop)[0] / 1e3, (12.5, 13.0), 0.0, "mm")


@case("rings.ratio_of_maximum_q", source=f"{BOGAERTS}, Fig. 5, read off the curves", kind="published")
@in_float64
def ratio_of_maximum_q() -> Evidence:
    """Largest quality factor all-pass over add-drop; the group index, which the figure does not give,
    cancels.

    The stated losses give 1.0415; the tolerance is that of reading two maxima off a figure.
    """
    return Evidence(_best_length(_critical_all_pass)[1] / _best_length(_critical_add_drop)[1], 1.044, 5e-3)


@case(
    "rings.condition_of_maximum_q",
    source="d/dL of L / sinh(loss) = 0: tanh(loss) = L d(loss)/dL",
    kind="analytic",
)
@in_float64
def condition_of_maximum_q() -> Evidence:
    """At critical coupling Q = pi n_g L / (2 wl sinh(loss)), with the field's loss exponent of a round trip."""
    length, _ = _best_length(_critical_all_pass)
    neper = math.log(10.0) / 20.0
    loss = (2.7e-4 * length + 0.04 + 0.035) * neper
    return Evidence(2.7e-4 * neper * length / math.tanh(loss), 1.0, 1e-9)


# Closed forms against cascades of their parts


def _block(coupler: Coupler) -> jax.Array:
    """A coupler as a block of a chain: left ports (in, through), right ports (cross, add)."""
    order = np.array([0, 1, 3, 2])
    return coupler.scattering(WL).values[:, order[:, None], order]


def _arcs(length: float, index: IndexModel) -> jax.Array:
    """Two guides side by side between two couplers."""
    straight = np.kron([[0, 1], [1, 0]], np.eye(2)).astype(complex)
    return Waveguide(length, index).transmission(WL)[:, None, None] * straight[None]


def _loop(length: float, index: IndexModel) -> jax.Array:
    """A guide from either left port to the other, which closes a ring; no light reaches the right."""
    back = np.kron([[1, 0], [0, 0]], [[0, 1], [1, 0]]).astype(complex)
    return Waveguide(length, index).transmission(WL)[:, None, None] * back[None]


@case("rings.all_pass_cascade", source="star product of coupler and loop", kind="analytic", is_long=True)
@in_float64
def all_pass_cascade() -> Evidence:
    """Largest difference of the amplitude between closed form and cascade."""
    coupler = PointCoupler(0.35, angle_slope=2.0, loss_db=0.05)
    ring = AllPassRing(10.0, coupler, _index(20.0), straight_length=3.0)
    cascade = star_chain(jnp.stack([_block(ring.coupler), _loop(ring.length, ring.index)]))
    return _largest(ring.through(WL) - cascade[:, 1, 0], 1e-12)


@case("rings.add_drop_cascade", source="star product of two couplers and two half rings", kind="analytic")
@in_float64
def add_drop_cascade() -> Evidence:
    """Largest difference of the three amplitudes between closed form and cascade."""
    couplers = PointCoupler(0.35, angle_slope=2.0, loss_db=0.05), PointCoupler(0.2)
    ring = AddDropRing(10.0, *couplers, _index(20.0), straight_length=3.0)
    parts = [_block(ring.input_coupler), _arcs(ring.length / 2, ring.index), _block(ring.drop_coupler)]
    cascade = star_chain(jnp.stack(parts))
    closed = jnp.stack(ring.amplitudes(WL))
    return _largest(closed - jnp.stack([cascade[:, 1, 0], cascade[:, 2, 0], cascade[:, 2, 3]]), 1e-12)


# Conservation laws


def _coupled_rings(count: int, angle: float, end_angle: float, loss_db_cm: float = 0.0) -> CoupledRings:
    angles = [end_angle, *(count - 1) * [angle], end_angle]
    return CoupledRings(np.full(count, 10.0), [PointCoupler(x) for x in angles], _index(loss_db_cm))


def _lossless_networks() -> dict[str, Callable[[], SMatrix]]:
    def bus() -> SMatrix:
        couplers = PointCoupler(0.3), PointCoupler(0.25)
        rings = [AddDropRing(10 + 0.006 * n, *couplers, _index()) for n in range(8)]
        return RingBus(rings, Waveguide(100.0, _index())).scattering(WL)

    return {
        "all_pass": lambda: AllPassRing(10.0, PointCoupler(0.3), _index()).scattering(WL),
        "add_drop": lambda: AddDropRing(10.0, PointCoupler(0.3), PointCoupler(0.2), _index()).scattering(WL),
        "20_coupled_rings": lambda: _coupled_rings(20, 0.2, 0.6).scattering(WL),
        "8_rings_on_a_bus": bus,
    }


def _register_laws(name: str, network: Callable[[], SMatrix]) -> None:
    laws = {"unitary": SMatrix.unitarity_residual, "reciprocal": SMatrix.reciprocity_residual}
    for law, residual in laws.items():

        @case(f"rings.{law}_{name}", source="S^H S = 1" if law == "unitary" else "S = S^T", kind="analytic")
        @in_float64
        def compute(residual: Callable[[SMatrix], jax.Array] = residual) -> Evidence:
            return _largest(residual(network()), 1e-12)


for _name, _network in _lossless_networks().items():
    _register_laws(_name, _network)


@case("rings.energy_balance", source="power lost from the field inside the ring", kind="analytic")
@in_float64
def energy_balance() -> Evidence:
    """Through, drop and what the two half rings absorb add up to the input, at every wavelength."""
    t_in, t_drop = math.cos(0.35), math.cos(0.2)
    ring = AddDropRing(10.0, PointCoupler(0.35), PointCoupler(0.2), _index(200.0))
    half = Waveguide(ring.length / 2, ring.index).transmission(WL)
    entering = jnp.abs(math.sin(0.35) / (1.0 - t_in * t_drop * half**2)) ** 2
    kept = jnp.abs(half) ** 2
    absorbed = entering * (1.0 - kept) * (1.0 + kept * t_drop**2)
    s = ring.scattering(WL)
    return _largest(s.power("in", "through") + s.power("in", "drop") + absorbed - 1.0, 1e-12)


@case("rings.critical_coupling", source=f"{BOGAERTS}, Eq. 5: t = a", kind="analytic")
@in_float64
def critical_coupling() -> Evidence:
    """Power that passes on the resonance that the solver finds, where coupling and loss are equal."""
    ring = AllPassRing(10.0, PointCoupler(0.3), _index(20.0))
    left = jnp.exp(-ring.ring_loss(1.55))
    critical = eqx.tree_at(lambda device: device.coupler.angle, ring, jnp.arccos(left))
    passed = critical.scattering(critical.resonance(1.55)).power("in", "through")
    return Evidence(float(passed), 0.0, 1e-18)


@case("rings.splitting_of_two_coupled_rings", source="coupled modes in time: 2 asin(k) / T", kind="analytic")
@in_float64
def splitting_of_two_coupled_rings() -> Evidence:
    """Splitting of the drop's two peaks over 2 mu = 2 asin(k) / T, with T the time of a round trip.

    For identical rings this is exact without guides. Guides that take light from each ring at the rate g pull
    the peaks together, to 2 sqrt(mu^2 - g^2): here (g / mu)^2 is 1e-6, and it must stay well below one for
    the two to be resolved.
    """
    angle, guide_angle, n, radius = 0.2, 0.02, 2.4, 100 * 1.55 / 2.4 / (2 * math.pi)
    couplers = [PointCoupler(x) for x in (guide_angle, angle, guide_angle)]
    device = CoupledRings([radius, radius], couplers, LinearIndex(n, n, 1.55))

    @jax.jit
    @jax.grad
    def slope(wl: jax.Array) -> jax.Array:
        return jnp.log(jnp.abs(device.amplitudes(wl).drop))

    round_trip = n * 2 * math.pi * radius / SPEED_OF_LIGHT
    split = angle / round_trip
    guess, width = (
        (1.55 * (1 + sign * split * 1.55 / (2 * math.pi * SPEED_OF_LIGHT)) for sign in (1, -1)),
        2e-5,
    )
    long, short = (_root(slope, wl - width, wl + width) for wl in guess)
    measured = 2 * math.pi * SPEED_OF_LIGHT * (long - short) / (long * short)
    return Evidence(measured / (2 * split), 1.0, 2e-6)


# Precision


def _narrow_ring() -> AllPassRing:
    """One millimetre round, loaded quality factor 1e5, near critical coupling."""
    return AllPassRing(1000.0 / (2 * math.pi), PointCoupler(0.3148), LinearIndex(2.44, 4.2, 1.55, loss_db_cm=3.0))


def _narrow_line() -> tuple[np.ndarray, np.ndarray]:
    """Wavelengths across the line of the narrow ring, and its power transmission in double precision."""
    with in_precision("float64"):
        ring = _narrow_ring()
        wl = float(ring.resonance(1.55)) + np.linspace(-1e-4, 1e-4, 2001)
        return wl, np.abs(np.asarray(ring.through(wl))) ** 2


@case("rings.float32_narrow_line", source="the same ring in float64", kind="analytic")
def float32_narrow_line() -> Evidence:
    """Largest difference of transmission between float32 and float64, 1 mm ring, quality factor 1e5."""
    wl, reference = _narrow_line()
    with in_precision("float32"):
        amplitude = _narrow_ring().through(wl)
        assert amplitude.dtype == jnp.complex64
        return _largest(np.abs(np.asarray(amplitude, complex)) ** 2 - reference, 1e-3)


@case(
    "rings.float32_bare_phase",
    source="the same ring in float64; shows that the case above can fail",
    kind="range",
)
def float32_bare_phase() -> Evidence:
    """The same difference with the phase formed as 2 pi n L / wl in float32: above the 1e-3 allowed there."""
    wl, reference = _narrow_line()
    one = np.float32
    ring, single = _narrow_ring(), wl.astype(one)
    n = one(2.44) + one(2.44 - 4.2) * (single - one(1.55)) / one(1.55)
    phase = one(2 * math.pi) * n * one(ring.length) / single
    t, kept = math.cos(0.3148), 10 ** (-3.0 * float(ring.length) / 1e4 / 20)
    wave = kept * np.exp(1j * phase.astype(np.float64))
    difference = np.abs((t - wave) / (1 - t * wave)) ** 2 - reference
    return Evidence(float(np.max(np.abs(difference))), (1e-3, 1.0), 0.0)


@case("rings.complex64_20_coupled_rings", source="the same rings in complex128", kind="analytic")
def complex64_20_coupled_rings() -> Evidence:
    """Largest difference of the amplitudes over two free spectral ranges, coupling 0.5 rad, 2 dB/cm.

    The error is that of the phases, one part in 1e7 of a turn, times the delay in round trips. Without loss
    it is largest at the edges of the band, where the delay of twenty rings is hundreds of round trips: 1e-4
    to 4e-4 there.
    """
    with in_precision("float64"):
        reference = np.stack(_coupled_rings(20, 0.5, 0.9, 2.0).amplitudes(WL))
    with in_precision("float32"):
        amplitudes = _coupled_rings(20, 0.5, 0.9, 2.0).amplitudes(WL)
        assert amplitudes.drop.dtype == jnp.complex64
        return Evidence(float(np.max(np.abs(np.stack(amplitudes).astype(complex) - reference))), 0.0, 1e-4)
