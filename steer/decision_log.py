"""A file of decisions, with all that is needed to explain and to recompute each of them.

    with DecisionLog(path, session, embodiment) as log:
        decision = client.steer(history, noise_seed=seed, return_candidates=True)
        log.append(history[-1], seed, decision)

`client.rank` answers without the candidates, for the caller holds them: append
`dataclasses.replace(decision, candidates=candidates)`. `steer replay` reads the log. The layout
stands in `proto/steer/v1/decision_log.proto`. Needs what the client needs.
"""

import itertools
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from steer import __version__
from steer.embodiment import Embodiment
from steer.errors import (
    DecisionLogError,
    EmbodimentMismatchError,
    InvalidInputError,
)
from steer.types import Candidates, Decision, Observation
from steer.wire.decision_log import (
    DecisionLogHeader,
    LoggedDecision,
    header_from_bytes,
    header_to_bytes,
    logged_from_bytes,
    logged_to_bytes,
)
from steer.wire.frames import TornError, frame, read_frame
from steer.wire.session import SessionInfo

__all__ = ["DecisionLog", "DecisionLogHeader", "LoggedDecision", "read_decision_log"]

logger = logging.getLogger(__name__)

MAGIC = b"steer decisions\n"
MAX_HEADER_BYTES, MAX_RECORD_BYTES = 2**20, 2**25
_MAX_UNSIGNED = 2**64 - 1


class DecisionLog:
    """A log that is being written. Safe to share between threads.

    A record is handed to the system in one piece: a robot's program that is killed loses at most
    the one that it was writing. `append` does not wait for the disk (that may take as long as a
    tick): a power cut can cost the last seconds, `close` waits.

    A log holds one session: begin another where `client.session` has changed its critic or its
    selection, as after a restart of the server with another card.

    Args:
        path: Of a new file.
        session: What `SteerClient.open_session` returned.
        embodiment: The robot's, as it was sent.
        server_version: What `SteerClient.describe` says; empty for not known.

    Raises:
        DecisionLogError: The file is there already, or the disk refuses.
        EmbodimentMismatchError: The session is not this robot's; the text names the field.
        InvalidInputError: The session is not one that a server answered with.
    """

    def __init__(
        self,
        path: Path | str,
        session: SessionInfo,
        embodiment: Embodiment,
        *,
        server_version: str = "",
    ) -> None:
        self._path = Path(path)
        self._digest = session.critic.digest
        self._lock = threading.Lock()
        self._size = self._number = 0
        misfits = embodiment.differences(session.critic.embodiment)
        if misfits:
            raise EmbodimentMismatchError("; ".join(misfits))
        header = DecisionLogHeader(
            embodiment=embodiment,
            session=session,
            server_version=server_version,
            robot_version=__version__,
        )
        first = frame("header", header_to_bytes(header), MAX_HEADER_BYTES)
        try:
            self._file = self._path.open("xb", buffering=0)
        except FileExistsError:
            raise DecisionLogError(
                f"{self._path}: expected no file, got one; a decision log is never overwritten"
            ) from None
        except OSError as error:
            raise self._refusal(error) from error
        try:
            self._write(MAGIC + first)
        except DecisionLogError:
            self._file.close()
            self._path.unlink(missing_ok=True)
            raise

    def __enter__(self) -> "DecisionLog":
        """Return the log itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the log."""
        self.close()

    def append(
        self, observation: Observation, noise_seed: int, decision: Decision, *, epoch: int = 0
    ) -> int:
        """Write one decision; after an error the log is as it was, and may be appended to.

        Args:
            observation: What the critic saw: of several that were sent the last one.
            noise_seed: Of the request.
            decision: The answer, the client's own included, with all candidates; of a single one
                the chunk is the candidate.
            epoch: Number of the episode.

        Returns:
            The number of the record: 1, 2, 3, ….

        Raises:
            InvalidInputError: Candidates are missing, or are not those of the decision; the
                decision is of another critic than the session's; a number is out of its range.
            TooLargeError: The record is over 32 MiB.
            DecisionLogError: The disk refuses, or the log is closed.
        """
        for name, value in (("noise_seed", noise_seed), ("epoch", epoch)):
            if not 0 <= value <= _MAX_UNSIGNED:
                raise InvalidInputError.expected(name, "an integer in 0..2**64-1", value)
        if decision.critic_digest not in ("", self._digest):
            contract = f"the session's {self._digest}"
            raise InvalidInputError.expected(
                "decision.critic_digest", contract, f"{decision.critic_digest}; begin another log"
            )
        candidates = _candidates(decision)
        with self._lock:
            logged = LoggedDecision(
                number=self._number + 1,
                epoch=epoch,
                noise_seed=noise_seed,
                observation=observation,
                candidates=candidates,
                decision=decision,
            )
            self._write(frame("record", logged_to_bytes(logged), MAX_RECORD_BYTES))
            self._number += 1
        return logged.number

    def close(self) -> None:
        """Wait until all is on the disk, and close the file. May be called again.

        Raises:
            DecisionLogError: The disk refuses.
        """
        with self._lock:
            if self._file.closed:
                return
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._refusal(error) from error
            finally:
                self._file.close()

    def _write(self, data: bytes) -> None:
        """Write all of it, or nothing."""
        if self._file.closed:
            raise DecisionLogError(f"{self._path}: expected an open log, got a closed one")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._take_back()
            raise self._refusal(error) from error
        self._size += len(data)

    def _take_back(self) -> None:
        """Remove what was written of a record; where even that fails, nothing may follow it."""
        try:
            self._file.truncate(self._size)
            self._file.seek(self._size)
        except OSError:
            self._file.close()

    def _refusal(self, error: OSError) -> DecisionLogError:
        return DecisionLogError(f"{self._path}: cannot be written: {error.strerror}")


