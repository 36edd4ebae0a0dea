"""Makes a logged decision again, by the server's own code, and compares the two bit for bit.

Nothing of the maths stands here: the engine scores, the ranker decides, as they do in a server.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steer.clock import MonotonicClock
from steer.critics.artefact import load_critic
from steer.critics.critic import Critic
from steer.critics.encoders.instructions import instructions_for
from steer.decision_log import DecisionLogHeader, LoggedDecision
from steer.errors import (
    ConfigError,
    DecisionLogError,
    EmbodimentMismatchError,
    InvalidInputError,
)
from steer.rank.scorers import NOVELTY, SCORERS
from steer.rank.scorers.base import Scorer
from steer.rank.scorers.novelty import NOVELTY_FILE
from steer.rank.select import Rule
from steer.serve.catalogue import resolve
from steer.serve.config import BOUNDS
from steer.serve.engine import Engine
from steer.serve.images import decode_images
from steer.serve.ranking import Call, Ranker
from steer.serve.scorers import MAKES_NOVELTY, check_scorers, load_scorers
from steer.serve.sessions import Session
from steer.types import Decision, Reason
from steer.wire.session import Limits

__all__ = ["Difference", "Replayed", "Replayer", "replayer"]

_PATIENCE_S = 600.0
"""A deadline that no critic misses: without one the engine does not score."""
_WHY_NOT = {
    Reason.BUDGET: "the budget ended before the critic was done",
    Reason.CRITIC: "the critic failed, or gave a value that is not finite",
    Reason.LATE: "the client answered by itself, for no answer came in time",
    Reason.UNREACHABLE: "the client answered by itself, for the server was gone",
    Reason.REFUSED: "the client answered by itself, for the server refused",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where one field of a decision differs from what was logged.

    Attributes:
        what: Field and index, for example `values[2, 5]`.
        logged: Its value, as text that tells different values apart.
        recomputed: The other.
    """

    what: str
    logged: str
    recomputed: str

    def __str__(self) -> str:
        """Return the difference in words."""
        return f"{self.what}: expected {self.logged}, as logged, got {self.recomputed}"


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """A logged decision beside the same one made again.

    Attributes:
        logged: The record of the log.
        recomputed: None where there is nothing to recompute.
        why_not: Why there is nothing; empty where there is.
        differences: The first of each field; empty where all are equal to the last bit.
        largest: Largest difference between values or scores, in discounted return.
    """

    logged: LoggedDecision
    recomputed: Decision | None = None
    why_not: str = ""
    differences: tuple[Difference, ...] = ()
    largest: float = 0.0

    @property
    def status(self) -> str:
        """`equal`, `different`, or `skipped` where there is nothing to recompute."""
        if self.recomputed is None:
            return "skipped"
        return "different" if self.differences else "equal"

    @property
    def first(self) -> str:
        """The first difference in words; empty where there is none."""
        return str(self.differences[0]) if self.differences else ""


class Replayer:
    """Makes the decisions of one log again, one at a time, on one event loop.

    Args:
        header: Of the log.
        critic: That decided; the engine has it under the name of the header.
        engine: That has started.
        runner: Of the loop.
        scorers: What the critic's sessions may weigh beside it.

    Attributes:
        rule: By which the session decided.

    Raises:
        ConfigError: The critic is another than the log's, or lacks a scorer that took part.
        EmbodimentMismatchError: The log is of another robot than the critic was made for.
    """

    def __init__(
        self,
        header: DecisionLogHeader,
        critic: Critic,
        engine: Engine,
        runner: asyncio.Runner,
        scorers: Mapping[str, Scorer] = SCORERS,
    ) -> None:
        _check(header, critic)
        limits = _capped(header.session.limits)
        name = header.session.critic.name
        self.rule = resolve(header.session.selection, critic, limits)
        robot = header.embodiment
        _check_novelty(self.rule, scorers)
        check_scorers(self.rule, scorers=scorers, card=critic.card, robot=robot)
        self._session = Session("", robot, name, "", self.rule, "", 0.0, scorers)
        self._critic = critic
        self._max_pixels = limits.max_image_pixels
        self._clock = MonotonicClock()
        self._ranker = Ranker(engine, clock=self._clock, limits=limits)
        self._runner = runner

    def replay(self, logged: LoggedDecision) -> Replayed:
        """Return a logged decision beside the same one made again.

        Raises:
            DecisionLogError: It is not a record that the server would have answered.
        """
        why_not = _why_not(logged.decision, self.rule)
        if why_not:
            return Replayed(logged, why_not=why_not)
        try:
            return _compared(logged, self._runner.run(self._decide(logged)))
        except InvalidInputError as error:
            raise DecisionLogError(f"decision {logged.number}: {error}") from error

    async def _decide(self, logged: LoggedDecision) -> Decision:
        """Decide as the service does between decoding a request and encoding the answer."""
        now_s = self._clock.now_s()
        call = Call(
            session=self._session,
            noise_seed=logged.noise_seed,
            sequence=logged.decision.sequence,
            start_s=now_s,
            deadline_s=now_s + _PATIENCE_S,
        )
        needed = {item.name for item in self._critic.card.embodiment.observations}
        observation = decode_images(logged.observation, max_pixels=self._max_pixels, needed=needed)
        return await self._ranker.decide(
            call, self._critic, observation, logged.candidates, decode_s=0.0
        )


