"""Where the time of a decision went, from the observation to the first action of it."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

from steer.types import Timings

__all__ = ["Spent", "age_parts", "spent_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What System 2 spent on a chunk until it handed it over, in seconds.

    Instants of both processes are compared: they are of one machine, whose monotonic clock is the
    same for all of its processes.

    Attributes:
        asked_at_s: Instant of the observation that was asked at, on that clock.
        pickup_s: Until System 2 had the request.
        transport_s: To the server and back, bytes made and read at both ends.
        queue_s: Waiting for the server's engine.
        policy_s: Drawing the candidates, waiting for the policy's process included.
        score_s: Observation to context, candidates to values.
        server_s: What else the server did.
    """

    asked_at_s: float
    pickup_s: float = 0.0
    transport_s: float = 0.0
    queue_s: float = 0.0
    policy_s: float = 0.0
    score_s: float = 0.0
    server_s: float = 0.0

    @property
    def total_s(self) -> float:
        """From the observation to the hand-over, in seconds."""
        return float(sum(astuple(self)[1:]))


def age_parts(spent: Spent, *, runs_at_s: float) -> Mapping[str, float]:
    """Return what a chunk's age is made of when its first action runs, by name, in seconds.

    Args:
        spent: Of the chunk.
        runs_at_s: When its first action runs, on the robot's clock.

    Returns:
        The parts of `Spent`; `splice_s`, waiting to be looked for and for its turn behind the
        frozen rows; and `total_s`, their sum: the time since the observation that was asked at.
    """
    parts = {item.name: float(getattr(spent, item.name)) for item in fields(spent)}
    total_s = runs_at_s - parts.pop("asked_at_s")
    return {**parts, "splice_s": total_s - spent.total_s, "total_s": total_s}


def spent_of(asked_at_s: float, timings: Timings, *, begun_s: float, answered_s: float) -> Spent:
    """Return where the time of a decision went.

    Args:
        asked_at_s: Instant of the observation that was asked at, on the robot's clock.
        timings: Of the server.
        begun_s: When the server was asked, on the robot's clock.
        answered_s: When its answer was there.
    """
    score_s = timings.encode_s + timings.score_s
    known_s = timings.queue_s + timings.policy_s + score_s
    return Spent(
        asked_at_s=asked_at_s,
        pickup_s=begun_s - asked_at_s,
        transport_s=answered_s - begun_s - timings.total_s,
        queue_s=timings.queue_s,
        policy_s=timings.policy_s,
        score_s=score_s,
        server_s=timings.total_s - known_s,
    )
