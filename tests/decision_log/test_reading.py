"""The file of a log: torn tails are left out, damage is refused, hostile sizes cost nothing."""

import logging
import os
import struct
import tracemalloc
import zlib

import pytest

from steer.decision_log import DecisionLog, read_decision_log
from steer.errors import DecisionLogError
from steer.v1 import decision_log_pb2


def read(path):
    """Return the decisions of a log."""
    return list(read_decision_log(path)[1])


def frame(message):
    """A frame as the protocol file describes it, written independently of the code."""
    length = struct.pack("<I", len(message))
    crcs = [struct.pack("<I", zlib.crc32(part)) for part in (length, message)]
    return length + crcs[0] + message + crcs[1]


def head(length):
    """The first two words of a frame."""
    word = struct.pack("<I", length)
    return word + struct.pack("<I", zlib.crc32(word))


def change(path, sizes, index, function):
    """Rewrite one message of a log, checksums included, as somebody would on purpose."""
    whole = path.read_bytes()
    begin, end = [16, *sizes][index], sizes[index]
    kind = decision_log_pb2.LoggedDecision if index else decision_log_pb2.DecisionLogHeader
    message = kind.FromString(whole[begin + 8 : end - 4])
    function(message)
    path.write_bytes(whole[:begin] + frame(message.SerializeToString()) + whole[end:])


def test_the_file_is_what_the_protocol_says(path, session, robot, decision, observation):
    """Whoever writes it by the description in the proto file is read."""
    with DecisionLog(path, session, robot) as log:
        log.append(observation, 3, decision)
    data = path.read_bytes()
    size = int.from_bytes(data[16:20], "little")
    header, message = data[24 : 24 + size], data[24 + size + 4 + 8 : -4]

    assert decision_log_pb2.LoggedDecision.FromString(message).noise_seed == 3
    assert data == b"steer decisions\n" + frame(header) + frame(message)


def test_a_log_that_ends_anywhere_loses_one_record_at_most(three, caplog):
    """Cut within its head, its message or its tail: those before it come back, with a note."""
    path, sizes = three
    cuts = {*range(1, 10), *range(10, sizes[3] - sizes[2], 29), sizes[3] - sizes[2] - 1}
    with caplog.at_level(logging.WARNING):
        for cut in sorted(cuts, reverse=True):
            caplog.clear()
            os.truncate(path, sizes[2] + cut)

            assert len(read(path)) == 2
            assert "record 3 is torn, and was left out" in caplog.text
        caplog.clear()
        os.truncate(path, sizes[2])

        assert (len(read(path)), caplog.text) == (2, "")


def test_a_log_that_ends_within_its_header_is_refused(three):
    """There is nothing to read it by."""
    path, sizes = three
    for size in (sizes[0] - 1, sizes[0] - 5, 100, 25, 24, 23, 17, 16, 15, 0):
        os.truncate(path, size)
        with pytest.raises(DecisionLogError, match=r"(a whole one, got a part|got another file)$"):
            read_decision_log(path)


def test_any_other_damage_is_an_error_with_the_record_s_number(three):
    """One bit of the second record: the first comes back, then the error, never more."""
    path, sizes = three
    whole = bytearray(path.read_bytes())
    positions = {*range(sizes[1], sizes[1] + 10), *range(sizes[1], sizes[2], 31), sizes[2] - 1}
    for position in sorted(positions):
        whole[position] ^= 0x10
        path.write_bytes(whole)
        records = read_decision_log(path)[1]

        assert next(records).number == 1
        with pytest.raises(DecisionLogError, match=r"decisions\.log: record 2: expected"):
            next(records)

        whole[position] ^= 0x10


@pytest.mark.parametrize("position", [0, 16, 20, 30])
def test_damage_of_the_header_is_an_error(three, position):
    """Magic, length, checksum or content."""
    path, _ = three
    whole = bytearray(path.read_bytes())
    whole[position] ^= 1
    path.write_bytes(whole)

    with pytest.raises(DecisionLogError, match=r"expected (a decision log|the checksum of)"):
        read_decision_log(path)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda m: setattr(m, "number", 3), "expected number 2, got 3"),
        (lambda m: m.candidates.Clear(), "candidates.actions: expected dtype"),
        (lambda m: setattr(m.decision, "index", 2), "decision.chunk: expected candidate 2"),
        (lambda m: setattr(m.decision, "reason", 99), "decision.reason: expected a known Reason"),
        (lambda m: setattr(m, "client_reason", 9), "client_reason: expected a known ClientReason"),
        (lambda m: m.decision.values.shape.append(2**60), "decision.values: expected"),
    ],
)
def test_a_record_that_breaks_the_contract_is_an_error(three, function, text):
    """Its checksums are right; what it says is not."""
    path, sizes = three
    change(path, sizes, 2, function)

    with pytest.raises(DecisionLogError, match=f"record 2: {text}"):
        read(path)


def test_a_newer_format_is_refused(three):
    """With what to do."""
    path, sizes = three
    change(path, sizes, 0, lambda message: setattr(message, "format", 2))

    with pytest.raises(DecisionLogError, match="header: format: expected 1, got 2; update steer"):
        read_decision_log(path)


def test_bytes_that_are_no_message_are_refused(three):
    """With right checksums."""
    path, sizes = three
    whole = path.read_bytes()
    path.write_bytes(whole[: sizes[0]] + frame(b"\xff" * 10))
    with pytest.raises(DecisionLogError, match="record 1: message: expected a LoggedDecision"):
        read(path)

    path.write_bytes(whole[:16] + frame(b"\xff" * 10))
    with pytest.raises(DecisionLogError, match="header: header: expected a DecisionLogHeader"):
        read_decision_log(path)


@pytest.mark.parametrize("length", [2**25 + 1, 2**32 - 1])
def test_a_record_that_claims_too_much_is_refused(three, length):
    """Whatever the size of the file."""
    path, sizes = three
    path.write_bytes(path.read_bytes()[: sizes[0]] + head(length))

    with pytest.raises(DecisionLogError, match=f"record 1: expected at most {2**25} bytes, got"):
        read(path)


def test_a_header_that_claims_too_much_is_refused(path):
    """One MiB is more than any has."""
    path.write_bytes(b"steer decisions\n" + head(2**20 + 1))

    with pytest.raises(DecisionLogError, match=f"header: expected at most {2**20} bytes"):
        read_decision_log(path)


def test_what_a_short_file_claims_is_not_allocated(three):
    """A frame that claims 32 MiB in a file of a few KiB costs nothing."""
    path, sizes = three
    path.write_bytes(path.read_bytes()[: sizes[0]] + head(2**25))
    tracemalloc.start()
    try:
        assert read(path) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 2**20


def test_a_file_that_cannot_be_read_says_so(tmp_path):
    """Missing, or a directory."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(DecisionLogError, match=r"cannot be read: (No such file|Is a dir)"):
            read_decision_log(path)


@pytest.mark.slow
def test_hostile_messages_end_in_an_error_of_ours(three, rng):
    """Random bytes within right checksums: an error of ours or a valid record, nothing else."""
    path, sizes = three
    whole = path.read_bytes()
    parts = [(whole[24 : sizes[0] - 4], 16), (whole[sizes[0] + 8 : sizes[1] - 4], sizes[0])]
    refused = 0
    for message, begin in parts * 80:
        spoiled = bytearray(message)
        for position in rng.integers(len(spoiled), size=3):
            spoiled[position] = rng.integers(256)
        path.write_bytes(whole[:begin] + frame(bytes(spoiled)))
        try:
            read(path)
        except DecisionLogError:
            refused += 1

    assert refused > 80
