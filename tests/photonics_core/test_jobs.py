import random
from pathlib import Path

import pytest

from photonics_core.devices.wdm_job import JOB, WdmSettings
from photonics_core.jobs import JobError, find_job, job_names, read_job

EXAMPLE = """\
job = "wdm-transmitter"
channels = 8
spacing_ghz = 200.0
center_um = 1.31
temperatures_k = [300.0, 330.0, 358.0]
steps = 10
"""


@pytest.fixture
def write(tmp_path: Path):
    def to_file(content: str | bytes) -> str:
        path = tmp_path / "job.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return to_file


def test_the_job_is_found_by_name():
    assert "wdm-transmitter" in job_names()
    assert find_job("wdm-transmitter") is JOB


def test_a_file_and_its_settings(write):
    job, settings = read_job(write(EXAMPLE))
    assert job is JOB
    assert settings == WdmSettings(steps=10)


def test_settings_of_the_command_line_come_last(write):
    _, settings = read_job(write(EXAMPLE), ["steps=20", "temperatures_k=[310.0]"])
    assert isinstance(settings, WdmSettings)
    assert (settings.steps, settings.temperatures_k) == (20, (310.0,))


def test_all_mistakes_are_listed_at_once(write):
    wrong = EXAMPLE.replace("channels = 8", "channels = 800") + 'colour = "red"\nheater_nm_mw = -1\n'
    with pytest.raises(JobError) as error:
        read_job(write(wrong))
    for part in ("channels = 800", "colour = 'red'", "heater_nm_mw = -1"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("channels = 8", "job = None is not a name"),
        ('job = "no-such"', "is not one of engine, wdm-transmitter"),
        ("job = ", "is not TOML"),
        (b"job = \xff", "is not text in UTF-8"),
        ("", "job = None"),
        (EXAMPLE + "radius_um = nan", "radius_um = nan"),
        (EXAMPLE + "radius_um = 15.0", "more than the free spectral range"),
        ("[" * 50_000, "is not TOML"),
        ("#" * 1_000_001, "bytes; it is not a job file"),
    ],
)
def test_wrong_files_are_named(write, content, message):
    with pytest.raises(JobError, match=message):
        read_job(write(content))


def test_missing_files_and_wrong_assignments_are_named(tmp_path, write):
    with pytest.raises(JobError, match="cannot be read"):
        read_job(str(tmp_path / "none.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(JobError, match="is a folder"):
        read_job(str(tmp_path / "folder.toml"))
    for assignment in ("steps", "=3", "a b=3", "steps.more=[1"):
        with pytest.raises(JobError):
            read_job(write(EXAMPLE), [assignment])


def test_mutated_files_give_settings_or_a_job_error(write):
    """Five hundred damaged files: each is read, or refused in words."""
    generator = random.Random(7)
    read = 0
    for _ in range(500):
        content = bytearray(EXAMPLE.encode())
        for _ in range(generator.randint(1, 4)):
            place = generator.randrange(max(1, len(content)))
            kind = generator.randrange(4)
            if kind == 0:
                content[place : place + 1] = [generator.randrange(256)]
            elif kind == 1:
                del content[place : place + generator.randint(1, 12)]
            elif kind == 2:
                content[place:place] = generator.choice([b"=", b"[", b'"', b"nan", b"\n", b"-", b"1e400", b"{}"])
            else:
                content = content[: place + 1]
        try:
            read_job(write(bytes(content)))
            read += 1
        except JobError as error:
            assert str(error)
    assert 0 < read < 250
