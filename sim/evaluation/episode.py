"""One episode: a robot in simulation asks the server for chunks and runs them open loop."""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.arms import Arm, Settings
from sim.evaluation.rows import Row
from sim.seeds import split_of
from sim.tasks import Env
from steer.client import SteerClient
from steer.clock import Clock
from steer.errors import SessionError
from steer.types import Decision, Observation
from steer.wire.session import PolicyInfo, SessionInfo

__all__ = ["noise_seed", "run_episode"]

BUDGET_S = 30.0
"""Far more than a decision takes: nothing of an evaluation is cut short by time."""


def noise_seed(seed: int, decision: int) -> int:
    """Return the seed of the policy's noise: a function of episode and decision, not of the arm."""
    digest = hashlib.sha256(f"{seed}:{decision}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def run_episode(
    client: SteerClient,
    env: Env,
    arm: Arm,
    settings: Settings,
    *,
    seed: int,
    clock: Clock,
    watch: Callable[[Env, Decision], None] | None = None,
) -> Row:
    """Run one episode until the package's success flag is set, or the task's limit.

    Args:
        client: With a session of the arm's policy and selection.
        env: The robot.
        arm: How to choose.
        settings: N, margin and beta.
        seed: Of the initial state and of the noise.
        clock: Of the round trips.
        watch: Called after every control tick, for pictures.

    Raises:
        SteerError: The server failed; nothing of the episode counts.
    """
    session, policy = _session(client)
    history = deque([env.reset(seed)], maxlen=policy.num_observations)
    decisions: list[Decision] = []
    round_trips_ms: list[float] = []
    steps, is_success = 0, False
    while steps < env.spec.max_steps and not is_success:
        start_s = clock.now_s()
        decision = client.steer(
            list(history),
            budget_s=BUDGET_S,
            num_candidates=arm.num_candidates(settings),
            noise_seed=noise_seed(seed, len(decisions)),
            epoch=seed,
        )
        round_trips_ms.append(round((clock.now_s() - start_s) * 1000, 2))
        decisions.append(decision)
        for action in decision.chunk[: min(decision.commit_horizon, env.spec.commit_horizon)]:
            is_success = _tick(env, action, history)
            steps += 1
            if watch is not None:
                watch(env, decision)
            if is_success or steps == env.spec.max_steps:
                break
    return Row(
        task=env.spec.name,
        arm=arm.name,
        seed=seed,
        split=split_of(seed),
        is_success=is_success,
        steps=steps,
        num_candidates=arm.num_candidates(settings),
        round_trip_ms=tuple(round_trips_ms),
        critic=session.critic.digest,
        policy=policy.digest,
        **_choices(decisions),
    )


def _session(client: SteerClient) -> tuple[SessionInfo, PolicyInfo]:
    session = client.session
    if session is None or session.policy is None:
        raise SessionError("episode: expected a session with a policy, got none")
    return session, session.policy


class _Choices(TypedDict):
    """The fields of a row that its decisions tell."""

    num_scored: int
    indices: tuple[int, ...]
    advantages: tuple[float, ...]
    reasons: dict[str, int]
    policy_ms: tuple[float, ...]
    server_ms: tuple[float, ...]


def _choices(decisions: Sequence[Decision]) -> _Choices:
    return _Choices(
        num_scored=min(item.num_scored for item in decisions),
        indices=tuple(item.index for item in decisions),
        advantages=tuple(_advantage(item) for item in decisions),
        reasons=dict(Counter(item.reason.value for item in decisions)),
        policy_ms=tuple(round(item.timings.policy_s * 1000, 2) for item in decisions),
        server_ms=tuple(round(item.timings.total_s * 1000, 2) for item in decisions),
    )


def _tick(env: Env, action: NDArray[np.float32], history: deque[Observation]) -> bool:
    step = env.step(action)
    history.append(step.observation)
    return step.is_success


def _advantage(decision: Decision) -> float:
    """Return the chosen candidate's score; 0 where the selector needed none."""
    if not decision.scores.size:
        return 0.0
    return round(float(decision.scores[decision.index]), 4)
