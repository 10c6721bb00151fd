"""Results files: what goes in comes out, other readers understand it, and nothing is ever half written."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import jax.numpy as jnp
import numpy as np
import pytest
import xarray

from photonics_core.store import StoreError, Variable, load, provenance, save, write_atomically

WL = np.linspace(1.54, 1.56, 5)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ring.h5"


def write_ring(path):
    s = np.arange(20).reshape(5, 2, 2) * (1.0 + 0.5j)
    save(
        path,
        {
            "wl": Variable(WL, ("wl",), "um", "wavelength"),
            "port": Variable(["in", "through"], ("port",)),
            "s": Variable(s, ("wl", "port", "port_in")),
            "fit": {"through": Variable(WL**2, ("wl",), "mW"), "locked": Variable([True] * 5, ("wl",))},
        },
        attributes={"device": "ring", "radius": 10.0},
        inputs={"job": "sweep", "gaps": [0.1, 0.2]},
    )
    return s


def left_over(folder):
    return [entry.name for entry in folder.iterdir() if entry.name.startswith(".tmp-")]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "c16", "i1", "i8", "u4", ">f8", "bool"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2), (100, 200)])
def test_round_trip_keeps_type_shape_and_value(path, dtype, shape):
    values = (np.random.default_rng(0).normal(size=shape) * 10).astype("i4").astype(dtype)
    save(path, {"x": Variable(values, units="um", long_name="offset")})
    x = load(path)["x"]
    assert x.values.dtype == values.dtype
    np.testing.assert_array_equal(x.values, values)
    assert (x.units, x.long_name) == ("um", "offset")


def test_round_trip_of_text_lists_scalars_and_jax_arrays(path):
    given = {
        "text": "Größe, µm",
        "texts": ["a", "", "longer"],
        "list": [1.5, 2],
        "flag": True,
        "count": 3,
        "loss": 2.1,
        "jax": jnp.ones((2,), jnp.complex64),
        "gain": np.nan,
    }
    save(path, given)
    results = load(path)
    assert results.variables.keys() == given.keys()
    for name, value in given.items():
        np.testing.assert_array_equal(results[name].values, np.asarray(value))
        assert results[name].values.dtype.kind == np.asarray(value).dtype.kind


def test_groups_attributes_inputs_and_provenance_come_back(path):
    write_ring(path)
    results = load(path)
    assert set(results.variables) == {"wl", "port", "s", "fit/through", "fit/locked"}
    assert results["s"].dims == ("wl", "port", "port_in")
    assert results["fit/through"].dims == ("wl",)
    assert results.attributes == {"device": "ring", "radius": 10.0}
    assert results.inputs == {"job": "sweep", "gaps": [0.1, 0.2]}
    assert results.provenance["precision"] == "float64"
    assert results.provenance["h5py"] == h5py.__version__
    assert results.provenance.keys() == provenance().keys()


def test_names_with_slashes_are_groups(path):
    save(path, {"fit/loss": 2.0, "fit": {"gap": 0.1}})
    assert set(load(path).variables) == {"fit/loss", "fit/gap"}


def test_xarray_opens_it_with_coordinates_and_units(path):
    s = write_ring(path)
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert set(data.coords) == {"wl", "port"}
        assert data.wl.attrs["units"] == "um"
        assert data.s.dims == ("wl", "port", "port_in")
        np.testing.assert_array_equal(data.s.sel(port="through", wl=1.55), s[2, 1])
        assert data.attrs["device"] == "ring"
        assert json.loads(data.attrs["inputs"])["job"] == "sweep"
    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        np.testing.assert_array_equal(tree["fit/through"].sel(wl=1.54), WL[0] ** 2)
        assert tree["fit/locked"].dtype == bool


def test_h5py_alone_reads_it(path):
    s = write_ring(path)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["s"], s)
        assert file["s"].dims[0][0] == file["wl"]
        assert file["s"].fletcher32
        assert file["fit/through"].attrs["units"] == "mW"
        assert file["port"].asstr()[1] == "through"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"bad": np.array([1, None])}, "'bad' holds object"),
        ({"fit": {"bad": object()}}, "'fit/bad' holds object"),
        ({"bad": [[1], [2, 3]]}, "'bad' is not an array"),
        ({"bad": np.array(["2020"], "M8[Y]")}, "'bad' holds datetime64"),
        ({"bad": Variable(WL, ("a", "b"))}, "'bad' of shape"),
        ({"bad": Variable(np.eye(2), ("a", "a"))}, "'bad' of shape"),
        ({"bad": Variable(WL, ("a/b",))}, "not plain names"),
        ({"bad": Variable(WL, units=1)}, "'bad' has units"),
        ({"": WL}, "name '' is empty"),
        ({1: WL}, "name 1 is empty, or is not text"),
        ({"a": {"b": 1}, "a/b": 2}, "'a/b' is there twice"),
        ({"a": 1, "a/b": 2}, "'a/b' cannot be stored"),
        ({"wl": Variable(WL, ("wl",)), "bad": Variable(WL[:3], ("wl",))}, "'bad' has length 3 along 'wl'"),
        ({"wl": Variable(np.eye(5), ("x", "y")), "bad": Variable(WL, ("wl",))}, "dimension 'wl'"),
        ({"bad": "a\0b"}, "'bad' cannot be stored"),
    ],
)
def test_what_cannot_be_stored_is_named_and_nothing_is_written(path, variables, message):
    save(path, {"x": 1})
    before = path.read_bytes()
    with pytest.raises(StoreError, match=message) as caught:
        save(path, variables)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before
    assert not left_over(path.parent)


@pytest.mark.parametrize("name", ["format", "inputs", "provenance_jax", ""])
def test_names_of_our_own_attributes_are_taken(path, name):
    with pytest.raises(StoreError, match="is taken"):
        save(path, {}, attributes={name: 1})


def test_attributes_and_inputs_are_plain(path):
    with pytest.raises(StoreError, match="attribute 'a'"):
        save(path, {}, attributes={"a": [1]})
    with pytest.raises(StoreError, match="inputs cannot be written as JSON"):
        save(path, {}, inputs=object())


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_full_disk_leaves_the_earlier_file(path, monkeypatch, call):
    save(path, {"x": 1})

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(StoreError, match=r"cannot be written: .*No space left"):
        save(path, {"x": 2})
    assert load(path)["x"].values == 1
    assert not left_over(path.parent)


@pytest.mark.skipif(os.name != "posix", reason="limits of the file size are POSIX")
def test_a_disk_that_fills_up_in_the_middle_of_a_file_is_an_error_and_no_crash(path):
    save(path, {"x": 1})
    script = f"""
