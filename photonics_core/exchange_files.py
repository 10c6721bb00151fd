"""What the readers of foreign files share: text within bounds, YAML and JSON, and optional packages by name.

Files come from elsewhere and nothing that they say is trusted. Each reader has one kind of error, and its message
starts with the file.
"""

import importlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from photonics_core.atomic import write_atomically

#: Files above this size are not read.
MAXIMUM_BYTES = 64 * 1024 * 1024
#: Values that a YAML file may have once its aliases are put in; a few lines of them can stand for any number.
_MAXIMUM_VALUES = 10_000_000
#: Numbers that YAML 1.2 and JSON know and PyYAML takes for text, as 1e-6.
_EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")


def read_text(path: str | Path, error_kind: type[ValueError], *, legacy: bool = False) -> str:
    """Text of a file in UTF-8.

    Args:
        path: the file.
        error_kind: what to raise; its message starts with `path`.
        legacy: take bytes that are no UTF-8 as Latin-1, as in files of old measuring instruments.

    Raises:
        ValueError: of `error_kind`, if there is no such file, or it is empty, too large or no text.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise error_kind(f"{path}: there is no such file")
        size = path.stat().st_size
        if size > MAXIMUM_BYTES:
            raise error_kind(f"{path}: {size} bytes are more than the {MAXIMUM_BYTES} that are read")
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        # A ValueError here is our own, or that of a path with a null in it.
        raise error if isinstance(error, error_kind) else error_kind(f"{path}: cannot be read: {error}") from error
    return _decode(content, str(path), error_kind, legacy)


def read_structure(path: str | Path, error_kind: type[ValueError]) -> Any:
    """Values of a file .json, .yml or .yaml: None, numbers, text, lists and dicts.

    Args:
        path: the file.
        error_kind: what to raise; its message starts with `path`.

    Raises:
        ValueError: of `error_kind`, for a file of another suffix, one that is damaged, nested too deep or too large,
            or a name that is twice in one dict, which other readers drop in silence.
        ImportError: for a YAML file without PyYAML.
    """
    parse = _from_json if _is_json(path, error_kind) else _from_yaml
    text = read_text(path, error_kind)
    try:
        return parse(text)
    except ImportError:
        raise
    except RecursionError:
        raise error_kind(f"{path}: is nested too deep") from None
    except Exception as error:
        # PyYAML lets out whatever a damaged number or date makes its constructors raise.
        raise error_kind(f"{path}: {' '.join(str(error).split())}") from None


def write_structure(path: str | Path, content: Any, error_kind: type[ValueError]) -> None:
    """Write plain values to a file .json, .yml or .yaml, whole or not at all.

    Raises:
        ValueError: of `error_kind`, for a file of another suffix.
        OSError: if the file cannot be written.
        ImportError: for a YAML file without PyYAML.
    """
    if _is_json(path, error_kind):
        text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    else:
        yaml = import_extra("yaml", "layout")
        text = yaml.dump(content, Dumper=_with_exponents(yaml.SafeDumper), sort_keys=False, allow_unicode=True)
    write_text(path, text)


def write_text(path: str | Path, text: str) -> None:
    """Write a file in UTF-8, whole or not at all.

    Raises:
        OSError: if it cannot be written, as where its folder does not exist; it names `path`.
    """
    try:
        write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    except OSError as error:
        # What failed is a file under a temporary name, of which the caller knows nothing.
        fault = error.strerror or str(error)
        if isinstance(error, FileNotFoundError):
            fault = f"{fault}: {str(Path(path).absolute().parent)!r}"
        raise type(error)(error.errno, fault, str(path)) from error


def import_extra(module: str, extra: str) -> Any:
    """Import a module of an optional package.

    Raises:
        ImportError: if it is not installed, with the extra of this package that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        hint = f'pip install "photonics-core[{extra}]"'
        raise ImportError(f"{module} is not installed; it comes with the extra {extra!r}: {hint}") from error


def _decode(content: bytes, source: str, error_kind: type[ValueError], legacy: bool) -> str:
    if not content.strip():
        raise error_kind(f"{source}: the file is empty")
    if b"\0" in content:
        raise error_kind(f"{source}: byte {content.index(0)} is a null, so it is no text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if legacy:
            return content.decode("latin-1")
        raise error_kind(f"{source}: byte {error.start} is not UTF-8") from None


def _is_json(path: str | Path, error_kind: type[ValueError]) -> bool:
    suffix = Path(path).suffix.lower()
    if suffix not in (".json", ".yml", ".yaml"):
        raise error_kind(f"{path}: the name ends in {suffix!r}, not in .json, .yml or .yaml")
    return suffix == ".json"


def _refuse_repeated(names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{name!r} is there {count} times")


def _from_json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _refuse_repeated([name for name, _ in pairs])
        return dict(pairs)

    return json.loads(text, object_pairs_hook=unique)


def _from_yaml(text: str) -> Any:
    yaml = import_extra("yaml", "layout")
    # The safe loader: it makes plain values and nothing else.
    loader = _with_exponents(yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _expanded_size(node, {}) > _MAXIMUM_VALUES:
            raise ValueError(f"aliases stand for more than {_MAXIMUM_VALUES} values, or for themselves")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _with_exponents(kind: Any) -> Any:
    """A loader or dumper of PyYAML that has numbers as 1e-6 for numbers, and puts such text in quotes."""
    extended = type(kind.__name__, (kind,), {})
    extended.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789"))
    return extended


def _expanded_size(node: Any, known: dict[int, float]) -> float:
    """Values below a node of YAML with all aliases put in; infinite if it holds itself. Names must not repeat."""
    if id(node) not in known:
        known[id(node)] = float("inf")
        pairs = [item if isinstance(item, tuple) else (item,) for item in node.value if not isinstance(item, str)]
        _refuse_repeated([pair[0].value for pair in pairs if len(pair) == 2 and isinstance(pair[0].value, str)])
        known[id(node)] = 1 + sum(_expanded_size(child, known) for pair in pairs for child in pair)
    return known[id(node)]
