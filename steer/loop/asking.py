"""One request answered by a server: System 2's work, wherever it is done."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from steer.client import SteerClient
from steer.clock import Clock
from steer.loop.chunks import Chunk
from steer.loop.fresh import decided, rescored
from steer.loop.monitors import Monitors
from steer.loop.planner import Request, Sensed
from steer.loop.remote import Remote
from steer.loop.spent import Spent
from steer.types import Timings

__all__ = ["asked", "seed_of", "spent_of"]


def asked(
    client: SteerClient,
    remote: Remote,
    request: Request,
    *,
    newest: Callable[[], Sensed | None],
    clock: Clock,
    monitors: Monitors | None = None,
) -> Chunk:
    """Return the server's choice, judged again at the newest observation where that is wanted.

    Args:
        client: With a session.
        remote: What is asked.
        request: To answer.
        newest: Returns the robot at its newest tick; called once the server has answered, where
            `remote.rescore_s` is not 0.
        clock: Of the robot.
        monitors: That read the decision; what they say goes with the chunk.

    Raises:
        SteerError: There is no choice.
    """
    begun_s, seed, is_again = clock.now_s(), seed_of(remote.seed, request), remote.rescore_s > 0
    decision = client.steer(
        request.observations,
        budget_s=remote.budget_s,
        num_candidates=remote.num_candidates,
        noise_seed=seed,
        frozen=request.frozen,
        epoch=request.epoch,
        return_candidates=is_again or monitors is not None,
    )
    answered_s = clock.now_s()
    alarm = ""
    if monitors is not None:
        alarm = monitors.update(decision, consumed=request.consumed, epoch=request.epoch).alarm
    sensed = newest() if is_again else None
    if sensed is None:
        chunk = decided(decision, request)
    else:
        chunk = rescored(
            client,
            decision,
            request,
            sensed,
            budget_s=remote.rescore_s,
            noise_seed=seed,
            limits=remote.limits,
        )
    spent = spent_of(request, decision.timings, begun_s, answered_s)
    spent = replace(spent, again_s=clock.now_s() - answered_s)
    return replace(chunk, spent=spent, alarm=alarm)


def seed_of(seed: int, request: Request) -> int:
    """Return the seed of a request's noise, in [0, 2**64)."""
    text = f"{seed}/{request.epoch}/{request.sequence}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")


def spent_of(request: Request, timings: Timings, begun_s: float, answered_s: float) -> Spent:
    """Return where the time of a decision went.

    Args:
        request: That it answers.
        timings: Of the server.
        begun_s: When the server was asked, on the robot's clock.
        answered_s: When its answer was there.
    """
    score_s = timings.encode_s + timings.score_s
    known_s = timings.queue_s + timings.policy_s + score_s
    return Spent(
        asked_at_s=request.captured_at_s,
        pickup_s=begun_s - request.captured_at_s,
        transport_s=answered_s - begun_s - timings.total_s,
        queue_s=timings.queue_s,
        policy_s=timings.policy_s,
        score_s=score_s,
        server_s=timings.total_s - known_s,
    )
