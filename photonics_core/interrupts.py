"""Ctrl-C while modules load: it waits until they are there."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_later() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block, and raise `KeyboardInterrupt` there.

    For loading JAX and what stands on it: in the midst of it Ctrl-C crashes compiled modules, or is lost in a callback
    of JAX's that the garbage collector runs. It does nothing outside the main thread, which gets no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
