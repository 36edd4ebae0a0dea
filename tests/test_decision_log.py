"""The log of decisions: what goes in comes out, torn tails are left out, damage is refused."""

import dataclasses
import logging
import os
import struct
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from steer import __version__, decision_log
from steer.decision_log import DecisionLog, read_decision_log
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import (
    DecisionLogError,
    EmbodimentMismatchError,
    InvalidInputError,
    TooLargeError,
)
from steer.types import (
    Candidates,
    Decision,
    EncodedImage,
    Observation,
    Provenance,
    Reason,
    Selection,
    Timings,
)
from steer.v1 import decision_log_pb2
from steer.wire.session import CriticInfo, Limits, PolicyInfo, SessionInfo

POLICY, PERTURBATION = Provenance.POLICY, Provenance.PERTURBATION
STATE = ObservationField(name="observation.state", dtype="float32", shape=(3,), unit="rad")
DIM = ActionDim(name="x", unit="m", scale=0.1, low=-1.0, high=1.0, max_step=0.3)
ROBOT = Embodiment(
    name="arm",
    control_hz=1 / 3,
    actions=(DIM, replace(DIM, name="y")),
    observations=(STATE,),
    mode="delta",
    frame="world",
    rotation="none",
    gripper="closes",
    out_of_range="reject",
)
SESSION = SessionInfo(
    session="secret",
    server_epoch="e1",
    critic=CriticInfo(
        name="reach",
        digest="sha256:1",
        embodiment=ROBOT,
        horizon=3,
        num_members=2,
        algorithm="iql",
        selection=Selection(margin=0.5, beta=1.0),
        expected_rank_s=0.25,
    ),
    policy=PolicyInfo(
        name="noise",
        type="diffusion",
        embodiment=ROBOT,
        horizon=4,
        num_observations=2,
        is_stochastic=True,
        expected_steer_s=0.5,
        digest="sha256:2",
    ),
    selection=Selection(
        selector="softmax", gated=False, margin=0.1, beta=1e-30, temperature=1 / 3, tau=0.9
    ),
    limits=Limits(
        max_candidates=8,
        max_horizon=16,
        max_message_bytes=20_000,
        max_image_pixels=1000,
        session_idle_s=60.0,
        max_budget_s=10.0,
        expected_candidates=4,
        selectors=("argmax", "softmax"),
        min_margin=0.125,
        is_gate_required=True,
    ),
    warnings=("embodiment.frame: not compared",),
)
CHUNKS = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
CANDIDATES = Candidates(CHUNKS, (POLICY, POLICY, PERTURBATION))
DECISION = Decision(
    index=1,
    chunk=CHUNKS[1],
    commit_horizon=3,
    reason=Reason.ADVANTAGE,
    overrode=True,
    scores=np.array([0, 1, -1e-42], np.float32),
    values=np.array([[1, 2, 3], [4, 5, -0.0]], np.float32),
    provenance=CANDIDATES.provenance,
    feasible=(True, True, False),
    num_scored=3,
    budget_hit=True,
    timings=Timings(
        decode_s=0.5, policy_s=1.5, queue_s=0.25, encode_s=2.0, score_s=4.0, total_s=9.0
    ),
    critic_digest="sha256:1",
    policy="noise",
    candidates=CANDIDATES,
    sequence=7,
)
OBSERVATION = Observation(
    {
        "observation.state": np.array([0.1, 0.2, 0.3], np.float32),
        "observation.images.top": EncodedImage("png", b"\x89PNG"),
    },
    captured_at_s=12.5,
    instruction="push the puck",
)


def equal(left, right):
    """Return whether two records are equal, arrays bit for bit."""
    if isinstance(left, np.ndarray):
        same = (left.dtype, left.shape) == (right.dtype, right.shape)
        return same and left.tobytes() == right.tobytes()
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if dataclasses.is_dataclass(left):
        names = [item.name for item in dataclasses.fields(left)]
        return all(equal(getattr(left, name), getattr(right, name)) for name in names)
    return left == right


def read(path):
    """Return the decisions of a log."""
    return list(read_decision_log(path)[1])


def frame(message):
    """A frame as the protocol file describes it, written independently of the code."""
    length = struct.pack("<I", len(message))
    crcs = [struct.pack("<I", zlib.crc32(part)) for part in (length, message)]
    return length + crcs[0] + message + crcs[1]


@pytest.fixture
def path(tmp_path):
    """Where the log of a test stands."""
    return tmp_path / "decisions.log"


