"""Circuits: a netlist and the models of its components, as one device with a scattering matrix.

The arithmetic is exact, with all loops and reflections (see `kernels/network.py`). A circuit is a pytree like any
device: its parameters are its leaves, those of equal components in one array each, so `jax.grad`, `jax.vmap` and
`jax.jit` take the circuit itself, and nothing is compiled again for new values.
"""

import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.component import DeviceModel, Model, Structure, as_model
from photonics_core.display import Shown
from photonics_core.evaluation import blame, check_ranges, evaluate
from photonics_core.kernels.checks import check_positive, is_concrete
from photonics_core.netlist import Netlist, NetlistError, NetlistHierarchy
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.settings import Setup
from photonics_core.units import REFERENCE_TEMPERATURE
from photonics_core.wiring import Group, Wiring


class Circuit(Shown):
    """Components joined at their ports, with the ports of the netlist as its own.

    A port of several modes has names `port@mode`; joining or leading out `port` does so for each mode.

    Only circuits of passive components have a meaning: a steady state. Where a loop has a gain of one or more the waves
    in it grow without end, and no state is ever reached; what comes back is the solution of the linear equations all
    the same, a finite number without meaning, and no error. (At a gain of exactly one they have no solution, and the
    loop counts as cut.) `check_passivity` tells of a component whether it is passive.

    An integer, text or object among the settings is fixed. All arrays of real or complex numbers are parameters, those
    within a device that is a setting too.

    A circuit that is built again is compiled again; for other values keep one and use `with_settings`.

    Args:
        netlist: instances, connections and outer ports; or a `NetlistHierarchy`, whose other netlists are then models
            of their names, unless `models` has others.
        models: for each component a function of keyword arguments with defaults that gives an `SMatrix` or a dict
            {(from, to): amplitude}, a device with `scattering`, an `SMatrix`, or another `Netlist` or `Circuit`.
            Amplitudes that a dict leaves out are zero and cost nothing.
        lenient: leave out settings in the netlist that a model does not know, as those that only a layout needs,
            instead of raising an error.

    Raises:
        NetlistError: for a component without a model or with one that fails, an unknown port or setting, a port that
            is used twice, a component that contains itself, or arguments of another kind. The message names it.
    """

    parameters: dict[str, dict[str, Any]]
    wiring: Wiring = eqx.field(static=True, repr=False)

    def __init__(
        self, netlist: Netlist | NetlistHierarchy, models: "Mapping[str, Any] | _Library", *, lenient: bool = False
    ):
        if not isinstance(models, _Library | Mapping):
            raise NetlistError(f"models = {models!r} is no dict of models by component")
        if isinstance(netlist, NetlistHierarchy) and isinstance(models, Mapping):
            netlist, models = netlist.netlist, {**netlist.netlists, **models}
        if not isinstance(netlist, Netlist):
            kind = type(netlist).__name__
            raise NetlistError(f"netlist is of the kind {kind}, not Netlist; netlist_from_dict makes one of a dict")
        library = models if isinstance(models, _Library) else _Library(models, lenient)
        self.parameters, groups = _grouped(netlist, library.of(netlist))
        self.wiring = Wiring(netlist, groups)

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the outer ports."""
        return tuple(self.wiring.ports)

    @property
    def instances(self) -> dict[str, tuple[str, ...]]:
        """For each entry of `parameters` the instances along its leading axis."""
        return {group.name: group.instances for group in self.wiring.groups}

    def __call__(
        self, wl: Any = 1.55, temperature: Any = REFERENCE_TEMPERATURE, **settings: Mapping[str, Any]
    ) -> SMatrix:
        """Scattering matrix with other settings, given as instance={setting: value}; see `scattering`."""
        return self.with_settings(settings).scattering(wl, temperature)

    def scattering(self, wl: Any, temperature: Any = REFERENCE_TEMPERATURE) -> SMatrix:
        """Scattering matrix between all ports over `wl`.

        Args:
            wl: free-space wavelengths in um, of any shape.
            temperature: temperature in K of all components that have none of their own.

        Raises:
            ValueError: if a wavelength or temperature is not positive, or the temperature is not a single number.
            NetlistError: if a component's amplitudes do not fit the wavelengths; it is a table at other wavelengths, or
                refuses them or the temperature; or a value is not finite. All but the first only where wavelengths,
                temperature or values are at hand, not where `jit`, `grad` or `vmap` trace them.
        """
        wl = as_leaf(wl) if isinstance(wl, list | tuple) else wl
        return SMatrix(self.amplitudes(wl, temperature), self.ports, wl)

    def amplitudes(
        self,
        wl: Any,
        temperature: Any = REFERENCE_TEMPERATURE,
        *,
        inputs: Iterable[str] | None = None,
        outputs: Iterable[str] | None = None,
    ) -> jax.Array:
        """Complex amplitudes from some ports to some others; no others are computed.

        Args:
            wl: free-space wavelengths in um, of any shape.
            temperature: temperature in K of all components that have none of their own.
            inputs: ports that light is sent into, one name or several; all for None.
            outputs: ports where it is received, likewise.

        Returns:
            S[..., output, input], the leading axes those of `wl`.

        Raises:
            ValueError: as for `scattering`.
            NetlistError: as for `scattering`, or for an unknown port or none.
        """
        wl = as_leaf(wl) if isinstance(wl, list | tuple) else wl
        check_positive("wl", wl, "um")
        check_positive("temperature", temperature, "K")
        if np.ndim(temperature):
            raise ValueError(
                f"temperature of shape {np.shape(temperature)} is not one number; jax.vmap takes a circuit over several"
            )
        names = self.wiring.choose(inputs, "input"), self.wiring.choose(outputs, "output")
        request = self.wiring.request(*names)
        check_ranges(self.wiring, self.parameters, wl, temperature)
        arguments = self.parameters, jnp.asarray(wl), jnp.asarray(temperature)
        try:
            values = evaluate(self.wiring, request, *arguments)
            finite = not is_concrete(values) or bool(jnp.isfinite(values).all())
        except NetlistError:
            raise
        except (TypeError, ValueError, jax.errors.JaxRuntimeError):
            # A setting that fits no number of wavelengths, or a check that a model left to the compiled program.
            blame(self.wiring, *arguments, failed=True)
            raise
        if not finite:
            blame(self.wiring, *arguments)
        return values

    def with_settings(self, settings: Mapping[str, Mapping[str, Any]]) -> "Circuit":
        """The same circuit with other settings {instance: {setting: value}}; values may be traced.

        Raises:
            NetlistError: for an unknown instance or setting, or a setting that is no number or not of the shape of what
                it takes the place of: such belong in the netlist.
            ValueError: for a value that a device refuses.
        """
        if not isinstance(settings, Mapping):
            raise NetlistError(f"settings = {settings!r} is no dict of settings by instance")
        for name, own in settings.items():
            if name not in self.wiring.place:
                known = ", ".join(self.wiring.place)
                raise NetlistError(f"there is no instance {name!r}; the instances are: {known}")
            if not isinstance(own, Mapping):
                raise NetlistError(f"instance {name!r}: {own!r} is no dict of settings")
        parameters = dict(self.parameters)
        for group in self.wiring.groups:
            changes = {k: settings[name] for k, name in enumerate(group.instances) if name in settings}
            if changes:
                parameters[group.name] = _changed(group, parameters[group.name], changes)
        return eqx.tree_at(lambda circuit: circuit.parameters, self, parameters)


class _CircuitModel(DeviceModel):
    """A circuit as a component of another: its structure is known, its settings are those of its instances."""

    def structure(self, setup: Setup) -> Structure:
        ports = self._device.ports
        wiring = self._device.wiring
        if not ports:
            return Structure((), {}, frozenset())
        present = wiring.request(ports, ports).plan.present
        pairs = [(a, b) for j, a in enumerate(ports) for i, b in enumerate(ports) if present[i, j]]
        return Structure(ports, {pair: pair for pair in pairs}, frozenset())

    def inner(self, parameters: Mapping[str, Any]) -> Any:
        return parameters["device"]

    def _changed(self, device: Any, settings: Mapping[str, Any]) -> Any:
        return device.with_settings(settings)


class _Library:
    """The models of a netlist's components, each made once, the netlists among them circuits by then."""

    def __init__(self, behaviours: Mapping[str, Any], lenient: bool):
        self._behaviours, self._lenient = behaviours, lenient
        self._models: dict[str, Model] = {}
        self._open: list[str] = []

    def of(self, netlist: Netlist) -> dict[str, Model]:
        """The models of the components of a netlist."""
        for name, instance in netlist.instances.items():
            if instance.component not in self._behaviours:
                known = ", ".join(sorted(self._behaviours))
                raise NetlistError(f"instance {name!r}: there is no model of {instance.component!r}; models: {known}")
        components = dict.fromkeys(instance.component for instance in netlist.instances.values())
        return {component: self._model(component) for component in components}

    def _model(self, component: str) -> Model:
        if component in self._open:
            path = " -> ".join([*self._open[self._open.index(component) :], component])
            raise NetlistError(f"component {component!r} contains itself: {path}")
        if component not in self._models:
            self._open.append(component)
            self._models[component] = self._made(component, self._behaviours[component])
            self._open.pop()
        return self._models[component]

    def _made(self, component: str, behaviour: Any) -> Model:
        if isinstance(behaviour, Netlist):
            try:
                behaviour = Circuit(behaviour, self)
            except NetlistError as error:
                raise NetlistError(f"component {component!r}: {error}") from error
        if isinstance(behaviour, Circuit):
            return _CircuitModel(component, behaviour, lenient=self._lenient)
        return as_model(component, behaviour, lenient=self._lenient)


