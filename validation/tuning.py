"""Heaters, tuning and locks: closed forms of circuits and loops, exhaustive search, published ranges."""

import functools
import itertools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.heater import (
    TITANIUM_NITRIDE,
    Heater,
    HeaterMaterial,
    efficiency_nm_mw,
    power_per_fsr,
)
from photonics_core.devices.lock import WavelengthLock
from photonics_core.foster import foster_fit, transfer_fit
from photonics_core.heat_shapes import Annulus, Circle
from photonics_core.thermal_impedance import ThermalImpedance, TransferImpedance
from photonics_core.thermal_layout import ThermalLayout
from photonics_core.thermal_response import crossing_time, rise_time, thermal_bandwidth
from photonics_core.thermal_stack import Convection, FixedTemperature, Layer, ThermalRegion, ThermalStack
from photonics_core.tuning import assign_lines, barrel_shifts, tuning_power
from photonics_core.validation.precision import in_float64
from photonics_core.validation.registry import Evidence, case

#: Conductivity of oxide in mW/(um K), 1.38 W/(m K).
OXIDE = 1.38e-3
#: Drift of a silicon ring in pm/K; spacing of lines in um.
DRIFT, SPACING = 72.0, 1.12e-3


def ring_coupling(radius: float, height: float, oxide: float) -> float:
    """K/mW of a ring under a heater of its length in oxide on a perfect sink: line source and its image.

    P' / (2 pi k) ln((h_heater + h_ring) / (h_heater - h_ring)), straight, without the surface above, heights over the
    sink: `oxide` below the ring and `height` from there to the heater, in um.
    """
    return math.log((2.0 * oxide + height) / height) / (2.0 * math.pi * OXIDE * 2.0 * math.pi * radius)


def oxide_on_silicon() -> ThermalStack:
    """500 um of silicon on a cold plate, 2 um of oxide, the guides' layer as oxide, 4 um of oxide, in still air."""
    films = (Layer.of("box", "silica", 2.0), Layer.of("guides", "silica", 0.22), Layer.of("oxide", "silica", 4.0))
    return ThermalStack((Layer.of("wafer", "silicon", 500.0), *films), FixedTemperature(), Convection(10.0))


@case("tuning.heater_efficiency", source="0.05 to 0.2 nm/mW published for TiN heaters over silicon rings", kind="range")
@in_float64
def heater_efficiency() -> Evidence:
    """TiN 2 um above a ring of 10 um on 2 um of oxide over a perfect sink, by a line source and its image, in nm/mW."""
    return Evidence(float(efficiency_nm_mw(DRIFT, ring_coupling(10.0, 2.0, 2.0))), (0.05, 0.2), 0.0, "nm/mW")


@case(
    "tuning.heater_efficiency_layered",
    source="0.05 to 0.2 nm/mW published for TiN heaters over silicon rings",
    kind="range",
    is_long=True,
)
@in_float64
def heater_efficiency_layered() -> Evidence:
    """The same by the layers of a chip: 500 um of silicon, 2 um of oxide, the guides' layer as oxide, 4 um of oxide."""
    heater = ThermalRegion(Annulus(0.0, 0.0, 9.0, 11.0), "oxide", 2.0, 0.1)
    ring = ThermalRegion(Circle(0.0, 0.0, 10.0), "guides", 0.0, 0.22)
    coupling = eqx.filter_jit(lambda layout: layout.coupling())(ThermalLayout(oxide_on_silicon(), (heater,), (ring,)))
    return Evidence(float(efficiency_nm_mw(DRIFT, float(coupling[0, 0]))), (0.05, 0.2), 0.0, "nm/mW")


@case(
    "tuning.undercut",
    source="5 (disk) and 40 times (Mach-Zehnder) in arXiv 2503.09009; -97 % in Photonics 8, 496 (2021); abstracts",
    kind="range",
)
@in_float64
def undercut() -> Evidence:
    """How much less power a spectral range takes over an undercut, whose heat leaves by 4.2 um of oxide to both sides.

    That membrane is taken as 15 um wide each side of the ring, cold at its ends: 15 / (2 k 4.2) K um/mW.
    """
    length, full = 2.0 * math.pi * 10.0, ring_coupling(10.0, 2.0, 2.0)
    freed = 15.0 / (2.0 * OXIDE * 4.2 * length)
    powers = [float(power_per_fsr(9.0e-3, DRIFT, each)) for each in (full, freed)]
    return Evidence(powers[0] / powers[1], (5.0, 40.0), 0.0)


