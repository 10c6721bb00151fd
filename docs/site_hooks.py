"""What `mkdocs build` adds to the pages of this folder: the API reference, the notebooks, files of the root, equations.

Nothing that is generated is written to the working tree. Kept in plain functions so that tests can call them without
MkDocs; only the functions at the end are called by it.
"""

import ast
import posixpath
import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"": "photonics_core", "devices.": "devices", "kernels.": "kernels", "validation.": "validation"}
#: Pages that are files of the repository's root, by the name of the page.
ROOT_PAGES = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
API_INTRODUCTION = """# API reference

Made from the docstrings. The names below are those of `photonics_core` itself, as in `photonics_core.AddDropRing`; each
page also has what its modules offer beside them, as `photonics_core.store.save`. Lengths are in um, times in ps,
temperatures in K, powers in mW ([units](../units.md))."""
#: What stands for an equation while a page is turned to HTML.
MARK = "EQUATION-OF-THIS-PAGE-"
#: Modules that no user calls: the shell's own code and what is written at installation.
NOT_SHOWN = ("__init__", "__main__", "_version", "*.__init__")


class Subject(NamedTuple):
    """A page of the API reference: its title, its file without ending, and patterns of the modules on it."""

    title: str
    file: str
    patterns: tuple[str, ...]


def _subjects() -> tuple[Subject, ...]:
    pages = tomllib.loads((ROOT / "docs" / "api_pages.toml").read_text(encoding="utf-8"))["page"]
    return tuple(Subject(page["title"], page["file"], tuple(page["modules"].split())) for page in pages)


SUBJECTS = _subjects()


def modules() -> list[str]:
    """Names of the modules below `photonics_core` that the reference shows; of `validation` only its frame."""
    found = [
        f"{prefix}{path.stem}" for prefix, folder in PACKAGES.items() for path in sorted((ROOT / folder).glob("*.py"))
    ]
    shown = [name for name in found if not any(fnmatchcase(name, pattern) for pattern in NOT_SHOWN)]
    return [name for name in shown if not name.startswith("validation.") or place_of(name) is not None]


def place_of(module: str) -> tuple[str, int] | None:
    """The file of the page that a module is on, and the place of its pattern there, or None."""
    for _, page, patterns in SUBJECTS:
        for place, pattern in enumerate(patterns):
            if fnmatchcase(module, pattern):
                return page, place
    return None


def api_pages() -> dict[str, str]:
    """Pages of the reference by their path: for each module what it says of itself, and its public names."""
    on_page: dict[str, list[str]] = {}
    for (page, _), module in sorted((place, module) for module in modules() if (place := place_of(module))):
        on_page.setdefault(page, []).append(module)
    homes = exported_names()
    pages = {"api/index.md": api_index(on_page, homes)}
    for title, page, _ in SUBJECTS:
        if page in on_page:
            parts = [f"# {title}", *(f"::: photonics_core.{module}" for module in on_page[page])]
            pages[f"api/{page}.md"] = "\n\n".join(parts) + "\n"
    return pages


def api_index(on_page: dict[str, list[str]], homes: dict[str, str]) -> str:
    """The first page of the reference: the names that `photonics_core` itself has, by subject."""
    parts = [API_INTRODUCTION]
    for title, page, _ in SUBJECTS:
        names = sorted((name for name, home in homes.items() if home in on_page.get(page, ())), key=str.lower)
        links = ", ".join(f"[`{name}`][photonics_core.{homes[name]}.{name}]" for name in names)
        parts.append(f"## [{title}]({page}.md)\n\n{links or 'Modules of their own; nothing of it is exported.'}")
    return "\n\n".join(parts) + "\n"


