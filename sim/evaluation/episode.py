"""One episode: a robot in simulation asks for chunks and runs them open loop."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.arms import Arm
from sim.evaluation.cells import Cell, Run
from sim.evaluation.choosers import Chooser, OracleChooser
from sim.evaluation.noise import noise_seed
from sim.evaluation.row import Row
from sim.seeds import split_of
from sim.tasks import Env
from sim.tasks.views import View
from steer.clock import Clock
from steer.errors import LateError, UnusableChunkError
from steer.types import Decision, Observation

__all__ = ["Episode", "max_steps_of"]


def max_steps_of(env: Env, run: Run) -> int:
    """Return the step limit of a run."""
    return env.spec.package_max_steps if run.limit == "package" else env.spec.max_steps


@dataclass(slots=True, kw_only=True)
class Episode:
    """One episode, until the package's success flag is set or the limit is reached.

    Attributes:
        env: The robot.
        chooser: Where chunks come from.
        cell: Policy and task.
        run: What is run there.
        arm: The way of choosing.
        seed: Of the initial state and of the noise.
        num_observations: How many of the last observations the policy looks at.
        views: The pictures and clouds that policy and critic need.
        blank: Key of the observation in whose place zeros are sent; empty for none.
        critic_digest: Identity of the critic.
        policy_digest: Identity of the policy.
        clock: Of the round trips.
        watch: Called after every control tick, for pictures.
        log: Called with what the robot saw at each decision, and the decision.
    """

    env: Env
    chooser: Chooser
    cell: Cell
    run: Run
    arm: Arm
    seed: int
    num_observations: int = 1
    views: tuple[View, ...] = ()
    blank: str = ""
    critic_digest: str = ""
    policy_digest: str = ""
    clock: Clock
    watch: Callable[[Env, Decision], None] | None = None
    log: Callable[[Observation, int, Decision], object] | None = None
    _decisions: list[Decision] = field(default_factory=list)
    _round_trips_ms: list[float] = field(default_factory=list)
    _history: deque[Observation] = field(default_factory=deque)
    _steps: int = 0
    _total_reward: float = 0.0

    def play(self) -> Row:
        """Run the episode.

        A policy that draws what cannot run, or that hangs, has failed: the row says so.

        Raises:
            SteerError: The server failed; nothing of the episode counts.
        """
        self._history = deque(maxlen=max(1, self.num_observations))
        self._history.append(self.see(self.env.reset(self.seed)))
        try:
            is_success = self._play()
        except UnusableChunkError as error:
            return self._row(is_success=False, flag=f"unusable chunk: {error}")
        except LateError as error:
            return self._row(is_success=False, flag=f"hung: {error}")
        return self._row(is_success=is_success)

    def see(self, observation: Observation) -> Observation:
        """Return what the robot sends, with the pictures and clouds that somebody needs."""
        if not (self.views or self.blank):
            return observation
        seen = {view.field.name: view.take(self.env) for view in self.views}
        arrays = {**observation.arrays, **seen}
        if self.blank:
            arrays[self.blank] = np.zeros_like(arrays[self.blank])
        return replace(observation, arrays=arrays)

    def _play(self) -> bool:
        limit = max_steps_of(self.env, self.run)
        while self._steps < limit:
            decision = self._decide()
            length = min(decision.commit_horizon, self.env.spec.commit_horizon)
            actions = decision.chunk[: min(length, limit - self._steps)]
            for left, action in zip(range(len(actions) - 1, -1, -1), actions, strict=True):
                is_success = self._tick(action, is_seen=left < self.num_observations)
                if self.watch is not None:
                    self.watch(self.env, decision)
                if is_success:
                    return True
        return False

    def _decide(self) -> Decision:
        number = len(self._decisions)
        noise = noise_seed(self.seed, number, stream=self.arm.stream)
        if isinstance(self.chooser, OracleChooser):
            self.chooser.steps = self._steps
        start_s = self.clock.now_s()
        decision = self.chooser.decide(
            list(self._history), seed=noise, number=number, epoch=self.seed
        )
        self._round_trips_ms.append(round((self.clock.now_s() - start_s) * 1000, 2))
        self._decisions.append(decision)
        if self.log is not None:
            self.log(self._history[-1], noise, decision)
        return decision

    def _tick(self, action: NDArray[np.float32], *, is_seen: bool) -> bool:
        """Run one action; pictures are taken of what somebody will look at alone."""
        step = self.env.step(action)
        self._history.append(self.see(step.observation) if is_seen else step.observation)
        self._steps += 1
        self._total_reward += step.reward
        return step.is_success

    def _row(self, *, is_success: bool, flag: str = "") -> Row:
        made: Sequence[Decision] = self._decisions
        oracle = self.chooser if isinstance(self.chooser, OracleChooser) else None
        return Row(
            policy=self.cell.policy,
            task=self.cell.task,
            arm=self.run.arm,
            num_candidates=self.run.num_candidates,
            limit=self.run.limit,
            seed=self.seed,
            split=split_of(self.seed),
            is_success=is_success,
            steps=self._steps,
            total_reward=self._total_reward,
            flag=flag,
            num_scored=min((item.num_scored for item in made), default=0),
            indices=tuple(item.index for item in made),
            advantages=tuple(map(_advantage, made)),
            reasons=tuple(item.reason.value for item in made),
            scores=tuple(oracle.scores) if oracle else (),
            outcomes=tuple(oracle.outcomes) if oracle else (),
            policy_ms=tuple(round(item.timings.policy_s * 1000, 2) for item in made),
            server_ms=tuple(round(item.timings.total_s * 1000, 2) for item in made),
            round_trip_ms=tuple(self._round_trips_ms),
            critic_digest=self.critic_digest,
            policy_digest=self.policy_digest,
        )


def _advantage(decision: Decision) -> float:
    """Return the chosen candidate's score; 0 where the selector needed none."""
    if not decision.scores.size:
        return 0.0
    return round(float(decision.scores[decision.index]), 4)