def read_decision_log(path: Path | str) -> tuple[DecisionLogHeader, Iterator[LoggedDecision]]:
    """Return what holds for all decisions of a log, and its decisions one after the other.

    A last record within which the file ends is left out, with a warning in the log of the program.

    Args:
        path: What `DecisionLog` wrote. May be hostile: nothing is allocated on its word alone.

    Raises:
        DecisionLogError: It cannot be read, is no decision log, of a newer format, or its header is
            damaged. The iterator raises it for a damaged record, with its number.
    """
    path = Path(path)
    with _opened(path) as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise DecisionLogError(f"{path}: expected a decision log, got another file")
        return _header(f"{path}: header", file), _records(path, file.tell())


def _header(what: str, file: BinaryIO) -> DecisionLogHeader:
    try:
        data = read_frame(what, file, MAX_HEADER_BYTES)
    except TornError:
        data = None
    if data is None:
        raise DecisionLogError(f"{what}: expected a whole one, got a part")
    try:
        return header_from_bytes(data)
    except (InvalidInputError, DecisionLogError) as error:
        raise DecisionLogError(f"{what}: {error}") from error


def _records(path: Path, start: int) -> Iterator[LoggedDecision]:
    """Yield the decisions of a log whose first record begins at byte `start`."""
    with _opened(path) as file:
        file.seek(start)
        for number in itertools.count(1):
            what = f"{path}: record {number}"
            try:
                data = read_frame(what, file, MAX_RECORD_BYTES)
            except TornError:
                logger.warning("%s is torn, and was left out: the log ends within it", what)
                return
            if data is None:
                return
            yield _logged(what, data, number)


def _logged(what: str, data: bytes, number: int) -> LoggedDecision:
    try:
        logged = logged_from_bytes(data)
    except InvalidInputError as error:
        raise DecisionLogError(f"{what}: {error}") from error
    if logged.number != number:
        raise DecisionLogError(f"{what}: expected number {number}, got {logged.number}")
    return logged


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise DecisionLogError(f"{path}: cannot be read: {error.strerror}") from error


def _candidates(decision: Decision) -> Candidates:
    """Return all candidates of a decision.

    Raises:
        InvalidInputError: They are missing, and there were several.
    """
    if decision.candidates is not None:
        return decision.candidates
    count = max(len(decision.provenance), decision.num_scored, decision.index + 1)
    if count > 1:
        raise InvalidInputError.expected(
            "decision.candidates",
            f"all {count} (`steer` returns them with return_candidates=True; to what `rank` "
            "returns, add those that were sent)",
            "none",
        )
    return Candidates(decision.chunk[None], decision.provenance)
