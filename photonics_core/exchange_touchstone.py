"""Touchstone files (.s1p, .s2p, ..., .ts) through scikit-rf, which the extra `rf` installs.

Electrical engineers write exp(+j w t), this package exp(-i w t). So amplitudes are conjugated on reading and writing,
unless `convention="physics"` says that a file holds the other sign, as files of optical tools may. In either case the
phase of a guide rises with frequency on our side.

scikit-rf parses what it is given without evaluating any of it, but it is no judge: a two-port file of falling
frequencies would lose all but the first to a table of noise, in silence. The text is therefore checked beforehand
and the result afterwards.
"""

import io
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from photonics_core.exchange_files import import_extra, read_text, write_text
from photonics_core.exchange_sparameters import (
    SParameterError,
    SParameterFile,
    assemble,
    check_smatrix,
    renamed,
    samples_to_write,
)
from photonics_core.kernels.checks import check_choice
from photonics_core.scattering import SMatrix

CONVENTIONS = ("engineering", "physics")
_MAXIMUM_PORTS = 256
_UNITS, _FORMATS = ("hz", "khz", "mhz", "ghz", "thz"), ("ri", "ma", "db")
#: Keywords of version 2 that scikit-rf reads as this module understands them.
_KEYWORDS = (
    "version",
    "number of ports",
    "two-port data order",
    "number of frequencies",
    "reference",
    "network data",
    "end",
)


def read_touchstone(
    path: str | Path,
    *,
    ports: Mapping[str, str] | None = None,
    convention: str = "engineering",
    clip: bool = False,
) -> SParameterFile:
    """Read S-parameters from a Touchstone file, version 1 (.sNp) or 2 (.ts), frequencies in Hz to THz.

    Args:
        path: the file.
        ports: our names of ports by theirs; theirs are those that comments give ("! Port[1] = in"), or o1, o2, ...
        convention: "engineering" for a file that holds exp(+j w t), "physics" for exp(-i w t).
        clip: replace active matrices by the nearest passive ones, rather than warn of them.

    Raises:
        SParameterError: for every file that does not hold S-parameters over rising frequencies.
        ValueError: for a convention of another name.
        ImportError: without scikit-rf.
    """
    check_choice("convention", convention, CONVENTIONS)
    source = str(path)
    text, scale, numbers = _checked_text(read_text(path, SParameterError, legacy=True), source)
    network = _parsed(text, source)
    count = network.nports
    if network.f.size * (1 + 2 * count**2) != numbers or network.noise is not None:
        raise SParameterError(
            f"{source}: {network.f.size} of the frequencies are matrices of {count} ports, which leaves numbers over; "
            "frequencies must rise, or scikit-rf takes them for noise"
        )
    names = network.port_names or [f"o{i + 1}" for i in range(count)]
    values = np.conj(network.s) if convention == "engineering" else np.asarray(network.s)
    return assemble(source, scale * network.f, values, renamed(names, ports, source), _notes(network), clip)


def write_touchstone(path: str | Path, smatrix: SMatrix, *, convention: str = "engineering") -> None:
    """Write a Touchstone file of version 1, in Hz, real and imaginary parts, reference 50 Ohm, ports in comments.

    Reading it back gives the same ports and amplitudes, and wavelengths to the last digit.

    Args:
        path: the file, replaced whole or not at all; its suffix must tell the number of ports, as .s4p.
        smatrix: one matrix a wavelength.
        convention: "engineering" to write for exp(+j w t), "physics" for exp(-i w t).

    Raises:
        SParameterError: if the suffix is another, `smatrix` is not over one axis of wavelengths, a value is not
            finite, or the name of a port has line breaks.
        ValueError: for a convention of another name.
        OSError: if the file cannot be written.
        ImportError: without scikit-rf.
    """
    check_smatrix(smatrix)
    path = Path(path)
    suffix = f".s{len(smatrix.ports)}p"
    if path.suffix.lower() != suffix:
        raise SParameterError(f"{path}: the name of a file of {len(smatrix.ports)} ports ends in {suffix}")
    network = to_network(smatrix, convention=convention)
    text = network.write_touchstone(path.name, return_string=True)
    write_text(path, text)


def to_network(smatrix: SMatrix, *, convention: str = "engineering") -> Any:
    """The `skrf.Network` of scattering matrices, frequencies rising, reference 50 Ohm.

    Args:
        smatrix: one matrix a wavelength.
        convention: "engineering" for amplitudes of exp(+j w t) in the network, "physics" for exp(-i w t).

    Raises:
        SParameterError: if `smatrix` is not over one axis of wavelengths, a value is not finite, or the name of a
            port has line breaks.
        ValueError: for a convention of another name.
        ImportError: without scikit-rf.
    """
    check_choice("convention", convention, CONVENTIONS)
    check_smatrix(smatrix)
    for name in smatrix.ports:
        if not name.isprintable() or name.strip() != name or not name:
            raise SParameterError(f"port {name!r} cannot be written: a name is one line without blanks about it")
    frequency, values = samples_to_write(smatrix)
    values = np.conj(values) if convention == "engineering" else values
    network = import_extra("skrf", "rf").Network(f=frequency, f_unit="Hz", s=values, z0=50.0)
    network.port_names = list(smatrix.ports)
    return network


