# %% [markdown]
# # A row of ring modulators, as short and as cool as its specification lets it be
#
# Rings on one bus, a heater each, pads in rows behind them. Radii, both gaps, the detuning and the pitch are free;
# shoreline, area and heater power are to be small. Loss, extinction, crosstalk of light and of heat, the photon
# bandwidth and the rules of drawing are constraints, which hold from 20 to 85 C and over errors of fabrication: 64
# corners at once. Then come what is discrete (rows of pads, order of the channels, which line each ring serves) and
# the drawing: a GDS file that keeps the rules, and a netlist with the spectrum of the model.

# %%
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

import photonics_core as pc
from photonics_core import plot
from photonics_core.devices import measured_silicon as silicon
from photonics_core.devices.wdm_job import bounds, build, starting_design
from photonics_core.devices.wdm_settings import WdmSettings
from photonics_core.plot_layout import draw_layout
from photonics_core.units import SPEED_OF_LIGHT
from photonics_core.validation.baselines import evaluations_of, nelder_mead, random_search

pc.set_precision("float64")
pc.set_lapack_threads(1)

# %% tags=["parameters"]
steps = 150
trained_chips, fresh_chips = 16, 256

# %% [markdown]
# ## The chip and the errors
#
# Heaters lie 2 um above the rings, on 500 um of silicon. Gaps are off by 3 nm together, resonances by 0.5 nm together
# and by 0.2 nm each (one standard deviation). Pads of 25 um on a pitch of 45 um are micro-bumps; wires are 4 um wide
# and 2 um apart.

# %%
rules = pc.RowRules()
stack = pc.ThermalStack(
    (
        pc.Layer.of("wafer", "silicon", 500.0),
        pc.Layer.of("box", "silica", 2.0),
        pc.Layer.of("guides", "silica", 0.22),
        pc.Layer.of("oxide", "silica", 4.0),
    ),
    bottom=pc.FixedTemperature(),
    top=pc.Convection(10.0),
)
trained_at = jnp.asarray([293.0, 313.0, 338.0, 358.0])
limits = {"loss": 4.2, "extinction": 5.0, "crosstalk": -16.5, "bandwidth": 28.0, "heat": 0.02}


def errors(channels, chips, seed):
    points = qmc.Sobol(channels + 2, scramble=True, rng=np.random.default_rng(seed)).random(chips)
    return jnp.asarray(ndtri(np.clip(points, 1e-9, 1.0 - 1e-9)))


def warming(settings, pitch):
    """What a heater adds to its own ring and to those one, two, ... places on, in K/mW, shape [N]."""
    radius = settings.radius_um
    heater = [pc.ThermalRegion(pc.Annulus(0.0, 0.0, radius - 1.0, radius + 1.0), "oxide", 2.0, 0.1)]
    rings = [pc.ThermalRegion(pc.Circle(pitch * k, 0.0, radius), "guides") for k in range(settings.channels)]
    return pc.ThermalLayout(stack, heater, rings).coupling()[:, 0]


def coupled(row, heat, places):
    """Shift in um of each ring by a milliwatt of each heater, shape [N, N]; ring k is at place places[k]."""
    apart = jnp.abs(places[:, None] - places[None, :])
    return 1e-6 * row.drift_pm_k(300.0)[:, None] * heat[apart]


# %% [markdown]
# ## The row and its figures
#
# The bus between two rings is as long as the pitch. Shoreline (the side along the bus) and area are those of the box
# around what is drawn, and so are the gaps between metal and between pads.


