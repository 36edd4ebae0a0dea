"""What a robot keeps of its decisions: record <-> bytes of a message. Knows no files."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from steer.embodiment import Embodiment
from steer.errors import DecisionLogError, InvalidInputError
from steer.types import Candidates, Decision, Observation, Reason
from steer.v1 import decision_log_pb2, steering_pb2, types_pb2
from steer.wire.observations import fill_observation, observation_from_message
from steer.wire.records import (
    candidates_from_message,
    decision_from_message,
    decision_to_message,
    fill_candidates,
    selection_to_message,
)
from steer.wire.session import (
    SessionInfo,
    critic_to_message,
    embodiment_from_message,
    embodiment_to_message,
    limits_to_message,
    policy_to_message,
    session_from_message,
)

__all__ = [
    "DecisionLogHeader",
    "LoggedDecision",
    "header_from_bytes",
    "header_to_bytes",
    "logged_from_bytes",
    "logged_to_bytes",
]

FORMAT = 1
_CLIENT_REASONS: Mapping[Reason, Any] = {
    item: decision_log_pb2.ClientReason.Value("CLIENT_REASON_" + item.name)
    for item in (Reason.LATE, Reason.UNREACHABLE, Reason.REFUSED)
}
_CLIENT_REASON_BY_CODE = {code: item for item, code in _CLIENT_REASONS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLogHeader:
    """What holds for all decisions of a log; `proto/steer/v1/decision_log.proto` has each field.

    Raises:
        InvalidInputError: The session's selection is not what a server resolves it to: it leaves
            margin or beta open.
    """

    embodiment: Embodiment
    session: SessionInfo
    server_version: str = ""
    robot_version: str = ""

    def __post_init__(self) -> None:
        for name in ("margin", "beta"):
            if getattr(self.session.selection, name) is None:
                raise InvalidInputError.expected(
                    f"session.selection.{name}", "what the server resolved it to", "None"
                )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoggedDecision:
    """One decision with what it was made from.

    Attributes:
        number: Of the record in its log, from 1.
        epoch: Number of the episode.
        noise_seed: Of the request.
        observation: What the critic saw.
        candidates: All that competed; `decision.candidates` is the same.
        decision: The answer.

    Raises:
        InvalidInputError: Decision and candidates are not of one request.
    """

    number: int
    epoch: int
    noise_seed: int
    observation: Observation
    candidates: Candidates
    decision: Decision

    def __post_init__(self) -> None:
        decision, count = self.decision, len(self.candidates)
        if not 0 <= decision.index < count:
            raise InvalidInputError.expected("decision.index", f"0..{count - 1}", decision.index)
        chunk = self.candidates.actions[decision.index]
        if not np.array_equal(decision.chunk, chunk):
            what = f"candidate {decision.index} unchanged"
            raise InvalidInputError.expected("decision.chunk", what, "another")
        if decision.provenance not in ((), self.candidates.provenance):
            raise InvalidInputError.expected(
                "decision.provenance", "that of the candidates, or none", "another"
            )
        lengths = {
            "feasible": len(decision.feasible),
            "scores": len(decision.scores),
            "values": decision.values.shape[1],
        }
        for name, length in lengths.items():
            if length not in (0, count):
                contract = f"{count} entries, one per candidate, or none"
                raise InvalidInputError.expected(f"decision.{name}", contract, length)


def header_to_bytes(header: DecisionLogHeader) -> bytes:
    """Return a log's header as a message; the session's token stays behind."""
    session = header.session
    message = steering_pb2.OpenSessionResponse(
        server_epoch=session.server_epoch,
        critic=critic_to_message(session.critic),
        selection=selection_to_message(session.selection),
        limits=limits_to_message(session.limits),
        warnings=session.warnings,
    )
    if session.policy is not None:
        message.policy.CopyFrom(policy_to_message(session.policy))
    return decision_log_pb2.DecisionLogHeader(
        format=FORMAT,
        embodiment=embodiment_to_message(header.embodiment),
        session=message,
        server_version=header.server_version,
        robot_version=header.robot_version,
    ).SerializeToString()


def header_from_bytes(data: bytes) -> DecisionLogHeader:
    """Return the header of a message; the token of its session is empty.

    Raises:
        DecisionLogError: It is of a newer format.
        InvalidInputError: It is no such message, or a field breaks its contract.
    """
    try:
        message = decision_log_pb2.DecisionLogHeader.FromString(data)
    except DecodeError as error:
        raise InvalidInputError.expected("header", "a DecisionLogHeader", "other bytes") from error
    if message.format != FORMAT:
        raise DecisionLogError(f"format: expected {FORMAT}, got {message.format}; update steer")
    return DecisionLogHeader(
        embodiment=embodiment_from_message(message.embodiment),
        session=session_from_message(message.session),
        server_version=message.server_version,
        robot_version=message.robot_version,
    )


def logged_to_bytes(logged: LoggedDecision) -> bytes:
    """Return a logged decision as a message."""
    message = decision_log_pb2.LoggedDecision(
        number=logged.number,
        epoch=logged.epoch,
        noise_seed=logged.noise_seed,
        detail=logged.decision.detail,
    )
    fill_observation(message.observation, logged.observation)
    fill_candidates(message.candidates, logged.candidates)
    decision = replace(logged.decision, candidates=None)
    if decision.reason in _CLIENT_REASONS:
        message.client_reason = _CLIENT_REASONS[decision.reason]
        # The server's Decision has no word for it: any other stands in and is taken away.
        message.decision.CopyFrom(decision_to_message(replace(decision, reason=Reason.SINGLE)))
        message.decision.ClearField("reason")
    else:
        message.decision.CopyFrom(decision_to_message(decision))
    return message.SerializeToString()


def logged_from_bytes(data: bytes) -> LoggedDecision:
    """Return the logged decision of a message; its arrays are read-only views.

    Raises:
        InvalidInputError: It is no such message, or a field breaks its contract.
    """
    try:
        message = decision_log_pb2.LoggedDecision.FromString(data)
    except DecodeError as error:
        raise InvalidInputError.expected("message", "a LoggedDecision", "other bytes") from error
    candidates = candidates_from_message(message.candidates)
    return LoggedDecision(
        number=message.number,
        epoch=message.epoch,
        noise_seed=message.noise_seed,
        observation=observation_from_message(message.observation),
        candidates=candidates,
        decision=replace(_decision(message), candidates=candidates, detail=message.detail),
    )


def _decision(message: decision_log_pb2.LoggedDecision) -> Decision:
    """Return the answer of a message, be it the server's or the client's."""
    if not message.client_reason:
        return decision_from_message(message.decision)
    reason = _CLIENT_REASON_BY_CODE.get(message.client_reason)
    if reason is None:
        raise InvalidInputError.expected(
            "client_reason", "a known ClientReason", message.client_reason
        )
    answer = types_pb2.Decision()
    answer.CopyFrom(message.decision)
    answer.reason = types_pb2.REASON_SINGLE  # any that a server may give; it is replaced at once
    return replace(decision_from_message(answer), reason=reason)
