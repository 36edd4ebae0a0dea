"""What a request must be, checked against its session before anything is sent.

The server checks the same again; here a programming error is told to whom it belongs, at once.
"""

import math

import numpy as np

from steer.embodiment import Embodiment
from steer.errors import InvalidInputError, ServerError, TooLargeError
from steer.types import Candidates, Decision, EncodedImage, Observation
from steer.wire.control import ControlAsk, ControlTick
from steer.wire.session import SessionInfo

__all__ = [
    "budget_of",
    "check_budget",
    "check_candidates",
    "check_count",
    "check_observation",
    "check_reply",
    "check_size",
    "check_tick",
    "check_unsigned",
]

_MIN_BUDGET_S = 0.05
"""Least default budget."""
_EXPECTED_FACTOR = 3.0
"""Default budget, in multiples of what the server expects."""
_BITS = {"frozen": 32}
"""Of the protocol's numbers; of all others 64."""
_ENVELOPE_BYTES = 128
"""More than session and budget add to a request."""


def check_budget(budget_s: float) -> None:
    """Raise InvalidInputError unless the budget is a finite number of seconds > 0."""
    if not (math.isfinite(budget_s) and budget_s > 0):
        raise InvalidInputError.expected("budget_s", "a finite number > 0", budget_s)


def budget_of(
    asked_s: float | None, expected_s: float, num_candidates: int, session: SessionInfo
) -> float:
    """Return the budget of a call in seconds: the caller's, or a multiple of `expected_s`.

    Args:
        asked_s: The caller's; None for none.
        expected_s: What the server expects `Limits.expected_candidates` to take.
        num_candidates: N; 0 for the server's default.
        session: With the server's limits.

    Raises:
        InvalidInputError: The caller's is not a finite number of seconds > 0.
    """
    if asked_s is None:
        # A server that leaves the figure unset means any number.
        usual = session.limits.expected_candidates or max(1, num_candidates)
        scale = max(1.0, num_candidates / usual)
        return max(_EXPECTED_FACTOR * expected_s * scale, _MIN_BUDGET_S)
    check_budget(asked_s)
    return asked_s


def check_unsigned(**numbers: int) -> None:
    """Raise InvalidInputError unless every number fits the protocol's type."""
    for name, value in numbers.items():
        bits = _BITS.get(name, 64)
        if not 0 <= value < 2**bits:
            raise InvalidInputError.expected(name, f"an integer in 0..2**{bits}-1", value)


def check_count(count: int, session: SessionInfo) -> None:
    """Raise InvalidInputError unless the server draws so many candidates; 0 is its default."""
    most = session.limits.max_candidates
    if not 0 <= count <= most:
        raise InvalidInputError.expected("num_candidates", f"0..{most}", count)


def check_candidates(candidates: Candidates, robot: Embodiment, session: SessionInfo) -> None:
    """Raise InvalidInputError unless critic and server take candidates of this shape."""
    most, length, width = candidates.actions.shape
    limits, shortest = session.limits, session.commit_horizon
    if width != robot.action_dim:
        contract = f"{robot.action_dim} values an action, as the embodiment has"
        raise InvalidInputError.expected("candidates.actions", contract, width)
    if most > limits.max_candidates:
        contract = f"at most {limits.max_candidates} candidates"
        raise InvalidInputError.expected("candidates.actions", contract, most)
    if not shortest <= length <= limits.max_horizon:
        contract = f"{shortest}..{limits.max_horizon} actions a chunk"
        raise InvalidInputError.expected("candidates.actions", contract, length)


def check_observation(observation: Observation, robot: Embodiment, needed: Embodiment) -> None:
    """Raise InvalidInputError unless an observation is the robot's, with all that is needed.

    Args:
        observation: To be sent.
        robot: States what each of its arrays must be.
        needed: The critic's or the policy's: what must be there.
    """
    for item in robot.observations:
        value = observation.arrays.get(item.name)
        if value is None or isinstance(value, EncodedImage):
            continue  # what an image decodes to is seen on the server
        if value.dtype != np.dtype(item.dtype) or value.shape != item.shape:
            raise InvalidInputError.expected(
                f"observation {item.name!r}",
                f"{item.dtype} of shape {list(item.shape)}",
                f"{value.dtype} of shape {list(value.shape)}",
            )
    for item in needed.observations:
        if item.name not in observation.arrays:
            contract = f"{item.dtype} of shape {list(item.shape)}"
            raise InvalidInputError.expected(f"observation {item.name!r}", contract, "nothing")


def check_tick(
    tick: ControlTick, ask: ControlAsk | None, robot: Embodiment, session: SessionInfo
) -> None:
    """Raise InvalidInputError unless a tick, and what is asked at it, is the robot's and whole."""
    critic = session.critic.embodiment
    check_unsigned(epoch=tick.epoch, consumed=tick.consumed)
    check_observation(tick.observation, robot, critic)
    if tick.sent is not None and tick.sent.shape[1] != robot.action_dim:
        contract = f"{robot.action_dim} values an action, as the embodiment has"
        raise InvalidInputError.expected("sent", contract, tick.sent.shape[1])
    if ask is None:
        return
    policy = critic if session.policy is None else session.policy.embodiment
    for observation in (*ask.history, tick.observation):
        check_observation(observation, robot, policy)
    check_budget(ask.budget_s)
    check_count(ask.num_candidates, session)
    check_unsigned(sequence=ask.sequence, noise_seed=ask.noise_seed, frozen=ask.frozen)


def check_size(size: int, session: SessionInfo) -> None:
    """Raise TooLargeError unless the server takes a request of so many bytes."""
    most = session.limits.max_message_bytes - _ENVELOPE_BYTES
    if size > most:
        raise TooLargeError(f"request: expected at most {most} bytes, got {size}")


def check_reply(
    decision: Decision, sequence: int, robot: Embodiment, sent: Candidates | None = None
) -> None:
    """Raise ServerError unless a reply answers its own request.

    Args:
        decision: From the server.
        sequence: Number of the request.
        robot: Whose actions they are.
        sent: The candidates of the request; None where the server drew them.
    """
    if decision.sequence != sequence:
        raise ServerError(f"reply: expected sequence {sequence}, got {decision.sequence}")
    if decision.chunk.shape[1] != robot.action_dim:
        got = decision.chunk.shape[1]
        raise ServerError(f"reply: expected {robot.action_dim} values an action, got {got}")
    if sent is None:
        return
    if decision.index >= len(sent):
        raise ServerError(f"reply: expected one of {len(sent)} candidates, got {decision.index}")
    if not np.array_equal(decision.chunk, sent.actions[decision.index]):
        raise ServerError(f"reply: expected candidate {decision.index} unchanged, got another")