# %%
class Problem(NamedTuple):
    """A transmitter: its settings, rows of pads, and order of the channels along the bus."""

    settings: WdmSettings
    pad_rows: int
    order: tuple[int, ...]

    def row(self, design, error=None):
        """The transmitter of a design, with the gaps of a chip."""
        off = 0.0 if error is None else 0.003 * error[0]
        gaps = {name: design[name] + off for name in ("input_gap", "drop_gap")}
        row = build(self.settings, {"radius": design["radius"], "detuning": design["detuning"], **gaps})
        return eqx.tree_at(lambda tx: tx.bus.guide.length, row, design["pitch"])

    def layout(self, design, **options):
        """The row as it is drawn, channels in their order along the bus."""
        order = np.asarray(self.order)
        return pc.modulator_row_layout(
            design["radius"][order],
            design["pitch"],
            input_gaps=design["input_gap"][order],
            drop_gaps=design["drop_gap"][order],
            pad_rows=self.pad_rows,
            rules=rules,
            **options,
        )

    def figures(self, design, chips, temperatures) -> Any:
        """Figures of all channels of all chips at all temperatures, shape [chips, temperatures, N]."""
        heat, places = warming(self.settings, design["pitch"]), np.argsort(self.order)

        def of_chip(error):
            row = self.row(design, error)
            missing = 1e-3 * self.settings.heater_nm_mw * row.heater_power(300.0)
            missing = missing - 1e-3 * (0.5 * error[1] + 0.2 * error[2:])
            response = coupled(row, heat, places)

            def at(temperature):
                shift = missing - row.channel_shift(300.0, temperature)
                return {
                    "loss": row.insertion_loss_db(temperature),
                    "extinction": row.extinction_db(temperature),
                    "crosstalk": row.crosstalk_db(temperature),
                    "q": row.q_loaded(temperature),
                    "shift": shift,
                    "power": jnp.linalg.solve(response, shift),
                }

            return jax.vmap(at)(temperatures)

        return jax.vmap(of_chip)(chips) | drawn(self.layout(design)) | {"heat": heat[1] / heat[0]}

    def price(self, found):
        """mW of all heaters, one for each 10 um of shoreline and one for each 2000 um2 of area."""
        mean = jnp.mean(found["power"], axis=tuple(range(found["power"].ndim - 1)))
        return jnp.sum(mean) + 0.1 * found["shoreline"] + 5e-4 * found["area"]


def drawn(layout):
    """Shoreline and area of the box around a row in um and um2, and the gaps that are short of the rules in um."""
    left, _, right, _ = layout.bounding_box()
    return {
        "shoreline": right - left,
        "area": layout.area(),
        "metal": jnp.max(layout.spacing_constraints(rules.space)),
        "pads": jnp.max(layout.spacing_constraints(rules.pad_pitch - rules.pad, among=("pad", "ground"))),
    }


# %% [markdown]
# ## What it has to meet
#
# A heater cannot cool, so no heater may be asked for less than nothing. A heater may warm the next ring by two percent
# of its own.


# %%
def missed(settings, found):
    """Constraints by name, at most 0 where they are met."""
    largest_q = SPEED_OF_LIGHT / (settings.center_um * limits["bandwidth"] * 1e-3)
    return {
        "loss (dB)": found["loss"] - limits["loss"],
        "extinction (dB)": limits["extinction"] - found["extinction"],
        "crosstalk (dB)": found["crosstalk"] - limits["crosstalk"],
        "bandwidth (%)": 100.0 * (found["q"] / largest_q - 1.0),
        "heater (mW)": -found["power"],
        "heat to the next (%)": 100.0 * (found["heat"] - limits["heat"])[None, None, None],
        "metal (um)": found["metal"][None, None, None],
        "pads (um)": found["pads"][None, None, None],
    }


class Search(NamedTuple):
    """What is minimised: the price, subject to limits at every training corner, made a little tighter."""

    problem: Problem
    corners: jax.Array
    reserve: float = 0.1

    def excess(self, design):
        """What is missed at each corner, and the price."""
        found = self.problem.figures(design, self.corners, trained_at)
        excess = missed(self.problem.settings, found).items()
        short = {name: each + (0.0 if name.endswith("(um)") else self.reserve) for name, each in excess}
        return short, self.problem.price(found)

    def merit(self, design):
        """Price with 30 mW for each dB, percent, mW or um that is missed: for searches that know no constraints."""
        excess, cost = self.excess(design)
        worst = (jnp.max(each, axis=(0, 1)) for each in excess.values())
        return cost + 30.0 * sum(jnp.sum(jnp.maximum(each, 0.0)) for each in worst)

    def objective(self, design):
        return self.excess(design)[1], {"merit": self.merit(design)}


def hand_drawn(settings, pitch):
    """Radii stepped as the lines are, equal gaps, a round number for the pitch; and the bounds."""
    start = {**starting_design(settings), "pitch": np.asarray(pitch)}
    ends = zip(bounds(settings, start), (14.0, 120.0), strict=True)
    return start, *({**each, "pitch": np.asarray(limit)} for each, limit in ends)


# %% [markdown]
# ## The search, and the same number of evaluations without gradients
#
# Corners lie further out than most chips. Checked on fresh chips of another seed at six temperatures, none of which was
# trained on but the ends; the last lines are those of the very worst chip.


