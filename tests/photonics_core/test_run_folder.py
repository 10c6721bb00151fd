"""The run folder: whole or not there, whatever is killed, full, damaged or written twice; and read by others."""

import errno
import json
import math
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import h5py
import jax
import numpy as np
import pytest
import xarray

from photonics_core import run_folder
from photonics_core.atomic import make_folder, remove_leftovers, write_new
from photonics_core.hdf5_variables import Variable
from photonics_core.run_folder import RunFolder, listed
from photonics_core.run_merge import boxes, merge
from photonics_core.sample_plans import GridPlan, ListPlan
from photonics_core.store import StoreError, load
from photonics_core.sweep import sweep
from photonics_core.sweep_program import Label
from photonics_core.validation.batch import killed_runs, small_disk
from photonics_core.validation.registry import Absent

ROOT = Path(__file__).resolve().parents[2]
TABLE = ListPlan({"x": np.linspace(0.0, 1.0, 23)})
GRID = GridPlan({"a": [1.0, 2.0, 3.0], "b": np.linspace(0.0, 1.0, 7), "c": [1.0, 2.0]})
WL = np.linspace(1.5, 1.6, 4)


def square(numbers):
    return {"y": numbers["x"] ** 2}


def product(numbers, wl):
    spectrum = numbers["a"] * numbers["b"] + numbers["c"] * wl
    return {
        "spectrum": spectrum,
        "fit/phase": jax.lax.complex(spectrum[0], -spectrum[1]),
        "is_large": spectrum[-1] > 2.0,
    }


LABELS = {"spectrum": Label(("wl",), "mW", "power"), "a": Label((), "um", "first")}
SHARED = {"wl": Variable(WL, ("wl",), "um")}


def grid_run(folder, **options):
    return sweep(product, GRID, common=WL, labels=LABELS, coordinates=SHARED, folder=folder, **options)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "grid"
    grid_run(folder, block=4, chunk=8)
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / "grid"))


@pytest.fixture
def table(tmp_path):
    sweep(square, TABLE, folder=tmp_path / "table", block=4, chunk=4)
    return tmp_path / "table"


def left_over(folder):
    return list(folder.rglob(".tmp-*"))


def damage(path, position=700):
    data = bytearray(path.read_bytes())
    data[position] ^= 16
    path.write_bytes(data)


def test_a_complete_run_verifies(folder):
    found = RunFolder.open(folder).verify()
    assert found.is_complete and found.whole == tuple(range(6)) and not found.missing
    assert found.report().startswith("6 of 6 parts are whole")
    assert not left_over(folder)


def test_missing_and_damaged_parts_are_listed_and_nothing_is_changed(folder):
    run = RunFolder.open(folder)
    run.part(1).unlink()
    damage(run.part(3))
    run.part(4).write_bytes(run.part(4).read_bytes()[:-100])
    shutil.copy(run.part(0), run.part(5))
    before = sorted(path.name for path in folder.rglob("*"))
    found = run.verify()
    assert (found.whole, found.missing, tuple(found.damaged)) == ((0, 2), (1,), (3, 4, 5))
    assert "missing: 1" in found.report() and "part-000003.h5 is damaged: its contents" in found.report()
    assert "part-000004.h5 is truncated" in found.report() and "part-000005.h5 is of another run" in found.report()
    assert sorted(path.name for path in folder.rglob("*")) == before
    with pytest.raises(StoreError, match=r"cannot be merged: 2 of 6 parts are whole[^$]*missing: 1"):
        merge(run, folder / "merged.h5")
    assert not (folder / "merged.h5").exists() and not left_over(folder)


def test_a_damaged_part_is_computed_again_and_kept_aside(folder, original):
    run = RunFolder.open(folder)
    for number in range(2):  # twice, so that names do not clash
        damage(run.part(3), 700 + number)
        with pytest.warns(UserWarning, match=r"part-000003\.h5 is damaged.*it is now .*damaged"):
            found = grid_run(folder)
        assert found.computed == 8 and len(found.redone) == 1
        assert run.verify().is_complete
    assert sorted(path.name for path in (folder / "damaged").iterdir()) == ["part-000003-0.h5", "part-000003-1.h5"]
    for name in run.variables:
        np.testing.assert_array_equal(run.read(name).values, RunFolder.open(original).read(name).values)


@pytest.mark.parametrize("position", [0, 40, 800, -5])
def test_a_damaged_manifest_is_an_error(folder, position):
    path = folder / "manifest.json"
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"manifest\.json is (damaged|of another format)"):
        grid_run(folder)
    assert len(list((folder / "parts").iterdir())) == 6


def test_what_is_no_run_folder_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="is no run folder: its manifest cannot be read: No such file"):
        RunFolder.open(tmp_path)
    (tmp_path / "manifest.json").write_text("[1]")
    with pytest.raises(StoreError, match="of another format"):
        RunFolder.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="no run can be written there"):
        sweep(square, TABLE, folder=tmp_path / "file")


