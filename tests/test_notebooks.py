"""Every notebook runs from top to bottom, and so does the example of the README."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: Those that take a minute or more; `make test-slow` runs them too.
LONG = (
    "design_bend",
    "design_transmitter",
    "design_wideband_coupler",
    "fibre_to_chip",
    "from_a_gap",
    "optical_engine",
)
NOTEBOOKS = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in LONG else [])
    for path in sorted((ROOT / "notebooks").glob("*.py"))
]


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_notebook_has_cells(notebook: Path):
    first, *cells = re.split(r"^# %%", notebook.read_text(), flags=re.MULTILINE)
    assert not first and cells[0].startswith(" [markdown]\n# # ")
    for cell in cells:
        head, *lines = cell.rstrip("\n").split("\n")
        assert head in ("", " [markdown]")
        assert not head or all(line.startswith("#") for line in lines)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_notebook_runs(notebook: Path, tmp_path: Path):
    done = subprocess.run([sys.executable, notebook], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_example_of_the_readme_runs(tmp_path: Path):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    drop_db, q, drift = (float(word) for word in done.stdout.split()[:3])
    assert -3 < drop_db < 0 and 1e4 < q < 1e5 and 60 < drift < 80