# %%
def compared(problem):
    settings = problem.settings
    search = Search(problem, 1.7 * errors(settings.channels, trained_chips, seed=0))
    start, low, high = hand_drawn(settings, 50.0 if problem.pad_rows == 1 else 30.0)
    constraints = pc.Constraints(lambda design: search.excess(design)[0], tolerance=2e-3)
    begun = time.monotonic()
    run = pc.minimize(search.objective, start, low, high, constraints=constraints, steps=steps, optimizer="lbfgs")
    spent = time.monotonic() - begun
    print(f"{settings.channels} channels: {run.history['objective'].size} steps in {spent:.0f} s, compilation included")
    print("\n".join(run.report().splitlines()[:3]))
    budget = int(evaluations_of(steps)[-1])
    simplex = nelder_mead(search.merit, start, low, high, budget)
    chance = random_search(search.merit, start, low, high, budget)
    designs = {"by hand": start, "random search": chance.design, "simplex": simplex.design, "gradient": run.design}
    return run, simplex, chance, designs


def table(problem, designs):
    fresh, between = errors(problem.settings.channels, fresh_chips, seed=9), jnp.linspace(293.0, 358.0, 6)

    @jax.jit
    def verified(design):
        found = problem.figures(design, fresh, between)
        excess = missed(problem.settings, found)
        met = [jnp.max(each, axis=(1, 2)) * jnp.ones(fresh_chips) <= 1e-6 for each in excess.values()]
        lines = {
            "shoreline (um)": found["shoreline"],
            "pitch (um)": design["pitch"],
            "area of a channel (um2)": found["area"] / problem.settings.channels,
            "heaters, mean (mW)": jnp.sum(jnp.mean(found["power"], axis=(0, 1))),
            "loss, mean (dB)": jnp.mean(found["loss"]),
            "price (mW)": problem.price(found),
            "heat to the next (%)": 100.0 * found["heat"],
            "chips that meet all (%)": 100.0 * jnp.mean(jnp.all(jnp.stack(met), axis=0)),
        }
        return lines | {f"misses {name} by": jnp.maximum(jnp.max(each), 0.0) for name, each in excess.items()}

    checked = [verified(jax.tree.map(jnp.asarray, design)) for design in designs.values()]
    print(f"{'':28}" + "".join(f"{name:>15}" for name in designs))
    for name in checked[0]:
        print(f"{name:28}" + "".join(f"{float(each[name]):15.2f}" for each in checked))


eight = WdmSettings(channels=8, spacing_ghz=200.0)
sixteen = WdmSettings(channels=16, spacing_ghz=120.0)
small, large = (Problem(each, 2, tuple(range(each.channels))) for each in (eight, sixteen))

# %% [markdown]
# ## How many rows of pads
#
# One row keeps the rings a pad pitch apart. With more, wires pass between the pads, and heat is what is left. With two
# pads beside each ring (`ring_row_layout`) it would be 55 um.


# %%
def closest(problem):
    """The least price of shoreline and area, by the pitch alone."""
    start, _, _ = hand_drawn(problem.settings, 50.0)

    def measured(pitch):
        heat = warming(problem.settings, pitch)
        return drawn(problem.layout(start | {"pitch": pitch})) | {"heat": 100.0 * heat[1] / heat[0]}

    def cost(design):
        found = measured(design["pitch"])
        return 0.1 * found["shoreline"] + 5e-4 * found["area"], {}

    def short(design):
        found = measured(design["pitch"])
        return {"metal": found["metal"], "pads": found["pads"], "heat": found["heat"] - 100.0 * limits["heat"]}

    limit = pc.Constraints(short, tolerance=1e-4)
    ends = {"pitch": 14.0}, {"pitch": 120.0}
    return pc.minimize(cost, {"pitch": 50.0}, *ends, constraints=limit, optimizer="lbfgs", steps=40)


for each in pc.enumerate_choices(lambda pad_rows: closest(large._replace(pad_rows=pad_rows)), pad_rows=(1, 2, 3)):
    held = [name for name in ("pads", "metal", "heat") if np.any(each.optimum.active[name])]
    print(
        f"{each.choice['pad_rows']} rows of pads: pitch {each.optimum.design['pitch']:.2f} um, held by "
        f"{' and '.join(held)}; shoreline and area are worth {each.optimum.value:.1f} mW"
    )

# %% [markdown]
# ## The search
#
# Eight and sixteen channels, from what one would draw by hand.

# %%
results = {}
for problem in (small, large):
    results[problem] = compared(problem)
    table(problem, results[problem][-1])
run, simplex, chance, designs = results[large]
best = {name: jnp.asarray(value) for name, value in run.design.items()}