import resource, signal, numpy
from photonics_core.store import StoreError, save
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    save({str(path)!r}, {{"x": numpy.random.default_rng(0).random(100_000)}})
except StoreError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout
    assert load(path)["x"].values == 1
    assert not left_over(path.parent)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        save(tmp_path / "nowhere" / "ring.h5", {"x": 1})


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_an_error(path):
    path.parent.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written"):
        save(path, {"x": 1})
    path.parent.chmod(0o700)


@pytest.mark.parametrize("problem", [RuntimeError, KeyboardInterrupt])
def test_write_atomically_cleans_up_after_any_exception(tmp_path, problem):
    target = tmp_path / "figure.svg"
    target.write_text("earlier")

    def write(temporary):
        assert temporary.suffix == ".svg"
        temporary.write_text("half")
        raise problem

    with pytest.raises(problem):
        write_atomically(target, write)
    assert target.read_text() == "earlier"
    assert not left_over(tmp_path)


def test_write_atomically_writes_through_a_link(tmp_path):
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("earlier")
    link.symlink_to(target)
    write_atomically(link, lambda temporary: temporary.write_text("later"))
    assert link.is_symlink()
    assert target.read_text() == "later"


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("delay", [0.02, 0.11, 0.23])
def test_a_kill_in_the_middle_of_saving_leaves_a_whole_file(path, delay):
    script = f"""
import numpy
from photonics_core.store import save
for i in range(100_000):
    save({str(path)!r}, {{"x": numpy.full(50_000, i)}})
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    deadline = time.monotonic() + 60.0
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    x = load(path)["x"].values
    assert (x == x[0]).all()


def test_every_truncation_and_every_changed_byte_is_a_store_error(path):
    write_ring(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for length in [0, 1, 8, 100, *rng.integers(0, len(whole), 30), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(StoreError, match=r"ring\.h5"):
            load(path)
    for position in [0, len(whole) - 1, *rng.integers(0, len(whole), 200)]:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match=r"ring\.h5"):
            load(path)


def test_other_files_are_refused_with_their_name_and_reason(tmp_path):
    with pytest.raises(StoreError, match=r"gone\.h5: cannot be read: No such file"):
        load(tmp_path / "gone.h5")
    with pytest.raises(StoreError, match="cannot be read"):
        load(tmp_path)
    text = tmp_path / "notes.txt"
    text.write_text("not results")
    with pytest.raises(StoreError, match=r"notes\.txt: is not an HDF5 file"):
        load(text)
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1.0
    with pytest.raises(StoreError, match="was not written by `save`"):
        load(tmp_path / "foreign.h5")


def test_importing_the_store_does_not_import_h5py():
    script = "import sys, photonics_core.store; print('h5py' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
