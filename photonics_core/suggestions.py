"""What somebody may have meant: the nearest name to a misspelt one, for messages of the shell."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """The end of a message about a name that is not known: "; did you mean 'rings'?", or nothing if none is near."""
    by_letters = {name.lower().replace("_", "-"): name for name in names}
    near = difflib.get_close_matches(word.lower().replace("_", "-"), by_letters, n=1, cutoff=0.6)
    return f"; did you mean {by_letters[near[0]]!r}?" if near else ""


def read_job(name_or_file: str, assignments: Sequence[str] = ()) -> Any:
    """As `jobs.read_job`, with what may have been meant at the end of the message of an error.

    Raises:
        JobError: as `jobs.read_job` does.
    """
    from photonics_core import jobs

    if Path(name_or_file).is_dir():
        raise jobs.JobError(f"{name_or_file} is a folder; give a job's name or a TOML file")
    try:
        return jobs.read_job(name_or_file, assignments)
    except jobs.JobError as error:
        raise jobs.JobError(f"{error}{_meant(name_or_file, assignments)}") from None


def _meant(name_or_file: str, assignments: Sequence[str]) -> str:
    """What was meant by a job's name or by those of its settings."""
    from photonics_core import jobs

    name, table = name_or_file, {}
    try:
        if name_or_file.endswith(".toml"):
            table = jobs.read_toml(Path(name_or_file))
            name = str(table.pop("job", ""))
        if name not in jobs.job_names():
            return did_you_mean(name, jobs.job_names())
        settings = jobs.find_job(name).settings
    except jobs.JobError:  # the first message says it
        return ""
    keys = [*_paths(table), *(each.partition("=")[0] for each in assignments)]
    return "".join(dict.fromkeys(_meant_setting(settings, key.split(".")) for key in keys))


def _paths(table: dict[str, Any]) -> list[str]:
    """Every key of a table, those of tables within it as "outer.inner"."""
    paths = []
    for key, value in table.items():
        inner = [f"{key}.{path}" for path in _paths(value)] if isinstance(value, dict) else []
        paths += inner or [key]
    return paths


def _meant_setting(settings: Any, path: Sequence[str]) -> str:
    """What was meant by the first name of a path that the model of settings does not have."""
    fields = getattr(settings, "model_fields", None)
    if fields is None or not path:
        return ""
    if path[0] not in fields:
        return did_you_mean(path[0], fields)
    return _meant_setting(fields[path[0]].annotation, path[1:])