# %% [markdown]
# ## Which order along the bus
#
# On a bus powers multiply, so order does not matter to light; it does to heat, by neighbours and ends. For each order
# the radii are set anew, so that the least power of each heater in all training corners is what it was: that is a
# linear problem, and solved by its numbers.

# %%
corners = 1.7 * errors(sixteen.channels, trained_chips, seed=0)
found = jax.jit(lambda design: large.figures(design, corners, trained_at))(best)
heat, row = warming(sixteen, best["pitch"]), large.row(best)


@jax.jit
def heaters(places):
    power = jnp.linalg.solve(coupled(row, heat, places), found["shift"][..., None])[..., 0]
    least = jnp.min(power, axis=(0, 1))
    return jnp.sum(jnp.mean(power, axis=(0, 1)) - least)


def with_order(order):
    value = float(heaters(np.argsort(order)))
    return pc.Optimum(run.parameters, value, 0, {}, design=run.design)


n = sixteen.channels
folded = (*range(0, n, 2), *range(n - 1, 0, -2))
halves = tuple(k for pair in zip(range(n // 2), range(n // 2, n), strict=True) for k in pair)
ranked = pc.enumerate_choices(with_order, order=[*pc.cyclic_orders(n), folded, halves])
plain = with_order(range(n)).value
print(f"heaters above their least, in the order of the lines: {plain:.3f} mW")
for each in (ranked[0], ranked[-1]):
    print(f"{each.optimum.value - plain:+.4f} mW with the order {each.choice['order']}")

# %% [markdown]
# ## Which line each ring serves
#
# Resonances repeat after a free spectral range. A chip that has come out red, or is warm, can leave its lines to the
# rings before: ring i then serves line (i + s) mod N, and the least s that needs no cooling is the cheapest. This is
# chosen for each chip and each temperature, by enumeration. It asks for electronics that hand the data on; and it is
# worth most where the lines fill the free spectral range, so that it costs one spacing at most.


# %%
def barrel_shifted(problem, design, chips, temperatures):
    """Power of all heaters in mW with each ring on its own line, and with the best shift, [chips, temperatures]."""
    heat, count = warming(problem.settings, design["pitch"]), problem.settings.channels
    places, shifts = np.argsort(problem.order), np.asarray(pc.cyclic_orders(count))

    def of_chip(error):
        row = problem.row(design, error)
        target = SPEED_OF_LIGHT / (row.lines + row.detuning)
        # In frequency free spectral ranges are even.
        fsr = jax.vmap(lambda ring, line: ring.fsr(line))(row.bus.rings, row.lines) * target**2 / SPEED_OF_LIGHT
        missing = 1e-3 * problem.settings.heater_nm_mw * row.heater_power(300.0)
        missing = missing - 1e-3 * (0.5 * error[1] + 0.2 * error[2:])
        response = coupled(row, heat, places)

        def at(temperature):
            cold = SPEED_OF_LIGHT / (row.lines + row.detuning - missing + row.channel_shift(300.0, temperature))
            own = jnp.mod(cold - target, fsr)[None]
            to_line = jnp.mod(cold[None] - target[shifts], fsr[None])
            moved = jnp.concatenate([own, to_line]) * SPEED_OF_LIGHT / target**2
            power = jnp.linalg.solve(response[None], moved[..., None])[..., 0]
            total = jnp.where(jnp.min(power, axis=1) >= 0.0, jnp.sum(power, axis=1), jnp.inf)
            return jnp.sum(power[0]), jnp.min(total[1:])

        return jax.vmap(at)(temperatures)

    return jax.vmap(of_chip)(chips)


between = jnp.linspace(293.0, 358.0, 6)
filled = sixteen.model_copy(update={"radius_um": 5.54})
cases = {"the found design": (large, best)}
cases["rings of 5.54 um, which the lines fill, by hand"] = (
    large._replace(settings=filled),
    hand_drawn(filled, 30.0)[0],
)
for name, (problem, design) in cases.items():
    fresh = errors(n, fresh_chips, seed=9)
    own, chosen = jax.jit(lambda d, problem=problem, fresh=fresh: barrel_shifted(problem, d, fresh, between))(
        jax.tree.map(jnp.asarray, design)
    )
    print(
        f"{name}: {np.mean(own):.1f} mW on fixed lines, {np.mean(chosen):.1f} mW shifted, worst {np.max(chosen):.1f} mW"
    )

# %% [markdown]
# ## The drawing
#
# The box is that of the objective; the rules of drawing hold; the netlist is written and read back, and its spectrum is
# that of the model, heaters on, but for the ends of the bus, which are longer than the model's by a frame. The heat is
# that of every heater of the drawing at every ring.


# %%
def modulator(wl=1.31, temperature=300.0, radius=5.0, input_gap=0.11, drop_gap=0.14, run=30.0, path=0.0):
    """The component `modulator`; the light that is dropped stays in the cell."""
    index = silicon.o_band_index()
    first, second = silicon.o_band_coupler(input_gap, radius), silicon.o_band_coupler(drop_gap, radius)
    through = pc.AddDropRing(radius, first, second, index).amplitudes(wl, temperature, path).through
    through = through * pc.Waveguide(run, index).transmission(wl, temperature)
    return dict.fromkeys((("in", "through"), ("through", "in")), through)


path = np.asarray(row.extra_path(338.0))
layout = large.layout(
    {name: np.asarray(value) for name, value in run.design.items()}, settings=[{"path": p} for p in path]
)
left, bottom, right, top = (float(each) for each in layout.bounding_box())
assert abs(right - left - float(found["shoreline"])) < 1e-9
assert abs((right - left) * (top - bottom) - float(found["area"])) < 1e-6
wl = np.linspace(sixteen.center_um - 6e-3, sixteen.center_um + 6e-3, 2001)
ends = np.exp(-2.0 * row.bus.guide.index.attenuation(wl, 338.0) * (rules.half - 0.25))
with tempfile.TemporaryDirectory() as folder:
    pc.write_layout_netlist(Path(folder) / "row.json", layout)
    again = pc.Circuit(pc.read_netlist(Path(folder) / "row.json"), {"modulator": modulator})
    power = again.scattering(wl, temperature=338.0).power("in", "through")
    difference = np.max(np.abs(power - np.asarray(row.spectrum(wl, 338.0)) * ends))
    assert difference < 1e-9
    print(f"{right - left:.1f} x {top - bottom:.1f} um; spectrum of the netlist off by {difference:.1e}")
    try:
        bumps = pc.LayerRule(rules.pad, rules.pad_pitch - rules.pad)
        least = {"core": pc.LayerRule(0.08, 0.08), "heater": pc.LayerRule(1.0, 2.0)}
        broken = pc.rule_violations(layout, least | {"metal": pc.LayerRule(4.0, 2.0), "pad": bumps})
        pc.write_gds(Path(folder) / "row.gds", layout)
        print(f"GDS of {(Path(folder) / 'row.gds').stat().st_size / 1024:.0f} kB, {len(broken)} rules broken")
        assert not broken
    except ImportError as reason:
        print(reason)
every = np.asarray(layout.thermal(stack, ("oxide", 2.0, 0.1), ("guides", 0.0, None)).coupling())
off = np.max(np.abs(every - np.asarray(heat)[np.abs(np.arange(n)[:, None] - np.arange(n))])) / every[0, 0]
print(f"heat of the drawing and of the objective differ by {100.0 * off:.2f} % of a heater's own")

# %%
figure, axes = plot.new_figure(rows=2, width=11, height=5.5, sharex=True)
for ax, (name, each) in zip(axes[:, 0], (("by hand", designs["by hand"]), ("gradient", run.design)), strict=True):
    draw_layout(ax, large.layout({k: np.asarray(v) for k, v in each.items()}), names=False, legend=name == "by hand")
    ax.set_title(name, loc="left", fontsize="medium")
figure

# %%
figure, axes = plot.new_figure(columns=2, width=10, height=4)
axes[0, 0].plot(
    evaluations_of(run.history["merit"].size), np.minimum.accumulate(run.history["merit"]), label="gradient"
)
axes[0, 0].plot(simplex.curve, label="simplex")
axes[0, 0].plot(chance.curve, label="random")
axes[0, 0].set(xlabel="evaluations (a gradient is four)", ylabel="price and what is missed (mW)", yscale="log")
plot.legend_above(axes[0, 0], columns=3)
for name in ("by hand", "gradient"):
    power = np.asarray(large.row(jax.tree.map(jnp.asarray, designs[name])).spectrum(wl, 338.0))
    axes[0, 1].plot(1e3 * wl, 10.0 * np.log10(power), label=name, linewidth=0.9)
axes[0, 1].set(xlabel="wavelength (nm)", ylabel="through, all in state 0, 338 K (dB)")
plot.legend_above(axes[0, 1], columns=2)
figure
