"""The log of decisions: what goes in comes out, and what could not be explained stays out."""

import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from steer import __version__, decision_log
from steer.decision_log import DecisionLog, read_decision_log
from steer.errors import (
    DecisionLogError,
    EmbodimentMismatchError,
    InvalidInputError,
    TooLargeError,
)
from steer.types import Candidates, Decision, Observation, Provenance, Reason, Selection

POLICY, PERTURBATION = Provenance.POLICY, Provenance.PERTURBATION


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


def test_the_header_comes_back_but_for_the_token(path, session, robot):
    """Who reads a log cannot act as the robot that wrote it."""
    DecisionLog(path, session, robot, server_version="1.2").close()

    header, records = read_decision_log(path)

    assert header.session == replace(session, session="")
    assert (header.embodiment, header.server_version) == (robot, "1.2")
    assert header.robot_version == __version__
    assert list(records) == []
    assert b"secret" not in path.read_bytes()


def test_a_session_without_policy_comes_back(path, session, robot):
    """As of a server that only ranks."""
    session = replace(session, policy=None, warnings=())
    DecisionLog(path, session, robot).close()

    assert read_decision_log(path)[0].session == replace(session, session="")


def test_every_field_of_a_decision_comes_back(path, session, robot, decision, observation):
    """Arrays bit for bit, as they were appended, numbered in order."""
    with DecisionLog(path, session, robot) as log:
        numbers = [log.append(observation, 2**64 - 1, decision, epoch=5)]
        numbers.append(log.append(Observation({}), 0, decision))

    first, second = read(path)

    assert numbers == [first.number, second.number] == [1, 2]
    assert (first.epoch, first.noise_seed) == (5, 2**64 - 1)
    assert equal(first.observation, observation)
    assert equal(first.decision, decision)
    assert first.candidates is first.decision.candidates
    assert second.observation.captured_at_s is None


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_comes_back(path, reason, session, robot, candidates, observation):
    """Those that the client gives too, with its words."""
    answer = Decision(
        index=0,
        chunk=candidates.actions[0],
        commit_horizon=3,
        reason=reason,
        candidates=candidates,
        detail="so",
    )
    with DecisionLog(path, session, robot) as log:
        log.append(observation, 0, answer)

    (logged,) = read(path)

    assert (logged.decision.reason, logged.decision.detail) == (reason, "so")


def test_of_a_single_candidate_the_chunk_is_enough(
    path, session, robot, candidates, decision, observation
):
    """Nobody has to ask for candidates where there is only one."""
    alone = replace(
        decision,
        index=0,
        chunk=candidates.actions[0],
        scores=np.zeros(1, np.float32),
        values=np.ones((2, 1), np.float32),
        provenance=(PERTURBATION,),
        feasible=(True,),
        num_scored=1,
        candidates=None,
    )
    with DecisionLog(path, session, robot) as log:
        log.append(observation, 0, alone)

    (logged,) = read(path)

    assert equal(logged.candidates, Candidates(candidates.actions[:1], (PERTURBATION,)))


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
def test_a_decision_that_could_not_be_explained_is_refused(
    path, changes, text, session, robot, decision, observation
):
    """The log stays as it was, and takes the next one."""
    with DecisionLog(path, session, robot) as log:
        with pytest.raises(InvalidInputError, match=text):
            log.append(observation, 0, replace(decision, **changes))
        log.append(observation, 0, decision)

    assert [logged.number for logged in read(path)] == [1]


@pytest.mark.parametrize("numbers", [{"noise_seed": -1}, {"noise_seed": 0, "epoch": 2**64}])
def test_numbers_that_the_protocol_cannot_hold_are_refused(
    path, numbers, session, robot, decision, observation
):
    """They are uint64."""
    with (
        DecisionLog(path, session, robot) as log,
        pytest.raises(InvalidInputError, match=r"expected an integer in 0\.\.2\*\*64-1, got"),
    ):
        log.append(observation, decision=decision, **numbers)


def test_a_log_is_never_overwritten(three, session, robot):
    """A second run takes another name."""
    path, sizes = three

    with pytest.raises(DecisionLogError, match="expected no file, got one"):
        DecisionLog(path, session, robot)

    assert path.stat().st_size == sizes[-1]


def test_a_session_of_another_robot_is_refused(path, session, robot):
    """By the name of the field, and before there is a file."""
    with pytest.raises(EmbodimentMismatchError, match=r"name: expected 'arm', got 'leg'"):
        DecisionLog(path, session, replace(robot, name="leg"))

    assert not path.exists()


def test_a_selection_that_leaves_something_open_is_refused(path, session, robot):
    """It could not be recomputed; a server's answer leaves nothing open."""
    session = replace(session, selection=Selection(margin=0.5))

    with pytest.raises(InvalidInputError, match=r"session.selection.beta: expected .*, got None"):
        DecisionLog(path, session, robot)


def test_a_closed_log_takes_nothing(path, session, robot, decision, observation):
    """And may be closed again."""
    with DecisionLog(path, session, robot) as log:
        pass
    log.close()

    with pytest.raises(DecisionLogError, match="expected an open log, got a closed one"):
        log.append(observation, 0, decision)


def test_every_record_is_in_the_file_when_append_returns(
    path, session, robot, decision, observation
):
    """A robot's program that is killed loses nothing that it had appended."""
    with DecisionLog(path, session, robot) as log:
        log.append(observation, 0, decision)

        assert len(read(path)) == 1


def test_a_full_disk_leaves_the_log_as_it_was(
    path, monkeypatch, session, robot, decision, observation
):
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

    with DecisionLog(path, session, robot) as log:
        log.append(observation, 0, decision)
        full = FullDisk(log._file)
        monkeypatch.setattr(log, "_file", full)
        with pytest.raises(DecisionLogError, match="cannot be written: No space left on device"):
            log.append(observation, 1, decision)
        full.room = 10**6
        log.append(observation, 2, decision)

    assert [(logged.number, logged.noise_seed) for logged in read(path)] == [(1, 0), (2, 2)]


def test_a_log_that_cannot_be_made_says_so(tmp_path, session, robot):
    """The directory is missing."""
    with pytest.raises(DecisionLogError, match="cannot be written: No such file or directory"):
        DecisionLog(tmp_path / "none" / "x", session, robot)


def test_what_could_not_be_read_is_not_written(
    path, monkeypatch, session, robot, decision, observation
):
    """The writer keeps to the reader's caps."""
    monkeypatch.setattr(decision_log, "MAX_RECORD_BYTES", 100)
    with (
        DecisionLog(path, session, robot) as log,
        pytest.raises(TooLargeError, match="record: expected at most 100 bytes, got"),
    ):
        log.append(observation, 0, decision)

    assert read(path) == []


def test_threads_share_a_log(path, session, robot, decision, observation):
    """Records are whole and numbered in the order of the file."""
    with DecisionLog(path, session, robot) as log, ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda seed: log.append(observation, seed, decision), range(20)))

    assert sorted(numbers) == [logged.number for logged in read(path)] == list(range(1, 21))


def test_the_log_is_closed_on_the_disk(path, monkeypatch, session, robot, decision, observation):
    """`close` waits for the disk, once."""
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with DecisionLog(path, session, robot) as log:
        log.append(observation, 0, decision)

        assert synced == []

    assert len(synced) == 1
