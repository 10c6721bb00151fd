"""Sweeps: the values are those of the function, sample by sample, whatever the chunks, the blocks and the folder."""

import json
import os
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from photonics_core import progress as progress_module
from photonics_core.distributions import Normal, Uniform
from photonics_core.drawn_plans import RandomPlan
from photonics_core.hdf5_variables import Variable
from photonics_core.run_folder import RunFolder
from photonics_core.sample_plans import GridPlan, ListPlan
from photonics_core.store import StoreError
from photonics_core.sweep import sweep
from photonics_core.sweep_engine import local_devices
from photonics_core.sweep_program import Label, Program
from photonics_core.sweep_setup import set_up
from photonics_core.validation.registry import cases, run


class Part(eqx.Module):
    """A device with a leaf inside, one that is an array, and a choice."""

    gap: np.ndarray
    widths: np.ndarray
    name: str = eqx.field(static=True)


class Whole(eqx.Module):
    part: Part
    radius: np.ndarray


DEVICE = Whole(Part(np.asarray(0.2), np.asarray([0.4, 0.5]), "strip"), np.asarray(10.0))
GRID = GridPlan({"radius": [5.0, 10.0, 20.0], "part.gap": [0.1, 0.2], "temperature": [300.0, 310.0]})
COMMON = {"wl": np.linspace(1.5, 1.6, 4), "order": np.asarray(3)}
TABLE = ListPlan({"x": np.linspace(0.0, 1.0, 23)})


def response(device, common, temperature):
    phase = device.radius * common["wl"] + temperature * 1e-3
    return {"power": jnp.sin(phase) ** 2 * device.part.gap, "sum": jnp.sum(device.part.widths) * temperature}


def square(numbers):
    return {"y": numbers["x"] ** 2}


def test_a_grid_gives_the_function_in_its_dimensions():
    labels = {"power": Label(("wl",), "mW", "power"), "radius": Label((), "um")}
    shared = {"wl": Variable(COMMON["wl"], ("wl",), "um")}
    found = sweep(response, GRID, device=DEVICE, common=COMMON, labels=labels, coordinates=shared)
    assert found["power"].dims == ("radius", "part.gap", "temperature", "wl") and found["power"].units == "mW"
    assert found["sum"].dims == ("radius", "part.gap", "temperature")
    assert found["radius"].values.tolist() == [5.0, 10.0, 20.0] and found["radius"].units == "um"
    assert found["wl"].units == "um" and found.count == found.computed == 12
    for i, radius in enumerate([5.0, 10.0, 20.0]):
        for j, gap in enumerate([0.1, 0.2]):
            for k, temperature in enumerate([300.0, 310.0]):
                expected = np.sin(radius * COMMON["wl"] + temperature * 1e-3) ** 2 * gap
                np.testing.assert_allclose(found["power"].values[i, j, k], expected, rtol=1e-13)
                assert found["sum"].values[i, j, k] == pytest.approx(0.9 * temperature)


def test_numbers_without_a_device_come_as_a_dict():
    found = sweep(square, TABLE)
    np.testing.assert_array_equal(found["y"].values, TABLE.columns["x"] ** 2)
    assert found["y"].dims == found["x"].dims == ("sample",)
    assert sweep(lambda numbers: numbers["x"], TABLE)["result"].values.shape == (23,)


def test_array_leaves_are_replaced_whole():
    plan = RandomPlan({"part.widths": Normal([0.4, 0.5], 0.01)}, 50)
    found = sweep(lambda device: jnp.sum(device.part.widths), plan, device=DEVICE)
    np.testing.assert_allclose(found["result"].values, np.sum(found["part.widths"].values, axis=1), rtol=1e-15)
    assert found["part.widths"].dims == ("sample", "part.widths_0")


def test_keys_are_folded_with_the_global_index():
    plan = RandomPlan({}, 50)
    draw = lambda numbers, key: jax.random.normal(key, (2,))  # noqa: E731
    found = sweep(draw, plan, seed=4, block=8)["result"].values
    key = jax.random.key(4)
    expected = np.stack([jax.random.normal(jax.random.fold_in(key, i), (2,)) for i in range(50)])
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    other = sweep(draw, plan, seed=5, block=8)["result"].values
    assert not np.any(other == found)


