"""Switch fabrics of N inputs and N outputs: elements, guides and crossings in the network kernel, and their figures.

The fabric is a `Circuit` of one shared model for each kind of part, so that the elements are one batch whose states are
a leaf [elements]: gradients, `jax.vmap` over states and random elements need no other program. All loops and
reflections (of crossings) are exact.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.circuit import Circuit
from photonics_core.devices.batch import batch_size
from photonics_core.devices.splitter import Crossing
from photonics_core.devices.switch import LEAST_POWER, SwitchElement
from photonics_core.devices.switch_routing import changed_elements, check_permutation, route_permutation
from photonics_core.devices.switch_topology import SwitchTopology, fabric_plan
from photonics_core.devices.waveguide import Waveguide
from photonics_core.display import Shown
from photonics_core.kernels.checks import check_finite, check_kind, check_positive, check_range, is_concrete
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix, power
from photonics_core.units import REFERENCE_TEMPERATURE, db


class PathFigures(NamedTuple):
    """What becomes of the light for one permutation, each of shape [..., N].

    Powers below 1e-30 count as that. At an output without a signal the power there is over that of one input.

    Args:
        loss_db: insertion loss of each input on the way to its output in dB, by input; infinite for an idle one.
        worst_db: largest power of any other input at each output over that of its own, in dB, by output.
        total_db: power of all other inputs there over that of its own, in dB, by output.
    """

    loss_db: jax.Array
    worst_db: jax.Array
    total_db: jax.Array


class SwitchFabric(Shown):
    """N inputs, N outputs, and a network of switches between them.

    Ports are `in1` ... `inN` and `out1` ... `outN`, and those that stay dark: `idle_in1` ..., `idle_out1` ...

    Args:
        topology: its name, or a plan of `fabric_plan`.
        count: N; None for a plan.
        element: a `MachZehnderSwitch` or `RingSwitch` for all places, or a batch of as many as there are elements.
        crossing: where guides cross; None for crossings without any effect.
        guide: between successive elements; None for guides without length.

    Raises:
        ValueError: for parts of another kind, a batch of another size, or as `fabric_plan` does.
    """

    circuit: Circuit
    topology: SwitchTopology = eqx.field(static=True)

    def __init__(
        self,
        topology: str | SwitchTopology,
        count: int | None,
        element: Any,
        crossing: Crossing | None = None,
        guide: Waveguide | None = None,
    ):
        plan = topology if isinstance(topology, SwitchTopology) else fabric_plan(topology, count)  # pyright: ignore[reportArgumentType]
        check_kind("element", element, SwitchElement)
        models: dict[str, Any] = {}
        for name, part, kind in (("crossing", crossing, Crossing), ("guide", guide, Waveguide)):
            if part is not None:
                check_kind(name, part, kind)
                models[name] = part
        batched = np.ndim(element.state) == 1
        if batched and batch_size(element) != len(plan.elements):
            raise ValueError(f"element = {batch_size(element)} of them, not one or {len(plan.elements)}")
        models["element"] = jax.tree.map(lambda leaf: leaf[0], element) if batched else element
        netlist = plan.netlist(crossings=crossing is not None, guides=guide is not None)
        self.topology = plan
        self.circuit = Circuit(netlist, models)
        if batched:
            self.circuit = _with_elements(self.circuit, element)

    @property
    def elements(self) -> Any:
        """The elements, a batch in the order of `topology.elements`."""
        group = next(group for group in self.circuit.wiring.groups if group.name == "element")
        return eqx.combine(self.circuit.parameters["element"]["device"], group.setup.choices["device"])

    @property
    def states(self) -> Any:
        """States of all elements, shape [elements]."""
        return self.elements.state

    def with_elements(self, elements: Any) -> "SwitchFabric":
        """The same fabric with other elements of the same structure, a batch."""
        return eqx.tree_at(lambda fabric: fabric.circuit, self, _with_elements(self.circuit, elements))

    def with_states(self, states: Any) -> "SwitchFabric":
        """The same fabric in other states, shape [elements].

        Raises:
            ValueError: for another shape, or states outside the range of the elements.
        """
        states = as_leaf(states)
        count = len(self.topology.elements)
        if np.shape(states) != (count,):
            raise ValueError(f"states of shape {np.shape(states)} is not ({count},)")
        self.elements.check_states("states", states)
        return self.with_elements(eqx.tree_at(lambda elements: elements.state, self.elements, states))

    def with_bars(self, bars: Any) -> "SwitchFabric":
        """The same fabric, elements in `bar` where `bars` [elements] is True and else in `cross`; may be traced."""
        return self.with_states(self.elements.driven(bars))

    def routed(self, permutation: Any) -> "SwitchFabric":
        """The same fabric in the states for a permutation; see `route_permutation`."""
        return self.with_bars(route_permutation(self.topology, permutation))

    def transfer(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> jax.Array:
        """Complex amplitudes from all inputs to all outputs.

        Args:
            wl: wavelength in um, of any shape.
            temperature: in K.

        Returns:
            Amplitudes [..., N outputs, N inputs]; the leading axes are those of `wl`.
        """
        ports = range(1, self.topology.count + 1)
        names = [f"in{k}" for k in ports], [f"out{k}" for k in ports]
        return self.circuit.amplitudes(wl, temperature, inputs=names[0], outputs=names[1])

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix between all ports, the dark ones too, over `wl` in um at `temperature` in K."""
        return self.circuit.scattering(wl, temperature)

    def figures(self, permutation: Any, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> PathFigures:
        """Loss and crosstalk of all paths for a permutation.

        Args:
            permutation: output of each input, -1 for none, shape [N]; the elements are set for it.
            wl: wavelength in um, of any shape.
            temperature: in K.

        Raises:
            ValueError: for something that is no permutation.
        """
        return path_figures(self.routed(permutation).transfer(wl, temperature), permutation)

    def figures_of_all(self, permutations: Any, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> PathFigures:
        """The same for several permutations [P, N] in one program; of shapes [P, ..., N].

        Raises:
            ValueError: for something that is no permutation.
        """
        permutations = np.asarray(permutations)
        bars = np.stack([route_permutation(self.topology, each) for each in permutations])
        return _figures_of_all(self, bars, permutations, wl, temperature)

    def holding_power(self) -> jax.Array:
        """Electrical power in mW that holds all elements in their states."""
        return jnp.sum(self.elements.power())

    def settling_time(self, tolerance: float = 0.01) -> jax.Array:
        """Time in ps that new states take: of the slowest element."""
        shifters = self.elements.shifter
        return jnp.max(jax.vmap(lambda shifter: shifter.settling_time(tolerance))(shifters))

    def switching_energy(self, first: Any, second: Any, tolerance: float = 0.01) -> jax.Array:
        """Electrical energy in fJ while the elements that change from permutation `first` to `second` settle.

        Power of the new states of those that change, for the time of `settling_time`; what the others hold on to is not
        part of it.

        Raises:
            ValueError: for something that is no permutation.
        """
        before, after = (route_permutation(self.topology, each) for each in (first, second))
        changed = np.zeros(after.shape)
        changed[changed_elements(before, after)] = 1.0
        elements = self.with_bars(after).elements
        return jnp.sum(elements.power() * jnp.asarray(changed)) * self.settling_time(tolerance)


def path_figures(transfer: jax.Array, permutation: Any) -> PathFigures:
    """Loss and crosstalk of all paths, with finite derivatives wherever there is light or none.

    Args:
        transfer: amplitudes [..., N outputs, N inputs].
        permutation: output of each input, shape [N], -1 for an idle one, that sends no light; may be traced.

    Raises:
        ValueError: for something that is no permutation of the inputs.
    """
    if is_concrete(permutation):
        permutation = check_permutation(permutation, transfer.shape[-1])
    powers, permutation = power(transfer), jnp.asarray(permutation)
    lit = permutation >= 0
    own = (permutation[None, :] == jnp.arange(powers.shape[-1])[:, None]) & lit[None, :]
    is_used = jnp.any(own, axis=-1)
    leading = (1,) * (powers.ndim - 2)
    own, others = (x.reshape(*leading, *x.shape) for x in (own, ~own & lit[None, :]))
    zero = jnp.zeros_like(powers)
    signal, stray = jnp.where(own, powers, zero), jnp.where(others, powers, zero)
    at_output = jnp.where(is_used, _level(jnp.sum(signal, axis=-1)), 0.0)
    loss = jnp.where(lit, -_level(jnp.sum(signal, axis=-2)), jnp.inf)
    return PathFigures(loss, _level(jnp.max(stray, axis=-1)) - at_output, _level(jnp.sum(stray, axis=-1)) - at_output)


def switch_energy_per_bit(power_mw: Any, rate_gbps: Any, ports: Any = 1) -> Any:
    """Energy in fJ that a switch takes for each bit that it passes on.

    Args:
        power_mw: electrical power in mW.
        rate_gbps: bit rate of each port in Gbit/s, of all wavelengths together.
        ports: ports that carry light.

    Raises:
        ValueError: for a rate or number of ports that is not above zero, or a power below zero.
    """
    check_range("power_mw", power_mw, 0.0, np.inf, "mW")
    check_positive("rate_gbps", rate_gbps, "Gbit/s")
    check_positive("ports", ports)
    return 1e3 * power_mw / (rate_gbps * ports)


def band_within(wl: Any, values: Any, limit: float, centre: float) -> float:
    """Width in um of the band around `centre` in which `values` are at most `limit`, ends interpolated; on the host.

    Args:
        wl: wavelengths in um, ascending, shape [W].
        values: shape [W]; they may be infinite.
        limit: of the same unit.
        centre: wavelength in um within the samples.

    Returns:
        The width, zero where the limit is passed at the sample nearest to the centre; up to the ends of `wl`.

    Raises:
        ValueError: for shapes that differ, wavelengths that do not ascend, values that are nan, or a centre beyond.
    """
    wl, values = np.asarray(wl, float), np.asarray(values, float)
    if wl.ndim != 1 or wl.shape != values.shape or np.any(np.diff(wl) <= 0.0):
        raise ValueError(f"wl of shape {wl.shape} does not ascend, or does not go with values of shape {values.shape}")
    if np.any(np.isnan(values)):
        raise ValueError("values = nan is not a number")
    check_finite("limit", limit)
    check_range("centre", centre, wl[0], wl[-1], "um")
    start = int(np.argmin(np.abs(wl - centre)))
    if not values[start] <= limit:
        return 0.0
    ends = []
    for step in (-1, 1):
        k = start
        while 0 <= k + step < wl.size and values[k + step] <= limit:
            k += step
        end = wl[k]
        if 0 <= k + step < wl.size and np.isfinite(values[k]):
            end += (wl[k + step] - wl[k]) * (limit - values[k]) / (values[k + step] - values[k])
        ends.append(end)
    return float(ends[1] - ends[0])


def _level(powers: jax.Array) -> jax.Array:
    """Powers in dB, with a derivative where there are none too; no quotients, whose squares leave single precision."""
    return db(jnp.maximum(powers, LEAST_POWER))


@eqx.filter_jit
def _figures_of_all(fabric: SwitchFabric, bars: Any, permutations: Any, wl: Any, temperature: Any) -> PathFigures:
    def one(bars: jax.Array, permutation: jax.Array) -> PathFigures:
        return path_figures(fabric.with_bars(bars).transfer(wl, temperature), permutation)

    return jax.vmap(one)(jnp.asarray(bars), jnp.asarray(permutations))


def _with_elements(circuit: Circuit, elements: Any) -> Circuit:
    old = circuit.parameters["element"]["device"]
    new = eqx.filter(elements, jax.tree.map(lambda leaf: leaf is not None, old, is_leaf=lambda leaf: leaf is None))
    return eqx.tree_at(lambda c: c.parameters["element"]["device"], circuit, new)
