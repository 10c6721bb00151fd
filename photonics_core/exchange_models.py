"""Models as SAX and gdsfactory have them, made of our devices, and ours made of theirs. SAX is not imported.

A model there is a plain function of keyword arguments that all have defaults, `wl` in um among them, which returns
{(from, to): amplitude}, or a dense pair of S[..., out, in] and {port: index}. Our S[..., i, j], out of i for a wave
into j, is their (j, i). Both sides have the time dependence exp(-i w t).
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from photonics_core.exchange_sparameters import SParameterError
from photonics_core.kernels.checks import check_choice, is_concrete
from photonics_core.runtime import as_leaf
from photonics_core.scattering import SMatrix
from photonics_core.units import REFERENCE_TEMPERATURE


def as_sax_model(
    device: Any,
    ports: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | Sequence[str] = (),
    *,
    wl: float = 1.55,
) -> Callable[..., dict[tuple[str, str], Any]]:
    """A plain function for SAX or gdsfactory of one of our devices.

    Its keyword arguments are `wl` in um, `temperature` in K where the device has one, and the parameters that are
    chosen here. None stands for the default, for netlists of gdsfactory have it so. Other than in SAX, a name that is
    no argument is an error, and so is a value outside its range.

    Args:
        device: a device, or a function that makes one, all of whose arguments have defaults and become arguments.
        ports: their names of ports by ours, {"in": "o1", "through": "o2"}, of all ports; None keeps ours.
        parameters: paths of parameters within the device by their names as arguments, {"angle": "coupler.angle"};
            from a sequence of paths, the names are the paths with "_" for ".".
        wl: default wavelength in um.

    Returns:
        A function that returns {(from, to): complex array of the shape of `wl`}.

    Raises:
        ValueError: if `ports` does not name all ports once, a path is not in the device, or an argument of a
            function has no default.
    """
    make, defaults = _device_maker(device, parameters)
    example = make(**defaults)
    state = {"wl": wl}
    if "temperature" in inspect.signature(example.scattering).parameters:
        state["temperature"] = REFERENCE_TEMPERATURE
    names = _port_names(example.scattering(wl).ports, ports)

    def model(**settings: Any) -> dict[tuple[str, str], Any]:
        given = {name: value for name, value in settings.items() if value is not None}
        given = _complete(given, state | defaults)
        at = {name: given.pop(name) for name in state}
        # Lists are no arrays to JAX.
        at = {name: as_leaf(value) if isinstance(value, list | tuple) else value for name, value in at.items()}
        pairs = make(**given).scattering(**at).to_dict()
        return {(names[source], names[target]): amplitude for (source, target), amplitude in pairs.items()}

    return _as_plain_function(model, _name_of(device), state | defaults)


def from_sax_model(
    model: Callable[..., Any], ports: Mapping[str, str] | None = None, *, wl: float = 1.55
) -> Callable[..., SMatrix]:
    """A model for our circuits of a function as SAX has them.

    Args:
        model: a function whose keyword arguments all have defaults, which returns {(from, to): amplitude}, or the
            dense pair of an array S[..., out, in] and a dict of indices by port.
        ports: our names of ports by theirs; None keeps theirs.
        wl: default wavelength in um.

    Returns:
        A function of the same arguments, and `wl`, that returns an `SMatrix`. It raises `SParameterError` for a
        result that is no scattering matrix over `wl`, and `ValueError` for an argument that `model` has not.

    Raises:
        ValueError: if an argument of `model` has no default.
    """
    own, name = _defaults_of(model), _name_of(model)
    known, takes_any = _names_within(own), _collects_keywords(model)

    def wrapped(**settings: Any) -> SMatrix:
        if not takes_any:
            for setting in settings:
                check_choice("argument", setting, dict.fromkeys(["wl", *known]))
        at = settings.pop("wl", wl)
        if takes_any or "wl" in known:
            settings["wl"] = at
        pairs = _pairs_of(model(**settings), name)
        names = _port_names(tuple(dict.fromkeys(port for pair in pairs for port in pair)), ports)
        renamed = {(names[source], names[target]): value for (source, target), value in pairs.items()}
        return _smatrix(renamed, at, name)

    return _as_plain_function(wrapped, name, {"wl": wl, **own})


def _complete(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the defaults of those that are not given; one that has no default is an error."""
    for name in settings:
        check_choice("argument", name, defaults)
    return {**defaults, **settings}


def _as_plain_function(function: Callable[..., Any], name: str, defaults: Mapping[str, Any]) -> Callable[..., Any]:
    """Give a function of collected keyword arguments the signature that circuit tools look at."""
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(key, kind, default=value) for key, value in defaults.items()]
    function.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
    function.__name__ = function.__qualname__ = name
    return function


# --- ours to theirs -------------------------------------------------------------------------------