def test_common_values_are_arguments_of_the_program():
    texts = [
        Program(lambda n, c: n["x"] * c["a"], TABLE, common={"a": value}).lowered(4).as_text() for value in (1.0, 2.0)
    ]
    assert texts[0] == texts[1]
    seeds = [Program(lambda n, key: n["x"], TABLE, seed=seed).lowered(4).as_text() for seed in (1, 2)]
    assert seeds[0] == seeds[1]


def test_float32_programs_get_float32_numbers(float32):
    found = sweep(response, GRID, device=DEVICE, common=COMMON)
    assert found["power"].values.dtype == np.float32 and found["radius"].values.dtype == np.float64
    expected = np.sin(5.0 * COMMON["wl"] + 0.3) ** 2 * 0.1
    np.testing.assert_allclose(found["power"].values[0, 0, 0], expected, rtol=1e-4)


def test_the_folder_holds_what_memory_would(tmp_path):
    memory = sweep(square, TABLE, block=4)
    for number, chunk in enumerate((1, 4, 9, 1000)):
        found = sweep(square, TABLE, folder=tmp_path / str(number), block=4, chunk=chunk)
        for name in ("x", "y"):
            np.testing.assert_array_equal(found[name].values, memory[name].values)
    assert [RunFolder.open(tmp_path / str(k)).layout["chunk"] for k in range(4)] == [4, 4, 12, 24]


def test_a_second_call_computes_what_is_missing_and_nothing_else(tmp_path):
    first = sweep(square, TABLE, folder=tmp_path, block=4, chunk=4)
    first.run.part(2).unlink()
    others = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").iterdir()}
    again = sweep(square, TABLE, folder=tmp_path)
    assert (first.computed, again.computed) == (23, 4) and not again.missing
    assert all(path.stat().st_mtime_ns == time for path, time in others.items())
    np.testing.assert_array_equal(again["y"].values, TABLE.columns["x"] ** 2)
    with pytest.raises(StoreError, match="holds a run already"):
        sweep(square, TABLE, folder=tmp_path, resume=False)


def test_shares_make_one_run(tmp_path):
    found = [sweep(square, TABLE, folder=tmp_path, block=4, chunk=4, shard=(k, 3)) for k in range(3)]
    assert [each.computed for each in found] == [8, 8, 7]
    assert [len(each.missing) for each in found] == [4, 2, 0]
    np.testing.assert_array_equal(found[2]["y"].values, TABLE.columns["x"] ** 2)
    assert "6 of 6 parts" in found[2].report() and "2 of 6 parts" in found[0].report()


def invert_x(numbers):
    return {"y": 1.0 / numbers["x"]}


