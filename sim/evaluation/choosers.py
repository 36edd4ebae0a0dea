"""Where a robot's next chunk comes from; every way goes through the real server."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.noise import noise_seed
from sim.tasks import Env
from steer.client import SteerClient
from steer.errors import ConfigError, InvalidInputError, UnusableChunkError
from steer.types import Candidates, Decision, Observation, Provenance

__all__ = [
    "BUDGET_S",
    "Chooser",
    "LocalChooser",
    "LocalPolicy",
    "OracleChooser",
    "ProbeChooser",
    "ServerChooser",
    "probed_decision",
]

BUDGET_S = 30.0
"""Far more than a decision takes: nothing of an evaluation is cut short by time."""

LocalPolicy = Callable[..., Any]
"""`policy(observation, *, num_candidates, seed)` -> chunks [N, H, A]; row 0 never depends on N.

What it raises ends the run, but for `UnusableChunkError`: then the episode counts as failed.
"""


class Chooser(Protocol):
    """Decides what a robot runs next."""

    def decide(
        self, history: Sequence[Observation], *, seed: int, number: int, epoch: int
    ) -> Decision:
        """Choose.

        Args:
            history: The last observations, oldest first, one control tick apart.
            seed: Of the policy's noise.
            number: Of the decision in its episode, from 0.
            epoch: Of the episode, for the server's log.

        Raises:
            SteerError: The server or the policy failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class ServerChooser:
    """The server draws from its policy and chooses.

    Attributes:
        client: With a session.
        num_candidates: N.
        returns_candidates: Whether decisions hold all candidates.
    """

    client: SteerClient
    num_candidates: int
    returns_candidates: bool = False

    def decide(
        self, history: Sequence[Observation], *, seed: int, number: int, epoch: int
    ) -> Decision:
        """Choose; see `Chooser`."""
        del number  # Unused.
        return self.client.steer(
            history,
            budget_s=BUDGET_S,
            num_candidates=self.num_candidates,
            noise_seed=seed,
            epoch=epoch,
            return_candidates=self.returns_candidates,
        )


@dataclass(frozen=True, slots=True)
class LocalChooser:
    """A policy in this process draws, the server chooses.

    Attributes:
        client: With a session.
        num_candidates: N.
        policy: The policy.
    """

    client: SteerClient
    num_candidates: int
    policy: LocalPolicy

    def decide(
        self, history: Sequence[Observation], *, seed: int, number: int, epoch: int
    ) -> Decision:
        """Choose; see `Chooser`.

        Raises:
            UnusableChunkError: Its chunks are not N finite ones.
            ConfigError: It drives another body, or its own chunk is another for another N.
            Exception: Whatever the policy raises.
        """
        chunks = self._draw(history[-1], self.num_candidates, seed)
        if number == 0 and len(chunks) > 1:
            alone = self._draw(history[-1], 1, seed)
            if not np.array_equal(alone[0], chunks[0]):
                raise ConfigError("policy: expected row 0 not to depend on N, got another for 1")
        provenance = (Provenance.POLICY,) * len(chunks)
        candidates = Candidates(chunks, provenance)
        decision = self.client.rank(
            history[-1], candidates, budget_s=BUDGET_S, noise_seed=seed, epoch=epoch
        )
        if decision.detail:  # the client answered by itself: the server is gone or refused
            raise InvalidInputError(f"rank: {decision.detail}")
        return replace(decision, candidates=candidates)

    def _draw(self, observation: Observation, count: int, seed: int) -> NDArray[np.float32]:
        drawn = self.policy(observation, num_candidates=count, seed=seed)
        chunks = np.asarray(drawn, np.float32)
        if chunks.ndim != 3 or len(chunks) != count:
            got = f"shape {list(chunks.shape)}"
            raise UnusableChunkError(f"policy: expected [{count}, H, A], got {got}")
        if not np.isfinite(chunks).all():
            raise UnusableChunkError("policy: expected finite actions, got NaN or Inf")
        session = self.client.session
        if session is not None and chunks.shape[2] != session.critic.embodiment.action_dim:
            contract = f"{session.critic.embodiment.action_dim} action dimensions"
            raise ConfigError(f"policy: expected {contract}, got {chunks.shape[2]}")
        return chunks


