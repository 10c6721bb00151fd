"""Folders of measured spectra in which most files are damaged: cut, altered, renamed, of other kinds."""

import random
import struct
import zlib
from pathlib import Path

import numpy as np

from photonics_core.spectra import Spectrum
from photonics_core.validation.synthetic_wafers import Truth, spectra


def mutated_folder(folder: Path, count: int, seed: int = 0) -> set[str]:
    """Write `count` damaged files and three sound ones into a folder; returns the names of the sound ones.

    Every eighth of the damaged files is one of the stated faults, the others are sound files with bytes altered, cut
    out, doubled, or the end missing.
    """
    chance = random.Random(seed)
    truth = Truth(np.array([2.4, 2.402, 2.398]), np.full(3, 4.2), 20.0, 0.25)
    whole = spectra(truth, noise=0.003)
    # Files of 600 samples, that are read fast; the lines are wide enough for them.
    thinned = [Spectrum(s.wl[::10], s.power_db[:, ::10], s.channel_names, s.source) for s in whole]
    contents = [
        ("csv", _table(thinned[0])),
        ("mat", mat_bytes(thinned[1])),
        ("mat", mat_bytes(thinned[2], packed=True)),
    ]
    sound = set()
    for number, (suffix, content) in enumerate(contents):
        name = f"sound_{number}.{suffix}"
        (folder / name).write_bytes(content)
        sound.add(name)
    faults = stated_faults(thinned[0])
    for number in range(count):
        if number % 8 == 0:
            suffix, content = faults[(number // 8) % len(faults)]
        else:
            suffix, content = chance.choice(contents)
            content = _mutated(content, chance)
        (folder / f"mutant_{number:05d}.{suffix}").write_bytes(content)
    return sound


def stated_faults(spectrum: Spectrum) -> list[tuple[str, bytes]]:
    """Ending and content of a file for each fault that a folder of measurements is known to hold."""
    hdf5 = b"\x89HDF\r\n\x1a\n" + bytes(300)
    holes = spectrum.power_db[0].copy()
    holes[:] = np.nan
    titles = b"wavelength (nm),power (dBm)\n"
    nan_column = titles + b"".join(b"%.6f,nan\n" % (1e3 * wl) for wl in spectrum.wl)
    return [
        ("mat", hdf5[:60]),
        ("mat", b"MATLAB 7.3 MAT-file" + b" " * 493 + hdf5),
        ("h5", hdf5),
        ("mat", _table(spectrum)),
        ("csv", nan_column),
        ("mat", mat_bytes(Spectrum(spectrum.wl, spectrum.power_db, ("channel_1",), "x"), replace=holes)),
        ("csv", titles + b"1550.0,-20.0\n"),
        ("csv", b""),
        ("csv", titles),
        ("txt", bytes(range(256)) * 20),
        ("mat", mat_bytes(spectrum)[:2000]),
        ("csv", titles + b"\n".join(b"1550.0,-20.0" for _ in range(50))),
        ("csv", titles + b"".join(b"%.6f,-20.0\n" % (1e3 * wl) for wl in spectrum.wl)),
    ]


def _mutated(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        place = chance.randrange(max(len(data), 1))
        kind = chance.randrange(5)
        if kind == 0:
            data = data[:place]
        elif kind == 1:
            del data[place : place + chance.randrange(1, 64)]
        elif kind == 2:
            data[place:place] = data[place : place + chance.randrange(1, 64)]
        elif data:
            data[min(place, len(data) - 1)] = (
                chance.randrange(256) if kind == 3 else chance.choice(b"0-.9eEnN,\n\x00\xff")
            )
    return bytes(data)


def _table(spectrum: Spectrum) -> bytes:
    rows = [f"{1e3 * wl:.6f},{power:.5f}" for wl, power in zip(spectrum.wl, spectrum.power_db[0], strict=True)]
    return ("wavelength (nm),power (dBm)\n" + "\n".join(rows) + "\n").encode()


def mat_bytes(spectrum: Spectrum, *, packed: bool = False, replace: np.ndarray | None = None) -> bytes:
    """A MATLAB version 5 file as an openEBL bench writes it, with one channel."""
    power = spectrum.power_db[0] if replace is None else replace
    header = _struct("", {"wavelength": _array("", 1e3 * spectrum.wl)})
    body = _struct("testResult", {"header": header, "rows": _struct("", {"channel_1": _array("", power)})})
    if packed:
        squeezed = zlib.compress(body)
        body = struct.pack("<II", 15, len(squeezed)) + squeezed
    return b"MATLAB 5.0 MAT-file, a test".ljust(124) + b"\x00\x01IM" + body


def _element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def _named(kind: int, shape: tuple[int, int], name: str) -> bytes:
    flags = _element(6, struct.pack("<II", kind, 0))
    return flags + _element(5, struct.pack("<ii", *shape)) + _element(1, name.encode())


def _array(name: str, values: np.ndarray) -> bytes:
    return _element(14, _named(6, (1, values.size), name) + _element(9, values.astype("<f8").tobytes()))


def _struct(name: str, fields: dict[str, bytes]) -> bytes:
    titles = b"".join(title.encode().ljust(32, b"\x00") for title in fields)
    lengths = _element(5, struct.pack("<i", 32)) + _element(1, titles)
    return _element(14, _named(2, (1, 1), name) + lengths + b"".join(fields.values()))