def test_what_is_not_finite_is_kept_counted_and_named(tmp_path):
    with pytest.warns(
        UserWarning, match="1 of 23 samples have a value of 'y' that is not finite; the first are sample"
    ):
        found = sweep(invert_x, TABLE)
    assert found.not_finite == {"y": 1} and np.isinf(found["y"].values[0])
    with pytest.warns(UserWarning, match="1 of 23 samples"):
        sweep(invert_x, TABLE, folder=tmp_path, block=4, chunk=4)
    with pytest.warns(UserWarning, match="1 of 23 samples"):  # counted in parts that were there before, too
        again = sweep(invert_x, TABLE, folder=tmp_path)
    assert again.computed == 0 and again.not_finite == {"y": 1} and "not finite: y of 1" in again.report()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((response, GridPlan({"radiuss": [1.0]}), DEVICE), "axis 'radiuss' is no leaf of the device.*radius"),
        (
            (response, GridPlan({"part.widths": [[1.0, 2.0, 3.0]]}), DEVICE),
            "gives numbers of shape \\(3,\\).* has \\(2,\\)",
        ),
        (
            (lambda n: n["x"] + jnp.ones(2) + jnp.ones(3), TABLE, None),
            "fails for one sample \\(x of shape \\(\\)\\): .*shapes",
        ),
        ((lambda n: n["z"], TABLE, None), "fails for one sample.*KeyError"),
        ((lambda n: {}, TABLE, None), "gives no results"),
        ((lambda n: {"x": n["x"]}, TABLE, None), "result 'x' .* has the name of an axis"),
        ((lambda n: {"y": n["x"].astype("bfloat16")}, TABLE, None), "bfloat16 values"),
        ((square, 3, None), "plan = 3 is not of the kind Plan"),
        ((3, TABLE, None), "function = 3 cannot be called"),
    ],
)
def test_mistakes_are_named_before_anything_is_written(tmp_path, arguments, message):
    function, plan, device = arguments
    common = None if device is None else COMMON
    with pytest.raises(ValueError, match=message):
        sweep(function, plan, device=device, common=common, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shard": (0, 2)}, "needs a folder"),
        ({"shard": (2, 2), "folder": "run"}, "shard = \\(2, 2\\)"),
        ({"shard": (0.5, 2), "folder": "run"}, "shard = "),
        ({"block": 0}, "block = 0 is not a whole number"),
        ({"chunk": 1.5, "folder": "run"}, "chunk = 1.5 is not a whole number"),
        ({"devices": 99}, "devices = 99 is outside"),
        ({"seed": -1}, "seed = -1"),
        ({"common": {"a": np.nan}}, "common\\['a'\\] = nan"),
        ({"labels": {"z": Label()}}, "labels\\['z'\\] is no result"),
        ({"labels": {"y": Label(("a",))}}, "but dims \\('a',\\)"),
        ({"coordinates": {"y": Variable([1.0], ("y",))}}, "coordinates\\['y'\\] has the name"),
    ],
)
def test_bad_options_are_named(tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    function = (lambda n, c: {"y": n["x"]}) if "common" in options else square
    if "seed" in options:
        function = lambda n, key: n["x"]  # noqa: E731
    with pytest.raises(ValueError, match=message):
        sweep(function, TABLE, **options)
    assert not os.listdir(tmp_path)


def test_a_coordinate_has_the_length_of_its_results(tmp_path):
    with pytest.raises(ValueError, match="length 4 along 'wl', whose coordinate has \\(5,\\)"):
        labels, shared = {"power": Label(("wl",))}, {"wl": Variable(np.arange(5.0), ("wl",))}
        sweep(response, GRID, device=DEVICE, common=COMMON, labels=labels, coordinates=shared, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def triple(numbers):
    return {"y": 3.0 * numbers["x"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"function": triple}, "function is .*:square. there and .*:triple. here; the compiled program differs"),
        ({"plan": ListPlan({"x": np.linspace(0.0, 2.0, 23)})}, "plan axes x last is 1.0 there and 2.0 here"),
        ({"plan": ListPlan({"x": np.linspace(0.0, 1.0, 24)})}, "plan axes x shape"),
        ({"seed": 3, "function": lambda n, key: {"y": n["x"] ** 2}}, "seed is absent there and 3 here"),
        ({"labels": {"y": Label((), "mW")}}, "labels y is absent there"),
        ({"block": 8}, "block = 4, not 8"),
        ({"chunk": 8}, "chunk = 4, not 8"),
    ],
)
def test_another_run_is_refused_with_what_differs(tmp_path, change, message):
    sweep(square, TABLE, folder=tmp_path, block=4, chunk=4)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    given = {"function": square, "plan": TABLE, **change}
    with pytest.raises(StoreError, match=message):
        sweep(given.pop("function"), given.pop("plan"), folder=tmp_path, **given)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_changed_leaf_version_or_precision_is_named(tmp_path, monkeypatch):
    plan = GridPlan({"radius": [5.0, 10.0]})
    function = lambda device: device.radius * device.part.gap  # noqa: E731
    sweep(function, plan, device=DEVICE, folder=tmp_path)
    other = eqx.tree_at(lambda d: d.part.gap, DEVICE, np.asarray(0.3))
    with pytest.raises(StoreError, match=r"device \.part\.gap is 0\.2 there and 0\.3 here"):
        sweep(function, plan, device=other, folder=tmp_path)
    # The leaf that the axis replaces has no part in the results.
    sweep(function, plan, device=eqx.tree_at(lambda d: d.radius, DEVICE, np.asarray(1.0)), folder=tmp_path)
    with jax.enable_x64(False), pytest.raises(StoreError, match='precision is "float64" there and "float32" here'):
        sweep(function, plan, device=DEVICE, folder=tmp_path)
    monkeypatch.setattr("photonics_core.run_identity._version", lambda package: "9.9")
    with pytest.raises(StoreError, match='versions jax is ".*" there and "9.9" here'):
        sweep(function, plan, device=DEVICE, folder=tmp_path)


