"""Jobs: named runs with checked settings, from the shell or a TOML file.

A job is found by name through the entry-point group `photonics_core.jobs`, so a package of your own can add one. Its
settings are a pydantic model; a file that holds several mistakes gets one error that lists them all.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args

import pydantic

from photonics_core.suggestions import did_you_mean

GROUP = "photonics_core.jobs"
_MAX_TOML_BYTES = 1_000_000
_Model = TypeVar("_Model", bound=pydantic.BaseModel)


class JobError(ValueError):
    """A job that cannot be run as asked; the message says what is wrong and where."""


class Settings(pydantic.BaseModel):
    """Base of a job's settings: unknown keys are errors, numbers are finite, nothing changes after reading."""

    model_config: ClassVar[pydantic.ConfigDict] = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Job:
    """A named run.

    Args:
        name: name on the command line.
        summary: one line for listings.
        settings: the model of its settings; every one has a default.
        run: does the work: takes settings, the folder for results, and a function that prints a line of report.
    """

    name: str
    summary: str
    settings: type[Settings]
    run: Callable[[Any, Path, Callable[[str], None]], None]


def job_names() -> list[str]:
    """Names of all jobs that are installed."""
    return sorted(entry_points(group=GROUP).names)


def find_job(name: str) -> Job:
    """The job of a name.

    Raises:
        JobError: if there is none, with the names that there are and the nearest of them.
    """
    found = entry_points(group=GROUP, name=name)
    if not found:
        known = job_names()
        listed = ", ".join(known) or "any installed job"
        raise JobError(f"job = {name!r} is not one of {listed}{did_you_mean(name, known)}")
    return next(iter(found)).load()


def read_job(name_or_file: str, assignments: Sequence[str] = ()) -> tuple[Job, Settings]:
    """Find a job and its settings.

    Args:
        name_or_file: a job's name, or a path ending in .toml with `job = "name"` and settings beside it.
        assignments: settings as "key=value", values in TOML's notation (bare words are strings); they come last.

    Raises:
        JobError: for a file that cannot be read, an unknown job, or settings that are wrong, all of them listed.
    """
    table: dict[str, Any] = {}
    name = name_or_file
    if Path(name_or_file).is_dir():
        raise JobError(f"{name_or_file} is a folder; give a job's name or a TOML file")
    if name_or_file.lower().endswith((".yaml", ".yml", ".json")):
        raise JobError(f"{name_or_file}: a file of a job is TOML, with the ending .toml")
    if name_or_file.endswith(".toml"):
        table = read_toml(Path(name_or_file))
        name = table.pop("job", None)
        if not isinstance(name, str):
            raise JobError(f'{name_or_file}: job = {name!r} is not a name; the file needs a line such as job = "NAME"')
    job = find_job(name)
    for assignment in assignments:
        _assign(table, assignment)
    return job, checked(job.settings, table, name_or_file)


def checked(
    model: type[_Model], table: Mapping[str, Any], where: str, context: Mapping[str, Any] | None = None
) -> _Model:
    """Settings from a table.

    Args:
        model: the model of the settings.
        table: the table.
        where: what the table is of, for messages.
        context: what the model's validators are told.

    Raises:
        JobError: listing every mistake, in one line, with the nearest name for one that is not known.
    """
    try:
        return model.model_validate(table, context=context)
    except pydantic.ValidationError as error:
        found = error.errors(include_url=False)
        wrong = {entry["loc"][:-1] for entry in found if entry["loc"]}
        # A list that lost its wrong elements is not too short by itself, nor is what is missing beside a wrong one.
        own = [entry for entry in found if not _follows(entry, wrong, found)]
        mistakes = "; ".join(_mistake(model, entry) for entry in own)
        raise JobError(f"{where}: {mistakes}") from None


def read_toml(path: Path) -> dict[str, Any]:
    """The table of a TOML file.

    Raises:
        JobError: if it cannot be read, or is no TOML.
    """
    try:
        if path.stat().st_size > _MAX_TOML_BYTES:
            raise JobError(f"{path} has more than {_MAX_TOML_BYTES} bytes; it is not a job file")
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise JobError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise JobError(f"{path} is not text in UTF-8: byte {error.start}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise JobError(f"{path} is not TOML: {error or 'too deeply nested'}") from None


def _assign(table: dict[str, Any], assignment: str) -> None:
    key, equals, text = assignment.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", key):
        raise JobError(f"--set {assignment}: not of the form key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *folders, last = key.split(".")
    for folder in folders:
        table = table.setdefault(folder, {})
        if not isinstance(table, dict):
            raise JobError(f"--set {assignment}: {folder} is not a table")
    table[last] = value


def _mistake(model: type[pydantic.BaseModel], entry: Mapping[str, Any]) -> str:
    path, said = entry["loc"], entry["msg"].removeprefix("Value error, ")
    if entry["type"] == "extra_forbidden":
        said = f"there is no setting of this name{did_you_mean(str(path[-1]), _names(model, path[:-1]))}"
    elif entry["type"] == "union_tag_not_found":
        said = f"{entry['ctx']['discriminator']} is missing, which says what the others mean"
    elif entry["type"] == "union_tag_invalid":
        tag, known = entry["ctx"]["tag"], re.findall(r"'([^']*)'", entry["ctx"]["expected_tags"])
        near = did_you_mean(tag, known)
        return f"{_dotted((*path, _key(entry)))} = {tag!r} is not one of {', '.join(known)}{near}"
    return f"{_dotted(path)} = {_short(entry['input'])}: {said}"


def _follows(entry: Mapping[str, Any], wrong: set[Any], found: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a mistake is there only for another one."""
    if entry["type"] == "too_short":
        return entry["loc"] in wrong
    return (
        entry["type"] == "missing"
        and isinstance(entry["loc"][-1], int)
        and any(each["loc"][:-1] == entry["loc"][:-1] and each["type"] != "missing" for each in found)
    )


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(map(str, path)) or "settings"


def _key(entry: Mapping[str, Any]) -> str:
    return str(entry["ctx"]["discriminator"]).strip("'")


def _names(kind: Any, path: Sequence[str | int]) -> list[str]:
    """Names of the settings that lie under a path of a model; none where it leads through no model."""
    found: list[str] = []
    for each in (kind, *get_args(kind)):
        if isinstance(each, type) and issubclass(each, pydantic.BaseModel):
            fields = {field.alias or name: field.annotation for name, field in each.model_fields.items()}
            if not path:
                found += fields
            elif path[0] in fields:
                return _names(fields[path[0]], path[1:])
    # What is no field is the key of a mapping, the place in a list or the name of a kind of settings.
    return found or [name for each in get_args(kind) for name in _names(each, path[1:])]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
