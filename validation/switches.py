"""Switch fabrics beside products of matrices written differently, first-order counts and published devices."""

import dataclasses
import itertools
import math
from functools import partial
from typing import Any

import equinox as eqx
import numpy as np
from scipy.optimize import brentq

from photonics_core.carriers import carrier_absorption_cm, carrier_index_change
from photonics_core.devices.batch import stack
from photonics_core.devices.coupled_rings import CoupledRings
from photonics_core.devices.coupler import PointCoupler
from photonics_core.devices.ring import AddDropRing
from photonics_core.devices.splitter import Crossing
from photonics_core.devices.switch import MachZehnderSwitch, PhaseShifter, RingSwitch
from photonics_core.devices.switch_fabric import SwitchFabric, band_within, path_figures
from photonics_core.devices.switch_routing import crosstalk_counts, followed, route_permutation
from photonics_core.devices.switch_topology import fabric_plan
from photonics_core.index import LinearIndex
from photonics_core.scattering import power
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

HEATER = PhaseShifter.heater(20.0, 1e7)
INDEX = LinearIndex(n_eff=2.4, n_g=4.2, wl0=1.55, thermo_optic=2e-4)


def element_matrices(elements: MachZehnderSwitch) -> np.ndarray:
    """Matrices [elements, out, in] of interferometers without arms at 1.55 um, by products of 2 x 2 matrices."""

    def coupler(angle: Any) -> np.ndarray:
        return np.cos(angle)[:, None, None] * np.eye(2) + 1j * np.sin(angle)[:, None, None] * np.eye(2)[::-1]

    first, second = (coupler(np.asarray(each.angle)) for each in (elements.first, elements.second))  # pyright: ignore[reportAttributeAccessIssue]
    arms = np.zeros(first.shape, complex)
    state = np.asarray(elements.state)
    arms[:, 0, 0] = np.exp(1j * (np.pi * np.maximum(state, 0.0) + np.asarray(elements.phase_error)))
    arms[:, 1, 1] = np.exp(1j * np.pi * np.maximum(-state, 0.0))
    return second @ arms @ first