def test_the_name_of_the_same_program_does_not_count(tmp_path):
    sweep(square, TABLE, folder=tmp_path)
    assert sweep(lambda n: {"y": n["x"] ** 2}, TABLE, folder=tmp_path).computed == 0


def test_a_device_without_memory_is_said_so(monkeypatch):
    engine = set_up(square, TABLE).engine(4, 1)

    def full(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(engine, "_compiled", [full])
    with pytest.raises(ValueError, match="block = 4 samples need more memory"):
        engine.compute(0, 8)


def test_the_last_indices_of_the_largest_plan():
    plan = RandomPlan({}, 2**32)
    _, index = Program(lambda n, key: jax.random.uniform(key), plan, seed=0).rows(2**32 - 4, 4)
    assert index.tolist() == [2**32 - 4, 2**32 - 3, 2**32 - 2, 2**32 - 1]


def test_blocks_are_small_where_samples_are_large():
    plan = RandomPlan({"x": Uniform(0.0, 1.0)}, 100_000)
    sizes = [
        Program(lambda n, width=width: n["x"] * jnp.ones(width), plan).block_size("cpu") for width in (1, 1000, 100_000)
    ]
    assert sizes[0] > sizes[1] > sizes[2] >= 1
    assert Program(square, TABLE).block_size("cpu") <= 2  # a kill costs a sixteenth of the work


def test_what_it_would_cost_is_said_and_nothing_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cost = set_up(square, TABLE).cost(chunk=8, block=4)
    assert (cost.samples, cost.blocks, cost.chunks, cost.result_bytes) == (23, 6, 3, 23 * 24)
    assert cost.seconds > 0 and re.search("samples +23, in 6 blocks of 4, 3 chunks of 8", cost.report())
    assert not os.listdir(tmp_path)


def test_progress_is_a_line_now_and_then_in_a_log(capsys, monkeypatch):
    sweep(square, TABLE, progress=None)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress_module, "QUIET", 0.0)
    sweep(square, TABLE, progress=None, block=4)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6 and re.match(r"sweep: 4 of 23 samples \(17.4 %\), .* samples/s, .* left", lines[0])
    sweep(square, TABLE, progress=False)
    assert capsys.readouterr().err == ""
    sweep(square, TABLE, progress=True)
    assert "sweep" in capsys.readouterr().err


def test_devices_are_counted():
    assert local_devices() == local_devices(jax.local_devices())
    with pytest.raises(ValueError, match="devices is empty"):
        local_devices([])


def test_manifests_say_what_was_run(tmp_path):
    sweep(response, GRID, device=DEVICE, common=COMMON, folder=tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["identity"]["function"].endswith(":response")
    assert list(manifest["identity"]["device"]) == [".part.widths"]
    assert manifest["identity"]["versions"]["jax"] == jax.__version__
    assert manifest["provenance"]["git_commit"] is not None and manifest["job"] is None
    assert manifest["layout"]["shape"] == [3, 2, 2]


def test_a_case_can_fail(monkeypatch):
    one = next(each for each in cases(["batch"]) if each.name == "batch.bit_equal_float64")
    monkeypatch.setattr("photonics_core.validation.batch._run", lambda *_, **__: "a\n" * 12 + "b\n")
    assert run(one).passes is False
