"""Compiled programs on disk: where, for whom, and that they are used."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from photonics_core import compilation_cache as cache

PROGRAM = """
import sys
import jax, jax.numpy as jnp
from photonics_core.compilation_cache import set_compilation_cache
from photonics_core.runtime import set_precision
set_precision(sys.argv[2])
set_compilation_cache(sys.argv[1])
print(jax.jit(lambda x: jnp.sin(x) @ jnp.cos(x))(jnp.arange(9.0)).dtype)
"""


def _folder_of_jax():
    return jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]


@pytest.fixture
def flags():
    """Put JAX back to what it was."""
    names = (
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    )
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    from jax.experimental.compilation_cache import compilation_cache

    compilation_cache.reset_cache()


def test_one_line_switches_it_on_in_a_private_folder(flags, tmp_path: Path):
    folder = tmp_path / "kept"
    assert not cache.kept_programs(folder).is_on
    used = cache.set_compilation_cache(folder)
    assert used == folder / cache.host_key() and _folder_of_jax() == str(used)
    for each in (folder, used):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700
    found = cache.kept_programs()
    assert found.is_on and found.folder == folder and found.programs == 0


def test_the_usual_folder_is_that_of_the_system(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.default_cache_folder() == tmp_path / "photonics_core" / "compiled"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.default_cache_folder() == Path("~/.cache").expanduser() / "photonics_core" / "compiled"


def test_folders_that_others_may_write_to_are_refused(flags, tmp_path: Path):
    before = _folder_of_jax()
    shared, file = tmp_path / "shared", tmp_path / "file"
    shared.mkdir()
    shared.chmod(0o777)
    file.write_text("mine")
    for wrong, message in ((shared, "is not private"), (file, "is not a folder"), (file / "in", "is not a folder")):
        with pytest.raises(ValueError, match=message):
            cache.set_compilation_cache(wrong)
    assert _folder_of_jax() == before and file.read_text() == "mine"


def test_clearing_takes_what_was_kept_and_nothing_else(tmp_path: Path):
    for name in ("jax-0.1-0.1-abc/p1-cache", "jax-0.2-0.2-abc/p2-cache", "thesis/chapter-cache"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"12345")
    found = cache.kept_programs(tmp_path)
    assert (found.programs, found.size, found.is_on) == (2, 10, False)
    assert cache.clear_compilation_cache(tmp_path) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["thesis"]
    assert cache.clear_compilation_cache(tmp_path / "none") == 0


def test_the_folder_is_that_of_the_processor_and_the_flags(monkeypatch):
    before = cache.host_key()
    monkeypatch.setattr(cache, "_processor_features", lambda: "avx1024")
    other = cache.host_key()
    assert other != before and jax.__version__ in other
    monkeypatch.setenv("XLA_FLAGS", f"{os.environ.get('XLA_FLAGS', '')} --xla_other=1")
    assert cache.host_key() not in (before, other)


@pytest.mark.parametrize(
    ("value", "chosen"),
    [(None, None), ("", None), ("0", None), ("Off", None), ("1", ""), ("on", ""), ("/a/b", Path("/a/b"))],
)
def test_the_environment_chooses(monkeypatch, value, chosen):
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(cache.VARIABLE, value)
    assert cache.chosen_by_environment() == chosen


@pytest.mark.slow
def test_programs_are_found_again_by_precision_and_damaged_ones_cost_a_warning(tmp_path: Path):
    def run(precision):
        words = [sys.executable, "-c", PROGRAM, str(tmp_path / "kept"), precision]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        return done, {file.name: file.read_bytes() for file in (tmp_path / "kept").rglob("*-cache")}

    first = run("float64")[1]
    assert first and run("float64")[1] == first
    both = run("float32")[1]
    assert len(both) > len(first) and both.items() >= first.items()
    for file in (tmp_path / "kept").rglob("*-cache"):
        file.write_bytes(file.read_bytes()[:40])
    done, damaged = run("float64")
    assert done.stdout.strip() == "float64" and "cache" in done.stderr
    assert all(len(content) == 40 for content in damaged.values())  # JAX leaves them
    assert cache.clear_compilation_cache(tmp_path / "kept") == len(both)
    assert run("float64")[1].keys() == first.keys()
