"""Files that are either whole or not there."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> None:
    """Have `write` make a file under a temporary name, sync it to disk, and rename it to `path`.

    The temporary file lies in the same folder and ends in the name of `path`, so that writers which choose a
    format by the suffix work. If `write` raises, or the disk is full, the earlier file stays as it was and
    the temporary is removed; only a kill can leave one behind, and its name starts with `.tmp-`.

    Raises:
        OSError: if the file cannot be written, or what `write` raises.
    """
    # A link is followed: the file behind it is replaced, not the link.
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".tmp-{secrets.token_hex(4)}-{target.name}")
    try:
        write(temporary)
        _sync(temporary)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    # Windows cannot open a folder to sync it.
    if os.name == "posix":
        _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
