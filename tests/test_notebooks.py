"""Every notebook runs from top to bottom, and so does the example of the README."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.py"))
#: Parameters with which the quick tests run those that would take minutes, top to bottom all the same.
QUICK = {
    "design_bend": "steps = 5",
    "optical_engine": "channels, symbol_rates_gbd, levels, codes = (16,), (32.0, 53.125), (2,), ('none',)",
}
#: Those that solve or compile for minutes even so; `make test-slow` runs all as they are.
LONG = ("design_transmitter", "design_wideband_coupler", "fibre_to_chip", "from_a_gap")
PARAMETERS = '# %% tags=["parameters"]\n'


@pytest.mark.parametrize("notebook", PATHS, ids=lambda path: path.stem)
def test_notebook_has_cells(notebook: Path):
    first, *cells = re.split(r"^# %%", notebook.read_text(), flags=re.MULTILINE)
    assert not first and cells[0].startswith(" [markdown]\n# # ")
    for cell in cells:
        head, *lines = cell.rstrip("\n").split("\n")
        assert head in ("", " [markdown]", ' tags=["parameters"]')
        assert head != " [markdown]" or all(line.startswith("#") for line in lines)


@pytest.mark.parametrize("notebook", [path for path in PATHS if path.stem not in LONG], ids=lambda path: path.stem)
def test_notebook_runs(notebook: Path, tmp_path: Path):
    if notebook.stem in QUICK:
        before, parameters, after = notebook.read_text().partition(PARAMETERS)
        assert parameters
        own, rest = after.split("# %%", 1)
        notebook = tmp_path / notebook.name
        notebook.write_text(f"{before}{own}{QUICK[notebook.stem]}\n\n# %%{rest}")
    run(notebook, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "notebook", [path for path in PATHS if path.stem in (*LONG, *QUICK)], ids=lambda path: path.stem
)
def test_notebook_runs_whole(notebook: Path, tmp_path: Path):
    run(notebook, tmp_path)


def run(notebook: Path, folder: Path) -> None:
    done = subprocess.run([sys.executable, notebook], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_example_of_the_readme_runs(tmp_path: Path):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    drop_db, q, drift = (float(word) for word in done.stdout.split()[:3])
    assert -3 < drop_db < 0 and 1e4 < q < 1e5 and 60 < drift < 80
