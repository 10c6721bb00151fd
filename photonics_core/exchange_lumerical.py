"""S-parameter files of Lumerical INTERCONNECT (.sparam, .dat, .txt), read and written.

A file is a run of blocks, one for each pair of ports and modes, after optional lines that name the ports:

    ["port 1","LEFT"]
    ("port 2","TE",1,"port 1",1,"transmission")
    (51,3)
    1.8737e+14  0.693  0.345

The header of a block holds output port, label of the output mode, its number, input port, number of the input mode,
kind, and in some files the group delay in s that was taken out of the phase about the middle frequency. Rows hold
the frequency in Hz, the magnitude and the phase in rad. Names stand in single quotes, double quotes or none. Pairs
that are left out are zero. Other files are one bare table of 3, 5 or 9 columns (`_PLAIN_TABLES`).

The time dependence is exp(-i w t), as in this package: the phase of a guide rises with frequency.

Source: Ansys Optics, "S-parameter file formats".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photonics_core.exchange_files import read_text, write_text
from photonics_core.exchange_sparameters import SParameterError, SParameterFile, assemble, renamed, samples_to_write
from photonics_core.scattering import SMatrix

#: Frequencies in Hz that are taken for optical ones: 0.1 to 100 um.
_FREQUENCY_RANGE = 3e12, 3e15
#: Amplitudes of all frequencies and pairs together, of which a short file could ask for any number.
_MAXIMUM_AMPLITUDES = 20_000_000
#: What the amplitudes in the columns of a bare table are, as (out, in), by the number of columns.
_PLAIN_TABLES = {
    3: [(1, 0)],
    5: [(0, 0), (1, 0)],
    9: [(0, 0), (1, 0), (0, 1), (1, 1)],
}
_FIELD = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^,"']*))\s*(,|$)""")

#: A port and the number of one of its modes.
_PortMode = tuple[str, int]
_Lines = Sequence[tuple[int, str]]


@dataclass(frozen=True)
class _Block:
    """One amplitude over frequency, from the line `line` of the file."""

    line: int
    target: _PortMode
    label: str
    origin: _PortMode
    frequency: np.ndarray
    amplitude: np.ndarray


def read_lumerical(
    path: str | Path, *, ports: Mapping[str, str] | None = None, degrees: bool = False, clip: bool = False
) -> SParameterFile:
    """Read an S-parameter file of INTERCONNECT.

    A port of several modes becomes one port a mode, as "port 1@TE"; if one has several, all are named so.

    Args:
        path: the file.
        ports: our names of ports by theirs, {"port 1": "o1"}; those not named keep their own.
        degrees: phases are in degrees, as in some bare tables, rather than in radians.
        clip: replace active matrices by the nearest passive ones, rather than warn of them.

    Raises:
        SParameterError: for every file that does not hold S-parameters over one axis of frequencies.
    """
    source = str(path)
    lines = _lines_of(read_text(path, SParameterError, legacy=True))
    start = next((i for i, (_, text) in enumerate(lines) if not text.startswith("[")), len(lines))
    declared = [_fields(text, number, source)[0] for number, text in lines[:start]]
    unit = np.pi / 180.0 if degrees else 1.0
    if start < len(lines) and len(_fields_or_none(lines[start][1]) or []) > 2:
        blocks = list(_blocks(lines[start:], unit, source))
        frequency, values, names, notes = _matrix(blocks, declared, source)
    else:
        frequency, values, names, notes = _plain_table(lines[start:], unit, source)
    return assemble(source, frequency, values, renamed(names, ports, source), notes, clip)


def write_lumerical(path: str | Path, smatrix: SMatrix) -> None:
    """Write an S-parameter file of INTERCONNECT, with every pair of ports and phases in rad, unwrapped.

    Reading it back gives the same ports, and wavelengths and amplitudes to the last digit or two.

    Args:
        path: the file, replaced whole or not at all.
        smatrix: one matrix a wavelength. Ports named "o1@TE" are written as modes of one port, "o1".

    Raises:
        SParameterError: if `smatrix` is not over one axis of wavelengths, a value is not finite, or the name of a
            port holds quotes or line breaks.
        OSError: if the file cannot be written.
    """
    frequency, values = samples_to_write(smatrix)
    modes = _numbered_modes(smatrix.ports)
    lines = [f'["{port}",""]' for port in dict.fromkeys(port for port, _, _ in modes)]
    for column, (origin, _, origin_number) in enumerate(modes):
        for row, (target, label, number) in enumerate(modes):
            amplitude = values[:, row, column]
            lines.append(f'("{target}","{label}",{number},"{origin}",{origin_number},"transmission")')
            lines.append(f"({frequency.size},3)")
            rows = np.stack([frequency, np.abs(amplitude), np.unwrap(np.angle(amplitude))], axis=1).tolist()
            lines += [f"{f!r} {magnitude!r} {phase!r}" for f, magnitude, phase in rows]
    text = "\n".join(lines) + "\n"
    write_text(path, text)


