"""The documentation: nothing that leads nowhere, a tour that runs as it stands, docstrings for all that is public."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
FOLDERS = ("photonics_core", "devices", "kernels")
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS.glob("*.md")])
#: What a docstring that takes an argument of this name has to name: one of these units, or what it is else.
UNITS = {
    **dict.fromkeys(("radius", "gap", "pitch", "thickness", "height"), ("um", "nm", "inches")),
    **dict.fromkeys(("length", "width"), ("um", "nm", "inches", "bits", "symbols")),
    **dict.fromkeys(("voltage", "voltages"), ("V",)),
    **dict.fromkeys(("current", "currents"), ("mA",)),
    **dict.fromkeys(("time", "times"), ("ps", "ns", "s")),
    **dict.fromkeys(("power", "powers"), ("mW", "dBm", "dB", "over", "through / in")),
    **dict.fromkeys(("frequency", "frequencies"), ("THz", "GHz", "Hz")),
}
TOUR_PROGRAM = """
import doctest, pathlib, re, sys
text = re.sub(r"^```.*$", "", pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"), flags=re.MULTILINE)
test = doctest.DocTestParser().get_doctest(text, {}, "tour", sys.argv[1], 0)
runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
runner.run(test)
failed, tried = runner.summarize()
sys.exit(1 if failed or tried < 30 else 0)
"""


def load(path: Path) -> Any:
    """A module of the site by its file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def hooks() -> Any:
    return load(DOCS / "site_hooks.py")


def navigation() -> list[str]:
    """Pages in the order of the navigation."""

    class Loader(yaml.SafeLoader):
        """Takes tags of MkDocs for what they are not: nothing here needs them."""

    Loader.add_multi_constructor("", lambda loader, suffix, node: None)
    nav = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)["nav"]
    return [page for part in nav for pages in part.values() for page in pages]


def test_the_navigation_names_every_page_and_no_other(hooks):
    named = navigation()
    assert len(named) == len(set(named))
    assert {page for page in named if page not in hooks.ROOT_PAGES} == {path.name for path in DOCS.glob("*.md")}


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Anchors of the headings of a page, as code-hosting sites and the site make them."""
    titles = re.findall(r"^#+ (.*)$", without_code(text.replace("`", "")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_relative_link_and_image_is_there(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.is_file(), f"{page.name} links to {target}"
        assert path.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), f"{page.name} links to {target}"


def test_every_image_is_shown_somewhere():
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert not [path.name for path in DOCS.glob("*.png") if path.name not in texts]


@pytest.mark.slow
def test_the_tour_runs_as_it_stands(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", TOUR_PROGRAM, DOCS / "tour.md"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["ring.h5"]


def test_every_public_name_is_on_a_page_of_the_reference_with_its_like(hooks):
    homes = set(hooks.exported_names().values())
    assert homes <= set(hooks.modules())
    lost = [name for name in homes if hooks.place_of(name)[0] == "others"]
    assert not lost, f"put {lost} on a page of docs/api_pages.toml"
    assert all(hooks.place_of(name) is not None for name in hooks.modules())


def test_kernels_of_the_page_are_there_and_all_are_on_it():
    text = (DOCS / "kernels.md").read_text(encoding="utf-8")
    names = {path.stem for path in (ROOT / "kernels").glob("*.py")} - {"__init__"}
    assert not [name for name in names if f"`{name}`" not in text]
    assert not [test for test in re.findall(r"`(test_\w+\.py)`", text) if not (ROOT / "tests/kernels" / test).is_file()]


def test_cases_that_pages_name_are_there():
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "validation").glob("*.py"))
    for page in ("kernels.md", "validation.md"):
        for named in re.findall(r"`([a-z_]+\.[a-z0-9_]+)`", (DOCS / page).read_text(encoding="utf-8")):
            if not named.endswith((".py", ".h5", ".html", ".json", ".csv")):
                subject = named.partition(".")[0]
                assert f'"{named}' in sources or re.search(rf'f"{subject}\.\{{', sources), f"{page} names {named}"


def classes_and_functions() -> Iterator[tuple[Path, str, Any, Any]]:
    """File, name, node and class (or None) of everything public."""
    for path in (path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.py"))):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                yield path, node.name, node, None
                for member in node.body if isinstance(node, ast.ClassDef) else ():
                    if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                        yield path, f"{node.name}.{member.name}", member, node


@pytest.fixture(scope="module")
def public() -> list[tuple[Path, str, Any, Any]]:
    return list(classes_and_functions())


def test_everything_public_has_a_docstring_or_that_of_what_it_overrides(public):
    documented = {name for _, name, node, _ in public if ast.get_docstring(node)}
    bases = {
        name: [ast.unparse(base).split("[")[0] for base in node.bases]
        for _, name, node, _ in public
        if isinstance(node, ast.ClassDef)
    }

    def inherited(owner: str, member: str) -> bool:
        return any(f"{base}.{member}" in documented or inherited(base, member) for base in bases.get(owner, ()))

    bare = [
        f"{path.name}: {name}"
        for path, name, node, owner in public
        if name not in documented and not (owner is not None and inherited(owner.name, node.name))
    ]
    assert len(public) > 1500
    assert not bare


def test_docstrings_name_the_units_of_what_they_take(public):
    """Judged by the names of arguments; the unit may stand with the class or module, or with what is referred to."""
    modules: dict[Path, str] = {}
    lacking = []
    for path, name, node, owner in public:
        if path.parent.name == "kernels" or not isinstance(node, ast.FunctionDef) or path.name == "cli.py":
            continue
        if path not in modules:
            modules[path] = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        own = ast.get_docstring(node)
        if own is None:  # that of what it overrides
            continue
        text = " ".join([own, modules[path], (ast.get_docstring(owner) or "") if owner else ""])
        for argument in (*node.args.args, *node.args.kwonlyargs):
            units = UNITS.get(argument.arg)
            if units and not re.search(rf"(?<![\w])({'|'.join(units)})(?![\w])|as (for|above)|see `", text):
                lacking.append(f"{path.name}: {name}({argument.arg})")
    assert not lacking


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    """In an environment that has the extra `docs`, or with its `mkdocs` on the path, as `make docs` has it."""
    program = shutil.which("mkdocs", path=f"{ROOT / '.venv-docs' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        pytest.skip("mkdocs is not here: `make docs` brings it, or pip install 'photonics-core[docs]'")
    site = tmp_path / "site"
    done = subprocess.run(
        [program, "build", "--strict", "--site-dir", site],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            "NO_MKDOCS_2_WARNING": "1",
            "PATH": f"{Path(program).parent}{os.pathsep}{os.environ['PATH']}",
        },
    )
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    hosts = re.compile(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:)?//')
    assert not [path.name for path in site.rglob("*.html") if hosts.search(path.read_text(encoding="utf-8"))]
    assert "AddDropRing" in (site / "api" / "rings.html").read_text(encoding="utf-8")
    assert "<math" in (site / "kernels.html").read_text(encoding="utf-8")
