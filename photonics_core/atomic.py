"""Files that are either whole or not there."""

import contextlib
import os
import secrets
import time
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


def write_new(path: str | os.PathLike[str], data: bytes) -> bool:
    """Write a file whole unless one is there; say whether it was written. Of two writers at once one wins.

    Raises:
        OSError: if the file cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".tmp-{secrets.token_hex(4)}-{target.name}")
    try:
        temporary.write_bytes(data)
        _sync(temporary)
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            if target.exists():
                return False
            os.replace(temporary, target)
        if os.name == "posix":
            _sync(target.parent)
        return True
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder and those around it, and sync the names of new ones to disk.

    Raises:
        OSError: if it cannot be made.
    """
    folder = Path(path).absolute()
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if os.name == "posix":
        for each in new:
            _sync(each.parent)
    return folder


def remove_leftovers(folder: Path, older_than: float = 3600.0) -> None:
    """Remove temporary files that a kill has left behind, once they are `older_than` seconds old.

    Younger ones may be those of another process at work.
    """
    now = time.time()
    for each in folder.glob(".tmp-*"):
        with contextlib.suppress(OSError):
            if now - each.stat().st_mtime > older_than:
                each.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