def test_a_merged_file_is_what_memory_holds(folder, tmp_path):
    merge(folder, tmp_path / "all.h5")
    memory, found = (
        sweep(product, GRID, common=WL, labels=LABELS, coordinates=SHARED, block=4),
        load(tmp_path / "all.h5"),
    )
    assert set(found.variables) == set(memory.variables) == {"a", "b", "c", "wl", "spectrum", "fit/phase", "is_large"}
    for name, expected in memory.variables.items():
        np.testing.assert_array_equal(found[name].values, expected.values)
        assert (found[name].dims, found[name].units) == (expected.dims, expected.units)
    assert found["is_large"].values.dtype == bool and found["fit/phase"].values.dtype == complex
    assert found.inputs["run"]["identity"]["function"].endswith(":product")
    merge(RunFolder.open(folder), tmp_path / "plain.h5", compress=False)
    assert load(tmp_path / "plain.h5")["spectrum"].values.shape == (3, 7, 2, 4)


@pytest.mark.parametrize(
    "name", ["manifest.json", "coordinates.h5", "parts/part-000000.h5", "parts/all.h5", "damaged/x.h5"]
)
def test_a_merge_onto_the_run_itself_is_refused(folder, name):
    """Replacing what it is made of would lose the run; a file of another name beside the manifest is fine."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match="is a part of the run"):
        merge(folder, folder / "parts" / ".." / name)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    merge(folder, folder / "all.h5")


def test_xarray_opens_the_merged_file_and_a_part(folder, tmp_path):
    merge(folder, tmp_path / "all.h5")
    with xarray.open_dataset(tmp_path / "all.h5", engine="h5netcdf") as data:
        assert data.spectrum.dims == ("a", "b", "c", "wl") and data.spectrum.attrs["units"] == "mW"
        assert data.a.attrs["units"] == data.wl.attrs["units"] == "um"
        np.testing.assert_allclose(data.spectrum.sel(a=2.0, b=1.0, c=2.0), 2.0 + 2.0 * WL)
    with xarray.open_dataset(RunFolder.open(folder).part(2), engine="h5netcdf") as part:
        assert part.spectrum.dims == ("sample", "wl") and part.index.values.tolist() == list(range(16, 24))
    with h5py.File(RunFolder.open(folder).part(2)) as file:
        assert file["spectrum"].fletcher32 and file.attrs["provenance_precision"] == "float64"
        assert json.loads(file.attrs["inputs"])["seconds"] >= 0


def test_the_reader_of_the_manual_needs_h5py_and_json_alone(folder, original):
    manual = (ROOT / "docs" / "batch.md").read_text()
    (code,) = re.findall(r"```python\n(import h5py, json.*?)```", manual, re.DOTALL)
    assert len(code.splitlines()) <= 12
    use = f"x = read({str(folder)!r}, 'spectrum')\nassert 'jax' not in sys.modules\nprint(x.shape, x.sum())"
    script = f"{code}\nimport sys\n{use}"
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    expected = RunFolder.open(original).read("spectrum").values
    assert done.stdout.strip() == f"{expected.shape} {expected.sum()}"
    run = RunFolder.open(folder)
    run.part(2).unlink()
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode and "AssertionError" in done.stderr


@pytest.mark.parametrize("shape", [[1], [17], [3, 5], [3, 1, 4], [2, 3, 4, 5], [1, 1], [4, 1, 1]])
def test_boxes_cut_any_range_of_flat_indices(shape):
    count = math.prod(shape)
    for start in range(count + 1):
        for stop in range(start, count + 1):
            found = np.full(shape, -1)
            pieces = list(boxes(start, stop, shape))
            for box, low, high in pieces:
                assert np.all(found[box] == -1)
                found[box] = np.arange(low, high).reshape(found[box].shape)
            np.testing.assert_array_equal(found.ravel()[start:stop], np.arange(start, stop))
            assert np.sum(found >= 0) == stop - start and len(pieces) <= 2 * len(shape) - 1


def test_a_full_disk_is_an_error_that_leaves_whole_parts(tmp_path, monkeypatch):
    real, calls = os.fsync, []

    def full_at_the_fourth_part(descriptor):
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        calls.append(name)
        if sum("part-" in each for each in calls) >= 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full_at_the_fourth_part)
    with pytest.raises(
        StoreError, match=r"part-000003\.h5 cannot be written: No space left.*3 of 6 parts are there and stay"
    ):
        sweep(square, TABLE, folder=tmp_path / "run", block=4, chunk=4)
    monkeypatch.undo()
    found = RunFolder.open(tmp_path / "run").verify()
    assert found.whole == (0, 1, 2) and not found.damaged and not left_over(tmp_path)
    assert sweep(square, TABLE, folder=tmp_path / "run").computed == 11


def test_a_merge_onto_a_full_disk_is_an_error_and_no_crash(folder):
    big = sweep(lambda numbers: np.ones(5000) * numbers["x"], TABLE, folder=folder.parent / "big", block=4, chunk=4)
    script = f"""
