"""S-parameters from files of any format: what their readers have in common.

Whatever the format, a file ends as one `SMatrix` over rising wavelengths with a report on its passivity and
reciprocity, or in one `SParameterError` that names the file, the place and the fault.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from photonics_core.passivity import PassivityReport, check_passivity, nearest_passive
from photonics_core.scattering import SMatrix
from photonics_core.units import SPEED_OF_LIGHT

#: Speed of light in um/s, between frequencies in Hz and wavelengths in um; an exact integer.
_UM_PER_S = SPEED_OF_LIGHT * 1e12


class SParameterError(ValueError):
    """S-parameters that cannot be used; the message names the file or the argument, the place and the fault."""


class SParameterWarning(UserWarning):
    """S-parameters that can be used, but not without knowing what the message says."""


@dataclass(frozen=True)
class SParameterFile:
    """What a file of S-parameters holds.

    Args:
        smatrix: scattering matrices over rising wavelengths, values of shape [wavelengths, ports, ports].
        passivity: report on the matrices as the file has them, before any clipping.
        source: the file.
        notes: what the file leaves out and was filled in, and what of it was passed over.
    """

    smatrix: SMatrix
    passivity: PassivityReport
    source: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        wl = np.asarray(self.smatrix.wl)
        ports = ", ".join(self.smatrix.ports)
        first = f"{self.source}: ports {ports}; {wl.size} wavelengths from {wl[0]:.6g} to {wl[-1]:.6g} um"
        return "\n".join([first, str(self.passivity), *self.notes])


def assemble(
    source: str,
    frequency: np.ndarray,
    values: np.ndarray,
    ports: Sequence[str],
    notes: Sequence[str] = (),
    clip: bool = False,
) -> SParameterFile:
    """Make the result of a reader: check, sort by wavelength, report, and clip if asked to.

    Args:
        source: the file, for messages.
        frequency: frequencies in Hz, shape [samples], in any order.
        values: complex amplitudes S[sample, out, in] for the time dependence exp(-i w t).
        ports: names of the ports.
        notes: remarks for the result.
        clip: replace active matrices by the nearest passive ones, rather than warn of them.

    Raises:
        SParameterError: if a value is not finite, a frequency not positive or there twice, or a port there twice.
    """
    if len(set(ports)) != len(ports):
        raise SParameterError(f"{source}: ports = {', '.join(ports)} has a name twice")
    _check_frequencies(frequency, source)
    order = np.argsort(-frequency)
    wl = wavelengths(frequency[order])
    if np.any(np.diff(wl) <= 0.0):
        twice = wl[:-1][np.diff(wl) <= 0.0][0]
        raise SParameterError(f"{source}: the frequency of {twice:.9g} um is there twice")
    values = values[order]
    wrong = np.argwhere(~np.isfinite(values))
    if wrong.size:
        sample, target, origin = wrong[0]
        pair = f"from {ports[origin]!r} to {ports[target]!r}"
        raise SParameterError(f"{source}: the amplitude {pair} at {wl[sample]:.9g} um is not a finite number")
    smatrix = SMatrix(jnp.asarray(values), tuple(ports), wl)
    report = check_passivity(smatrix)
    if clip:
        smatrix = nearest_passive(smatrix)
    elif not report.is_passive:
        advice = "clip=True takes the nearest passive matrices"
        warnings.warn(f"{source}: {report}; {advice}", SParameterWarning, stacklevel=3)
    return SParameterFile(smatrix, report, source, tuple(notes))


def wavelengths(frequency: np.ndarray) -> np.ndarray:
    """Free-space wavelengths in um of frequencies in Hz."""
    return _UM_PER_S / frequency


def check_smatrix(smatrix: SMatrix) -> None:
    """Refuse what is no `SMatrix`.

    Raises:
        SParameterError: naming the value.
    """
    if not isinstance(smatrix, SMatrix):
        hint = "; the matrices of a file are its smatrix" if isinstance(smatrix, SParameterFile) else ""
        raise SParameterError(f"smatrix, of the kind {type(smatrix).__name__}, is no SMatrix{hint}")


def samples_to_write(smatrix: SMatrix) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz, rising, shape [samples], and amplitudes S[sample, out, in] in that order.

    Raises:
        SParameterError: if `smatrix` is no `SMatrix` over one axis of wavelengths, or a value is not finite.
    """
    check_smatrix(smatrix)
    wl, values = np.asarray(smatrix.wl, np.float64), np.asarray(smatrix.values)
    if wl.ndim != 1 or not wl.size or values.shape[:-2] != wl.shape:
        raise SParameterError(
            f"values of shape {values.shape} over wl of shape {wl.shape} are not one matrix a wavelength, as files hold"
        )
    if not (np.all(np.isfinite(values)) and np.all(wl > 0.0)):
        raise SParameterError("values or wl are not finite numbers, or a wavelength is not positive")
    order = np.argsort(-wl)
    return _UM_PER_S / wl[order], values[order]


def renamed(ports: Sequence[str], names: Mapping[str, str] | None, source: str) -> list[str]:
    """Names of ports after `names` {theirs: ours} is applied; what follows "@", the mode, stays.

    Raises:
        SParameterError: if `names` has a port that is not there.
    """
    names = names or {}
    known = {port.partition("@")[0] for port in ports}
    for name in names:
        if name not in known:
            raise SParameterError(f"{source}: port {name!r} is not one of {', '.join(map(repr, sorted(known)))}")
    split = [port.partition("@") for port in ports]
    return [f"{names.get(port, port)}{at}{mode}" for port, at, mode in split]


def _check_frequencies(frequency: np.ndarray, source: str) -> None:
    if not frequency.size:
        raise SParameterError(f"{source}: holds no frequency")
    wrong = np.flatnonzero(~(np.isfinite(frequency) & (frequency > 0.0)))
    if wrong.size:
        at = wrong[0]
        raise SParameterError(f"{source}: frequency {at + 1} is {frequency[at]:g} Hz, not a positive number")
