"""Ctrl-C as a wish."""

import signal
import threading

import pytest

from steer.interrupt import stop_on_interrupt


def test_the_first_is_an_event_and_the_second_an_interrupt():
    """So work may end in its own time, and need not."""
    with stop_on_interrupt() as stop:
        assert not stop.is_set()
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_what_was_before_is_put_back():
    """Also after a failure."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="failed"), stop_on_interrupt():
        raise ValueError("failed")

    assert signal.getsignal(signal.SIGINT) is before


def test_where_it_is_ignored_it_stays_ignored():
    """A run in the background is not ended by a Ctrl-C that was meant for another."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_on_interrupt() as stop:
            signal.raise_signal(signal.SIGINT)
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_goes_without():
    """Python lets no other thread ask for signals."""
    found = []

    def work():
        with stop_on_interrupt() as stop:
            found.append(stop.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(5)

    assert found == [False]