import resource, signal
from photonics_core.run_merge import merge
from photonics_core.store import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in (1, 3_000, 100_000, 500_000, 919_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        merge({str(big.run.path)!r}, {str(folder / "all.h5")!r}, compress=False)
    except StoreError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.count("all.h5: cannot be written: File too large") == 5
    assert not (folder / "all.h5").exists() and not left_over(folder)


def test_a_disk_that_is_really_full(tmp_path):
    try:
        with small_disk(1) as disk:
            with pytest.raises(StoreError, match="No space left"):
                sweep(lambda numbers: np.ones(20_000) * numbers["x"], TABLE, folder=disk / "run", block=4, chunk=4)
            found = RunFolder.open(disk / "run").verify()
            assert found.whole and not found.damaged and not left_over(disk)
    except Absent as reason:
        pytest.skip(str(reason))


def test_a_complete_run_is_gone_on_with_where_nothing_can_be_written(tmp_path, monkeypatch):
    first = sweep(square, TABLE, folder=tmp_path / "run", block=4, chunk=4)

    def refused(path):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(run_folder, "make_folder", refused)
    again = sweep(square, TABLE, folder=tmp_path / "run")
    assert (again.computed, again.run.manifest) == (0, first.run.manifest)
    with pytest.raises(StoreError, match="another run"):
        sweep(square, ListPlan({"x": np.arange(23.0) + 1.0}), folder=tmp_path / "run")
    again.run.part(5).unlink()
    with pytest.raises(StoreError, match="no run can be written there: Read-only"):
        sweep(square, TABLE, folder=tmp_path / "run")


def test_a_folder_that_cannot_be_written_is_an_error(table, tmp_path):
    """As a user who is not root, in a process of its own."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("needs root, to become someone else")
    script = f"""
import os, sys
import numpy as np
from photonics_core.atomic import make_folder
from photonics_core.run_folder import RunFolder
from photonics_core.store import StoreError
run = RunFolder.open({str(table)!r})
part = {{"x": np.zeros(4), "y": np.zeros(4)}}, {{"seconds": 0, "not_finite": {{}}}}, {{}}
run.write_part(2, *part)  # loads what is loaded when it is used
os.setuid(65534)
for attempt in (
    lambda: RunFolder.create({str(tmp_path / "other")!r}, identity={{}}, layout={{}}, variables={{}}, provenance={{}}),
    lambda: run.write_part(2, *part),
):
    try:
        attempt()
    except StoreError as error:
        print(error)
print(run.verify().is_complete)
"""
    for path in (tmp_path, *tmp_path.parents):
        if not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o055)
        if path == Path("/tmp"):
            break
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"another user cannot run here: {done.stderr[-200:]}")
    assert "no run can be written there: Permission denied" in done.stdout
    assert "part-000002.h5 cannot be written: Permission denied; 6 of 6 parts are there and stay" in done.stdout
    assert done.stdout.strip().endswith("True")


def test_two_writers_at_once_harm_nothing(tmp_path):
    errors = []

    def write():
        try:
            sweep(square, TABLE, folder=tmp_path / "run", block=4, chunk=4, progress=False)
        except Exception as error:
            errors.append(error)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    run = RunFolder.open(tmp_path / "run")
    assert not errors and run.verify().is_complete and not left_over(tmp_path)
    np.testing.assert_array_equal(run.read("y").values, TABLE.columns["x"] ** 2)


def test_of_two_manifests_at_once_one_wins(tmp_path):
    assert write_new(tmp_path / "file", b"first") and not write_new(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first" and not left_over(tmp_path)


def test_a_file_system_without_links_serves_too(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    assert write_new(tmp_path / "file", b"first") and not write_new(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first" and not left_over(tmp_path)


def test_leftovers_of_a_kill_go_and_those_of_others_stay(table):
    old, young = table / "parts" / ".tmp-1-part", table / "parts" / ".tmp-2-part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1.0, 1.0))
    sweep(square, TABLE, folder=table)
    assert not old.exists() and young.exists()
    remove_leftovers(table / "parts", older_than=-1.0)
    assert not young.exists()


def test_folders_are_made_with_those_around_them(tmp_path):
    assert make_folder(tmp_path / "a" / "b").is_dir() and make_folder(tmp_path / "a" / "b").is_dir()


def test_numbers_are_listed_as_runs():
    assert listed([0, 1, 2, 5, 7, 8]) == "0 to 2, 5, 7 to 8"
    assert listed(range(0, 100, 2), most=2) == "0, 2 and 48 more runs"


def test_unknown_variables_and_chunks_are_named(folder):
    run = RunFolder.open(folder)
    with pytest.raises(StoreError, match="no variable 'power'; there are a, b, c, fit/phase, is_large, spectrum"):
        run.read("power")
    with pytest.raises(StoreError, match="chunk 6 is outside"):
        run.bounds(6)
    run.part(0).unlink()
    with pytest.raises(StoreError, match="is not complete"):
        run.read("spectrum")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_runs_that_are_killed_are_complete_in_the_end():
    found = killed_runs(1, early=0.0, samples=1600)
    assert found["kills"] == 1 and found["runs"] >= 1
    assert not any(found[name] for name in ("wrong", "missing", "twice", "damaged"))