def _checked_text(text: str, source: str) -> tuple[str, float, int]:
    """Text that scikit-rf can read, the factor for its frequencies, and how many numbers the data have."""
    count = _port_count(source)
    scale, version_2, in_data, numbers, option = 1.0, count is None, count is not None, 0, None
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        content = line.partition("!")[0].strip()
        if content.startswith("#") and option is None:
            option = _option_line(content, number, source)
            # scikit-rf knows no THz, in which optical files may be written.
            scale = 1e3 if option[0] == "thz" else 1.0
            lines[number - 1] = "# " + " ".join(["GHz" if field == "thz" else field for field in option])
        elif content.startswith("["):
            in_data = _keyword(content, number, version_2, source) == "network data"
        elif content and in_data:
            numbers += _count_numbers(content, number, source)
        elif content:
            raise SParameterError(f"{source}: line {number} stands before the data: {line[:60]!r}")
    if option is None:
        raise SParameterError(f"{source}: no option line, such as '# GHz S MA R 50'")
    if not numbers:
        raise SParameterError(f"{source}: holds no numbers")
    if count is not None and numbers % (1 + 2 * count**2):
        raise SParameterError(f"{source}: {numbers} numbers are no whole number of {count}x{count} matrices")
    return "\n".join(lines) + "\n", scale, numbers


def _port_count(source: str) -> int | None:
    """Number of ports that the suffix tells, as .s4p; None for .ts."""
    suffix = Path(source).suffix.lower()
    found = re.fullmatch(r"\.s(\d{1,4})p", suffix)
    if suffix != ".ts" and not found:
        raise SParameterError(f"{source}: the name of a Touchstone file ends in .s1p, .s2p, ... or .ts")
    if found and not 1 <= int(found.group(1)) <= _MAXIMUM_PORTS:
        raise SParameterError(f"{source}: {found.group(1)} ports are not within 1 to {_MAXIMUM_PORTS}")
    return int(found.group(1)) if found else None


def _option_line(content: str, number: int, source: str) -> list[str]:
    """Fields of the option line: unit, kind, format, and the reference as R and its value."""
    fields = content[1:].lower().split()
    fields += ["ghz", "s", "ma", "r", "50"][len(fields) :]
    for name, field, choices in zip(
        ("unit", "kind of parameters", "format", "reference"), fields, (_UNITS, ("s",), _FORMATS, ("r",)), strict=False
    ):
        if field not in choices:
            read = ", ".join(choices)
            raise SParameterError(f"{source}: line {number}: the {name} {field!r} is not one of those read: {read}")
    for field in fields[4:]:
        if not re.fullmatch(r"[0-9.]+(e[+-]?\d{1,2})?", field):
            raise SParameterError(f"{source}: line {number}: the reference {field!r} is no resistance")
    return fields


def _keyword(content: str, number: int, version_2: bool, source: str) -> str:
    found = re.match(r"\[([^\]]*)\](.*)", content)
    keyword = found.group(1).strip().lower() if found else content[:40]
    if not found or keyword not in _KEYWORDS or not version_2:
        raise SParameterError(f"{source}: line {number}: the keyword [{keyword}] is not read here")
    if keyword == "number of ports":
        value = found.group(2).strip()
        if not (re.fullmatch(r"\d{1,4}", value) and 1 <= int(value) <= _MAXIMUM_PORTS):
            raise SParameterError(f"{source}: line {number}: {value!r} ports are not within 1 to {_MAXIMUM_PORTS}")
    return keyword


def _count_numbers(content: str, number: int, source: str) -> int:
    fields = content.split()
    try:
        finite = np.all(np.isfinite([float(field) for field in fields]))
    except ValueError:
        raise SParameterError(f"{source}: line {number} is not a row of numbers: {content[:60]!r}") from None
    if not finite:
        raise SParameterError(f"{source}: line {number} holds a number that is not finite: {content[:60]!r}")
    return len(fields)


def _parsed(text: str, source: str) -> Any:
    """The network that scikit-rf makes of checked text."""
    skrf = import_extra("skrf", "rf")
    stream = io.StringIO(text)
    stream.name = Path(source).name
    try:
        with warnings.catch_warnings():
            # What scikit-rf warns of, it then gets wrong; a shape that does not fit is found by the caller.
            warnings.simplefilter("ignore")
            return skrf.Network(stream)
    except Exception as error:
        # Its parser lets out whatever a damaged file makes it raise: index, key, type and value errors.
        raise SParameterError(f"{source}: scikit-rf cannot read it: {type(error).__name__}: {error}") from error


def _notes(network: Any) -> list[str]:
    impedance = np.unique(np.asarray(network.z0))
    return [] if np.array_equal(impedance, [50.0]) else [f"reference impedances in Ohm: {impedance}; they are not kept"]
