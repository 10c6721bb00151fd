"""Compiled programs kept on disk, so that the next process need not compile them again.

A program switches it on in one line, `set_compilation_cache()`; nothing is kept otherwise. What is kept is machine code
that later processes run, so the folder must be the user's own: it is made with no rights for others, and one that
others own or may write to is refused.

JAX finds an entry by the program (its precision included), the compiler's options and its version. It does not look at
the processor of the host, and code for another one may crash; so entries lie in a folder for each set of processor
features and versions. JAX writes an entry once and never again: one that was cut short by a kill or a full disk is
reported by a warning each time, the program is compiled as without a cache, and the entry stays.
`clear_compilation_cache` (or deleting the folder) mends that, and is how old versions are thrown away.

On some processors XLA writes an error for each entry it reads, that "+prefer-no-gather" is not supported by the host
(github.com/jax-ml/jax/issues/38445). That is a choice of its own compiler and no feature of a processor; the entry is
used. TF_CPP_MIN_LOG_LEVEL=3 in the environment before JAX loads hides it, as the shell does (`hide_notes_of_loading`).
"""

import hashlib
import os
import platform
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

#: Variable of the environment for the shell: 1 for the usual folder, or a folder; 0 or nothing for none.
VARIABLE = "PHOTONICS_CORE_CACHE"
#: Programs that compile in less than this many seconds are not kept. All are: a first result waits for many short ones.
SHORTEST_S = 0.0
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class KeptPrograms:
    """What is on disk.

    Attributes:
        folder: the folder of all kept programs.
        is_on: whether this process keeps its programs there.
        programs: number of kept programs.
        size: their bytes.
    """

    folder: Path
    is_on: bool
    programs: int
    size: int


def default_cache_folder() -> Path:
    """The folder of compiled programs where none is named: in $XDG_CACHE_HOME, or else in ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "photonics_core" / "compiled"


def set_compilation_cache(folder: str | os.PathLike[str] | None = None) -> Path:
    """Keep compiled programs on disk from here on, for the next process; call it before the first computation.

    Args:
        folder: where; None for `default_cache_folder()`. It is made if it is not there, for its owner only.

    Returns:
        The folder within it that JAX uses: that of this processor and these versions.

    Raises:
        ValueError: if the folder is a file, cannot be written to, is another user's, or others may write to it.
    """
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    place = Path(folder).expanduser() if folder is not None else default_cache_folder()
    keyed = place.absolute() / host_key()
    for each in (place, keyed):
        _make_private(each)
    jax.config.update("jax_compilation_cache_dir", str(keyed))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", SHORTEST_S)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    compilation_cache.reset_cache()  # a cache that was off when JAX first compiled would stay off
    return keyed


def clear_compilation_cache(folder: str | os.PathLike[str] | None = None) -> int:
    """Delete all kept programs, of every version and processor; return how many there were.

    Args:
        folder: where they are; None for `default_cache_folder()`. Only folders that `set_compilation_cache` has made
            are deleted in it, so a wrong folder loses nothing.

    Raises:
        OSError: if one cannot be deleted.
    """
    place = Path(folder).expanduser() if folder is not None else default_cache_folder()
    count = kept_programs(place).programs
    for each in _keyed_folders(place):
        shutil.rmtree(each)
    return count


def kept_programs(folder: str | os.PathLike[str] | None = None) -> KeptPrograms:
    """What is kept in a folder (None for the one in use, or else the usual one), without making or changing it."""
    import jax

    used = Path(jax.config.jax_compilation_cache_dir or "")  # pyright: ignore[reportAttributeAccessIssue]
    if folder is None and used.name not in ("", host_key()):  # a program of the user's own chose another
        place, folders = used, [used]
    else:
        is_ours = folder is None and used.name
        place = used.parent if is_ours else Path(folder or default_cache_folder()).expanduser().absolute()
        folders = _keyed_folders(place)
    files = [file for each in folders for file in each.rglob("*") if file.is_file()]
    programs = sum(file.name.endswith("-cache") for file in files)
    size = sum(file.stat().st_size for file in files)
    return KeptPrograms(place, bool(used.name) and used in folders, programs, size)


def chosen_by_environment() -> str | Path | None:
    """What the variable PHOTONICS_CORE_CACHE says: None for no cache, "" for the usual folder, or a folder."""
    value = os.environ.get(VARIABLE, "").strip()
    if value.lower() in ("", "0", "off", "no", "false"):
        return None
    return "" if value.lower() in ("1", "on", "yes", "true") else Path(value)


def hide_notes_of_loading() -> None:
    """Hide what XLA writes of each entry that it reads, unless the environment says what to hide; before JAX loads."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def host_key() -> str:
    """Name of the folder of this kind of host: the versions of JAX and a digest of the processor and XLA's flags."""
    import jax
    import jaxlib.version

    told = "\n".join((platform.machine(), _processor_features(), os.environ.get("XLA_FLAGS", "")))
    return f"jax-{jax.__version__}-{jaxlib.version.__version__}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def _keyed_folders(place: Path) -> list[Path]:
    return [each for each in place.glob("jax-*") if each.is_dir() and not each.is_symlink()]


def _processor_features() -> str:
    """The instruction sets of the processor; its name where the system does not list them."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("flags", "Features"):
                return " ".join(sorted(value.split()))
    return platform.processor()


def _make_private(folder: Path) -> None:
    """Make a folder for its owner only, or refuse one that is not his alone to write to."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise ValueError(f"compilation cache = {folder} is not a folder to write to: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"compilation cache = {folder} is not a folder to write to: Permission denied")
    if os.name == "posix" and (found.st_uid != os.getuid() or found.st_mode & _OTHERS_MAY_WRITE):
        raise ValueError(
            f"compilation cache = {folder} is not private: it holds code that is run, so it must be yours and "
            "writable by you only (chmod 700)"
        )