@case("tuning.heater_voltage", source="bisection of P R(T(P)) = V^2", kind="analytic", is_long=True)
@in_float64
def heater_voltage() -> Evidence:
    """Largest relative error of the power of 50 random heaters on a voltage, coefficients of both signs."""
    random, worst = np.random.default_rng(0), 0.0
    for _ in range(50):
        material = HeaterMaterial("any", 10.0 ** random.uniform(-4.0, -2.0), random.uniform(-2e-4, 3e-3))
        heater = Heater(60.0, random.uniform(0.5, 4.0), 0.1, material, self_heating=random.uniform(0.0, 20.0))
        ambient, power = random.uniform(273.0, 358.0), random.uniform(0.0, 40.0)
        found = float(heater.power_at_voltage(heater.voltage(power, ambient), ambient))
        low, high = 0.0, 100.0
        square = power * float(heater.resistance(heater.temperature(power, ambient)))
        for _ in range(60):
            middle = 0.5 * (low + high)
            warm = 1.0 + float(np.asarray(material.temperature_coefficient)) * (
                ambient + float(np.asarray(heater.self_heating)) * middle - 300.0
            )
            above = middle * float(np.asarray(heater.resistance())) * warm > square
            low, high = (low, middle) if above else (middle, high)
        worst = max(worst, abs(found - low) / max(low, 1e-3))
    return Evidence(worst, 0.0, 1e-10)


@case(
    "tuning.one_part",
    source="ln 9 times the time constant, and 1 / (2 pi time constant)",
    kind="analytic",
    is_long=True,
)
@in_float64
def one_part() -> Evidence:
    """Largest relative error of rise time and bandwidth of a Foster network of one part."""
    single = ThermalImpedance(3.0, 4e6)
    errors = float(rise_time(single)) / (4e6 * math.log(9.0)), float(thermal_bandwidth(single)) * 2.0 * math.pi * 4e6
    return Evidence(max(abs(each - 1.0) for each in errors), 0.0, 1e-12)


@case("tuning.several_parts", source="the step response and the impedance there", kind="analytic", is_long=True)
@in_float64
def several_parts() -> Evidence:
    """Largest error of level and power at crossing times and bandwidths of 12 random networks of four parts."""
    random, worst = np.random.default_rng(1), 0.0
    for _ in range(12):
        network = ThermalImpedance(random.uniform(0.0, 2.0, 4), 10.0 ** random.uniform(4.0, 8.0, 4))
        level = random.uniform(0.05, 0.95)
        there = float(network.step_response(crossing_time(network, level)) / network.total)
        power = float(jnp.abs(network.impedance(thermal_bandwidth(network)) / network.total) ** 2)
        worst = max(worst, abs(there - level), abs(power - 0.5))
    return Evidence(worst, 0.0, 1e-12)


def random_row(random: Any, count: int, crosstalk: float, sigma: float = 2e-3) -> dict[str, Any]:
    """Rings off their lines by a normal error in um, with thermal coupling that falls by `crosstalk` a neighbour."""
    lines = 1.31 + SPACING * np.arange(count)
    apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    coupling = 2.0 * np.where(apart == 0, 1.0, crosstalk / np.maximum(apart, 1))
    rings = lines + random.normal(0.0, sigma, count)
    return {"rings": rings, "lines": lines, "fsr": count * SPACING, "drift_pm_k": DRIFT, "coupling": coupling}


def brute_force(row: dict[str, Any], limit: float = math.inf, orders: int = 1) -> float:
    """Least total power in mW of all permutations and numbers of free spectral ranges; infinite if none fits."""
    count = row["rings"].size
    inverse = np.linalg.inv(1e-6 * row["drift_pm_k"] * row["coupling"])
    more = row["fsr"] * np.array(list(itertools.product(range(orders), repeat=count)))
    least = np.inf
    for places in itertools.permutations(range(count)):
        shift = np.mod(row["lines"][list(places)] - row["rings"], row["fsr"]) + more
        power = shift @ inverse.T
        fits = np.all((power >= -1e-9) & (power <= limit + 1e-9), axis=1)
        least = min(least, float(np.min(np.sum(power, axis=1), where=fits, initial=np.inf)))
    return least