@contextmanager
def replayer(
    header: DecisionLogHeader, critic: Path, *, encoders: Sequence[Path] = ()
) -> Iterator[Replayer]:
    """Have an engine with the critic of that directory for the length of a `with` block.

    Args:
        header: Of the log.
        critic: Directory of the critic.
        encoders: Directory of the sentence encoder that it was trained with, if it was.

    Raises:
        ArtefactError: The critic cannot be loaded, or the novelty beside it, or the encoder.
        ConfigError: It is another than the log's, or lacks a scorer that took part, or the encoder
            is another than the critic's.
        EmbodimentMismatchError: The log is of another robot than the critic was made for.
    """
    engine = Engine(device="cpu", clock=MonotonicClock(), threads=1)
    engine.start()
    try:
        with asyncio.Runner() as runner:
            name = header.session.critic.name
            loaded = runner.run(engine.load(name, lambda: load_critic(critic)))
            made = Replayer(header, loaded, engine, runner, load_scorers(critic, loaded))
            cards = {name: loaded.card}
            runner.run(engine.load_instructions(lambda: instructions_for(cards, encoders)))
            yield made
    finally:
        engine.stop()


def _check(header: DecisionLogHeader, critic: Critic) -> None:
    expected = header.session.critic.digest
    if critic.digest != expected:
        contract = f"the one that decided, {expected[:80]!r}"
        raise ConfigError(f"--critic: expected {contract}, got {critic.digest!r}")
    misfits = header.embodiment.differences(critic.card.embodiment)
    if misfits:
        raise EmbodimentMismatchError(f"the log's robot is not the critic's: {'; '.join(misfits)}")


def _check_novelty(rule: Rule, scorers: Mapping[str, Scorer]) -> None:
    if rule.weights.get(NOVELTY, 0.0) > 0 and NOVELTY not in scorers:
        raise ConfigError(
            f"--critic: expected the {NOVELTY_FILE} that decided beside it, for this log's session "
            f"weighs novelty, got none; copy the server's, or make it anew of the same data with "
            f"the same seed: {MAKES_NOVELTY}"
        )


def _capped(limits: Limits) -> Limits:
    """Return a server's limits, none over what any server has: the log may be hostile."""
    names = ("max_candidates", "max_horizon", "max_image_pixels")
    return replace(limits, **{name: min(getattr(limits, name), BOUNDS[name]) for name in names})


def _why_not(decision: Decision, rule: Rule) -> str:
    if decision.reason in _WHY_NOT:
        return _WHY_NOT[decision.reason]
    if decision.reason is Reason.SINGLE and rule.needs_critic and not decision.num_scored:
        return "there was one candidate, and no time to score it"
    return ""


def _compared(logged: LoggedDecision, again: Decision) -> Replayed:
    before = logged.decision
    found = [
        _array_difference("values", before.values, again.values),
        _array_difference("scores", before.scores, again.scores),
        _difference("feasible", before.feasible, again.feasible),
        _difference("index", before.index, again.index),
        _difference("reason", before.reason.value, again.reason.value),
        _difference("overrode", before.overrode, again.overrode),
        _difference("commit_horizon", before.commit_horizon, again.commit_horizon),
        _array_difference("chunk", before.chunk, again.chunk),
        _difference("num_scored", before.num_scored, again.num_scored),
        _difference("critic_digest", before.critic_digest, again.critic_digest),
    ]
    largest = max(_largest(before.values, again.values), _largest(before.scores, again.scores))
    differences = tuple(item for item in found if item is not None)
    return Replayed(logged, again, differences=differences, largest=largest)


def _difference(what: str, logged: object, again: object) -> Difference | None:
    return None if logged == again else Difference(what, str(logged), str(again))


def _array_difference(
    what: str, logged: NDArray[np.float32], again: NDArray[np.float32]
) -> Difference | None:
    """Compare bits: 0.0 and -0.0 differ."""
    if logged.shape != again.shape:
        shapes = [f"shape {list(array.shape)}" for array in (logged, again)]
        return Difference(what, *shapes)
    unlike = np.argwhere(logged.view(np.uint32) != again.view(np.uint32))
    if not len(unlike):
        return None
    index = tuple(unlike[0].tolist())
    return Difference(f"{what}{list(index)}", str(logged[index]), str(again[index]))


def _largest(logged: NDArray[np.float32], again: NDArray[np.float32]) -> float:
    if logged.shape != again.shape or not logged.size:
        return 0.0
    return float(np.abs(logged.astype(np.float64) - again).max())
