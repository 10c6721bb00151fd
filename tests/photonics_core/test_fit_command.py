"""`photonics-core fit FOLDER`: counts, outliers, bad files with their reasons, never a traceback."""

import json

import pytest
from typer.testing import CliRunner

from photonics_core.cli import app
from photonics_core.store import load
from photonics_core.validation.hostile_files import mutated_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("wafer")
    mutated_folder(made, 8, seed=1)
    return made


def shell(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_dry_run_says_what_would_be_read(folder, tmp_path):
    result = shell("fit", folder, "--dry-run", "--pattern", "_(?P<x>[0-9])(?P<y>)", "--out", tmp_path / "no.h5")
    assert result.exit_code == 2 and "not two numbers" in result.stderr
    result = shell("fit", folder, "--dry-run", "--radius", 10, "--out", tmp_path / "no.h5")
    assert result.exit_code == 0 and "11 files to read" in result.output and "11 with a radius" in result.output
    assert "radius 10 um" in result.output and not (tmp_path / "no.h5").exists()


def test_report_and_table(folder, tmp_path):
    out = tmp_path / "wafer.h5"
    result = shell("fit", folder, "--radius", 10, "--out", out, "--regime", "over")
    assert result.exit_code == 2 and "bad: " in result.output and "cut short" in result.output
    assert "loss dB/cm   median" in result.output and f"the table is in {out}" in result.output
    assert "sound_0.csv" in list(load(out)["file"].values)
    rows = [json.loads(line) for line in shell("fit", folder, "--radius", 10, "--json").stdout.splitlines()]
    assert len(rows) == 11 and sum("error" in row for row in rows) == len(load(out)["bad/file"].values)


def test_wrong_arguments_are_one_line(folder, tmp_path):
    for arguments, message in (
        (("--out", tmp_path / "none" / "x.h5"), "is not a folder"),
        (("--regime", "both"), "regime = 'both'"),
        (("--devices", "77"), "devices = 77"),
        (("--pattern", "("), "regular expression"),
    ):
        result = shell("fit", folder, *arguments)
        assert result.exit_code == 2 and message in result.stderr, result.output
        assert "Traceback" not in result.output


def test_a_folder_without_spectra_is_an_error(tmp_path):
    (tmp_path / "notes.doc").write_text("mistyped folder")
    result = shell("fit", tmp_path, "--radius", 10, "--out", tmp_path / "no.h5")
    assert result.exit_code == 2 and "holds no file to fit" in result.stderr and not (tmp_path / "no.h5").exists()


def test_a_table_that_is_a_folder_is_refused_before_the_fit(folder, tmp_path):
    result = shell("fit", folder, "--radius", 10, "--out", tmp_path)
    assert result.exit_code == 2 and "is a folder, not a file" in result.stderr and "files read" not in result.output