def exported_names() -> dict[str, str]:
    """The home of each public name of `photonics_core`, read without importing it."""
    tree = ast.parse((ROOT / "photonics_core" / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module or "" for node in imports for alias in node.names}


def notebook_pages() -> dict[str, str]:
    """Pages of the notebooks by their path."""
    paths = sorted((ROOT / "notebooks").glob("*.py"))
    return {f"notebooks/{path.stem}.md": notebook_page(path.read_text(encoding="utf-8"), path.name) for path in paths}


def notebook_page(text: str, name: str) -> str:
    """Markdown of a notebook in the percent format."""
    parts = []
    for cell in re.split(r"^# %%", text, flags=re.MULTILINE):
        head, _, body = cell.partition("\n")
        if not body.strip():
            continue
        if head.strip() == "[markdown]":
            parts.append("\n".join(line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines()))
        else:
            parts.append(f"```python\n{body.strip()}\n```")
    title, *rest = parts
    run = f"Run it with `python notebooks/{name}`, or open it as a notebook in an editor that knows the percent format."
    head, _, tail = title.partition("\n")
    return "\n\n".join([head, run, *([tail.strip()] if tail.strip() else []), *rest]) + "\n"


def first_line(page: str) -> str:
    """The title of a page: its first line, without the hashes."""
    return page.partition("\n")[0].lstrip("# ")


def root_pages() -> dict[str, str]:
    """Files of the repository's root as pages; what they link in `docs/` is beside them here."""
    texts = {page: (ROOT / name).read_text(encoding="utf-8") for page, name in ROOT_PAGES.items()}
    return {page: text.replace("](docs/", "](") for page, text in texts.items()}


def generated_pages() -> dict[str, str]:
    """All pages that are not in this folder, by their path."""
    return api_pages() | notebook_pages() | root_pages()


def links_within_site(text: str, page: str) -> str:
    """Links to notebooks and to files of the root, turned to the pages that hold them here."""
    above = posixpath.relpath(".", posixpath.dirname(page) or ".")
    text = re.sub(r"\]\((?:\.\./)?notebooks/(\w+)\.py\)", rf"]({above}/notebooks/\1.md)", text)
    for target, name in ROOT_PAGES.items():
        text = re.sub(rf"\]\(\.\./{name}(?=[)#])", f"]({above}/{target}", text)
    return text


def without_equations(text: str) -> tuple[str, list[str]]:
    """The text of a page with a mark for each equation, and the equations as MathML, which browsers draw by themselves.

    Equations are blocks fenced as `math` and, on pages that have such blocks, what stands between two dollar signs.
    """
    if "```math" not in text:
        return text, []
    found: list[str] = []

    def block(match: "re.Match[str]") -> str:
        found.append(f'<div class="equation">{mathml(match[1], "block")}</div>')
        return f"\n{MARK}{len(found) - 1};\n"

    def inline(match: "re.Match[str]") -> str:
        found.append(mathml(match[1], "inline"))
        return f"{MARK}{len(found) - 1};"

    text = re.sub(r"^```math\n(.*?)^```$", block, text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"\$(\S[^$\n]*?)\$", inline, text), found


def with_equations(page: str, equations: list[str]) -> str:
    """HTML of a page with equations in the place of their marks."""
    for number, equation in enumerate(equations):
        page = page.replace(f"<p>{MARK}{number};</p>", equation).replace(f"{MARK}{number};", equation)
    return page


def mathml(latex: str, display: str) -> str:
    """An equation of LaTeX as MathML."""
    from latex2mathml.converter import convert

    return convert(" ".join(latex.split()), display=display)


def on_config(config: Any) -> Any:
    """Put the pages of the reference and of the notebooks into their parts of the navigation."""
    pages = api_pages()
    api = ["api/index.md", *({title: f"api/{page}.md"} for title, page, _ in SUBJECTS if f"api/{page}.md" in pages)]
    notebooks = [{first_line(text): path} for path, text in notebook_pages().items()]
    parts = {"API reference": api, "Tutorials": notebooks}
    config.nav = [{title: parts.get(title, part)} for entry in config.nav for title, part in entry.items()]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages."""
    from mkdocs.structure.files import File

    for path, text in generated_pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links of a page, and take its equations out."""
    text, page.meta["equations"] = without_equations(links_within_site(markdown, page.file.src_uri))
    return text


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put the equations back."""
    return with_equations(html, page.meta["equations"])