def _numbered_modes(ports: Sequence[str]) -> list[tuple[str, str, int]]:
    """Port, label and number of the mode of each port name; a name without "@" has the mode 1, "mode 1"."""
    for name in ports:
        if set(name) & set("\"'\n\r[]()") or not name.isprintable() or name.strip() != name or not name:
            raise SParameterError(f"port {name!r} cannot be written: quotes, brackets and line breaks end a name")
    labels = list(dict.fromkeys(mode for _, at, mode in (name.partition("@") for name in ports) if at))
    split = [name.partition("@") for name in ports]
    return [(port, mode if at else "mode 1", labels.index(mode) + 1 if at else 1) for port, at, mode in split]


# --- lines ----------------------------------------------------------------------------------------


def _lines_of(text: str) -> list[tuple[int, str]]:
    """Lines that are not blank, stripped, with their numbers."""
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _fields_or_none(text: str) -> list[str] | None:
    """Fields of a line in round or square brackets, without their quotes; None if it is no such line."""
    if len(text) < 2 or text[0] + text[-1] not in ("()", "[]"):
        return None
    inner, fields, position = text[1:-1], [], 0
    while True:
        found = _FIELD.match(inner, position)
        if not found:
            return None
        fields.append(next(group for group in found.groups()[:3] if group is not None).strip())
        if not found.group(4):
            return fields
        position = found.end()


def _fields(text: str, number: int, source: str) -> list[str]:
    fields = _fields_or_none(text)
    if fields is None:
        raise SParameterError(f"{source}: line {number} is not a list of fields in brackets: {text[:60]!r}")
    return fields


def _shape(text: str, number: int, source: str) -> tuple[int, int]:
    """Rows and columns of a line such as (51,3); some files write them as 51.000."""
    fields = _fields_or_none(text) or []
    sizes = [float(field) for field in fields if re.fullmatch(r"\d{1,9}(\.0*)?", field)]
    if len(fields) != 2 or len(sizes) != 2:
        raise SParameterError(f"{source}: line {number} should say rows and columns, as (51,3): {text[:60]!r}")
    return int(sizes[0]), int(sizes[1])


def _rows(lines: _Lines, columns: int, source: str) -> np.ndarray:
    """Numbers of some lines, shape [rows, columns], all of them finite."""
    rows = []
    for number, text in lines:
        fields = text.replace(",", " ").split()
        try:
            row = [float(field) for field in fields]
        except ValueError:
            raise SParameterError(f"{source}: line {number} is not a row of numbers: {text[:60]!r}") from None
        if len(row) != columns:
            raise SParameterError(f"{source}: line {number} has {len(row)} columns, not {columns}")
        if not np.all(np.isfinite(row)):
            raise SParameterError(f"{source}: line {number} holds a number that is not finite: {text[:60]!r}")
        low, high = _FREQUENCY_RANGE
        if not low <= row[0] <= high:
            raise SParameterError(
                f"{source}: line {number}: {row[0]:g} Hz is no optical frequency, {low:g} to {high:g} Hz"
            )
        rows.append(row)
    return np.asarray(rows, np.float64).reshape(-1, columns)


# --- blocks ---------------------------------------------------------------------------------------


def _blocks(lines: _Lines, unit: float, source: str) -> Iterator[_Block]:
    position = 0
    while position < len(lines):
        number, text = lines[position]
        target, label, origin, delay = _block_header(text, number, source)
        if position + 1 == len(lines):
            raise SParameterError(f"{source}: cut short after line {number}")
        count, columns = _shape(lines[position + 1][1], lines[position + 1][0], source)
        if columns != 3:
            raise SParameterError(f"{source}: line {number}: a block of {columns} columns; only three are read")
        body = lines[position + 2 : position + 2 + count]
        if not 0 < count == len(body):
            raise SParameterError(f"{source}: line {number}: a block of {count} rows, of which {len(body)} are there")
        frequency, magnitude, phase = _rows(body, 3, source).T
        phase = unit * phase + 2.0 * np.pi * delay * (frequency - 0.5 * (frequency[0] + frequency[-1]))
        yield _Block(number, target, label, origin, frequency, magnitude * np.exp(1j * phase))
        position += 2 + count


