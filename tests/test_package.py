"""The face of the package: what importing it does, and does not do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import photonics_core

LAYERS = ("kernels", "", "devices", "validation")  # each may import itself and what stands before it
ROOT = Path(photonics_core.__file__).parent


def run_python(program):
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT.parent)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


@pytest.mark.parametrize("name", photonics_core.__all__)
def test_every_public_name_is_there(name):
    assert getattr(photonics_core, name) is not None
    assert name in dir(photonics_core)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'photonics_core' has no attribute 'Rng'"):
        _ = photonics_core.Rng
    assert isinstance(photonics_core.__version__, str)


def test_importing_it_loads_nothing_heavy_and_sets_no_flag():
    loaded = run_python("import sys, photonics_core; print(*sys.modules)")
    assert not {"jax", "matplotlib", "h5py", "optax", "scipy", "equinox"} & set(loaded)


def test_devices_load_jax_but_no_plotting_and_leave_its_flags_alone():
    flags = "[jax.config.jax_enable_x64, jax.config.jax_numpy_dtype_promotion, jax.config.jax_default_matmul_precision]"
    program = (
        f"import sys, jax; before = {flags}; import photonics_core; "
        "[getattr(photonics_core, name) for name in photonics_core.__all__]; "
        f"assert {flags} == before; print(*sys.modules)"
    )
    assert not {"matplotlib", "h5py", "optax"} & set(run_python(program))


def layer_of(module):
    parts = module.split(".")
    return LAYERS.index(parts[1]) if len(parts) > 1 and parts[1] in LAYERS else LAYERS.index("")


def imports_of(path):
    """Modules of the package that a file imports when it is loaded, or later inside its functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer or "photonics_core")
def test_imports_run_one_way(layer):
    files = [path for path in (ROOT / layer).glob("*.py") if path != ROOT / "__init__.py"]
    assert files
    for path in files:
        for module in imports_of(path):
            if module.split(".")[0] == "photonics_core":
                assert layer_of(module) <= LAYERS.index(layer), f"{path} imports {module}"


def test_no_public_name_is_that_of_a_module():
    # A module that is imported becomes an attribute of the package and would hide the name.
    modules = {path.stem for path in Path(photonics_core.__file__).parent.glob("*.py")}
    assert not modules & set(photonics_core.__all__)
