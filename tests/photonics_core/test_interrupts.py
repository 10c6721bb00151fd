"""Ctrl-C that waits."""

import signal
import threading

import pytest

from photonics_core.interrupts import interrupts_later


def test_ctrl_c_waits_for_the_end_of_the_block():
    before, done = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt), interrupts_later():
        signal.raise_signal(signal.SIGINT)
        done.append("went on")
    assert done == ["went on"] and signal.getsignal(signal.SIGINT) is before


def test_an_error_within_comes_through():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="within"), interrupts_later():
        raise ValueError("within")
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_are_left_alone():
    done = []

    def work():
        with interrupts_later():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
