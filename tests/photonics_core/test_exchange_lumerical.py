"""Files of INTERCONNECT in their dialects, made here, are read right; wrong ones end in an error that names them."""

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import AddDropRing, LinearIndex, PointCoupler, SMatrix, Waveguide
from photonics_core.exchange_lumerical import read_lumerical, write_lumerical
from photonics_core.exchange_sparameters import SParameterError, SParameterWarning

FREQUENCY = np.linspace(187e12, 200e12, 27)
#: Amplitudes by (out, in): a device that is not reciprocal, so that the order of the ports shows.
PAIRS = {("port 1", "port 1"): 0.1, ("port 2", "port 1"): 0.8, ("port 1", "port 2"): 0.3, ("port 2", "port 2"): 0.2}
DELAY = 0.5e-12


def amplitude(size: float) -> np.ndarray:
    return size * np.exp(2j * np.pi * DELAY * FREQUENCY)


def block(target="port 2", origin="port 1", size=0.8, *, mode="'TE'", quote="'", numbers=(1, 1), count=None, **row):
    header = (
        f"({quote}{target}{quote},{mode},{numbers[0]},{quote}{origin}{quote},{numbers[1]},{quote}transmission{quote}"
    )
    delay = row.get("delay")
    middle = 0.5 * (FREQUENCY[0] + FREQUENCY[-1])
    taken_out = 0.0 if delay is None else 2.0 * np.pi * delay * (FREQUENCY - middle)
    phase = 2.0 * np.pi * DELAY * FREQUENCY - taken_out
    rows = [f"{f:.16e}\t{size:.16e}\t{p:.16e}" for f, p in zip(FREQUENCY, phase, strict=True)]
    if row.get("falling"):
        rows = rows[::-1]
    if row.get("unsorted"):
        rows = [*rows[9:], *rows[:9]]
    shape = f"({len(rows) if count is None else count},3)"
    return "\n".join([header + (")" if delay is None else f",{delay!r})"), shape, *rows]) + "\n"


def blocks(**options) -> str:
    return "".join(block(target, origin, size, **options) for (target, origin), size in PAIRS.items())


