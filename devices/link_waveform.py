"""The current at the detectors of a link in time: what an oscilloscope behind the amplifier shows.

All rings are driven by patterns of their own at once. Light follows the states of the rings at once and exactly, with
the products of all rings (`photonics_core.devices.wdm.detector_powers`); speed enters as the one pole of the whole
chain (`WdmLink.memory`), whose answer to steps is exact:

    I(k T + u) = x_k + (I(k T) - x_k) a^(u / T),        a = exp(-2 pi B T),

with x_k the current that light gives in the k-th symbol. The error ratio of the link takes the end of the symbol and
the worst that the symbols before can do there, so that every trace lies within its levels and disturbances.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from photonics_core.devices.link import WdmLink
from photonics_core.devices.wdm import detector_powers
from photonics_core.kernels.checks import check_kind, check_range
from photonics_core.units import REFERENCE_TEMPERATURE


def received_waveform(
    link: WdmLink, symbols: Any, temperature: Any = REFERENCE_TEMPERATURE, *, samples: int = 32
) -> jax.Array:
    """Current in mA at each detector in time, without noise, for a pattern that repeats, shape [N, S samples].

    Args:
        link: the link.
        symbols: state of each ring in each symbol, whole numbers from 0 to levels - 1, shape [S, N].
        temperature: of the transmitter in K.
        samples: samples of a symbol; the last of them is at its end, where the link decides.

    Raises:
        ValueError: for symbols of another shape, kind or range, or fewer than two samples.
    """
    check_kind("link", link, WdmLink)
    check_range("samples", samples, 2, 4096)
    if np.ndim(symbols) != 2 or np.shape(symbols)[-1] != link.count or not np.shape(symbols)[0]:
        raise ValueError(f"symbols of shape {np.shape(symbols)} is not [S, {link.count}], by symbol and ring")
    held = link.on_lines()
    light = detector_powers(
        held.transmitter,
        held.receiver,
        symbols,
        temperature,
        levels=link.levels,
        receiver_temperature=link.receiver_temperature,
        line_powers=link.arriving_powers(),
    )
    current, memory = link.detector.current(light), link.memory(temperature)
    before = _ends(current, memory)
    parts = jnp.arange(1, samples + 1, dtype=current.dtype) / samples
    left = _power(memory, parts)
    # By symbol, ring and time within the symbol.
    rising = current[..., None] + (before - current)[..., None] * left[None]
    return rising.transpose(1, 0, 2).reshape(link.count, -1)


def _ends(current: jax.Array, memory: jax.Array) -> jax.Array:
    """Current at the beginning of each symbol of a pattern that repeats, shape [S, N]: the end of the one before."""

    def step(last: jax.Array, wanted: jax.Array) -> tuple[jax.Array, jax.Array]:
        end = wanted + memory * (last - wanted)
        return end, last

    last, _ = jax.lax.scan(step, jnp.zeros_like(current[0]), current)
    # From nothing a whole period leaves `last`; what it began with is added a^S times.
    begin = last / (1.0 - memory ** current.shape[0])
    return jax.lax.scan(step, begin, current)[1]


def _power(base: jax.Array, parts: jax.Array) -> jax.Array:
    """base^part, [N, K]; zero for a base of zero, with a derivative."""
    instant = base <= 0.0
    logarithm = jnp.log(jnp.where(instant, 1.0, base))
    return jnp.where(instant[:, None], 0.0, jnp.exp(logarithm[:, None] * parts[None]))
