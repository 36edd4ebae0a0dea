"""What a process does to be in time, and gives back."""

import gc
import os
import threading
from pathlib import Path

import pytest

from steer.errors import InvalidInputError
from steer.loop import process
from steer.loop.process import cores, settled

FIFO = getattr(os, "SCHED_FIFO", 0) | getattr(os, "SCHED_RESET_ON_FORK", 0)
ELSE = {"priority": 0, "is_kept_awake": False}

linux = pytest.mark.skipif(not cores(), reason="this system has no call for it")


def in_a_thread(call):
    """Return what a call returns or raises in a thread, whose core is its own."""
    found = []

    def run():
        try:
            found.append(call())
        except InvalidInputError as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def words_of(*arguments, **options):
    with settled(*arguments, **options) as words:
        return words


def taken(monkeypatch, most):
    """Take a list for the kernel, which allows priorities up to `most`; return it."""
    asked = []

    def take(pid, policy, parameters):
        if parameters.sched_priority > most:
            raise PermissionError(1, "Operation not permitted")
        asked.append((pid, policy, parameters.sched_priority))

    monkeypatch.setattr(os, "sched_setscheduler", take)
    return asked


def test_what_exists_is_not_collected_until_it_is_left():
    """A pause over all objects can cost a tick."""
    with settled(**ELSE) as words:
        assert gc.get_freeze_count() > 0
        assert words == "what was made before is not looked at by the garbage collector"
    assert gc.get_freeze_count() == 0


@linux
def test_a_thread_stays_on_its_core_and_leaves_the_others_where_they_were():
    """Another thread of the process may run anywhere, as before, and so may it afterwards."""
    core, before = cores()[-1], cores()

    def run():
        with settled(core, **ELSE) as words:
            inside = cores()
        return words, inside, cores()

    words, inside, after = in_a_thread(run)

    assert words.startswith(f"on core {core}; ")
    assert (inside, after, cores()) == ((core,), before, before)


@linux
def test_a_core_that_is_not_there_is_refused():
    """With its number."""
    error = in_a_thread(lambda: words_of((os.cpu_count() or 1) + 1000, **ELSE))

    assert str(error).startswith("core: expected one that this process may use, got 1")


@linux
@pytest.mark.parametrize("priority", [-1, 1000])
def test_a_priority_that_there_is_not_is_refused(priority):
    """There are 99."""
    error = in_a_thread(lambda: words_of(priority=priority, is_kept_awake=False))

    assert str(error) == f"priority: expected one that this process may take, got {priority}"


@linux
@pytest.mark.parametrize(
    ("most", "limit", "priority"), [(99, 0, 40), (40, 40, 40), (20, 20, 20), (39, 39, 39)]
)
def test_a_thread_takes_the_priority_that_it_may(monkeypatch, most, limit, priority):
    """Before everything else, for itself alone, and gives it back."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    asked, before = taken(monkeypatch, most), os.sched_getscheduler(0)

    words = words_of(is_kept_awake=False)

    assert words.startswith(f"priority {priority} of real time; ")
    was = before | os.SCHED_RESET_ON_FORK
    assert asked == [(0, FIFO, priority), (0, was, os.sched_getparam(0).sched_priority)]


@linux
def test_where_no_priority_may_be_taken_the_loop_runs_all_the_same(monkeypatch):
    """One that was asked for by number is refused instead."""
    taken(monkeypatch, 0)

    words = words_of(is_kept_awake=False)

    assert words.startswith("no priority of real time, which this process may not take; ")
    with pytest.raises(InvalidInputError, match=r"^priority: expected one that this process may"):
        words_of(priority=7, is_kept_awake=False)


@linux
def test_the_kernel_takes_the_priority_and_has_it_back():
    """Where this process may take one at all."""

    def probe():
        before = os.sched_getscheduler(0)
        with settled(is_kept_awake=False) as words:
            inside = os.sched_getscheduler(0)
        return words, before, inside, os.sched_getscheduler(0)

    words, before, inside, after = in_a_thread(probe)
    if words.startswith("no priority"):
        pytest.skip("this process may take none")

    assert inside == FIFO
    assert after & ~os.SCHED_RESET_ON_FORK == before


@linux
def test_cores_are_asked_to_stay_awake_until_it_is_left(tmp_path, monkeypatch):
    """The kernel reads a latency of 0, and forgets it when the file is closed."""
    path = tmp_path / "latency"
    path.touch()
    monkeypatch.setattr(process, "_LATENCY", path)

    with settled(priority=0) as words:
        assert path in open_files()

    assert words.startswith("cores kept awake; ")
    assert path.read_bytes() == bytes(4)
    assert path not in open_files()


def open_files():
    return {Path(os.path.realpath(item)) for item in Path("/proc/self/fd").iterdir()}


@linux
def test_nothing_stays_taken_where_it_is_refused(tmp_path, monkeypatch):
    """Whoever goes on without has a thread as before."""
    path = tmp_path / "latency"
    path.touch()
    monkeypatch.setattr(process, "_LATENCY", path)

    def run():
        before = cores()
        with pytest.raises(InvalidInputError, match=r"^priority: "):
            words_of(before[-1], priority=1000)
        return cores() == before, gc.get_freeze_count(), path in open_files()

    assert in_a_thread(run) == (True, 0, False)


@linux
def test_where_cores_may_not_be_kept_awake_the_loop_runs_all_the_same(tmp_path, monkeypatch):
    """As for all who are not root."""
    monkeypatch.setattr(process, "_LATENCY", tmp_path / "none")

    words = words_of(priority=0)

    assert words.startswith("cores may sleep, for this process may not keep them awake; ")