def write(folder, text, name="device.sparam"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


DIALECTS = {
    "single quotes": blocks(),
    "double quotes": blocks(quote='"', mode='"mode 1"'),
    "mode without quotes": blocks(mode="TE"),
    "ports declared": '["port 1","LEFT"]\n["port 2","RIGHT"]\n' + blocks(quote='"'),
    "falling frequency": blocks(falling=True),
    "frequencies in no order": blocks(unsorted=True),
    "group delay": blocks(delay=0.4e-12),
    "rows as a fraction": blocks(count="27.000000000000"),
    "blanks": blocks().replace(",", ", ").replace("\n", "\n\n"),
    "line ends of Windows": blocks().replace("\n", "\r\n"),
    "exponents of three digits": blocks().replace("e+14", "e+014"),
    "mode 2 alone": blocks(mode="'mode 2'", numbers=(2, 2)),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects(tmp_path, dialect):
    result = read_lumerical(write(tmp_path, DIALECTS[dialect]))
    smatrix = result.smatrix
    assert smatrix.ports == ("port 1", "port 2")
    np.testing.assert_allclose(smatrix.wl, 299792458e6 / FREQUENCY[::-1], rtol=1e-14)
    for (target, origin), size in PAIRS.items():
        np.testing.assert_allclose(smatrix.amplitude(origin, target), amplitude(size)[::-1], atol=1e-12)
    assert result.notes == ()
    assert not result.passivity.is_reciprocal
    # The phase of a passage rises with frequency: positive group delay on our side.
    np.testing.assert_allclose(smatrix.group_delay("port 1", "port 2"), 1e12 * DELAY, rtol=1e-6)


def test_ports_take_our_names(tmp_path):
    result = read_lumerical(write(tmp_path, blocks()), ports={"port 1": "o1", "port 2": "o2"})
    assert result.smatrix.ports == ("o1", "o2")
    assert "ports o1, o2; 27 wavelengths" in str(result)
    with pytest.raises(SParameterError, match=r"device\.sparam: port 'port 3' is not one of 'port 1', 'port 2'"):
        read_lumerical(write(tmp_path, blocks()), ports={"port 3": "o3"})
    with pytest.raises(SParameterError, match="name twice"):
        read_lumerical(write(tmp_path, blocks()), ports={"port 1": "o1", "port 2": "o1"})


def test_modes_become_ports(tmp_path):
    text = "".join(
        block(target, origin, size, mode=mode, numbers=(number, number))
        for mode, number, size in (("'TE'", 1, 0.8), ("'TM'", 2, 0.5))
        for target, origin in (("port 1", "port 2"), ("port 2", "port 1"))
    )
    text += block("port 2", "port 1", 0.05, mode="'TM'", numbers=(2, 1))
    result = read_lumerical(write(tmp_path, text), ports={"port 1": "o1", "port 2": "o2"})
    assert result.smatrix.ports == ("o1@TE", "o1@TM", "o2@TE", "o2@TM")
    assert float(result.smatrix.power("o1@TE", "o2@TM")[0]) == pytest.approx(0.05**2)
    assert float(result.smatrix.power("o1@TM", "o2@TM")[0]) == pytest.approx(0.5**2)
    assert float(result.smatrix.power("o2@TM", "o1@TE")[0]) == 0.0
    assert "11 pairs are not in the file and zero" in result.notes[0]


def test_modes_of_one_label_are_told_apart_by_number(tmp_path):
    text = "".join(block("port 1", "port 2", numbers=(n, n)) + block(numbers=(n, n)) for n in (1, 2))
    assert read_lumerical(write(tmp_path, text)).smatrix.ports == ("port 1@1", "port 1@2", "port 2@1", "port 2@2")


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize(("columns", "degrees"), [(3, False), (5, False), (9, False), (9, True)])
def test_bare_tables(tmp_path, columns, degrees, header):
    sizes = {3: [0.8], 5: [0.1, 0.8], 9: [0.1, 0.8, 0.3, 0.2]}[columns]
    phase = 2.0 * np.pi * DELAY * FREQUENCY * (180.0 / np.pi if degrees else 1.0)
    rows = [
        " ".join(f"{x!r}" for x in (f, *(y for size in sizes for y in (size, p))))
        for f, p in zip(FREQUENCY.tolist(), phase.tolist(), strict=True)
    ]
    text = "\n".join([f"({len(rows)}, {columns})"] * header + rows)
    result = read_lumerical(write(tmp_path, text), degrees=degrees)
    powers = result.smatrix.values.real**2 + result.smatrix.values.imag**2
    expected = {3: [[0, 0], [0.64, 0]], 5: [[0.01, 0.64], [0.64, 0.01]], 9: [[0.01, 0.09], [0.64, 0.04]]}[columns]
    np.testing.assert_allclose(powers[0], expected, atol=1e-12)
    assert bool(result.notes) == (columns != 9)


def test_active_files_are_reported_and_clipped_if_asked(tmp_path):
    path = write(tmp_path, block("port 2", "port 1", 1.05) + block("port 1", "port 2", 1.05))
    with pytest.warns(SParameterWarning, match=r"device\.sparam: active: largest singular value 1\.05 at .*clip=True"):
        result = read_lumerical(path)
    assert float(result.smatrix.passivity_residual()) > 0.1
    clipped = read_lumerical(path, clip=True)
    assert abs(float(clipped.smatrix.passivity_residual())) < 1e-12
    assert clipped.passivity == result.passivity
    assert clipped.passivity.largest_singular_value == pytest.approx(1.05)


def test_round_trip(tmp_path):
    ring = AddDropRing(10.0, PointCoupler(0.3), PointCoupler(0.4), LinearIndex(2.4, 4.2, 1.55))
    smatrix = ring.scattering(np.linspace(1.545, 1.555, 101))
    path = tmp_path / "ring.dat"
    write_lumerical(path, smatrix)
    result = read_lumerical(path).smatrix
    assert result.ports == smatrix.ports
    np.testing.assert_allclose(result.wl, smatrix.wl, rtol=3e-16)
    np.testing.assert_allclose(result.values, smatrix.values, atol=1e-15)


def test_round_trip_of_modes_that_are_not_reciprocal(tmp_path):
    rng = np.random.default_rng(0)
    values = 0.1 * (rng.normal(size=(5, 4, 4)) + 1j * rng.normal(size=(5, 4, 4)))
    smatrix = SMatrix(jnp.asarray(values), ("o1@TE", "o1@TM", "o2@TE", "o2@TM"), np.linspace(1.5, 1.6, 5))
    path = tmp_path / "modes.sparam"
    write_lumerical(path, smatrix)
    result = read_lumerical(path).smatrix
    assert result.ports == smatrix.ports
    np.testing.assert_allclose(result.values, values, atol=1e-15)


WRONG = {
    "empty": ("", "empty"),
    "binary": ("(\0\0", "null"),
    "no file of this kind": ("hello\nworld\n", "a table of 1 columns"),
    "wavelengths": (blocks().replace("e+14", "e-06"), r"line 3: 1\.87e-06 Hz is no optical frequency"),
    "not a number": (blocks().replace("\t8.0000000000000004e-01", "\tnan"), "not finite"),
    "text": (blocks().replace("\t8.0", "\tx8.0", 1), r"line 32 is not a row of numbers"),
    "short row": (block().replace("\t8.0", " ", 1).replace(" 000", "", 1), "line 3"),
    "cut short": (block()[:-200], "line"),
    "rows missing": (block(count=99), "a block of 99 rows, of which 27 are there"),
    "rows too many": (block(count=5), "line 8"),
    "no rows": (block(count=0), "a block of 0 rows"),
    "shape": (block(count="many"), "rows and columns"),
    "five columns": (block().replace(",3)", ",5)"), "a block of 5 columns"),
    "header alone": (block().splitlines()[0], "cut short after line 1"),
    "twice": (block() + block(), r"line 30: from 'port 1' to 'port 2' is there twice, first in line 1"),
    "another axis": (block() + block("port 1").replace("1.87", "1.88"), r"line 30: .*'port 1'.*has other frequencies"),
    "frequency twice": (block().replace("1.8750000000000000e+14", "1.8700000000000000e+14"), "is there twice"),
    "kind": (block().replace("transmission", "modulation"), "line 1 is of the kind 'modulation'"),
    "fields": (block().replace("'TE',", "", 1), "line 1 has 5 fields"),
    "mode": (block(numbers=("x", 1)), "line 1 has modes or a delay that are no numbers"),
    "delay": (block(delay=0.0).replace(",0.0)", ",nan)"), "infinite delay"),
    "port": (block(target=""), "empty port"),
    "quotes": (block().replace("'port 2'", "'port 2", 1), "line 1"),
    "columns": ("1.9e14 1 2 3\n1.91e14 1 2 3\n", "a table of 4 columns"),
    "table rows": ("(3, 3)\n1.9e14 0.5 2\n", "says 3 rows, but 1 follow"),
    "too many ports": ("".join(f'["p{i}",""]\n' for i in range(9999)) + block(), "too many"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files_are_named(tmp_path, name):
    text, match = WRONG[name]
    path = write(tmp_path, text)
    with pytest.raises(SParameterError, match=match) as caught:
        read_lumerical(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_what_cannot_be_written_is_named(tmp_path):
    guide = Waveguide(10.0, LinearIndex(2.4, 4.2, 1.55))
    path = tmp_path / "x.sparam"
    with pytest.raises(SParameterError, match="not one matrix a wavelength"):
        write_lumerical(path, guide.scattering(1.55))
    smatrix = guide.scattering(np.array([1.5, 1.6]))
    for name in ('a"b', "a\nb", "a(b", "", " a"):
        with pytest.raises(SParameterError, match="cannot be written"):
            write_lumerical(path, SMatrix(smatrix.values, (name, "out"), smatrix.wl))
    with pytest.raises(SParameterError, match="not finite"):
        write_lumerical(path, SMatrix(smatrix.values * np.nan, ("a", "b"), smatrix.wl))
    assert not path.exists()


def test_large_files_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("photonics_core.exchange_files.MAXIMUM_BYTES", 100)
    with pytest.raises(SParameterError, match=r"device\.sparam: \d+ bytes are more than the 100 that are read"):
        read_lumerical(write(tmp_path, blocks()))


def test_a_missing_folder_and_a_wrong_kind_are_named(tmp_path):
    path = tmp_path / "none" / "x.sparam"
    with pytest.raises(FileNotFoundError) as caught:
        write_lumerical(path, SMatrix(jnp.zeros((2, 1, 1)), ("o1",), np.array([1.5, 1.6])))
    assert caught.value.filename == str(path) and ".tmp" not in str(caught.value)
    with pytest.raises(SParameterError, match="smatrix, of the kind int, is no SMatrix"):
        write_lumerical(tmp_path / "x.sparam", 3)  # pyright: ignore[reportArgumentType]
