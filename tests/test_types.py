"""What a type checker makes of the wheel once it is installed, where `py.typed` speaks for it."""

import doctest
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("photonics_core", "kernels", "devices", "validation", "pyproject.toml", "README.md", "LICENSE")
#: Of the public names some have types that JAX's decorators hide.
LEAST = 0.999

pytest.importorskip("pyright", reason="pyright is not here; the extra `dev` has it")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel over the packages of this one; checkers do not see what is installed editable."""
    folder = tmp_path_factory.mktemp("types")
    source, place = folder / "source", folder / "environment"
    source.mkdir()
    for name in PARTS:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    venv.create(place, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
    (packages / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    version = {"SETUPTOOLS_SCM_PRETEND_VERSION": "1.0.0"}
    subprocess.run([*install, "--target", packages, source], check=True, env=os.environ | version)
    return place


def checked(place: Path, folder: Path, *arguments: Any) -> dict[str, Any]:
    """What pyright finds in that environment."""
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "pyright", "--outputjson", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    return json.loads(done.stdout[done.stdout.index("{") :])


def test_public_names_have_types(installed: Path, tmp_path: Path):
    found = checked(installed, tmp_path, "--verifytypes", "photonics_core", "--ignoreexternal")["typeCompleteness"]
    unknown = [each["name"] for each in found["symbols"] if each["isExported"] and not each["isTypeKnown"]]
    assert Path(found["pyTypedPath"]).is_relative_to(installed)
    assert sum(found["exportedSymbolCounts"].values()) > 5000
    assert found["completenessScore"] >= LEAST, unknown


def test_the_tour_and_the_readme_are_right_in_types(installed: Path, tmp_path: Path):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "readme.py").write_text(example)
    (tmp_path / "tour.py").write_text(doctest.script_from_examples((ROOT / "docs" / "tour.md").read_text()))
    (tmp_path / "wrong.py").write_text("import photonics_core as pc\n\npc.PointCoupler.from_power(0.1).nothing\n")
    interpreter = ("--pythonpath", installed / "bin" / "python")
    found = checked(installed, tmp_path, *interpreter, "readme.py", "tour.py", "wrong.py")["generalDiagnostics"]
    errors = [(Path(each["file"]).name, each["message"]) for each in found if each["severity"] == "error"]
    assert [name for name, _ in errors] == ["wrong.py"], errors
    assert "nothing" in errors[0][1]
