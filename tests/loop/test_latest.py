"""The newest whole value, whatever happens to whoever writes it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer.errors import InvalidInputError
from steer.loop.latest import _VALUE, Latest

# Writes values of one repeated byte for ever, as fast as it can.
WRITER = """
import sys
from pathlib import Path
from steer.loop.latest import Latest

latest = Latest(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    latest.write(bytes([number % 251]) * (1 + number * 7919 % latest.capacity))
"""


@pytest.fixture
def latest(tmp_path):
    made = Latest(tmp_path / "latest", capacity=64)
    yield made
    made.close()


def test_readers_see_the_newest_value_alone(latest):
    """Nothing queues; numbers count what was written."""
    assert latest.read() is None
    assert [latest.write(value) for value in (b"one", b"two", b"three")] == [1, 2, 3]

    assert latest.read() == (3, b"three")
    assert latest.read(after=2) == (3, b"three")
    assert latest.read(after=3) is None


def test_an_empty_value_is_a_value(latest):
    """Its number tells it from none."""
    latest.write(b"")

    assert latest.read() == (1, b"")


@pytest.mark.parametrize("place", [0, 8, 16, 24, 32])
def test_a_torn_value_is_not_seen(latest, place):
    """Number, length, checksum, closing number or content: the value before is there instead."""
    latest.write(b"before")
    latest.write(b"torn!!")
    start = latest._place(2 % 2) + place
    latest._memory[start] ^= 0xFF

    assert latest.read() == (1, b"before")


def test_what_stays_torn_is_counted_and_said_once(latest, caplog):
    """At the second look: what is only being written is whole by then."""
    latest.write(b"before")
    latest.write(b"torn!!")
    latest._memory[latest._place(2 % 2)] ^= 0xFF
    counts = []
    for _ in range(4):
        assert latest.read() == (1, b"before")
        counts.append(latest.num_torn)
    latest.write(b"after")

    assert latest.read() == (3, b"after")
    assert counts == [0, 1, 1, 1]
    assert caplog.messages == ["latest: value 253 is torn; the one before it stands"]


def test_a_value_that_is_whole_at_the_next_look_was_not_torn(latest):
    """It was being written."""
    latest.write(b"one")
    place = latest._place(2 % 2)
    latest._memory[place] = 2
    latest.read()
    latest.write(b"two")
    latest.read(after=2)

    assert latest.num_torn == 0


def test_parts_lie_one_behind_the_other(latest):
    """Bytes and arrays, of any length; nothing of the value before shows behind them."""
    latest.write(b"x" * 64)
    latest.write(b"x" * 64)
    latest.write(b"abc", np.arange(2, dtype=np.uint16), b"", np.zeros((0, 3)), np.uint8([[7], [8]]))

    assert latest.read() == (3, b"abc\0\0\1\0\7\x08")


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(0, 40))
def test_a_value_that_is_partly_the_one_before_is_not_seen(before, after, place):
    """Torn at any byte, with the numbers, the length and the checksum of the new one around it."""
    with tempfile.TemporaryDirectory() as directory, closing(made(directory)) as latest:
        latest.write(before)
        latest.write(b"")
        latest.write(after)
        start = latest._place(3 % 2) + _VALUE
        torn = after[:place] + before[place : len(after)]
        torn += after[len(torn) :]
        latest._memory[start : start + len(torn)] = torn

        assert latest.read() == ((3, after) if torn == after else (2, b""))


def made(directory):
    return Latest(Path(directory) / "latest", capacity=40)


def test_the_next_writer_goes_on_where_the_last_one_stopped(latest):
    """In the middle of a write, too: its number is left out."""
    latest.write(b"one")
    slot = latest._place(2 % 2)
    latest._memory[slot] = 2  # began its second value, and was killed
    again = Latest(latest.path)

    assert again.read() == (1, b"one")
    assert again.write(b"three") == 3
    assert latest.read() == (3, b"three")
    again.close()


def test_a_reader_beside_a_writer_that_is_killed_sees_whole_values_alone(tmp_path):
    """Thousands of them while it writes, fewer beside other work, and the last one at its end."""
    reader = Latest(tmp_path / "latest", capacity=4096)
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(reader.path)])
    while reader.read() is None:
        pass
    seen, limit_s = {}, time.monotonic() + 20
    while len(seen) < 2_000 and time.monotonic() < limit_s:
        found = reader.read()
        if found is not None:
            seen[found[0]] = found[1]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    last = reader.read()
    reader.close()

    assert len(seen) > 1
    assert all(value == bytes([number % 251]) * len(value) for number, value in seen.items())
    assert last[0] >= max(seen)


@pytest.mark.parametrize("content", [b"", b"something else that is long enough to be one"])
def test_other_files_are_refused(tmp_path, content):
    """By what they begin with."""
    (tmp_path / "file").write_bytes(content)

    with pytest.raises(InvalidInputError, match="path: expected a file of steer"):
        Latest(tmp_path / "file")


def test_misuse_is_refused(latest, tmp_path):
    """A value that is too long, a file that is there, no capacity."""
    with pytest.raises(InvalidInputError, match="value: expected <= 64 bytes, got 65"):
        latest.write(b"x" * 65)
    with pytest.raises(InvalidInputError, match="path: expected no file there"):
        Latest(latest.path, capacity=8)
    with pytest.raises(InvalidInputError, match="capacity: expected >= 1"):
        Latest(tmp_path / "none", capacity=0)
