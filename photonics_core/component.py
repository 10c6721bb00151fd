"""What a component of a circuit does: functions, devices and circuits, seen as one kind of model.

A model takes its settings apart into numbers, which may be traced, differentiated and put in batches, and choices
(names, counts, flags, None), which are fixed; see `settings.py`. Instances of a component with equal choices differ in
their numbers only, so a circuit evaluates them together, as one batch.
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

from photonics_core.kernels.checks import is_concrete
from photonics_core.kernels.sparsity import known_zeros
from photonics_core.netlist import NetlistError
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.settings import Setup, check_single, is_number, split
from photonics_core.units import REFERENCE_TEMPERATURE

Pair = tuple[str, str]

# Wavelengths with which a model is tried; not a number that a vector of settings is likely to have.
TRIAL = 7


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
            ports = result.ports
            pairs = {(a, b): values[..., i, j] for j, a in numbered for i, b in numbered}
        elif isinstance(result, Mapping) and all(isinstance(key, tuple) and len(key) == 2 for key in result):
            ports = tuple(dict.fromkeys(port for pair in result for port in pair))
            pairs = dict(result)
        else:
            kind = type(result).__name__
            raise NetlistError(f"component {self.name!r} gives {kind}, not an SMatrix or a dict of pairs")
        for port in ports:
            if not isinstance(port, str):
                raise NetlistError(f"component {self.name!r}: its port {port!r} is no text")
        return ports, pairs

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
            zeros = known_zeros(traced, setup.numbers, jnp.full(TRIAL, 1.55), jnp.asarray(REFERENCE_TEMPERATURE))
        except NetlistError:
            raise
        except Exception as error:
            raise NetlistError(f"component {self.name!r} fails: {error}") from error
        pairs = {pair: holders[pair] for pair, zero in zeros.items() if not zero.all()}
        return Structure(ports[-1], pairs, frozenset(pair for pair, zero in zeros.items() if zero.ndim == 0))

    def inner(self, parameters: Mapping[str, Any]) -> Any:
        """The circuit that the component is, with its parameters out of `parameters`; None if it is none."""
        del parameters

    def check_grid(self, setup: Setup, wl: Any) -> None:
        """Refuse wavelengths other than those of a table.

        Raises:
            NetlistError: naming both.
        """
        del setup, wl

    def check(self, setup: Setup, wl: Any, temperature: Any) -> None:
        """Let the model look at wavelengths and a temperature that are at hand; nothing is computed.

        Inside a circuit all values are traced, so that the model's own checks pass whatever comes. The numbers of
        the setup stay unknown, and its own temperature, if it has one, gives way to `temperature`.

        Args:
            setup: what an instance hands over.
            wl: wavelengths in um, shape [N], an array of JAX or a `jax.ShapeDtypeStruct`.
            temperature: temperature in K, likewise.

        Raises:
            ValueError: what the model raises.
        """
        given = {"wl": wl, "temperature": temperature}
        unknown = {name: value for name, value in given.items() if isinstance(value, jax.ShapeDtypeStruct)}
        own = {"temperature"} & setup.numbers.keys()

        def run(numbers: dict[str, Any], traced: dict[str, Any]) -> None:
            values = given | traced
            self.scattering(Setup(numbers | {name: values[name] for name in own}, setup.choices), **values)

        try:
            jax.eval_shape(run, setup.numbers, unknown)
        except ValueError:
            raise
        except Exception:
            # No check: what is wrong with the model itself was found when the circuit was made.
            return


class FunctionModel(Model):
    """A function of keyword arguments, all with defaults but `wl` and `temperature`.

    Args:
        name: name of the component.
        function: gives an `SMatrix` or a dict {(from, to): amplitude}.
        lenient: leave out settings that the function does not take, as those that only a layout needs.
    """

    def __init__(self, name: str, function: Callable[..., Any], *, lenient: bool = False):
        self.name: str = name
        self._function, self._lenient = function, lenient
        try:
            arguments = inspect.signature(function).parameters.values()
        except (TypeError, ValueError) as error:
            raise NetlistError(f"component {name!r}: {error}") from error
        self._open = any(argument.kind is argument.VAR_KEYWORD for argument in arguments)
        self._defaults = {a.name: a.default for a in arguments if a.kind in (a.KEYWORD_ONLY, a.POSITIONAL_OR_KEYWORD)}
        for argument, default in self._defaults.items():
            if default is inspect.Parameter.empty and argument not in ("wl", "temperature"):
                raise NetlistError(f"component {name!r}: its argument {argument!r} has no default")

    def setup(self, settings: Mapping[str, Any], start: Setup | None = None) -> Setup:
        own = {k: v for k, v in self._defaults.items() if k not in ("wl", "temperature")}
        known = set(own) | ({"temperature"} & set(self._defaults))
        if self._open:
            # Any name but that of the wavelengths, which the circuit gives.
            known |= set(settings) - {"wl"}
        settings = _known_settings(self.name, settings, known, self._lenient)
        start = start or split(own, own)
        # None in a netlist says that the layout left it open.
        given = {k: v for k, v in settings.items() if v is not None}
        new = split(given, {"temperature": REFERENCE_TEMPERATURE} | own)
        kept_numbers = {k: v for k, v in start.numbers.items() if k not in given}
        kept_choices = {k: v for k, v in start.choices.items() if k not in given}
        return Setup(kept_numbers | new.numbers, kept_choices | new.choices)

    def scattering(self, setup: Setup, wl: jax.Array, temperature: Any) -> Any:
        shared = {"wl": wl, "temperature": temperature}
        shared = {k: v for k, v in shared.items() if k in self._defaults}
        return self._function(**(shared | setup.values()))


class DeviceModel(Model):
    """A device: an object with `scattering(wl)` or `scattering(wl, temperature)`, its fields being its settings.

    Args:
        name: name of the component.
        device: the device, a pytree.
        lenient: leave out settings that the device does not have.
    """

    def __init__(self, name: str, device: Any, *, lenient: bool = False):
        self.name: str = name
        self._device, self._lenient = device, lenient
        arguments = set(inspect.signature(device.scattering).parameters)
        self._takes_temperature = "temperature" in arguments

    def setup(self, settings: Mapping[str, Any], start: Setup | None = None) -> Setup:
        device = self._device if start is None else start.values()["device"]
        numbers = {} if start is None else {k: v for k, v in start.numbers.items() if k != "device"}
        if self._takes_temperature and "temperature" in settings:
            check_single("temperature", settings["temperature"], REFERENCE_TEMPERATURE)
            numbers["temperature"] = as_leaf(settings["temperature"])
            settings = {k: v for k, v in settings.items() if k != "temperature"}
        arrays, rest = self._partitioned(self._changed(device, settings))
        return Setup(numbers | {"device": arrays}, {"device": rest})

    def scattering(self, setup: Setup, wl: jax.Array, temperature: Any) -> Any:
        arguments = (setup.numbers.get("temperature", temperature),) if self._takes_temperature else ()
        return setup.values()["device"].scattering(wl, *arguments)

    def _partitioned(self, device: Any) -> tuple[Any, Any]:
        """The device's arrays of numbers, and the rest."""
        return eqx.partition(device, is_number)

    def _changed(self, device: Any, settings: Mapping[str, Any]) -> Any:
        fields = (
            {field.name for field in dataclasses.fields(device)} if hasattr(device, "__dataclass_fields__") else set()
        )
        settings = _known_settings(self.name, settings, fields, self._lenient)
        # The device is made again, so that it checks its new values.
        return dataclasses.replace(device, **settings) if settings else device