@dataclass(slots=True)
class OracleChooser:
    """Tries every candidate in the simulator, the policy alone going on after it.

    All candidates of a decision are tried under the same noise, which is not the noise that the
    episode itself will see: the oracle knows the simulator, not the future draws of the policy.

    Attributes:
        inner: Draws the candidates, and chooses as the critic would.
        alone: Draws the policy's own chunk.
        env: The robot, in the state of the decision.
        max_steps: The episode's limit.
        history_length: How many of the last observations the policy looks at.
        see: Adds the pictures that the policy needs to what the robot senses.
        steps: Control ticks done so far; kept by the episode.
        outcomes: Reward that was left, [N] for each decision.
        scores: Score of each candidate, [N] for each decision.
    """

    inner: Chooser
    alone: Chooser
    env: Env
    max_steps: int
    history_length: int
    see: Callable[[Observation], Observation]
    steps: int = 0
    outcomes: list[tuple[float, ...]] = field(default_factory=list)
    scores: list[tuple[float, ...]] = field(default_factory=list)

    def decide(
        self, history: Sequence[Observation], *, seed: int, number: int, epoch: int
    ) -> Decision:
        """Choose the candidate that ended best; of equal ones the first."""
        decision = self.inner.decide(history, seed=seed, number=number, epoch=epoch)
        chunks, outcomes = self.try_all(decision, history, seed=seed, epoch=epoch)
        best = int(np.argmax(outcomes))
        return replace(decision, index=best, chunk=chunks[best], overrode=best != 0)

    def try_all(
        self, decision: Decision, history: Sequence[Observation], *, seed: int, epoch: int
    ) -> tuple[NDArray[np.float32], Sequence[float]]:
        """Return the candidates and how each ended; the robot is left where it was."""
        if decision.candidates is None:
            raise InvalidInputError.expected("decision", "one with candidates", "one without")
        start, chunks = self.env.save(), decision.candidates.actions
        outcomes = []
        for chunk in chunks:
            outcomes.append(self._try(chunk, decision.commit_horizon, history, seed, epoch))
            self.env.restore(start)
        self.outcomes.append(tuple(outcomes))
        self.scores.append(tuple(round(float(score), 4) for score in decision.scores))
        return chunks, outcomes

    def _try(
        self,
        chunk: NDArray[np.float32],
        commit_horizon: int,
        history: Sequence[Observation],
        seed: int,
        epoch: int,
    ) -> float:
        """Return the reward until the end of the episode, and leave the robot where that was."""
        recent = deque(history, maxlen=self.history_length)
        actions, steps, number = chunk[:commit_horizon], self.steps, 0
        while True:
            for action in actions[: min(len(actions), self.env.spec.commit_horizon)]:
                step = self.env.step(action)
                recent.append(self.see(step.observation))
                steps += 1
                if step.is_success:
                    return float(self.steps - steps + 1)
                if steps >= self.max_steps:
                    return float(self.steps - steps)
            number += 1
            noise = noise_seed(seed, number, stream=2)
            decision = self.alone.decide(list(recent), seed=noise, number=number, epoch=epoch)
            actions = decision.chunk[: decision.commit_horizon]


def probed_decision(seed: int, *, max_steps: int, commit_horizon: int) -> int:
    """Return the number of the decision that a probe of an episode tries: of its first half.

    Late in an episode that has not succeeded yet, all candidates end alike.
    """
    count = max(1, max_steps // (2 * commit_horizon))
    return noise_seed(seed, 0, stream=3) % count


@dataclass(slots=True)
class ProbeChooser(OracleChooser):
    """Tries every candidate of one decision, where the server chooses, and no other."""

    def decide(
        self, history: Sequence[Observation], *, seed: int, number: int, epoch: int
    ) -> Decision:
        """Choose as the server would, whatever was found out; see `Chooser`."""
        length = self.env.spec.commit_horizon
        if number != probed_decision(epoch, max_steps=self.max_steps, commit_horizon=length):
            return self.alone.decide(history, seed=seed, number=number, epoch=epoch)
        decision = self.inner.decide(history, seed=seed, number=number, epoch=epoch)
        self.try_all(decision, history, seed=seed, epoch=epoch)
        return decision
