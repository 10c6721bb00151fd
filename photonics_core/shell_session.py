"""What commands of the shell have in common: the start on a device, the folder of results, errors in one line."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from photonics_core.errors import ClusterError, DeviceError
from photonics_core.interrupts import interrupts_later


def start(device: str, precision: str) -> None:
    """Choose device and precision, switch the cache on where it is asked for, and say on stderr what computes."""
    with interrupts_later():
        from photonics_core.runtime import device_name, set_lapack_threads, set_precision, use_device

        set_lapack_threads(1)
        set_precision(precision)
        use_device(device)
        use_cache()
        typer.echo(f"device: {device_name()}, precision: {precision}", err=True)


def use_cache() -> None:
    """Keep compiled programs if the environment, or --cache, says so."""
    from photonics_core.compilation_cache import chosen_by_environment, set_compilation_cache

    folder = chosen_by_environment()
    if folder is not None:
        set_compilation_cache(folder or None)


@contextmanager
def results_folder(folder: Path) -> Iterator[None]:
    """Make the folder before any work is done in vain, and take away what was made and is empty if the work fails."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"out = {folder} is not a folder to write to: {error.strerror}") from None
    try:
        yield
    except BaseException:
        for each in made:  # from the inside out
            if any(each.iterdir()):
                break
            each.rmdir()
        raise


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn an error that the user can mend into one line on stderr and exit code 2."""
    try:
        yield
    except BrokenPipeError:  # who read the output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(141) from None
    except (ValueError, OSError, DeviceError, ClusterError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt as error:
        typer.echo(f"stopped{f': {error}' if str(error) else ''}", err=True)
        raise typer.Exit(130) from None