class ConstantModel(DeviceModel):
    """A scattering matrix that is there already, measured or simulated at the circuit's wavelengths.

    A single matrix, without an axis of wavelengths, holds for all of them.
    """

    def __init__(self, name: str, matrix: SMatrix, *, lenient: bool = False):
        self.name: str = name
        self._device, self._lenient = matrix, lenient
        self._takes_temperature = False

    def scattering(self, setup: Setup, wl: jax.Array, temperature: Any) -> SMatrix:
        del wl, temperature
        matrix = setup.values()["device"]
        values = jnp.asarray(matrix.values)
        flat = values.reshape(-1, *values.shape[-2:]) if values.ndim > 3 else values
        return SMatrix(flat, matrix.ports, None)

    def check_grid(self, setup: Setup, wl: Any) -> None:
        matrix = setup.values()["device"]
        if np.ndim(matrix.values) == 2 or matrix.wl is None:
            return
        if np.size(wl) == np.size(matrix.wl) and not is_concrete(wl, matrix.wl):
            return
        if np.size(wl) != np.size(matrix.wl) or not _agree(wl, matrix.wl):
            raise NetlistError(
                f"its table is at {_wavelengths(matrix.wl)}, and the circuit is asked for {_wavelengths(wl)}; "
                "TabulatedDevice.from_smatrix interpolates between the wavelengths of a table"
            )

    def _partitioned(self, device: Any) -> tuple[Any, Any]:
        # The wavelengths of a table are no parameter: matrices at others are another component.
        kept = device.wl if is_concrete(device.wl) else None
        return eqx.partition(device, lambda leaf: is_number(leaf) and leaf is not kept)


def _agree(one: Any, other: Any) -> bool:
    """Whether wavelengths are equal to 1e-9, or to the rounding of the coarser of the two."""
    first, second = np.ravel(np.asarray(one)), np.ravel(np.asarray(other))
    coarse = max(np.finfo(x.dtype).eps if x.dtype.kind == "f" else 0.0 for x in (first, second))
    return np.allclose(first, second, rtol=max(1e-9, 4.0 * float(coarse)), atol=0.0)


def _wavelengths(wl: Any) -> str:
    if not is_concrete(wl) or not np.size(wl):
        return f"{np.size(wl)} wavelengths"
    low, high = np.min(np.asarray(wl)), np.max(np.asarray(wl))
    return f"{low:.9g} um" if np.size(wl) == 1 else f"{np.size(wl)} wavelengths from {low:.9g} to {high:.9g} um"


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
    unknown = sorted(set(settings) - known, key=str)
    if unknown and not lenient:
        takes = ", ".join(sorted(known)) or "none"
        raise NetlistError(f"component {name!r} has no setting {unknown[0]!r}; its settings are: {takes}")
    return {k: v for k, v in settings.items() if k in known}
