"""Touchstone files are read and written with the sign that their makers use, and never half."""

import builtins

import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import AddDropRing, LinearIndex, PointCoupler, SMatrix, Waveguide
from photonics_core.exchange_sparameters import SParameterError, SParameterWarning
from photonics_core.exchange_touchstone import read_touchstone, to_network, write_touchstone

pytest.importorskip("skrf")

WL = np.linspace(1.545, 1.555, 51)
#: A matrix that is not reciprocal, by rows, for three frequencies in GHz.
ENTRIES = [[0.1 + 0.2j, 0.3 - 0.1j], [0.5 + 0.4j, -0.2 + 0.1j]]


def ring_matrix() -> SMatrix:
    ring = AddDropRing(10.0, PointCoupler(0.3), PointCoupler(0.4), LinearIndex(2.4, 4.2, 1.55))
    return ring.scattering(WL)


def two_port_text(unit="GHz", form="RI", frequencies=(190e3, 191e3, 192e3), version=1) -> str:
    """Two-port files have S11 S21 S12 S22 on a line."""
    order = [ENTRIES[0][0], ENTRIES[1][0], ENTRIES[0][1], ENTRIES[1][1]]
    fields = {
        "RI": [(x.real, x.imag) for x in order],
        "MA": [(abs(x), np.degrees(np.angle(x))) for x in order],
        "DB": [(20.0 * np.log10(abs(x)), np.degrees(np.angle(x))) for x in order],
    }[form]
    row = " ".join(f"{part:.15g}" for pair in fields for part in pair)
    head = [f"# {unit} S {form} R 50"]
    if version == 2:
        head = ["[Version] 2.0", *head, "[Number of Ports] 2", "[Two-Port Data Order] 21_12"]
        head += [f"[Number of Frequencies] {len(frequencies)}", "[Network Data]"]
    return "\n".join(
        ["! made for a test", *head, *(f"{f:.12g} {row}" for f in frequencies), *["[End]"] * (version == 2), ""]
    )


