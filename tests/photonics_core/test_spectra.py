"""Files are read right, and a wrong file ends in one kind of error that names it."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
import scipy.io

from photonics_core.spectra import (
    Spectrum,
    SpectrumError,
    nominal_gap,
    nominal_length,
    nominal_radius,
    read_spectrum,
)

SAMPLES = 200
WL_NM = np.linspace(1500.0, 1580.0, SAMPLES)
CHANNELS = {f"channel_{i}": -10.0 * i - np.cos(WL_NM) for i in range(1, 4)}


def mat_bytes(wavelength=WL_NM, rows=None, compress=True, **header) -> bytes:
    stream = io.BytesIO()
    result = {"header": {"wavelength": wavelength, **header}, "rows": CHANNELS if rows is None else rows}
    scipy.io.savemat(stream, {"testResult": result}, do_compression=compress)
    return stream.getvalue()


def csv_text(delimiter=",", title="wavelength (nm),through (dB),drop (dB)", decimal=".") -> str:
    lines = [title.replace(",", delimiter)]
    for wl, a, b in zip(WL_NM, CHANNELS["channel_1"], CHANNELS["channel_2"], strict=True):
        lines.append(delimiter.join(f"{value:.6f}".replace(".", decimal) for value in (wl, a, b)))
    return "\n".join(lines) + "\n"


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("compress", [True, False])
def test_mat_file_is_read(tmp_path, compress):
    spectrum = read_spectrum(write(tmp_path, "ring_r10.mat", mat_bytes(compress=compress)))
    assert spectrum.channel_names == ("channel_1", "channel_2", "channel_3")
    np.testing.assert_allclose(spectrum.wl, 1e-3 * WL_NM, rtol=1e-12)
    np.testing.assert_allclose(spectrum.channel("channel_2"), CHANNELS["channel_2"], rtol=1e-12)
    with pytest.raises(SpectrumError, match="channel_9"):
        spectrum.channel("channel_9")


@pytest.mark.parametrize(
    "text",
    [
        csv_text(),
        csv_text(";"),
        csv_text(";", decimal=","),
        csv_text("\t"),
        csv_text(" ", title="wl_nm through_db drop_db"),
        "\ufeffMeasured on chip 3\nlaser power; 1 mW\n\n" + csv_text(";"),
        "# a comment\n" + csv_text(),
        csv_text().replace("\n", "\r\n"),
        csv_text().split("\n", 1)[1],
        csv_text() + "\n\n",
    ],
)
def test_text_tables_are_read(tmp_path, text):
    spectrum = read_spectrum(write(tmp_path, "ring.csv", text))
    assert spectrum.power_db.shape == (2, SAMPLES)
    np.testing.assert_allclose(spectrum.wl, 1e-3 * WL_NM, rtol=1e-6)
    np.testing.assert_allclose(spectrum.power_db[0], CHANNELS["channel_1"], atol=1e-5)


@pytest.mark.parametrize(("unit", "scale"), [("nm", 1.0), ("um", 1e-3), ("m", 1e-9)])
def test_wavelength_units(tmp_path, unit, scale):
    lines = [f"{wl * scale:.12e},{-20.0 - np.sin(wl):.4f}" for wl in WL_NM]
    stated = read_spectrum(write(tmp_path, "a.csv", "\n".join([f"wavelength ({unit}),power (dBm)", *lines])))
    inferred = read_spectrum(write(tmp_path, "b.csv", "\n".join(lines)))
    np.testing.assert_allclose(stated.wl, 1e-3 * WL_NM, rtol=1e-9)
    np.testing.assert_allclose(inferred.wl, stated.wl)


def test_linear_power_and_falling_wavelength(tmp_path):
    lines = [f"{wl},{0.5 + 0.4 * np.sin(wl)}" for wl in WL_NM[::-1]]
    spectrum = read_spectrum(write(tmp_path, "a.csv", "\n".join(["wavelength nm,power mW", *lines])))
    np.testing.assert_allclose(10.0 ** (spectrum.power_db[0] / 10.0), 0.5 + 0.4 * np.sin(WL_NM), rtol=1e-9)


def test_few_holes_are_filled_many_are_refused(tmp_path):
    holed = {name: values.copy() for name, values in CHANNELS.items()}
    holed["channel_1"][50] = np.nan
    holed["channel_2"][60] = -np.inf
    spectrum = read_spectrum(write(tmp_path, "a.mat", mat_bytes(rows=holed)))
    neighbours = CHANNELS["channel_1"][[49, 51]]
    assert neighbours.min() <= spectrum.power_db[0, 50] <= neighbours.max()
    assert spectrum.power_db[1, 60] == pytest.approx(np.delete(CHANNELS["channel_2"], 60).min())
    holed["channel_1"][::10] = np.nan
    with pytest.raises(SpectrumError, match=r"a\.mat.*channel_1.*20 readings"):
        read_spectrum(write(tmp_path, "a.mat", mat_bytes(rows=holed)))


def changed(values, index, value):
    values = np.array(values, dtype=float)
    values[index] = value
    return values


WRONG_MAT = {
    "text": (csv_text().encode(), "MATLAB version 5"),
    "hdf5": (b"MATLAB 7.3 MAT-file" + b" " * 500 + b"\x89HDF\r\n", "7.3"),
    "short": (mat_bytes()[:100], "MATLAB version 5"),
    "truncated": (mat_bytes()[:-100], "cut short"),
    "version": (mat_bytes()[:124] + b"\x00\x02IM" + mat_bytes()[128:], "124"),
    "compression": (mat_bytes()[:200] + b"\x00" * 40 + mat_bytes()[240:], "damaged"),
    "infinite": (mat_bytes(rows={"channel_1": changed(CHANNELS["channel_1"], 3, np.inf)}), "outside"),
    "repeated": (mat_bytes(wavelength=changed(WL_NM, 5, WL_NM[4])), "wavelength 5"),
    "turning": (mat_bytes(wavelength=changed(WL_NM, 9, 1400.0)), "turns back"),
    "nan wavelength": (mat_bytes(wavelength=changed(WL_NM, 9, np.nan)), "wavelength 9"),
    "unknown unit": (mat_bytes(wavelength=WL_NM * 1e3), "none of um, nm and m"),
    "frequency": (mat_bytes(wavelength=299792.458 / WL_NM), "none of um, nm and m"),
    "one point": (mat_bytes(1550.0, {"channel_1": -20.0}), "shape"),
    "few points": (mat_bytes(WL_NM[:3], {"channel_1": WL_NM[:3]}), "fewer"),
    "other length": (mat_bytes(rows={"channel_1": np.zeros(SAMPLES - 1)}), "199"),
    "matrix": (mat_bytes(rows={"channel_1": np.zeros((SAMPLES, 2))}), "shape"),
    "complex": (mat_bytes(rows={"channel_1": 1j * WL_NM}), "not an array of real"),
    "words": (mat_bytes(rows={"channel_1": "power"}), "not an array of real"),
    "no channel": (mat_bytes(rows={"power": CHANNELS["channel_1"]}), "no channel"),
}


@pytest.mark.parametrize("fault", WRONG_MAT)
def test_wrong_mat_files(tmp_path, fault):
    content, message = WRONG_MAT[fault]
    path = write(tmp_path, "wrong.mat", content)
    with pytest.raises(SpectrumError, match=message) as caught:
        read_spectrum(path)
    assert str(path) in str(caught.value)


WRONG_TEXT = {
    "one column": ("\n".join(f"{wl}" for wl in WL_NM), "one column"),
    "no numbers": ("wavelength,power\n", "no row of numbers"),
    "mixed": (csv_text().replace("\n1540", "\nabc,1540", 1), "line"),
    "ragged": (csv_text() + "1600.0,-3.0\n", "2 columns"),
    "word inside": (csv_text() + "stop,here,now\n", "stop"),
    "no unit of power": ("\n".join(f"{wl},{0.5}" for wl in WL_NM), "linear"),
    "two units": (csv_text(title="wavelength (nm),power (dB) (mW),drop (dB)"), "column"),
    "wrong unit": (csv_text(title="wavelength (um),through (dB),drop (dB)"), "unit that the file states"),
    "binary": (b"\x00\x01\x02" * 100, "neither text"),
}


@pytest.mark.parametrize("fault", WRONG_TEXT)
def test_wrong_text_files(tmp_path, fault):
    content, message = WRONG_TEXT[fault]
    path = write(tmp_path, "wrong.csv", content)
    with pytest.raises(SpectrumError, match=message) as caught:
        read_spectrum(path)
    assert str(path) in str(caught.value)


def test_no_file_to_read(tmp_path, monkeypatch):
    for path in (tmp_path / "missing.mat", tmp_path, "bad\x00name.mat", write(tmp_path, "empty.csv", b"")):
        with pytest.raises(SpectrumError):
            read_spectrum(path)
    path = write(tmp_path, "large.csv", csv_text())
    monkeypatch.setattr("photonics_core.spectra.MAXIMUM_BYTES", 1000)
    with pytest.raises(SpectrumError, match="more than"):
        read_spectrum(path)


def test_small_file_that_unpacks_to_much_is_refused(tmp_path, monkeypatch):
    packed = zlib.compress(bytes(8_000_000))
    content = mat_bytes()[:128] + struct.pack("<II", 15, len(packed)) + packed
    monkeypatch.setattr("photonics_core.spectra.MAXIMUM_BYTES", 1_000_000)
    with pytest.raises(SpectrumError, match="unpacks"):
        read_spectrum(write(tmp_path, "bomb.mat", content))


def test_spectrum_checks_itself():
    with pytest.raises(SpectrumError, match="shape"):
        Spectrum(1e-3 * WL_NM, np.zeros((2, SAMPLES)), ("a",), "here")
    with pytest.raises(SpectrumError, match="finite"):
        Spectrum(1e-3 * WL_NM, np.full((1, SAMPLES), np.nan), ("a",), "here")


@pytest.mark.parametrize(
    ("name", "radius", "gap", "length"),
    [
        ("sin_all_pass_r25_gap300.mat", 25.0, 0.3, None),
        ("sin_crow2_r50p02_50p00_gap500.mat", 50.02, 0.5, None),
        ("RingDoubleTEr10g80.mat", 10.0, 0.08, None),
        ("SiNMRRC05R25umgap0300nmwWG0p75.mat", 25.0, 0.3, None),
        ("coupler_length0.mat", None, None, 0.0),
        ("PCM_DC_Length2p00um_1.mat", None, None, 2.0),
        ("ring_3.csv", None, None, None),
        ("wafer12.csv", None, None, None),
    ],
)
def test_names_state_geometry(name, radius, gap, length):
    assert nominal_radius(name) == radius
    assert nominal_gap(name) == (None if gap is None else pytest.approx(gap))
    assert nominal_length(name) == length


def mutate(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        if not data:
            break
        place = chance.randrange(len(data)) if chance.random() < 0.7 else chance.randrange(min(len(data), 400))
        kind = chance.random()
        if kind < 0.5:
            data[place] ^= 1 << chance.randrange(8)
        elif kind < 0.65:
            data[place : place + 1] = chance.randbytes(chance.randint(1, 16))
        elif kind < 0.8:
            del data[place : place + chance.randint(1, 64)]
        elif kind < 0.9:
            data[place : place + 4] = chance.choice([b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\x00\x00\x00\x00"])
        else:
            del data[place + 1 :]
    return bytes(data) or b" "


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("packed.mat", mat_bytes()),
        ("plain.mat", mat_bytes(compress=False)),
        ("comma.csv", csv_text().encode()),
        ("semicolon.csv", csv_text(";", decimal=",").encode()),
    ],
)
def test_damaged_files_give_a_spectrum_or_a_spectrum_error(tmp_path, name, content):
    chance = random.Random(name)
    refused = 0
    for _ in range(150):
        path = write(tmp_path, name, mutate(content, chance))
        try:
            spectrum = read_spectrum(path)
        except SpectrumError as error:
            assert name in str(error)
            refused += 1
        else:
            assert np.all(np.isfinite(spectrum.power_db)) and np.all(np.diff(spectrum.wl) > 0.0)
    assert refused > 20


def test_measured_files_are_read(openebl):
    names = sorted(openebl.glob("*.mat"))
    assert len(names) >= 30
    for name in names:
        spectrum = read_spectrum(name)
        assert spectrum.power_db.shape == (4, spectrum.wl.size)
        assert 1.27 < spectrum.wl[0] < spectrum.wl[-1] < 1.59


def test_insertion_loss_counted_upwards_is_turned_round(tmp_path):
    path = tmp_path / "loss.csv"
    rows = "\n".join(f"{1500 + 0.01 * k:.2f},{3 + 0.1 * (k % 7):.2f}" for k in range(200))
    path.write_text("wavelength (nm),insertion loss (dB)\n" + rows)
    spectrum = read_spectrum(path)
    assert spectrum.power_db.max() == pytest.approx(-3.0)


def test_a_column_without_numbers_is_said_to_be_that(tmp_path):
    path = write(tmp_path, "none.csv", b"wavelength (nm),power\n" + b"1550,nan\n" * 20)
    with pytest.raises(SpectrumError, match="column 'power' holds no number that is finite"):
        read_spectrum(path)
