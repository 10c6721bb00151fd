"""The amplitudes of a circuit: models evaluated group by group, the network solved, wavelengths and values checked.

A model sees traced values here, and its own checks of their range pass. So where wavelengths or the temperature are at
hand, each model is traced once with them, before anything is computed.
"""

import functools
from collections.abc import Hashable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.component import TRIAL, Pair
from photonics_core.kernels.checks import is_concrete
from photonics_core.kernels.network import solve
from photonics_core.netlist import NetlistError
from photonics_core.settings import Setup
from photonics_core.wiring import Group, Request, Wiring

# Ranges that a group remembers; a program with more than so many of them checks some again.
_REMEMBERED = 256

_Span = tuple[tuple[float, ...], np.dtype]


def check_ranges(wiring: Wiring, parameters: dict[str, Any], wl: Any, temperature: Any) -> None:
    """Have every component refuse wavelengths and temperatures that it does not know, as far as they are at hand.

    Args:
        wiring: the circuit's.
        parameters: the circuit's, with any leading axes.
        wl: wavelengths in um, of any shape, an array or a number.
        temperature: temperature in K, a number.

    Raises:
        NetlistError: naming the component and its first instance.
    """
    if not np.size(wl):
        return
    span = _span(wl)
    for group in wiring.groups:
        own = parameters[group.name].get("temperature", temperature)
        part = group.model.inner(parameters[group.name])
        try:
            group.model.check_grid(group.setup, wl)
            for value in _extremes(own):
                if part is not None:
                    check_ranges(part.wiring, part.parameters, wl, value)
                elif (span, value) not in group.checked:
                    group.model.check(group.setup, *_trial(span, value))
                    _remember(group, (span, value))
        except ValueError as error:
            raise NetlistError(f"{_place(group)}: {error}") from error


def _span(wl: Any) -> _Span:
    """Shortest and longest wavelength, none where they are not at hand, and the precision."""
    dtype = getattr(wl, "dtype", np.float64)
    dtype = jax.dtypes.canonicalize_dtype(dtype if jnp.issubdtype(dtype, jnp.floating) else np.float64)
    if not is_concrete(wl):
        return (), dtype
    given = np.asarray(wl)
    return (float(given.min()), float(given.max())), dtype


def _extremes(temperature: Any) -> list[Any]:
    """The lowest and the highest temperature, one if they are equal, or what is known of it."""
    if isinstance(temperature, jax.ShapeDtypeStruct):
        return [temperature]
    if not is_concrete(temperature):
        return [jax.ShapeDtypeStruct((), temperature.dtype)]
    values = np.asarray(temperature, np.float64)
    return sorted({float(values.min()), float(values.max())})


def _trial(span: _Span, temperature: Any) -> tuple[Any, Any]:
    """The ends of a range of wavelengths, some times over, and a temperature, as `Model.check` takes them."""
    limits, dtype = span
    # A model that converts what it is given can still read an array of JAX, even where others are being traced.
    with jax.ensure_compile_time_eval():
        if not isinstance(temperature, jax.ShapeDtypeStruct):
            temperature = jnp.asarray(temperature)
        if not limits:
            return jax.ShapeDtypeStruct((TRIAL,), dtype), temperature
        low, high = limits
        # Within by a few roundings: a limit of float64 may not be one in the precision of the circuit.
        slack = min(4.0 * float(jnp.finfo(dtype).eps) * high, 0.5 * (high - low))
        ends = np.array([low + slack, high - slack])
        return jnp.asarray(np.resize(ends, TRIAL), dtype), temperature


def _remember(group: Group, key: Hashable) -> None:
    if len(group.checked) >= _REMEMBERED:
        group.checked.clear()
    group.checked.add(key)


def _place(group: Group) -> str:
    first, *others = group.instances
    more = f" and {len(others)} more" if others else ""
    return f"instance {first!r}{more}, component {group.model.name!r}"