def _device_maker(
    device: Any, parameters: Mapping[str, str] | Sequence[str]
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """A function of keyword arguments that makes the device, and their defaults."""
    if hasattr(device, "scattering"):
        paths = parameters if isinstance(parameters, Mapping) else {path.replace(".", "_"): path for path in parameters}
        defaults = {name: _plain_number(_value_at(device, path)) for name, path in paths.items()}
        make: Callable[..., Any] = functools.partial(_with_values, device, paths)
    elif callable(device) and not parameters:
        make, defaults = device, _defaults_of(device)
    elif callable(device):
        raise ValueError("parameters are paths within a device; the arguments of a function are taken as they are")
    else:
        raise ValueError(f"device = {device!r} is neither a device, with `scattering`, nor a function that makes one")
    for name in ("wl", "temperature"):
        if name in defaults:
            raise ValueError(f"parameters: {name!r} is an argument of every model; choose another name")
    return make, defaults


def _with_values(device: Any, paths: Mapping[str, str], **values: Any) -> Any:
    for name, value in values.items():
        device = _with_value(device, paths[name], value)
    return device


def _value_at(device: Any, path: str) -> Any:
    value = device
    for part in path.split("."):
        if isinstance(value, tuple | list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif dataclasses.is_dataclass(value) and part in {field.name for field in dataclasses.fields(value)}:
            value = getattr(value, part)
        else:
            raise ValueError(f"parameters: {path!r} is not in the device: {type(value).__name__} has no {part!r}")
    return value


def _with_value(device: Any, path: str, value: Any) -> Any:
    """The device with another value at `path`. Every part on the way is made anew, so that its checks run."""
    part, _, rest = path.partition(".")
    if isinstance(device, tuple | list):
        items = list(device)
        items[int(part)] = _with_value(items[int(part)], rest, value) if rest else value
        return type(device)(items)
    changed = _with_value(getattr(device, part), rest, value) if rest else value
    return dataclasses.replace(device, **{part: changed})


def _plain_number(value: Any) -> Any:
    """A number of Python for an array of one; SAX shows defaults to its users."""
    return value.item() if getattr(value, "shape", None) == () and is_concrete(value) else value


def _port_names(ours: Sequence[str], names: Mapping[str, str] | None) -> dict[str, str]:
    """Names by port, once they are known to name every port, and none twice."""
    if names is None:
        return {port: port for port in ours}
    for port in names:
        check_choice("port", port, ours)
    missing = [port for port in ours if port not in names]
    if missing or len(set(names.values())) < len(names):
        fault = f"{missing[0]!r} has no name" if missing else "a name is there twice"
        raise ValueError(f"ports = {dict(names)}: {fault}")
    return dict(names)


def _defaults_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Defaults of the arguments of a function by name; collected keyword arguments aside."""
    defaults = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL):
            continue
        if parameter.default is inspect.Parameter.empty or parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise ValueError(f"{_name_of(function)}: the argument {name!r} has no default, as those of a model have")
        defaults[name] = parameter.default
    return defaults


def _names_within(defaults: Mapping[str, Any]) -> list[str]:
    """Names of arguments, and of those of the instances that the arguments of a circuit of SAX stand for.

    Such a circuit hands on an argument of the name of a setting, `wl` above all, to all its instances.
    """
    inner = [name for value in defaults.values() if isinstance(value, Mapping) for name in _names_within(value)]
    return list(dict.fromkeys([*defaults, *inner]))


def _collects_keywords(function: Callable[..., Any]) -> bool:
    return any(p.kind is inspect.Parameter.VAR_KEYWORD for p in inspect.signature(function).parameters.values())


def _name_of(value: Any) -> str:
    return getattr(value, "__name__", None) or type(value).__name__


# --- theirs to ours -------------------------------------------------------------------------------


def _pairs_of(result: Any, name: str) -> dict[tuple[str, str], Any]:
    """Amplitudes by (from, to) of a result in either form."""
    if isinstance(result, Mapping):
        for pair in result:
            if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(port, str) for port in pair)):
                raise SParameterError(f"{name}: the key {pair!r} is no pair of ports (from, to)")
        if not result:
            raise SParameterError(f"{name}: the result holds no pair of ports")
        return dict(result)
    if not (isinstance(result, tuple | list) and len(result) == 2 and isinstance(result[1], Mapping)):
        raise SParameterError(f"{name}: the result is neither a dict of pairs nor an array with a dict of ports")
    array, indices = jnp.asarray(result[0]), result[1]
    count = len(indices)
    if array.shape[-2:] != (count, count) or not count:
        raise SParameterError(
            f"{name}: an array of shape {array.shape} is no matrix of the {count} ports {list(indices)}"
        )
    if sorted(indices.values()) != list(range(count)):
        raise SParameterError(f"{name}: the indices of the ports, {dict(indices)}, are not 0 to {count - 1}, each once")
    return {(source, target): array[..., i, j] for source, j in indices.items() for target, i in indices.items()}


def _smatrix(pairs: Mapping[tuple[str, str], Any], wl: Any, name: str) -> SMatrix:
    shape = np.shape(wl)
    arrays = {}
    for pair, value in pairs.items():
        label = f"{name}: the amplitude from {pair[0]!r} to {pair[1]!r}"
        try:
            arrays[pair] = jnp.asarray(value)
            fits = np.broadcast_shapes(np.shape(value), shape) == shape
        except (TypeError, ValueError):
            raise SParameterError(f"{label}, of shape {np.shape(value)}, does not fit wl of shape {shape}") from None
        if not fits:
            raise SParameterError(f"{label}, of shape {np.shape(value)}, does not fit wl of shape {shape}")
        if is_concrete(arrays[pair]) and not np.all(np.isfinite(arrays[pair])):
            raise SParameterError(f"{label} is not finite")
    return SMatrix.from_dict(arrays, wl)