def write(folder, text, name="device.s2p"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("form", ["RI", "MA", "DB"])
@pytest.mark.parametrize(("unit", "scale"), [("Hz", 1e9), ("kHz", 1e6), ("MHz", 1e3), ("GHz", 1.0), ("THz", 1e-3)])
def test_units_and_formats(tmp_path, unit, scale, form):
    text = two_port_text(unit, form, [scale * f for f in (190e3, 191e3, 192e3)])
    result = read_touchstone(write(tmp_path, text))
    assert result.smatrix.ports == ("o1", "o2")
    np.testing.assert_allclose(result.smatrix.wl, 299792458e6 / np.array([192e12, 191e12, 190e12]), rtol=1e-14)
    np.testing.assert_allclose(result.smatrix.values[1], np.conj(ENTRIES), atol=1e-13)
    assert not result.passivity.is_reciprocal


def test_version_2(tmp_path):
    result = read_touchstone(write(tmp_path, two_port_text(version=2), "device.ts"))
    np.testing.assert_allclose(result.smatrix.values[1], np.conj(ENTRIES), atol=1e-13)


def test_electrical_files_have_the_other_sign(tmp_path):
    """A delay has exp(-j w tau) in an electrical file and a positive group delay here."""
    frequency, delay = np.linspace(190e3, 192e3, 41), 0.1
    rows = [
        f"{f!r} 0 0 {z.real!r} {z.imag!r} {z.real!r} {z.imag!r} 0 0"
        for f in frequency.tolist()
        for z in [complex(np.exp(-2e-3j * np.pi * f * delay))]
    ]
    path = write(tmp_path, "\n".join(["# GHz S RI R 50", *rows]))
    np.testing.assert_allclose(read_touchstone(path).smatrix.group_delay("o1", "o2"), delay, rtol=1e-6)
    physics = read_touchstone(path, convention="physics")
    np.testing.assert_allclose(physics.smatrix.group_delay("o1", "o2"), -delay, rtol=1e-6)


@pytest.mark.parametrize("convention", ["engineering", "physics"])
def test_round_trip(tmp_path, convention):
    smatrix, path = ring_matrix(), tmp_path / "ring.s4p"
    write_touchstone(path, smatrix, convention=convention)
    result = read_touchstone(path, convention=convention)
    assert result.smatrix.ports == smatrix.ports
    assert np.array_equal(np.asarray(result.smatrix.values), np.asarray(smatrix.values))
    np.testing.assert_allclose(result.smatrix.wl, smatrix.wl, rtol=3e-16)
    assert np.array_equal(
        np.conj(
            read_touchstone(path, convention="physics" if convention == "engineering" else "engineering").smatrix.values
        ),
        smatrix.values,
    )


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_round_trip_of_any_number_of_ports_that_are_not_reciprocal(tmp_path, count):
    rng = np.random.default_rng(count)
    values = 0.1 * (rng.normal(size=(7, count, count)) + 1j * rng.normal(size=(7, count, count)))
    smatrix = SMatrix(jnp.asarray(values), tuple(f"a b@{i}" for i in range(count)), np.linspace(1.5, 1.6, 7))
    path = tmp_path / f"device.s{count}p"
    write_touchstone(path, smatrix)
    result = read_touchstone(path).smatrix
    assert result.ports == smatrix.ports
    assert np.array_equal(np.asarray(result.values), values)


def test_a_network_of_scikit_rf():
    network = to_network(ring_matrix())
    assert network.port_names == ["in", "through", "add", "drop"]
    assert np.all(np.diff(network.f) > 0.0)
    np.testing.assert_array_equal(network.s[::-1], np.conj(ring_matrix().values))


def test_names_impedances_and_active_files(tmp_path):
    text = "! Port[1] = in\n! Port[2] = out\n" + two_port_text().replace("R 50", "R 75")
    result = read_touchstone(write(tmp_path, text), ports={"in": "o1"})
    assert result.smatrix.ports == ("o1", "out")
    assert "75" in result.notes[0]
    path = write(tmp_path, two_port_text().replace(" 0.5 0.4", " 1.5 0.4"))
    with pytest.warns(SParameterWarning, match=r"device\.s2p: active"):
        read_touchstone(path)
    assert float(read_touchstone(path, clip=True).smatrix.passivity_residual()) < 1e-12


ROW = two_port_text().splitlines()[2]
WRONG = {
    "empty": ("", "device.s2p", "empty"),
    "suffix": (two_port_text(), "device.txt", r"ends in \.s1p"),
    "ports": (two_port_text(), "device.s999p", "999 ports are not within 1 to 256"),
    "no port": (two_port_text(), "device.s0p", "0 ports"),
    "fewer ports": (two_port_text(), "device.s3p", "no whole number of .x. matrices"),
    "no option line": (two_port_text().replace("# GHz S RI R 50", ""), "device.s2p", "no option line"),
    "no numbers": ("# GHz S RI R 50\n", "device.s2p", "no numbers"),
    "unit": (two_port_text("nm"), "device.s2p", "line 2: the unit 'nm' is not one"),
    "kind": (two_port_text().replace(" S ", " Z "), "device.s2p", "the kind of parameters 'z'"),
    "format": (two_port_text().replace(" RI ", " XY "), "device.s2p", "the format 'xy'"),
    "reference": (two_port_text().replace("R 50", "R x"), "device.s2p", "the reference 'x'"),
    "falling": (two_port_text(frequencies=(192e3, 191e3, 190e3)), "device.s2p", "frequencies must rise"),
    "twice": (two_port_text(frequencies=(190e3, 190e3, 191e3)), "device.s2p", "there twice"),
    "negative": (two_port_text(frequencies=(-1.0, 190e3, 191e3)), "device.s2p", "not a positive number"),
    "not finite": (two_port_text().replace("0.1 0.2", "nan 0.2", 1), "device.s2p", "line 3 holds a number that is not"),
    "text": (two_port_text().replace("0.1 0.2", "x 0.2", 1), "device.s2p", "line 3 is not a row of numbers"),
    "overflow": (two_port_text(form="DB").replace("-", "99999999", 1), "device.s2p", "not a finite number"),
    "cut short": (two_port_text()[:-20], "device.s2p", "no whole number of .x. matrices"),
    "keyword in version 1": ("[Version] 2.0\n" + two_port_text(), "device.s2p", r"\[version\] is not read"),
    "keyword": (two_port_text(version=2).replace("[End]", "[Noise Data]"), "device.ts", r"\[noise data\] is not read"),
    "number of ports": (two_port_text(version=2).replace("Ports] 2", "Ports] 1e9"), "device.ts", "'1e9' ports"),
    "data before": (two_port_text(version=2).replace("[Network Data]", "1 2 3"), "device.ts", "stands before the data"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files_are_named(tmp_path, name):
    text, file, match = WRONG[name]
    path = write(tmp_path, text, file)
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(SParameterError, match=match) as caught:
        read_touchstone(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_wrong_arguments_are_named(tmp_path):
    smatrix = ring_matrix()
    with pytest.raises(ValueError, match="convention = 'optics' is not one of 'engineering', 'physics'"):
        read_touchstone(tmp_path / "ring.s4p", convention="optics")
    with pytest.raises(SParameterError, match="there is no such file"):
        read_touchstone(tmp_path / "ring.s4p")
    with pytest.raises(SParameterError, match=r"ends in \.s4p"):
        write_touchstone(tmp_path / "ring.s2p", smatrix)
    with pytest.raises(SParameterError, match="not one matrix a wavelength"):
        guide = Waveguide(1.0, LinearIndex(2.4, 4.2, 1.55))
        write_touchstone(tmp_path / "x.s2p", guide.scattering(1.55))
    with pytest.raises(SParameterError, match="cannot be written"):
        write_touchstone(tmp_path / "x.s4p", SMatrix(smatrix.values, ("a\nb", "c", "d", "e"), smatrix.wl))


def test_without_scikit_rf_the_extra_is_named(tmp_path, monkeypatch):
    path = write(tmp_path, two_port_text())
    original = builtins.__import__

    def without(name, *arguments, **options):
        if name.partition(".")[0] == "skrf":
            raise ModuleNotFoundError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr("importlib.import_module", lambda name: without(name))
    with pytest.raises(ImportError, match=r"extra 'rf': pip install \"photonics-core\[rf\]\""):
        read_touchstone(path)


def test_a_missing_folder_and_a_wrong_kind_are_named(tmp_path):
    path = tmp_path / "none" / "x.s4p"
    with pytest.raises(FileNotFoundError) as caught:
        write_touchstone(path, ring_matrix())
    assert caught.value.filename == str(path) and ".tmp" not in str(caught.value)
    with pytest.raises(SParameterError, match="smatrix, of the kind int, is no SMatrix"):
        write_touchstone(tmp_path / "x.s4p", 3)  # pyright: ignore[reportArgumentType]
