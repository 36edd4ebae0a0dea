"""What a process does to be in time."""

import gc
import os
import threading

import pytest

from steer.errors import InvalidInputError
from steer.loop import process
from steer.loop.process import cores, settle


@pytest.fixture(autouse=True)
def thawed():
    """Give the collector back what was taken from it."""
    yield
    gc.unfreeze()


@pytest.fixture
def latency(tmp_path, monkeypatch):
    """Take a file for what the kernel reads, and close what is left open."""
    path, opened, really_open = tmp_path / "latency", [], os.open
    path.touch()

    def remember(*arguments):
        opened.append(really_open(*arguments))
        return opened[-1]

    monkeypatch.setattr(process, "_LATENCY", path)
    monkeypatch.setattr(os, "open", remember)
    yield path, opened
    for descriptor in opened:
        os.close(descriptor)


def in_a_thread(call):
    """Return what a call returns or raises in a thread, whose core is its own."""
    found = []

    def run():
        try:
            found.append((call(), cores()))
        except InvalidInputError as error:
            found.append((error, cores()))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def test_what_exists_is_not_collected_any_more():
    """A pause over all objects can cost a tick."""
    words = settle(priority=0, is_kept_awake=False)

    assert gc.get_freeze_count() > 0
    assert words == "what was made before is not looked at by the garbage collector"


@pytest.mark.skipif(not cores(), reason="this system has no call for it")
def test_a_thread_stays_on_its_core_and_leaves_the_others_where_they_were():
    """Another thread of the process may run anywhere, as before."""
    core, before = cores()[-1], cores()

    words, after = in_a_thread(lambda: settle(core, priority=0, is_kept_awake=False))

    assert words.startswith(f"on core {core}; ")
    assert after == (core,)
    assert cores() == before


@pytest.mark.skipif(not cores(), reason="this system has no call for it")
def test_a_core_that_is_not_there_is_refused():
    """With its number."""
    error, _ = in_a_thread(lambda: settle((os.cpu_count() or 1) + 1000, is_kept_awake=False))

    assert str(error).startswith("core: expected one that this process may use, got 1")


@pytest.mark.skipif(not cores(), reason="this system has no call for it")
def test_a_priority_that_there_is_not_is_refused():
    """There are 99."""
    error, _ = in_a_thread(lambda: settle(priority=1000, is_kept_awake=False))

    assert str(error) == "priority: expected one that this process may take, got 1000"


@pytest.mark.skipif(not cores(), reason="this system has no call for it")
def test_a_thread_takes_the_priority_that_it_may():
    """Of the kind that runs before everything else, and for itself alone."""
    (words, policy), _ = in_a_thread(
        lambda: (settle(is_kept_awake=False), os.sched_getscheduler(0))
    )

    if words.startswith("priority 40 of real time; "):
        assert policy == os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
    else:
        assert words.startswith("no priority of real time, which this process may not take; ")
        assert policy == os.SCHED_OTHER
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.skipif(not cores(), reason="this system has no call for it")
def test_where_no_priority_may_be_taken_the_loop_runs_all_the_same(monkeypatch):
    """One that was asked for by number is refused instead."""

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    words, _ = in_a_thread(lambda: settle(is_kept_awake=False))
    error, _ = in_a_thread(lambda: settle(priority=7, is_kept_awake=False))

    assert words.startswith("no priority of real time, which this process may not take; ")
    assert str(error) == "priority: expected one that this process may take, got 7"


@pytest.mark.skipif(not cores(), reason="this system has no call for it")
def test_cores_are_asked_to_stay_awake_until_the_process_ends(latency):
    """The kernel reads a latency of 0, and forgets it when the file is closed: it is not."""
    asked, opened = latency

    words, _ = in_a_thread(lambda: settle(priority=0))

    assert words.startswith("cores kept awake; ")
    assert asked.read_bytes() == bytes(4)
    assert os.fstat(opened[0]).st_ino == asked.stat().st_ino


@pytest.mark.skipif(not cores(), reason="this system has no call for it")
def test_where_cores_may_not_be_kept_awake_the_loop_runs_all_the_same(latency):
    """As for all who are not root."""
    latency[0].unlink()

    words, _ = in_a_thread(lambda: settle(priority=0))

    assert words.startswith("cores may sleep, for this process may not keep them awake; ")
