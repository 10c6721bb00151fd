"""What a component of a circuit does: functions, devices and circuits, seen as one kind of model.

A model takes its settings apart into numbers, which may be traced, differentiated and put in batches, and choices
(names, counts, flags, None), which are fixed. Instances of a component with equal choices differ in their numbers
only, so a circuit evaluates them together, as one batch.
"""

import abc
import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.kernels.sparsity import known_zeros
from photonics_core.netlist import NetlistError
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.units import REFERENCE_TEMPERATURE

Pair = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Setup:
    """What an instance hands to its model.

    Args:
        numbers: arrays by name; a device is one of them, as a pytree of arrays.
        choices: everything else by name.
    """

    numbers: dict[str, Any]
    choices: dict[str, Any]

    def key(self) -> Any:
        """Hashable; setups of equal keys can be put in one batch."""
        leaves, tree = jax.tree.flatten(self.numbers)
        return tree, tuple(np.shape(leaf) for leaf in leaves), repr(sorted(self.choices.items()))


@dataclasses.dataclass(frozen=True)
class Structure:
    """What is known of a component's scattering matrix without its values.

    Args:
        ports: names of the ports.
        pairs: for each pair (from, to) with light between them the pair that holds its amplitude: itself, or another
            whose amplitude is the same array, as in a reciprocal component.
        constant: pairs whose amplitude does not depend on wavelength.
    """

    ports: tuple[str, ...]
    pairs: Mapping[Pair, Pair]
    constant: frozenset[Pair]


class Model(abc.ABC):
    """A component's behaviour, by its name in the netlist."""

    name: str

    @abc.abstractmethod
    def setup(self, settings: Mapping[str, Any], start: Setup | None = None) -> Setup:
        """Lay the settings over `start`, or over the defaults.

        Raises:
            NetlistError: for a setting that the model does not know.
        """

    @abc.abstractmethod
    def scattering(self, setup: Setup, wl: jax.Array, temperature: Any) -> Any:
        """Scattering matrix, or dict {(from, to): amplitude}, at wavelengths `wl` [N] in um."""

    def amplitudes(self, setup: Setup, wl: jax.Array, temperature: Any) -> tuple[tuple[str, ...], dict[Pair, Any]]:
        """Ports, and amplitudes by (from, to), each a number or of shape [N]."""
        result = self.scattering(setup, wl, temperature)
        if isinstance(result, SMatrix):
            values = jnp.asarray(result.values)
            numbered = list(enumerate(result.ports))
            return result.ports, {(a, b): values[..., i, j] for j, a in numbered for i, b in numbered}
        if isinstance(result, Mapping) and all(isinstance(key, tuple) and len(key) == 2 for key in result):
            ports = tuple(dict.fromkeys(port for pair in result for port in pair))
            return ports, dict(result)
        raise NetlistError(f"component {self.name!r} gives {type(result).__name__}, not an SMatrix or a dict of pairs")

    def structure(self, setup: Setup) -> Structure:
        """Find the structure by tracing the model; nothing is computed.

        Raises:
            NetlistError: if the model fails, or gives no scattering matrix; the message names the component.
        """
        ports: list[tuple[str, ...]] = []
        holders: dict[Pair, Pair] = {}

        def traced(numbers: Any, wl: jax.Array, temperature: jax.Array) -> dict[Pair, jax.Array]:
            names, amplitudes = self.amplitudes(Setup(numbers, setup.choices), wl, temperature)
            ports.append(names)
            first: dict[int, Pair] = {}
            holders.update({pair: first.setdefault(id(value), pair) for pair, value in amplitudes.items()})
            return {pair: jnp.asarray(value) for pair, value in amplitudes.items()}

        try:
            zeros = known_zeros(traced, setup.numbers, jnp.full(2, 1.55), jnp.asarray(REFERENCE_TEMPERATURE))
        except NetlistError:
            raise
        except Exception as error:
            raise NetlistError(f"component {self.name!r} fails: {error}") from error
        pairs = {pair: holders[pair] for pair, zero in zeros.items() if not zero.all()}
        return Structure(ports[-1], pairs, frozenset(pair for pair, zero in zeros.items() if zero.ndim == 0))