def reference_transfer(name: str, count: int, elements: MachZehnderSwitch) -> np.ndarray:
    """Transfer matrix [out, in] of a crossbar, PILOSS or Benes fabric, by its own recurrence and no netlist."""
    matrices = element_matrices(elements)
    if name == "benes":
        return _benes(matrices.reshape(-1, count // 2, 2, 2), np.eye(count, dtype=complex))
    make = {"crossbar": _crossbar, "piloss": _piloss}[name]
    return make(matrices.reshape(count, count, 2, 2), count)


def _benes(stages: np.ndarray, fields: np.ndarray) -> np.ndarray:
    mixed = np.einsum("qab,qbn->qan", stages[0], fields.reshape(-1, 2, fields.shape[-1]))
    if len(stages) > 1:
        half = stages.shape[1] // 2
        for lane, part in ((0, slice(None, half)), (1, slice(half, None))):
            mixed[:, lane] = _benes(stages[1:-1, part], mixed[:, lane])
        mixed = np.einsum("qab,qbn->qan", stages[-1], mixed)
    return mixed.reshape(fields.shape)


def _crossbar(matrices: np.ndarray, count: int) -> np.ndarray:
    columns = np.zeros((count, count), complex)
    for row, across in enumerate(np.eye(count, dtype=complex)):
        for column in range(count):
            columns[column], across = matrices[row, column] @ np.stack([across, columns[column]])
    return columns


def _piloss(matrices: np.ndarray, count: int) -> np.ndarray:
    """All waves run around a ring of 2 N places; elements join place p with place 2 N - 1 - p."""
    places = np.arange(count)
    fields = np.zeros((2 * count, count), complex)
    fields[np.where(places % 2, 2 * count - 1 - places, places), places] = 1.0
    for stage, elements in enumerate(matrices):
        fields = np.roll(fields, 1, axis=0) if stage else fields
        for p, matrix in enumerate(elements):
            fields[2 * count - 1 - p], fields[p] = matrix @ np.stack([fields[p], fields[2 * count - 1 - p]])
    leaving = np.where((places - count) % 2, 2 * count - 1 - places, places)
    return fields[leaving]


def crosstalk_of_small_leaks(name: str, count: int, leaks: tuple[float, ...]) -> tuple[list[float], float]:
    """How far crosstalk is from its first-order count, in units of the leak.

    Phase errors give every element the same leak in both states. Where one leak joins an input with an output the
    power is that leak; several add by their phases.

    Returns:
        For each leak the largest difference over the pairs joined by one, over the leak; and for the smallest leak the
        largest power of pairs joined by none, over the leak.
    """
    fabric = SwitchFabric(name, count, MachZehnderSwitch(HEATER))
    permutation = np.random.default_rng(7).permutation(count)
    bars = route_permutation(fabric.topology, permutation)
    counts = crosstalk_counts(fabric.topology, bars)
    other = permutation[None, :] != np.arange(count)[:, None]
    errors, none = [], 0.0
    for leak in leaks:
        shift = 2.0 / math.pi * math.asin(math.sqrt(leak))
        powers = np.asarray(power(fabric.with_states(bars + shift).transfer(1.55)))
        errors.append(float(np.max(np.abs(powers[(counts == 1) & other] / leak - 1.0))))
        none = float(np.max(powers[(counts == 0) & other], initial=0.0)) / leak
    return errors, none


def _worst_difference(name: str, count: int) -> float:
    random, plan = np.random.default_rng(count), fabric_plan(name, count)
    size = len(plan.elements)
    draws = random.uniform((-1.0, 0.5, 0.5), (2.0, 1.0, 1.0), (size, 3))
    batch = [MachZehnderSwitch(HEATER, state, PointCoupler(a), PointCoupler(b)) for state, a, b in draws]
    fabric = SwitchFabric(plan, None, stack(batch))
    return float(np.max(np.abs(fabric.transfer(1.55) - reference_transfer(name, count, fabric.elements))))


@case(
    "switches.kernel",
    source="products of 2 x 2 matrices over stages, written without a netlist",
    kind="analytic",
    is_long=True,
)
@in_float64
def kernel() -> Evidence:
    """Largest difference of crossbar, PILOSS and Benes fabrics of 4 and 8 ports in random states."""
    worst = max(_worst_difference(*each) for each in itertools.product(("crossbar", "piloss", "benes"), (4, 8)))
    return Evidence(worst, 0.0, 1e-12)


@case("switches.first_order", source="number of elements where light of two paths meets", kind="analytic")
@in_float64
def first_order() -> Evidence:
    """Order in the leak of the error of counted crosstalk over the crosstalk: its ratio for leaks 1e-3 and 1e-4, lg."""
    errors, _ = crosstalk_of_small_leaks("benes", 8, (1e-3, 1e-4))
    return Evidence(math.log10(errors[0] / errors[1]), 1.0, 0.05)


@case("switches.benes_32", source="random permutations arrive, over 2 log2 32 - 1 elements", kind="analytic")
def benes_32() -> Evidence:
    """Share of 200 random permutations of 32 ports that the looping algorithm routes over paths of 9 elements."""
    plan, random, right = fabric_plan("benes", 32), np.random.default_rng(1), 0
    for _ in range(200):
        permutation = random.permutation(32)
        outputs, paths = followed(plan, route_permutation(plan, permutation))
        right += np.array_equal(outputs, permutation) and {len(path) for path in paths} == {9}
    return Evidence(right / 200, 1.0, 0.0)


@case("switches.path_independent", source="the same number of elements on all paths", kind="analytic")
@in_float64
def path_independent() -> Evidence:
    """Spread of losses over all paths of all 24 permutations of 4 ports, ideal crossings, in dB."""
    coupler = PointCoupler(math.pi / 4, loss_db=0.1)
    fabric = SwitchFabric("piloss", 4, MachZehnderSwitch(HEATER, first=coupler, second=coupler))
    figures = fabric.figures_of_all(list(itertools.permutations(range(4))), 1.55)
    return Evidence(float(np.ptp(figures.loss_db)), 0.0, 1e-12, "dB")


@case("switches.benes_16", source="Zhao et al., Photonics Res. 4, 202 (2016), abstract: 56 elements", kind="published")
def benes_16() -> Evidence:
    """Elements of a Benes fabric of 16 ports."""
    return Evidence(len(fabric_plan("benes", 16).elements), 56, 0.0)


@case(
    "switches.piloss_32",
    source="a 32 x 32 silicon switch of path-independent loss has 1024 elements and 961 intersections (second hand, "
    "the introduction of a later article on multimode switches)",
    kind="published",
)
def piloss_32() -> Evidence:
    """Intersections of the geometry derived here, for 32 ports; its 1024 elements are counted with them."""
    plan = fabric_plan("piloss", 32)
    return Evidence(len(plan.elements) + plan.crossings, 1024 + 961, 0.0)


@case(
    "switches.carrier_loss",
    source="Lu et al., Opt. Express 24, 9295 (2016), abstract: 6.7 dB in all cross, 14 dB in all bar, 7 stages",
    kind="range",
    is_long=True,
)
@in_float64
def carrier_loss() -> Evidence:
    """What free carriers alone add from all cross to all bar in a Benes fabric of 16 ports, in dB.

    Equal densities of electrons and holes that give half a turn at 1.56 um in a diode of 0.5 mm (assumed; with 0.2 mm a
    path of seven elements loses 1.4 dB more, with 1 mm 0.9 dB less), light wholly in them. It has to be less than the
    7.3 dB that were measured, and is expected to be most of them.
    """
    wl, length = 1.56, 500.0
    missing = partial(_missing_index, wl=wl, target=0.5 * wl / length)
    density = brentq(missing, 1e15, 1e19)
    loss_db = 10.0 / math.log(10.0) * 1e-4 * length * float(carrier_absorption_cm(density, density, wl))
    fabric = SwitchFabric("benes", 16, MachZehnderSwitch(PhaseShifter.carriers(1.0, 3e3, loss_db, wl)))
    bars = np.ones(len(fabric.topology.elements), bool)
    outputs, _ = followed(fabric.topology, bars)
    added = path_figures(fabric.with_bars(bars).transfer(wl), outputs).loss_db
    return Evidence(float(np.mean(added)), (0.5 * 7.3, 7.3), 0.0, "dB")


def _missing_index(density: float, wl: float, target: float) -> float:
    return -float(carrier_index_change(density, density, wl)) - target


_extinction = eqx.filter_jit(lambda switch, bar, wl: switch.extinction_db(bar, wl))


def bandwidths(limit_db: float = -20.0) -> tuple[float, float, float]:
    """Bands in um in which both states of an element leak less than `limit_db`: Mach-Zehnder, one ring, two rings.

    Couplers of 3 dB at 1.55 um whose angle grows by 0.9 rad/um; rings of 10 um, power couplings of 10 %, between the
    two of them 0.28 % (a flat top), moved by 4 nm.
    """
    coupler = PointCoupler(math.pi / 4, 0.9)
    some = PointCoupler.from_power(0.1)
    switches = (
        MachZehnderSwitch(HEATER, first=coupler, second=coupler),
        RingSwitch.tuned(AddDropRing(10.0, some, some, INDEX), HEATER, 1.55, 4e-3, Crossing(crosstalk_db=-200.0)),
        RingSwitch.tuned(
            CoupledRings([10.0, 10.0], [some, PointCoupler.from_power(0.0028), some], INDEX), HEATER, 1.55, 4e-3
        ),
    )
    bands = []
    for switch, span in zip(switches, (0.07, 1e-4, 1e-4), strict=True):
        wl = np.linspace(1.55 - span, 1.55 + span, 4001)
        extinction = np.minimum(*(np.asarray(_extinction(switch, bar, wl)) for bar in (True, False)))
        bands.append(band_within(wl, -extinction, limit_db, 1.55))
    return bands[0], bands[1], bands[2]


@case(
    "switches.bandwidth",
    source="cross state: tan^2 of the angles' excess, F sin^2 of half a round trip",
    kind="analytic",
    is_long=True,
)
@in_float64
def bandwidth() -> Evidence:
    """Largest relative difference of the bands below -20 dB of an interferometer and of a ring from closed forms.

    Couplers of pi/4 + d leak tan^2 2d; a ring between equal couplers that pass r^2 = 0.9 leaks F sin^2(phase / 2) with
    F = 4 r^2 / (1 - r^2)^2, its phase to first order in the wavelength.
    """
    interferometer, ring, _ = bandwidths()
    by_angle = 2.0 * math.atan(0.1) / (2.0 * 0.9)
    phase = 2.0 * math.asin(math.sqrt(0.01 * (1.0 - 0.9) ** 2 / (4.0 * 0.9)))
    # The heater's path to the next order is a part of the group delay, 0.4 %.
    length = 2.0 * math.pi * 10.0
    heated = 1.55 * (math.ceil((2.4 + 4e-3 * 4.2 / 1.55) * length / 1.55) - 2.4 * length / 1.55)
    by_phase = 2.0 * phase / (2.0 * math.pi) * 1.55**2 / (4.2 * length + heated)
    return Evidence(max(abs(interferometer / by_angle - 1.0), abs(ring / by_phase - 1.0)), 0.0, 1e-4)


@case("switches.without_loss", source="unitary in all states, dark ports included", kind="analytic")
@in_float64
def without_loss() -> Evidence:
    """Largest |S^H S - 1| of all four topologies of 4 ports with crossings that leak and reflect."""
    worst, random = 0.0, np.random.default_rng(3)
    element = dataclasses.replace(MachZehnderSwitch(HEATER), first=PointCoupler(0.7))
    for name in ("crossbar", "piloss", "benes", "spanke"):
        fabric = SwitchFabric(name, 4, element, Crossing(crosstalk_db=-35.0))
        fabric = fabric.with_states(random.uniform(-1.0, 1.0, len(fabric.topology.elements)))
        worst = max(worst, float(fabric.scattering(np.array([1.55])).unitarity_residual()))
    return Evidence(worst, 0.0, 1e-12)