@functools.partial(jax.jit, static_argnums=(0, 1))
def evaluate(
    wiring: Wiring, request: Request, parameters: dict[str, Any], wl: jax.Array, temperature: jax.Array
) -> jax.Array:
    """Amplitudes of a circuit, shape [..., outputs, inputs].

    Args:
        wiring: the circuit's.
        request: which outputs and inputs.
        parameters: by group, with the instances along the leading axis.
        wl: wavelengths in um, shape [...].
        temperature: temperature in K, a number.

    Raises:
        NetlistError: if a component's amplitudes do not fit the wavelengths.
    """
    flat = wl.reshape(-1)
    found = [
        _evaluate(group, (*varying, *constant), parameters[group.name], flat, temperature)
        for group, varying, constant in zip(wiring.groups, request.varying, request.constant, strict=True)
    ]
    dtype = np.result_type(np.complex64, wl.dtype, *(x.dtype for part in found for x in part.values()))
    rows = {
        kind: [part[pair].astype(dtype) for part, pairs in zip(found, wanted, strict=True) for pair in pairs]
        for kind, wanted in (("varying", request.varying), ("constant", request.constant))
    }
    varying = jnp.concatenate([jnp.zeros((0, flat.size), dtype), *rows["varying"]])
    constant = jnp.concatenate([jnp.zeros(0, dtype), *rows["constant"]])
    if not varying.shape[0]:
        values = solve(request.plan, request.start, varying[:, :1], constant)
        return jnp.broadcast_to(values.reshape((1,) * wl.ndim + values.shape[1:]), (*wl.shape, *values.shape[1:]))
    values = solve(request.plan, request.start, varying, constant)
    return values.reshape(*wl.shape, *values.shape[1:])


def _evaluate(
    group: Group, pairs: Sequence[Pair], parameters: dict[str, Any], wl: jax.Array, temperature: jax.Array
) -> dict[Pair, jax.Array]:
    """Amplitudes of some pairs, shape [instances, N], or [instances] for those that are constant."""
    if not pairs:
        return {}

    def one(numbers: dict[str, Any]) -> dict[Pair, jax.Array]:
        _, amplitudes = group.model.amplitudes(Setup(numbers, group.setup.choices), wl, temperature)
        return {pair: _fitted(group, jnp.asarray(amplitudes[pair]), pair, wl) for pair in pairs}

    if jax.tree.leaves(group.setup.numbers):
        return jax.vmap(one)(parameters)
    return {pair: value[None] for pair, value in one(group.setup.numbers).items()}


def _fitted(group: Group, amplitude: jax.Array, pair: Pair, wl: jax.Array) -> jax.Array:
    if pair in group.structure.constant:
        return amplitude
    if amplitude.ndim > 1 or amplitude.size not in (1, wl.size):
        raise NetlistError(
            f"component {group.model.name!r}: its amplitude from {pair[0]!r} to {pair[1]!r} has shape "
            f"{amplitude.shape}, but there are {wl.size} wavelengths"
        )
    return jnp.broadcast_to(amplitude, wl.shape)


def blame(
    wiring: Wiring, parameters: dict[str, Any], wl: jax.Array, temperature: jax.Array, *, failed: bool = False
) -> None:
    """Say which component fails when it is computed by itself, or gives a number that is not finite.

    Args:
        wiring: the circuit's.
        parameters: by group, with the instances along the leading axis.
        wl: wavelengths in um.
        temperature: temperature in K.
        failed: the computation of the whole failed, rather than giving a number that is not finite.

    Raises:
        NetlistError: naming the component; where none is at fault only unless `failed`.
    """
    for group in wiring.groups:
        pairs = tuple(dict.fromkeys(group.structure.pairs.values()))
        try:
            found = _evaluate(group, pairs, parameters[group.name], wl.reshape(-1), temperature)
        except (TypeError, ValueError, eqx.EquinoxRuntimeError) as error:
            raise NetlistError(f"{_place(group)}: {error}") from error
        for (source, target), rows in found.items():
            bad = np.flatnonzero(~np.isfinite(np.asarray(rows)).reshape(group.rows, -1).all(axis=1))
            if bad.size:
                raise NetlistError(
                    f"instance {group.instances[bad[0]]!r}: component {group.model.name!r} gives a value that is not "
                    f"finite, from {source!r} to {target!r}"
                )
    if not failed:
        raise NetlistError("the scattering matrix is not finite, though all components' are: a loop has gain")