class FunctionModel(Model):
    """A function of keyword arguments, all with defaults but `wl` and `temperature`.

    Args:
        name: name of the component.
        function: gives an `SMatrix` or a dict {(from, to): amplitude}.
        lenient: leave out settings that the function does not take, as those that only a layout needs.
    """

    def __init__(self, name: str, function: Callable[..., Any], *, lenient: bool = False):
        self.name, self._function, self._lenient = name, function, lenient
        arguments = inspect.signature(function).parameters.values()
        self._open = any(argument.kind is argument.VAR_KEYWORD for argument in arguments)
        self._defaults = {a.name: a.default for a in arguments if a.kind in (a.KEYWORD_ONLY, a.POSITIONAL_OR_KEYWORD)}
        for argument, default in self._defaults.items():
            if default is inspect.Parameter.empty and argument not in ("wl", "temperature"):
                raise NetlistError(f"component {name!r}: its argument {argument!r} has no default")

    def setup(self, settings: Mapping[str, Any], start: Setup | None = None) -> Setup:
        own = {k: v for k, v in self._defaults.items() if k not in ("wl", "temperature")}
        if not self._open:
            known = set(own) | ({"temperature"} & set(self._defaults))
            settings = _known_settings(self.name, settings, known, self._lenient)
        start = start or _split(own, own)
        # None in a netlist says that the layout left it open.
        given = {k: v for k, v in settings.items() if v is not None}
        new = _split(given, own)
        kept_numbers = {k: v for k, v in start.numbers.items() if k not in given}
        kept_choices = {k: v for k, v in start.choices.items() if k not in given}
        return Setup(kept_numbers | new.numbers, kept_choices | new.choices)

    def scattering(self, setup: Setup, wl: jax.Array, temperature: Any) -> Any:
        shared = {"wl": wl, "temperature": temperature}
        shared = {k: v for k, v in shared.items() if k in self._defaults}
        return self._function(**(shared | setup.choices | setup.numbers))


class DeviceModel(Model):
    """A device: an object with `scattering(wl)` or `scattering(wl, temperature)`, its fields being its settings.

    Args:
        name: name of the component.
        device: the device, a pytree.
        lenient: leave out settings that the device does not have.
    """

    def __init__(self, name: str, device: Any, *, lenient: bool = False):
        self.name, self._device, self._lenient = name, device, lenient
        arguments = set(inspect.signature(device.scattering).parameters)
        self._takes_temperature = "temperature" in arguments

    def setup(self, settings: Mapping[str, Any], start: Setup | None = None) -> Setup:
        device = self._device if start is None else _joined(start)
        numbers = {} if start is None else {k: v for k, v in start.numbers.items() if k != "device"}
        if self._takes_temperature and "temperature" in settings:
            numbers["temperature"] = as_leaf(settings["temperature"])
            settings = {k: v for k, v in settings.items() if k != "temperature"}
        device = self._changed(device, settings)
        arrays, rest = eqx.partition(device, _is_number)
        return Setup(numbers | {"device": arrays}, {"device": rest})

    def scattering(self, setup: Setup, wl: jax.Array, temperature: Any) -> Any:
        arguments = (setup.numbers.get("temperature", temperature),) if self._takes_temperature else ()
        return _joined(setup).scattering(wl, *arguments)

    def _changed(self, device: Any, settings: Mapping[str, Any]) -> Any:
        fields = (
            {field.name for field in dataclasses.fields(device)} if hasattr(device, "__dataclass_fields__") else set()
        )
        settings = _known_settings(self.name, settings, fields, self._lenient)
        # The device is made again, so that it checks its new values.
        return dataclasses.replace(device, **settings) if settings else device


class ConstantModel(DeviceModel):
    """A scattering matrix that is there already, measured or simulated at the circuit's wavelengths."""

    def __init__(self, name: str, matrix: SMatrix, *, lenient: bool = False):
        self.name, self._device, self._lenient = name, matrix, lenient
        self._takes_temperature = False

    def scattering(self, setup: Setup, wl: jax.Array, temperature: Any) -> SMatrix:
        del wl, temperature
        return _joined(setup)


def as_model(name: str, behaviour: Any, *, lenient: bool = False) -> Model:
    """The model of a component from a function, a device or a scattering matrix.

    Raises:
        NetlistError: if it is none of these.
    """
    if isinstance(behaviour, SMatrix):
        return ConstantModel(name, behaviour, lenient=lenient)
    if callable(getattr(behaviour, "scattering", None)) and not isinstance(behaviour, type):
        return DeviceModel(name, behaviour, lenient=lenient)
    if callable(behaviour):
        return FunctionModel(name, behaviour, lenient=lenient)
    raise NetlistError(f"component {name!r}: {behaviour!r} is no function, device, SMatrix, netlist or circuit")


def _known_settings(name: str, settings: Mapping[str, Any], known: set[str], lenient: bool) -> dict[str, Any]:
    unknown = sorted(set(settings) - known)
    if unknown and not lenient:
        takes = ", ".join(sorted(known)) or "none"
        raise NetlistError(f"component {name!r} has no setting {unknown[0]!r}; its settings are: {takes}")
    return {k: v for k, v in settings.items() if k in known}


def _split(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> Setup:
    """Numbers and choices. An integer is a number where the default is not an integer, and a choice elsewhere."""
    numbers = {k: as_leaf(v) for k, v in values.items() if _is_parameter(v, defaults.get(k))}
    return Setup(numbers, {k: v for k, v in values.items() if k not in numbers})


def _is_parameter(value: Any, default: Any) -> bool:
    if isinstance(value, bool) or isinstance(default, bool | str):
        return False
    if isinstance(value, int) and not isinstance(value, np.generic):
        return isinstance(default, float | complex | np.ndarray | jax.Array)
    return _is_number(as_leaf(value))


def _is_number(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and np.issubdtype(leaf.dtype, np.inexact)


def _joined(setup: Setup) -> Any:
    return eqx.combine(setup.numbers["device"], setup.choices["device"])
