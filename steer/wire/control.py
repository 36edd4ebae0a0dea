"""What travels on a `Control` stream: record <-> message.

Shapes: `A` action.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import cast

import numpy as np
from numpy.typing import NDArray

from steer import errors
from steer.errors import InvalidInputError, OverloadedError, ServerError, SteerError
from steer.limits import Limits
from steer.types import Decision, Observation
from steer.v1 import control_pb2 as pb
from steer.wire.observations import fill_observation
from steer.wire.records import decision_from_message
from steer.wire.tensors import (
    duration_from_seconds,
    duration_to_seconds,
    fill_duration,
    fill_tensor,
    tensor_from_message,
)

__all__ = [
    "ControlAnswer",
    "ControlAsk",
    "ControlTick",
    "answer_from_message",
    "answers_to_message",
    "ask_to_message",
    "failure_from_message",
    "failure_to_message",
    "place_of",
    "robot_limits_from_messages",
    "robot_limits_to_messages",
    "sent_from_message",
    "start_to_message",
    "tick_to_message",
    "travelled_from_message",
]

SENT = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ControlTick:
    """What a robot senses; `proto/steer/v1/control.proto` defines each field.

    Attributes:
        observation: With what of the running chunk would follow.
        consumed: Actions of the epoch that had been consumed before it.
        epoch: Of the robot.
        sent: Last three commands, the newest first, float32 [3, A]; NaN where none is known. None
            where none are.
        travelled: Sum of all motions of the epoch, float64 [A]; None where it is not known.
    """

    observation: Observation
    consumed: int
    epoch: int
    sent: NDArray[np.float32] | None = None
    travelled: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        sent, travelled = self.sent, self.travelled
        if travelled is not None and (
            travelled.dtype != np.float64 or travelled.ndim != 1 or not np.isfinite(travelled).all()
        ):
            contract = "finite float64 of shape [A]"
            raise InvalidInputError.expected("travelled", contract, travelled.tolist())
        if sent is None:
            return
        if sent.dtype != np.float32 or sent.ndim != 2 or len(sent) != SENT or np.isinf(sent).any():
            got = f"{sent.dtype} of shape {list(sent.shape)}"
            contract = "float32 of shape [3, A], finite or NaN"
            raise InvalidInputError.expected("sent", contract, got)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ControlAsk:
    """A wish for a chunk; `proto/steer/v1/control.proto` defines each field.

    Attributes:
        sequence: 1 and up within an epoch.
        frozen: Rows from the first that what runs now will fill.
        budget_s: Until the answer, in seconds, > 0.
        num_candidates: N; 0 for the server's default.
        noise_seed: Of the policy and of selectors that draw.
        return_candidates: Whether what was judged comes back.
        history: Observations before the tick's, oldest first, one tick apart.
        foreseen: What the policy is shown in their place; empty for nothing.
        foreseen_after: Rows of the running chunk that run before that.
    """

    sequence: int
    frozen: int
    budget_s: float
    num_candidates: int = 0
    noise_seed: int = 0
    return_candidates: bool = False
    history: tuple[Observation, ...] = ()
    foreseen: tuple[Observation, ...] = ()
    foreseen_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ControlAnswer:
    """What became of an ask; `proto/steer/v1/control.proto` defines each field.

    Attributes:
        sequence: Of the ask.
        epoch: Of the ask.
        decision: What to run; None where there is an error.
        error: Why there is no decision.
        consumed: What row 0 of the chunk follows.
        frozen: Rows of the chunk, from its first, that are those of the running one.
        captured_at_s: Of the observation that was judged at; None where it had none.
        is_judged_again: Whether that is a newer one than the ask's.
    """

    sequence: int
    epoch: int
    decision: Decision | None = None
    error: SteerError | None = None
    consumed: int = 0
    frozen: int = 0
    captured_at_s: float | None = None
    is_judged_again: bool = False


def start_to_message(session: str, limits: Limits | None) -> pb.ControlRequest:
    """Return the first message of a stream."""
    start = pb.ControlStart(session=session, limits=robot_limits_to_messages(limits))
    return pb.ControlRequest(start=start)


def tick_to_message(tick: ControlTick) -> pb.ControlRequest:
    """Return the message of what a robot senses."""
    message = pb.ControlRequest(epoch=tick.epoch, consumed=tick.consumed)
    fill_observation(message.observation, tick.observation)
    if tick.travelled is not None:
        fill_tensor(message.travelled, tick.travelled)
    if tick.sent is None or np.isnan(tick.sent).all():
        return message
    is_known = np.isfinite(tick.sent)
    fill_tensor(message.sent, np.where(is_known, tick.sent, np.float32(0.0)))
    if not is_known.all():
        fill_tensor(message.sent_known, is_known)
    return message


def place_of(message: pb.ControlRequest) -> tuple[int, int, float]:
    """Return by what observations of a robot follow each other: epoch, consumed, instant."""
    at = message.observation.captured_at
    return (message.epoch, message.consumed, at.seconds + 1e-9 * at.nanos)


def answers_to_message(answers: int) -> pb.ControlRequest:
    """Return a message that says nothing but how many answers have been read."""
    return pb.ControlRequest(answers=answers)


def sent_from_message(message: pb.ControlRequest, action_dim: int) -> NDArray[np.float32]:
    """Return the last three commands, the newest first, float32 [3, A]; NaN where none is known.

    Raises:
        InvalidInputError: The tensors break their contract.
    """
    shape = (SENT, action_dim)
    if not message.HasField("sent"):
        return np.full(shape, np.nan, np.float32)
    sent = _tensor(message, "sent", np.dtype(np.float32), shape)
    if not message.HasField("sent_known"):
        return cast("NDArray[np.float32]", sent)
    is_known = _tensor(message, "sent_known", np.dtype(np.bool_), shape)
    return np.where(is_known, sent, np.nan).astype(np.float32)


def travelled_from_message(
    message: pb.ControlRequest, action_dim: int
) -> NDArray[np.float64] | None:
    """Return the sum of all motions of the epoch, float64 [A]; None where that is not known.

    Raises:
        InvalidInputError: The tensor breaks its contract.
    """
    if not message.HasField("travelled"):
        return None
    found = _tensor(message, "travelled", np.dtype(np.float64), (action_dim,))
    return cast("NDArray[np.float64]", found)


def ask_to_message(ask: ControlAsk) -> pb.ControlAsk:
    """Return the message of a wish for a chunk, with its whole budget."""
    message = pb.ControlAsk(
        sequence=ask.sequence,
        frozen=ask.frozen,
        budget=duration_from_seconds(ask.budget_s),
        num_candidates=ask.num_candidates,
        noise_seed=ask.noise_seed,
        return_candidates=ask.return_candidates,
        foreseen_after=ask.foreseen_after,
    )
    for seen, into in ((ask.history, message.history), (ask.foreseen, message.foreseen)):
        for observation in seen:
            fill_observation(into.add(), observation)
    return message


def answer_from_message(message: pb.ControlResponse) -> ControlAnswer:
    """Return the record of an answer.

    Raises:
        InvalidInputError: A field breaks its contract, or there is neither decision nor failure.
    """
    decision, error = None, None
    if message.HasField("decision"):
        decision = decision_from_message(message.decision)
    elif message.HasField("failure"):
        error = failure_from_message(message.failure)
    else:
        raise InvalidInputError.expected("answer", "a decision or a failure", "neither")
    has_instant = message.HasField("captured_at")
    captured = duration_to_seconds(message.captured_at, "captured_at") if has_instant else None
    return ControlAnswer(
        sequence=message.sequence,
        epoch=message.epoch,
        decision=decision,
        error=error,
        consumed=message.consumed,
        frozen=message.frozen,
        captured_at_s=captured,
        is_judged_again=message.judged_again,
    )


def failure_to_message(error: SteerError) -> pb.ControlFailure:
    """Return the message of an error that befell a single ask."""
    message = pb.ControlFailure(status=error.grpc_code, error=type(error).__name__, text=str(error))
    if isinstance(error, OverloadedError) and error.retry_after_s > 0:
        fill_duration(message.retry_after, error.retry_after_s)
    return message


def failure_from_message(message: pb.ControlFailure) -> SteerError:
    """Return the error of a message; a name that is not ours is a ServerError."""
    kind = getattr(errors, message.error, ServerError)
    if kind is OverloadedError:
        retry_s = duration_to_seconds(message.retry_after, "retry_after")
        return OverloadedError(message.text, retry_after_s=retry_s)
    if not (isinstance(kind, type) and issubclass(kind, SteerError)):
        kind = ServerError
    return kind(message.text)


def robot_limits_to_messages(limits: Limits | None) -> list[pb.CommandLimit]:
    """Return the messages of a robot's limits, one a dimension; none for no limits at all."""
    found: list[pb.CommandLimit] = []
    for index in range(0 if limits is None else len(limits)):
        values = {item.name: float(getattr(limits, item.name)[index]) for item in fields(Limits)}
        found.append(pb.CommandLimit(**{k: v for k, v in values.items() if np.isfinite(v)}))
    return found