def _block_header(text: str, number: int, source: str) -> tuple[_PortMode, str, _PortMode, float]:
    """Output port and mode, its label, input port and mode, and the group delay in s that was taken out."""
    fields = _fields(text, number, source)
    if len(fields) not in (6, 7):
        raise SParameterError(f"{source}: line {number} has {len(fields)} fields where a block should start")
    target, label, target_mode, origin, origin_mode, kind = fields[:6]
    if kind.lower() != "transmission":
        raise SParameterError(f"{source}: line {number} is of the kind {kind!r}; only 'transmission' is read")
    try:
        delay = float(fields[6]) if len(fields) == 7 else 0.0
        modes = int(target_mode), int(origin_mode)
    except ValueError:
        raise SParameterError(
            f"{source}: line {number} has modes or a delay that are no numbers: {text[:60]!r}"
        ) from None
    if not (target and origin and np.isfinite(delay)):
        raise SParameterError(f"{source}: line {number} has an empty port or an infinite delay: {text[:60]!r}")
    return (target, modes[0]), label, (origin, modes[1]), delay


def _matrix(
    blocks: Sequence[_Block], declared: Sequence[str], source: str
) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Frequencies, amplitudes S[sample, out, in], names of the ports and notes."""
    port_modes = _port_modes(blocks, declared)
    names, first, filled = _names(port_modes, blocks), blocks[0], {}
    if first.frequency.size * len(names) ** 2 > _MAXIMUM_AMPLITUDES:
        raise SParameterError(
            f"{source}: {first.frequency.size} frequencies of {len(names)} ports are too many to read"
        )
    values = np.zeros((first.frequency.size, len(names), len(names)), np.complex128)
    for block in blocks:
        place = port_modes.index(block.target), port_modes.index(block.origin)
        pair = f"from {names[place[1]]!r} to {names[place[0]]!r}"
        if place in filled:
            raise SParameterError(f"{source}: line {block.line}: {pair} is there twice, first in line {filled[place]}")
        if not np.array_equal(block.frequency, first.frequency):
            raise SParameterError(
                f"{source}: line {block.line}: {pair} has other frequencies than the block in line {first.line}"
            )
        values[:, place[0], place[1]] = block.amplitude
        filled[place] = block.line
    missing = [f"{o} -> {t}" for j, o in enumerate(names) for i, t in enumerate(names) if (i, j) not in filled]
    notes = [f"{len(missing)} pairs are not in the file and zero: {', '.join(missing[:8])}"] if missing else []
    return first.frequency, values, names, notes


def _port_modes(blocks: Sequence[_Block], declared: Sequence[str]) -> list[_PortMode]:
    """Ports in the order in which the file names them first, and the modes of each by their numbers."""
    used = {port_mode for block in blocks for port_mode in (block.target, block.origin)}
    order = list(dict.fromkeys([*declared, *(port for b in blocks for port, _ in (b.target, b.origin))]))
    found = {port: sorted(mode for name, mode in used if name == port) for port in order}
    # A port that is declared and in no block has the mode that the others start with.
    default = min(mode for _, mode in used)
    return [(port, mode) for port in order for mode in found[port] or [default]]


def _names(port_modes: Sequence[_PortMode], blocks: Sequence[_Block]) -> list[str]:
    """Names of ports, with the label of the mode where a port has several; its number if labels are ambiguous."""
    ports = [port for port, _ in port_modes]
    if len(set(ports)) == len(ports):
        return ports
    labels: dict[int, str] = {}
    for block in blocks:
        labels.setdefault(block.target[1], block.label)
    numbers = {mode for _, mode in port_modes}
    told_apart = all(labels.get(mode) for mode in numbers) and len({labels[mode] for mode in numbers}) == len(numbers)
    return [f"{port}@{labels[mode] if told_apart else mode}" for port, mode in port_modes]


# --- bare tables ----------------------------------------------------------------------------------


def _plain_table(lines: _Lines, unit: float, source: str) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Frequencies, amplitudes S[sample, out, in], names of the ports and notes, of a device of two ports."""
    if lines and lines[0][1].startswith("("):
        (number, text), lines = lines[0], lines[1:]
        count, columns = _shape(text, number, source)
        if count != len(lines):
            raise SParameterError(f"{source}: line {number} says {count} rows, but {len(lines)} follow")
    else:
        columns = len(lines[0][1].replace(",", " ").split()) if lines else 0
    if columns not in _PLAIN_TABLES:
        raise SParameterError(f"{source}: a table of {columns} columns, where S-parameters of two ports have 3, 5 or 9")
    table = _rows(lines, columns, source)
    values = np.zeros((len(table), 2, 2), np.complex128)
    for column, (row, origin) in enumerate(_PLAIN_TABLES[columns]):
        values[:, row, origin] = table[:, 1 + 2 * column] * np.exp(1j * unit * table[:, 2 + 2 * column])
    notes = ["a bare table of S21: the other amplitudes are zero"] if columns == 3 else []
    if columns == 5:
        values[:, 0, 1], values[:, 1, 1] = values[:, 1, 0], values[:, 0, 0]
        notes = ["a bare table of S11 and S21: a symmetric device"]
    return table[:, 0], values, ["port 1", "port 2"], notes
