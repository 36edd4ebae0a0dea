"""What `Steer` and an ask of `Control` have in common: a budget, observations, candidates."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration

from steer.clock import Clock
from steer.critics.critic import Critic
from steer.embodiment import Embodiment
from steer.errors import ConfigError, InvalidInputError, LateError
from steer.serve.catalogue import Catalogue
from steer.serve.images import decode_images
from steer.serve.proposing import propose
from steer.serve.ranking import Call, Ranker
from steer.serve.sessions import Session
from steer.serve.sources.base import PolicySource
from steer.types import Candidates, EncodedImage, Observation
from steer.v1 import types_pb2
from steer.wire.observations import observation_from_message
from steer.wire.session import Limits
from steer.wire.tensors import duration_to_seconds

__all__ = ["Drawer", "Drawn"]

_REPLY_S = 0.002
"""Kept of a budget for encoding the reply, in seconds; at most a tenth of it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Candidates, and what they were drawn from.

    Attributes:
        observations: Oldest first, those that the policy looks at, images decoded.
        candidates: Row 0 is the policy's own.
        wanted: How many there would be, had the time not ended.
        decode_s: Time that decoding took, in seconds.
        policy_s: Time that drawing took, in seconds.
    """

    observations: tuple[Observation, ...]
    candidates: Candidates
    wanted: int
    decode_s: float
    policy_s: float


class Drawer:
    """Draws the candidates of a request. Runs on the event loop.

    Args:
        ranker: Asks the critic whether more are needed.
        limits: Of what is accepted.
        clock: Of budgets and timings.

    Attributes:
        catalogue: Where critics and policy sources are; empty until the server has loaded them.
    """

    def __init__(self, ranker: Ranker, *, limits: Limits, clock: Clock) -> None:
        self.catalogue = Catalogue()
        self._ranker = ranker
        self._limits = limits
        self._clock = clock

    def call(
        self,
        session: Session,
        budget: Duration | None,
        *,
        noise_seed: int,
        sequence: int,
        start_s: float,
    ) -> Call:
        """Return the request that began at `start_s`; a budget of None is the server's largest.

        Raises:
            InvalidInputError: The budget is not positive, or none.
        """
        budget_s = self._limits.max_budget_s
        if budget is not None:
            budget_s = min(duration_to_seconds(budget, "budget"), budget_s)
        if budget_s <= 0:
            raise InvalidInputError.expected("budget", "> 0 s", f"{budget_s:g} s: already spent")
        return Call(
            session=session,
            noise_seed=noise_seed,
            sequence=sequence,
            start_s=start_s,
            deadline_s=start_s + budget_s - min(_REPLY_S, budget_s / 10),
        )

    def critic(self, session: Session) -> Critic:
        """Return the critic of a session."""
        return self.catalogue.critics[session.critic]

    def source(self, session: Session) -> PolicySource:
        """Return the policy source of a session.

        Raises:
            ConfigError: It has none.
        """
        if not session.policy:
            names = ", ".join(map(repr, self.catalogue.sources)) or "none"
            raise ConfigError(
                "policy: expected a session with one, got none that fits or several; name one of "
                f"this server's in OpenSession: {names}"
            )
        return self.catalogue.sources[session.policy]

    async def look(self, message: types_pb2.Observation, *needed: Embodiment) -> Observation:
        """Return an observation; images that a body of `needed` looks at are decoded.

        Raises:
            InvalidInputError: It breaks its contract.
        """
        names = frozenset(item.name for body in needed for item in body.observations)
        observation = observation_from_message(message)
        pixels = self._limits.max_image_pixels
        if any(isinstance(value, EncodedImage) for value in observation.arrays.values()):
            # Decoding takes milliseconds: not on the loop.
            return await asyncio.to_thread(
                decode_images, observation, max_pixels=pixels, needed=names
            )
        return decode_images(observation, max_pixels=pixels, needed=names)

    async def draw(
        self,
        call: Call,
        messages: Sequence[types_pb2.Observation],
        *,
        num_candidates: int,
        frozen: int,
    ) -> Drawn:
        """Return the candidates for the last of some observations.

        Args:
            call: The request.
            messages: Oldest first; of more than the policy looks at, the rest is not even decoded.
            num_candidates: N; 0 for the server's default.
            frozen: As of `PolicySource.draw`.

        Raises:
            ConfigError: The session has no policy.
            InvalidInputError: The observations are not what policy and critic need, or N is out of
                its range.
            LateError: There was no time for candidate 0.
            PolicyError: The policy failed.
        """
        session, source, critic = call.session, self.source(call.session), self.critic(call.session)
        count, rule = num_candidates or self._limits.expected_candidates, session.rule
        self._ranker.check_count(count + rule.num_fitted + int(rule.continuation))
        bodies = (critic.card.embodiment, source.info.embodiment)
        recent = messages[-source.info.num_observations :]
        observations = [await self.look(item, *bodies) for item in recent]
        if not observations:
            raise InvalidInputError.expected("observations", "at least one", "none")
        drawing_s = self._clock.now_s()
        rank_s = self.catalogue.expected_rank_s[session.critic] if count > 1 else 0.0
        budget_s = call.deadline_s - drawing_s - rank_s
        if budget_s <= 0:
            raise LateError(f"budget: expected time to draw candidate 0, got {budget_s:.4f} s")
        candidates, wanted = await propose(
            call,
            source,
            observations,
            num_candidates=count,
            frozen=frozen,
            budget_s=budget_s,
            ranker=self._ranker,
            critic=critic,
            clock=self._clock,
        )
        return Drawn(
            observations=tuple(observations),
            candidates=candidates,
            wanted=wanted,
            decode_s=drawing_s - call.start_s,
            policy_s=self._clock.now_s() - drawing_s,
        )
