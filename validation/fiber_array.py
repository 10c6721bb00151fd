"""Arrays of fibres: figures by hand, closed forms against drawn arrays, yields and budgets that are kept."""

import math

import jax
import numpy as np

from photonics_core.beams import GaussianBeam
from photonics_core.devices.alignment_search import Stage, search_alignment
from photonics_core.devices.array_budget import CostModel, loosest_budget
from photonics_core.devices.array_errors import ArrayErrors, sample_arrays, second_order
from photonics_core.devices.array_yield import array_yield
from photonics_core.devices.fiber import FibreJoint
from photonics_core.devices.fiber_alignment import Alignment, core_alignment
from photonics_core.devices.fiber_array import SHARED, FibreArray
from photonics_core.fields import CorePositions
from photonics_core.validation.precision import in_float64, in_precision
from photonics_core.validation.registry import Evidence, case

DECIBEL = 10.0 / math.log(10.0)
#: What a row of fibres in grooves may have; placed to 0.3 um, mated to 0.2 um.
ERRORS = ArrayErrors(
    x=0.3,
    y=0.3,
    z=2.0,
    tilt_x=3e-3,
    tilt_y=3e-3,
    roll=2e-4,
    mating_x=0.2,
    mating_y=0.2,
    eccentricity=0.2,
    groove_x=0.2,
    groove_y=0.2,
    pitch=1e-4,
    polish_x=1e-3,
    polish_y=1e-3,
)
#: Arrays drawn in the default cases.
DRAWN = 50_000


def row(count: int = 24, gap: float = 10.0) -> FibreArray:
    """Fibres of 9.2 um at 1310 nm against ports of the same mode, 127 um apart."""
    fibre = GaussianBeam.from_mfd(9.2)
    return FibreArray.row(FibreJoint(fibre, fibre, 1.31), count, gap=gap)


@case("fiber_array.published_offsets", source="4.343 (d / w)^2 dB, MFD 9.2 um: .013, .051, .205, .821", kind="analytic")
@in_float64
def published_offsets() -> Evidence:
    """Largest difference from the losses at 0.25, 0.5, 1 and 2 um, as these are rounded."""
    errors = np.zeros((4, len(SHARED)))
    errors[:, 1] = 0.25, 0.5, 1.0, 2.0
    losses = row(4, gap=0.0).losses_db(errors)
    return Evidence(float(np.max(np.abs(losses - np.asarray([[0.013, 0.051, 0.205, 0.821]]).T))), 0.0, 5e-4, "dB")


@case("fiber_array.single_joints", source="each core as a joint by itself, turned as matrices say", kind="analytic")
@in_float64
def single_joints() -> Evidence:
    """Largest difference of 24 fibres at 20 random places and turns."""
    array, cores, worst = row(), CorePositions.row(24, 127.0), 0.0
    random = np.random.default_rng(0).normal(size=(20, 6)) * np.array([2, 2, 5, 2e-3, 2e-3, 2e-3])
    for error in random:
        alignment = core_alignment(Alignment.of_vector(error + np.array([0, 0, 10.0, 0, 0, 0])), cores, cores)
        found = array.losses_db(np.concatenate([error, np.zeros(4)]))
        worst = max(worst, float(np.max(np.abs(found - array.joint.loss_db(alignment)))))
    return Evidence(worst, 0.0, 1e-11, "dB")


@case(
    "fiber_array.mean_offset", source="4.343 (s_x^2 + s_y^2) / w^2 dB of drawn offsets", kind="analytic", is_long=True
)
@in_float64
def mean_offset() -> Evidence:
    """Largest difference of the mean excess loss of 24 fibres from its closed form, in standard errors."""
    errors = ArrayErrors(eccentricity=0.4, groove_x=0.3)
    sample = sample_arrays(row(gap=0.0), errors, jax.random.key(1), DRAWN)
    expected = DECIBEL * (0.25 + 0.16) / 4.6**2
    return Evidence(float(np.max(np.abs(sample.mean - expected) / sample.deviation)) * math.sqrt(DRAWN), 0.0, 4.0)


@case(
    "fiber_array.mean_of_all", source="second order of all errors, against drawn arrays", kind="analytic", is_long=True
)
@in_float64
def mean_of_all() -> Evidence:
    """Largest relative difference of the mean excess loss of a fibre; one standard error is 0.004."""
    moments, sample = second_order(row(), ERRORS), sample_arrays(row(), ERRORS, jax.random.key(2), DRAWN)
    excess = np.asarray(moments.mean - moments.nominal)
    return Evidence(float(np.max(np.abs(sample.mean - moments.mean) / excess)), 0.0, 0.02)


@case("fiber_array.independent_yield", source="(1 - exp(-r^2 / (2 s^2)))^N without common errors", kind="analytic")
@in_float64
def independent_yield() -> Evidence:
    """Largest difference of the yield of 24 fibres at six limits."""
    limits = np.asarray([0.05, 0.1, 0.2, 0.4, 0.8, 1.6])
    found = array_yield(row(gap=0.0), ArrayErrors(eccentricity=0.5), limits, points=2)
    one = 1.0 - np.exp(-limits / DECIBEL * 4.6**2 / 0.5)
    return Evidence(float(np.max(np.abs(found - one**24))), 0.0, 1e-9)


@case("fiber_array.yield", source="drawn arrays", kind="analytic", is_long=True)
@in_float64
def conditional_yield() -> Evidence:
    """Largest difference of the yield of 24 fibres at three limits; one standard error is 0.002 at the first."""
    limits = np.asarray([0.4, 0.6, 0.9])
    found = array_yield(row(), ERRORS, limits)
    drawn, _ = sample_arrays(row(), ERRORS, jax.random.key(3), DRAWN).yields(limits)
    return Evidence(float(np.max(np.abs(found - drawn))), 0.0, 8e-3)


@case("fiber_array.yield_million", source="a million drawn arrays", kind="analytic", is_long=True)
def yield_million() -> Evidence:
    """The same at 0.8 dB of 16 times the points, in standard errors, drawn in float32."""
    with in_precision("float64"):
        found = float(array_yield(row(), ERRORS, 0.8, points=65536))
    with in_precision("float32"):
        drawn, error = sample_arrays(row(), ERRORS, jax.random.key(4), 1_000_000).yields(0.8)
    return Evidence(abs(found - float(drawn)) / float(error), 0.0, 4.0)


@case("fiber_array.budget", source="arrays drawn with another seed", kind="analytic", is_long=True)
@in_float64
def budget() -> Evidence:
    """Yield of 24 fibres within 0.8 dB with the loosest budget for 99 %, weights like the errors; 400 000 arrays."""
    found = loosest_budget(row(), 0.8, 0.99, CostModel(ERRORS), ERRORS, points=2048)
    drawn, error = sample_arrays(row(), found.errors, jax.random.key(99), 400_000).yields(0.8)
    return Evidence(float(drawn), 0.99, 4.0 * float(error))


@case(
    "fiber_array.search", source="a stage of 0.05 um and 2e-5 rad without noise, from 4 um", kind="range", is_long=True
)
@in_float64
def search() -> Evidence:
    """Largest loss of a fibre above the best one, of 200 searches; half a step of each costs up to 1e-3 dB."""
    starts = np.random.default_rng(0).normal(size=(200, 6)) * np.array([4.0, 4.0, 0, 0, 0, 2e-3])
    found = search_alignment(row(), Stage(noise_db=0.0), starts, jax.random.key(0))
    return Evidence(float(np.max(found.losses_db) - row().losses_db()[0]), (0.0, 1e-3), 0.0, "dB")