@pytest.fixture
def three(path):
    """A log of three decisions, and the sizes of the file after the header and each of them."""
    with DecisionLog(path, SESSION, ROBOT) as log:
        sizes = [path.stat().st_size]
        for seed in range(3):
            log.append(OBSERVATION, seed, DECISION)
            sizes.append(path.stat().st_size)
    return path, sizes


def test_the_header_comes_back_but_for_the_token(path):
    """Who reads a log cannot act as the robot that wrote it."""
    DecisionLog(path, SESSION, ROBOT, server_version="1.2").close()

    header, records = read_decision_log(path)

    assert header.session == replace(SESSION, session="")
    assert (header.embodiment, header.server_version) == (ROBOT, "1.2")
    assert header.robot_version == __version__
    assert list(records) == []
    assert b"secret" not in path.read_bytes()


def test_a_session_without_policy_comes_back(path):
    """As of a server that only ranks."""
    session = replace(SESSION, policy=None, warnings=())
    DecisionLog(path, session, ROBOT).close()

    assert read_decision_log(path)[0].session == replace(session, session="")


def test_every_field_of_a_decision_comes_back(path):
    """Arrays bit for bit, as they were appended, numbered in order."""
    with DecisionLog(path, SESSION, ROBOT) as log:
        numbers = [log.append(OBSERVATION, 2**64 - 1, DECISION, epoch=5)]
        numbers.append(log.append(Observation({}), 0, DECISION))

    first, second = read(path)

    assert numbers == [first.number, second.number] == [1, 2]
    assert (first.epoch, first.noise_seed) == (5, 2**64 - 1)
    assert equal(first.observation, OBSERVATION)
    assert equal(first.decision, DECISION)
    assert first.candidates is first.decision.candidates
    assert second.observation.captured_at_s is None


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_comes_back(path, reason):
    """Those that the client gives too, with its words."""
    answer = Decision(
        index=0,
        chunk=CHUNKS[0],
        commit_horizon=3,
        reason=reason,
        candidates=CANDIDATES,
        detail="so",
    )
    with DecisionLog(path, SESSION, ROBOT) as log:
        log.append(OBSERVATION, 0, answer)

    (logged,) = read(path)

    assert (logged.decision.reason, logged.decision.detail) == (reason, "so")


def test_of_a_single_candidate_the_chunk_is_enough(path):
    """Nobody has to ask for candidates where there is only one."""
    alone = replace(
        DECISION,
        index=0,
        chunk=CHUNKS[0],
        scores=np.zeros(1, np.float32),
        values=np.ones((2, 1), np.float32),
        provenance=(PERTURBATION,),
        feasible=(True,),
        num_scored=1,
        candidates=None,
    )
    with DecisionLog(path, SESSION, ROBOT) as log:
        log.append(OBSERVATION, 0, alone)

    (logged,) = read(path)

    assert equal(logged.candidates, Candidates(CHUNKS[:1], (PERTURBATION,)))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"candidates": None}, r"decision.candidates: expected all 3 \(.*\), got none"),
        ({"index": 3}, r"decision.index: expected 0\.\.2, got 3"),
        ({"index": 2}, "decision.chunk: expected candidate 2 unchanged, got another"),
        ({"provenance": (POLICY,) * 3}, "decision.provenance: expected that of the candidates"),
        ({"feasible": (True,)}, "decision.feasible: expected 3 entries, one per candidate, or"),
        ({"scores": np.zeros(2, np.float32)}, "decision.scores: expected 3 entries"),
        ({"values": np.zeros((2, 4), np.float32)}, "decision.values: expected 3 entries"),
        (
            {"critic_digest": "sha256:9"},
            "critic_digest: expected the session's sha256:1, got sha256:9; begin another log",
        ),
    ],
)
def test_a_decision_that_could_not_be_explained_is_refused(path, changes, text):
    """The log stays as it was, and takes the next one."""
    with DecisionLog(path, SESSION, ROBOT) as log:
        with pytest.raises(InvalidInputError, match=text):
            log.append(OBSERVATION, 0, replace(DECISION, **changes))
        log.append(OBSERVATION, 0, DECISION)

    assert [logged.number for logged in read(path)] == [1]


@pytest.mark.parametrize("numbers", [{"noise_seed": -1}, {"noise_seed": 0, "epoch": 2**64}])
def test_numbers_that_the_protocol_cannot_hold_are_refused(path, numbers):
    """They are uint64."""
    with (
        DecisionLog(path, SESSION, ROBOT) as log,
        pytest.raises(InvalidInputError, match=r"expected an integer in 0\.\.2\*\*64-1, got"),
    ):
        log.append(OBSERVATION, decision=DECISION, **numbers)