def robot_limits_from_messages(
    messages: Sequence[pb.CommandLimit], action_dim: int
) -> Limits | None:
    """Return a robot's limits; None where there are no messages.

    Raises:
        InvalidInputError: There is another number than of action dimensions, or one makes no sense.
    """
    if not messages:
        return None
    if len(messages) != action_dim:
        contract = f"{action_dim}, one an action dimension"
        raise InvalidInputError.expected("start.limits", contract, len(messages))
    found: dict[str, NDArray[np.float64]] = {}
    for name in (item.name for item in fields(Limits)):
        unset = -np.inf if name == "low" else np.inf
        values = [getattr(item, name) if item.HasField(name) else unset for item in messages]
        found[name] = np.array(values, np.float64)
        is_set = [item.HasField(name) for item in messages]
        if not np.isfinite(found[name][is_set]).all():
            raise InvalidInputError.expected(f"start.limits.{name}", "finite where set", values)
    return Limits(**found)


def _tensor(
    message: pb.ControlRequest, name: str, dtype: "np.dtype[np.generic]", shape: tuple[int, ...]
) -> NDArray[np.generic]:
    array = tensor_from_message(getattr(message, name), name)
    if array.dtype != dtype or array.shape != shape:
        got = f"{array.dtype} of shape {list(array.shape)}"
        raise InvalidInputError.expected(name, f"{dtype} of shape {list(shape)}", got)
    return array