def _grouped(netlist: Netlist, models: Mapping[str, Model]) -> tuple[dict[str, dict[str, Any]], list[Group]]:
    """Parameters by group, and the groups: instances of one component whose setups differ in numbers only."""
    members: dict[Any, list[tuple[str, Setup]]] = {}
    for name, instance in netlist.instances.items():
        try:
            setup = models[instance.component].setup(instance.settings)
        except ValueError as error:
            raise NetlistError(f"instance {name!r}: {error}") from error
        members.setdefault((instance.component, setup.key()), []).append((name, setup))
    many = Counter(component for component, _ in members)
    numbers: Counter[str] = Counter()
    parameters, groups = {}, []
    for (component, _), found in members.items():
        numbers[component] += 1
        label = component if many[component] == 1 else f"{component}#{numbers[component]}"
        names, setups = zip(*found, strict=True)
        model = models[component]
        groups.append(Group(label, model, names, setups[0], _structure(model, netlist, names[0], setups[0])))
        parameters[label] = jax.tree.map(_stacked, *(setup.numbers for setup in setups))
    return parameters, groups


def _structure(model: Model, netlist: Netlist, name: str, setup: Setup) -> Structure:
    """The structure of an instance's component, or an error that names both and the settings."""
    try:
        return model.structure(setup)
    except NetlistError as error:
        settings = netlist.instances[name].settings
        given = ", ".join(f"{key} = {reprlib.repr(value)}" for key, value in settings.items())
        raise NetlistError(f"instance {name!r}{' with ' + given if given else ''}: {error}") from error