def test_a_log_is_never_overwritten(three):
    """A second run takes another name."""
    path, sizes = three

    with pytest.raises(DecisionLogError, match="expected no file, got one"):
        DecisionLog(path, SESSION, ROBOT)

    assert path.stat().st_size == sizes[-1]


def test_a_session_of_another_robot_is_refused(path):
    """By the name of the field, and before there is a file."""
    with pytest.raises(EmbodimentMismatchError, match=r"name: expected 'arm', got 'leg'"):
        DecisionLog(path, SESSION, replace(ROBOT, name="leg"))

    assert not path.exists()


def test_a_selection_that_leaves_something_open_is_refused(path):
    """It could not be recomputed; a server's answer leaves nothing open."""
    session = replace(SESSION, selection=Selection(margin=0.5))

    with pytest.raises(InvalidInputError, match=r"session.selection.beta: expected .*, got None"):
        DecisionLog(path, session, ROBOT)


def test_a_closed_log_takes_nothing(path):
    """And may be closed again."""
    with DecisionLog(path, SESSION, ROBOT) as log:
        pass
    log.close()

    with pytest.raises(DecisionLogError, match="expected an open log, got a closed one"):
        log.append(OBSERVATION, 0, DECISION)


def test_every_record_is_in_the_file_when_append_returns(path):
    """A robot's program that is killed loses nothing that it had appended."""
    with DecisionLog(path, SESSION, ROBOT) as log:
        log.append(OBSERVATION, 0, DECISION)

        assert len(read(path)) == 1


def test_a_full_disk_leaves_the_log_as_it_was(path, monkeypatch):
    """Half a record is taken back; when there is room again, the log goes on."""

    class FullDisk:
        """Writes a part, then fails."""

        def __init__(self, file):
            self._file, self.room = file, 100

        def __getattr__(self, name):
            return getattr(self._file, name)

        def write(self, data):
            if not self.room:
                raise OSError(28, "No space left on device")
            written = self._file.write(data[: self.room])
            self.room -= written
            return written

    with DecisionLog(path, SESSION, ROBOT) as log:
        log.append(OBSERVATION, 0, DECISION)
        full = FullDisk(log._file)
        monkeypatch.setattr(log, "_file", full)
        with pytest.raises(DecisionLogError, match="cannot be written: No space left on device"):
            log.append(OBSERVATION, 1, DECISION)
        full.room = 10**6
        log.append(OBSERVATION, 2, DECISION)

    assert [(logged.number, logged.noise_seed) for logged in read(path)] == [(1, 0), (2, 2)]


def test_a_log_that_cannot_be_made_says_so(tmp_path):
    """The directory is missing."""
    with pytest.raises(DecisionLogError, match="cannot be written: No such file or directory"):
        DecisionLog(tmp_path / "none" / "x", SESSION, ROBOT)


def test_the_file_is_what_the_protocol_says(path):
    """Whoever writes it by the description in the proto file is read."""
    with DecisionLog(path, SESSION, ROBOT) as log:
        log.append(OBSERVATION, 3, DECISION)
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


def change(path, sizes, index, function):
    """Rewrite one message of a log, checksums included, as somebody would on purpose."""
    whole = path.read_bytes()
    begin, end = [16, *sizes][index], sizes[index]
    kind = decision_log_pb2.LoggedDecision if index else decision_log_pb2.DecisionLogHeader
    message = kind.FromString(whole[begin + 8 : end - 4])
    function(message)
    path.write_bytes(whole[:begin] + frame(message.SerializeToString()) + whole[end:])


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


def head(length):
    """The first two words of a frame."""
    word = struct.pack("<I", length)
    return word + struct.pack("<I", zlib.crc32(word))


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


def test_what_could_not_be_read_is_not_written(path, monkeypatch):
    """The writer keeps to the reader's caps."""
    monkeypatch.setattr(decision_log, "MAX_RECORD_BYTES", 100)
    with (
        DecisionLog(path, SESSION, ROBOT) as log,
        pytest.raises(TooLargeError, match="record: expected at most 100 bytes, got"),
    ):
        log.append(OBSERVATION, 0, DECISION)

    assert read(path) == []


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


def test_threads_share_a_log(path):
    """Records are whole and numbered in the order of the file."""
    with DecisionLog(path, SESSION, ROBOT) as log, ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda seed: log.append(OBSERVATION, seed, DECISION), range(20)))

    assert sorted(numbers) == [logged.number for logged in read(path)] == list(range(1, 21))


def test_the_log_is_closed_on_the_disk(path, monkeypatch):
    """`close` waits for the disk, once."""
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with DecisionLog(path, SESSION, ROBOT) as log:
        log.append(OBSERVATION, 0, DECISION)

        assert synced == []

    assert len(synced) == 1
