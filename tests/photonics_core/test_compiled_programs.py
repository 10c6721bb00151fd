import pytest

from photonics_core import compiled_programs
from photonics_core.compiled_programs import make_room, memory_maps


def test_programs_are_forgotten_only_where_there_are_too_many(monkeypatch):
    if memory_maps() == 0:
        pytest.skip("this system does not tell how many memory maps a process has")
    forgotten = []
    monkeypatch.setattr(compiled_programs.jax, "clear_caches", lambda: forgotten.append(True))
    monkeypatch.setattr(compiled_programs.gc, "collect", lambda: None)
    assert not make_room(memory_maps() + 100_000) and not forgotten
    assert make_room(0) and forgotten == [True]


def test_a_system_that_does_not_tell_keeps_its_programs(monkeypatch, tmp_path):
    monkeypatch.setattr(compiled_programs, "_MAPS", tmp_path / "none")
    assert memory_maps() == 0 and not make_room(0)