def _changed(group: Group, parameters: dict[str, Any], changes: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters of a group with the settings of some instances changed."""
    rows = []
    for k, settings in changes.items():
        current = Setup(jax.tree.map(lambda leaf, k=k: leaf[k], parameters), group.setup.choices)
        try:
            setup = group.model.setup(settings, current)
        except ValueError as error:
            raise NetlistError(f"instance {group.instances[k]!r}: {error}") from error
        if setup.key() != current.key():
            given = ", ".join(f"{name} = {value!r}" for name, value in settings.items())
            raise NetlistError(
                f"instance {group.instances[k]!r}: {given} is no number, or not of the shape of what it takes the "
                "place of; put it in the netlist"
            )
        rows.append(setup.numbers)
    return jax.tree.map(lambda leaf, *new: _replaced(leaf, list(changes), new), parameters, *rows)


def _stacked(*leaves: Any) -> Any:
    # Numbers from the host stay there, in float64.
    if any(isinstance(leaf, jax.Array) for leaf in leaves):
        return jnp.stack([jnp.asarray(leaf) for leaf in leaves])
    return np.stack(leaves)


def _replaced(leaf: Any, rows: Sequence[int], new: Sequence[Any]) -> Any:
    if any(isinstance(value, jax.Array) for value in (leaf, *new)):
        values = jnp.stack([jnp.asarray(value) for value in new])
        return jnp.asarray(leaf).at[np.array(rows)].set(values.astype(leaf.dtype))
    result = np.array(leaf)
    result[list(rows)] = np.stack(new)
    return result