@case("tuning.brute_force", source="all permutations of rows of 2 to 8 rings", kind="analytic", is_long=True)
@in_float64
def brute_force_up_to_eight() -> Evidence:
    """Largest relative difference of total power from the least of all assignments, 3 rows of each size.

    One of three has crosstalk, and is searched with each ring by the least shift or a free spectral range more.
    """
    random, worst = np.random.default_rng(2), 0.0
    for count, crosstalk in itertools.product(range(2, 9), (0.0, 0.0, 0.1)):
        row = random_row(random, count, crosstalk)
        least = brute_force(row, orders=2 if crosstalk else 1)
        worst = max(worst, abs(assign_lines(**row).total / least - 1.0))
    return Evidence(worst, 0.0, 1e-9)


@case("tuning.brute_force_crosstalk", source="all permutations and up to 2 spectral ranges more", kind="analytic")
@in_float64
def brute_force_crosstalk() -> Evidence:
    """The same of 60 rows of 3 to 5 rings whose heaters warm their neighbours, a third of them with a range of 25 mW.

    Rows that nothing serves count as right where both say so.
    """
    random, worst = np.random.default_rng(3), 0.0
    for number in range(60):
        row = random_row(random, 3 + number % 3, (0.05, 0.15, 0.3)[number // 3 % 3])
        limit = 25.0 if number % 4 == 0 else math.inf
        plan, least = assign_lines(**row, max_power=limit), brute_force(row, limit, orders=3)
        if math.isinf(least) or math.isinf(plan.total):
            worst = max(worst, 0.0 if math.isinf(least) and math.isinf(plan.total) else math.inf)
        else:
            worst = max(worst, abs(plan.total / least - 1.0), 0.0 if plan.is_optimal else math.inf)
    return Evidence(worst, 0.0, 1e-9)


def rows_made_worse(crosstalk: float, seed: int, rows: int = 1000) -> int:
    """Of random rows of 8 rings, those in which ring i to line i, or another cyclic shift, takes less power."""
    random, worse = np.random.default_rng(seed), 0
    for _ in range(rows):
        row = random_row(random, 8, crosstalk)
        power, fits = barrel_shifts(**row)
        known = np.min(np.sum(power, axis=1)[fits], initial=math.inf)
        worse += bool(assign_lines(**row).total > known * (1.0 + 1e-9))
    return worse


@case("tuning.never_worse", source="ring i to line i, and all cyclic shifts", kind="analytic", is_long=True)
@in_float64
def never_worse() -> Evidence:
    """Rows of 1000 random ones of 8 rings in which the naive assignment or a cyclic shift is cheaper."""
    return Evidence(float(rows_made_worse(0.0, 4)), 0.0, 0.0)


@case("tuning.never_worse_crosstalk", source="ring i to line i, and all cyclic shifts", kind="analytic", is_long=True)
@in_float64
def never_worse_crosstalk() -> Evidence:
    """The same of 1000 rows whose heaters warm their neighbours."""
    return Evidence(float(rows_made_worse(0.1, 5)), 0.0, 0.0)


@case("tuning.tuned_row_stays", source="the powers that have put it there", kind="analytic", is_long=True)
@in_float64
def tuned_row_stays() -> Evidence:
    """Largest total power in mW of 50 rows that are on their lines already but for rounding, with crosstalk."""
    random, worst = np.random.default_rng(9), 0.0
    for _ in range(50):
        row = random_row(random, 8, 0.1)
        row["rings"] = row["rings"] + 1e-6 * DRIFT * row["coupling"] @ assign_lines(**row).power
        worst = max(worst, assign_lines(**row).total)
    return Evidence(worst, 0.0, 1e-9, "mW")


@case("tuning.powers", source="the couplings times the powers", kind="analytic", is_long=True)
@in_float64
def powers() -> Evidence:
    """Largest distance in pm of 8 warm rings from their lines, of 50 rows with crosstalk."""
    random, worst = np.random.default_rng(6), 0.0
    for _ in range(50):
        row = random_row(random, 8, 0.1)
        plan = assign_lines(**row)
        warm = row["rings"] + 1e-6 * DRIFT * row["coupling"] @ plan.power
        ideal = row["lines"][plan.lines] + plan.orders * row["fsr"]
        again = tuning_power(**row, plan_lines=plan.lines, plan_orders=plan.orders)
        worst = max(worst, float(np.max(np.abs(warm - ideal))) * 1e6, float(np.max(np.abs(again - plan.power))))
    return Evidence(worst, 0.0, 1e-6, "pm")


#: Two parts of 4 and 40 us under a ring of 100 pm, sampled every us.
RING: dict[str, Any] = {
    "linewidth_pm": 100.0,
    "drift_pm_k": DRIFT,
    "impedance": ThermalImpedance((1.5, 0.5), (4e6, 4e7)),
    "step": 1e6,
}


#: The ring under a heater of `late_responses`, by five parts.
LATE = TransferImpedance((0.28, -0.51, 0.32, 0.84, 1.61), (2.5e5, 3.5e5, 2.4e6, 6.8e6, 1.7e7))


def ramp(rate: float, samples: int) -> np.ndarray:
    """Rise in K at samples of `RING` for a rate in K/s."""
    return 1e-12 * rate * RING["step"] * np.arange(samples)


@case(
    "tuning.lock_ramp", source="K (y - level) = rho / (drift R), an integrator's distance under a ramp", kind="analytic"
)
@in_float64
def lock_ramp() -> Evidence:
    """Largest relative difference of the lasting error of slope locks, at 1 to 1000 K/s and on both sides."""
    worst = 0.0
    for side, rate in itertools.product(("red", "blue"), (1.0, 30.0, 1000.0)):
        lock = WavelengthLock(**RING, gain=0.02, side=side)
        error = lock.run(ramp(rate, 6000), 0.0, 20.0).error_pm[-1]
        worst = max(worst, abs(float(error / lock.ramp_error_pm(rate)) - 1.0))
    return Evidence(worst, 0.0, 1e-6)


@case("tuning.lock_voltage", source="the same with the slopes of power at the voltage it has come to", kind="analytic")
@in_float64
def lock_voltage() -> Evidence:
    """Relative difference of the lasting error of a lock that sets the voltage of a heater, which gets warmer."""
    heater = Heater.around(10.0, 2.0, 0.1, self_heating=5.0)
    lock = WavelengthLock(**RING, gain=0.005, heater=heater, max_command=5.0)
    rise = ramp(10.0, 6000)
    trace = lock.run(rise, 0.0, 2.8)
    return Evidence(
        float(trace.error_pm[-1] / lock.ramp_error_pm(10.0, trace.command[-1], 300.0 + rise[-1])) - 1.0, 0.0, 1e-4
    )


@case("tuning.dither_ramp", source="first order in dither and error", kind="analytic")
@in_float64
def dither_ramp() -> Evidence:
    """Relative difference of the mean error of a dither lock at 10 K/s."""
    lock = WavelengthLock(**RING, gain=2.0, method="dither", dither=0.02, half_period=8)
    error = lock.run(ramp(10.0, 16000), 0.0, 20.0).error_pm[-1600:]
    return Evidence(float(jnp.mean(error) / lock.ramp_error_pm(10.0)) - 1.0, 0.0, 5e-3)


@case(
    "tuning.lock_stability",
    source="2 coth(h / 2 t) of one part, and the poles of the loop of several",
    kind="analytic",
    is_long=True,
)
@in_float64
def lock_stability() -> Evidence:
    """Largest distance from 1 of the loop's largest pole at the limit of the gain, 100 networks of 1 to 4 parts."""
    random, worst = np.random.default_rng(7), 0.0
    for number in range(100):
        parts = 1 + number % 4
        network = ThermalImpedance(random.uniform(0.1, 2.0, parts), 10.0 ** random.uniform(5.0, 8.0, parts))
        ring = {**RING, "impedance": network, "level": random.uniform(0.2, 0.8)}
        limit = float(WavelengthLock(**ring, gain=0.0).gain_limit())
        matrix = np.asarray(WavelengthLock(**ring, gain=limit).loop_matrix())
        worst = max(worst, abs(float(np.max(np.abs(np.linalg.eigvals(matrix)))) - 1.0))
    return Evidence(worst, 0.0, 1e-8)


@case("tuning.lock_stability_late", source="the poles of the loop", kind="analytic")
@in_float64
def lock_stability_late() -> Evidence:
    """Largest distance from 1 of the loop's largest pole at the limit of the gain, heaters late, 1 ns to 10 us."""
    worst = 0.0
    for step in (1e3, 1e4, 1e5, 1e6, 1e7):
        ring = {**RING, "impedance": LATE, "step": step}
        limit = float(WavelengthLock(**ring, gain=0.0).gain_limit())
        matrix = np.asarray(WavelengthLock(**ring, gain=limit).loop_matrix())
        worst = max(worst, abs(float(np.max(np.abs(np.linalg.eigvals(matrix)))) - 1.0))
    return Evidence(worst, 0.0, 1e-8)


@functools.cache
def late_responses() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, step responses and couplings of a ring 2 um below a heater and of its neighbour 30 um away."""
    heater = ThermalRegion(Annulus(0.0, 0.0, 9.0, 11.0), "oxide", 2.0, 0.1)
    rings = [ThermalRegion(Circle(x, 0.0, 10.0), "guides", 0.0, 0.22) for x in (0.0, 30.0)]
    layout, time = ThermalLayout(oxide_on_silicon(), (heater,), rings), np.geomspace(1e3, 1e12, 61)
    step, static = eqx.filter_jit(lambda layout: (layout.step_response(time), layout.coupling()))(layout)
    return time, np.asarray(step)[:, 0], np.asarray(static)[:, 0]


@case("tuning.late_without_signs", source="the inverted Laplace transform", kind="range", is_long=True)
@in_float64
def late_without_signs() -> Evidence:
    """How far six parts above zero miss the step response of a neighbour, over its final value."""
    time, step, _ = late_responses()
    return Evidence(foster_fit(time, step[1], 6).largest_error, (0.05, 0.2), 0.0)


@case("tuning.late_with_signs", source="the inverted Laplace transform", kind="analytic", is_long=True)
@in_float64
def late_with_signs() -> Evidence:
    """Largest error of six parts of both signs of the ring under the heater and of its neighbour."""
    time, step, static = late_responses()
    fits = [transfer_fit(time, one, 6, static=top) for one, top in zip(step, static, strict=True)]
    return Evidence(max(fit.largest_error for fit in fits), 0.0, 2e-3)


@case("tuning.lock_swings", source="the loop in time, 1 % below and above the limit of its gain", kind="analytic")
@in_float64
def lock_swings() -> Evidence:
    """1 where an error of 1 pm has died away below the limit, and 1 more where it has grown above."""
    limit = float(WavelengthLock(**RING, gain=0.0).gain_limit())
    last = [
        float(
            jnp.max(jnp.abs(WavelengthLock(**RING, gain=factor * limit).run(np.zeros(400), 0.01, 20.0).error_pm[-20:]))
        )
        for factor in (0.99, 1.01)
    ]
    return Evidence(float(last[0] < 1e-4) + float(last[1] > 0.1), 2.0, 0.0)


@case("tuning.lock_range", source="the other side of the line, where the power is at its level again", kind="analytic")
@in_float64
def lock_range() -> Evidence:
    """Offset in pm from which a slow slope lock just locks, found in steps of 1 pm: twice the half width, blue."""
    lock = WavelengthLock(**RING, gain=0.5)
    low, _ = lock.lock_range_pm(np.arange(-120.0, 121.0, 1.0), 4000, 20.0)
    return Evidence(low, -100.0, 2.0, "pm")


@case("tuning.heater_gradient", source="central differences", kind="analytic")
@in_float64
def heater_gradient() -> Evidence:
    """Largest relative difference of derivatives of the power at 2 V by length, width, thickness and self-heating."""

    def power(x: jax.Array) -> jax.Array:
        heater = Heater(x[0], x[1], x[2], TITANIUM_NITRIDE, self_heating=x[3])
        return heater.power_at_voltage(x[4], x[5])

    at = np.array([60.0, 2.0, 0.1, 5.0, 2.0, 320.0])
    exact = np.asarray(jax.grad(power)(jnp.asarray(at)))
    steps = np.diag(1e-5 * at)
    slopes = [
        float(power(at + step) - power(at - step)) / (2e-5 * scale) for step, scale in zip(steps, at, strict=True)
    ]
    return Evidence(float(np.max(np.abs(exact / np.array(slopes) - 1.0))), 0.0, 1e-7)
