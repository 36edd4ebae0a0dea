"""What competes for one decision: drawn from the policy, more of them where that may help.

Shapes: `N` candidates, `H` horizon, `A` action.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from steer.clock import Clock
from steer.critics.critic import Critic
from steer.errors import LateError
from steer.rank.adaptive import AdaptiveN
from steer.rank.feasible import feasible
from steer.rank.widen import fitted_perturbations
from steer.serve.ranking import Call, Ranker, check_running
from steer.serve.sources.base import PolicySource
from steer.types import Candidates, Observation, Provenance
from steer.windows import continuation

__all__ = ["propose", "widened"]

_START = 4


async def propose(
    call: Call,
    source: PolicySource,
    observations: Sequence[Observation],
    *,
    num_candidates: int,
    frozen: int,
    budget_s: float,
    ranker: Ranker,
    critic: Critic,
    clock: Clock,
) -> tuple[Candidates, int]:
    """Return the candidates of a Steer request, row 0 the policy's own, and how many were wanted.

    Args:
        call: The request; its session's rule says whether to begin with few, and how many to fit.
        source: To draw from.
        observations: Oldest first; the critic sees the last one.
        num_candidates: N that was asked for: the most, where the rule is adaptive.
        frozen: As of `PolicySource.draw`.
        budget_s: Time for drawing, in seconds.
        ranker: Asks the critic whether more are needed.
        critic: That the session was matched to.
        clock: Of the budget.

    Returns:
        The candidates, and how many there would be, had the time not ended.

    Raises:
        InvalidInputError: The observations are not what source and critic need.
        LateError: There was no time for candidate 0.
        PolicyError: The policy failed.
    """
    rule, end_s = call.session.rule, clock.now_s() + budget_s
    check_running(observations[-1], call.session.embodiment)
    count = min(_START, num_candidates) if rule.adaptive else num_candidates
    plan = AdaptiveN(start=count, maximum=num_candidates)
    draw = partial(_draw, source, observations, rule.paraphrases, frozen=frozen, clock=clock)
    found = await draw(count, noise_seed=call.noise_seed, budget_s=budget_s)
    rounds = 0
    while rule.adaptive and len(found) >= count:
        values_KN = await ranker.values(call, critic, observations[-1], found)
        mask_N = feasible(found.actions[:, : rule.commit_horizon], call.session.embodiment)
        more = 0 if values_KN is None else plan.needs_more(values_KN, len(found), mask_N)
        rounds, count = rounds + 1, len(found) + more
        left_s = end_s - clock.now_s()
        if not more or left_s <= 0:
            break
        # A policy that cannot draw different chunks begins with the one that is there already.
        again = 0 if source.info.is_stochastic else 1
        try:
            seed = _derived(call.noise_seed, rounds)
            drawn = await draw(more + again, noise_seed=seed, budget_s=left_s)
        except LateError:
            break
        found = _joined(found, drawn.actions[again:], drawn.provenance[again:])
    candidates = widened(found, call, observations[-1])
    return candidates, len(candidates) + max(0, count - len(found))


async def _draw(
    source: PolicySource,
    observations: Sequence[Observation],
    paraphrases: Sequence[str],
    count: int,
    *,
    noise_seed: int,
    frozen: int,
    budget_s: float,
    clock: Clock,
) -> Candidates:
    """Draw `count` candidates, an equal share under each paraphrase, fewer where time ends.

    References:
        CoVer-VLA, arXiv 2602.12281, 2026. Differs: row 0 stays what the policy does with the
        observation's own instruction, and nobody makes the paraphrases but the user.
    """
    end_s, share = clock.now_s() + budget_s, count // (len(paraphrases) + 1)
    own = count - share * len(paraphrases)
    found = await source.draw(
        observations,
        num_candidates=own,
        noise_seed=noise_seed,
        frozen=frozen,
        budget_s=budget_s,
    )
    for number, text in enumerate(paraphrases if share else ()):
        if len(found) < own + number * share:
            break
        try:
            drawn = await source.draw(
                [*observations[:-1], replace(observations[-1], instruction=text)],
                num_candidates=share,
                noise_seed=_derived(noise_seed, -2 - number),
                frozen=frozen,
                budget_s=end_s - clock.now_s(),
            )
        except LateError:
            break
        said = Provenance.PARAPHRASE
        how = [said if item is Provenance.POLICY else item for item in drawn.provenance]
        found = _joined(found, drawn.actions, tuple(how))
    return found


def widened(candidates: Candidates, call: Call, observation: Observation) -> Candidates:
    """Return the candidates, and what the session's rule asks to be made from them."""
    session, rule, drawn_NHA = call.session, call.session.rule, candidates.actions
    if rule.num_fitted and (drawn_NHA != drawn_NHA[:1]).any():
        seed = _derived(call.noise_seed, -1)
        fitted = fitted_perturbations(
            drawn_NHA, session.embodiment, num_perturbations=rule.num_fitted, seed=seed
        )
        candidates = _joined(candidates, fitted, (Provenance.FITTED,) * len(fitted))
    if rule.continuation and observation.running is not None:
        going_on = continuation(observation.running, drawn_NHA, session.embodiment)
        candidates = _joined(candidates, going_on[None], (Provenance.CONTINUATION,))
    return candidates


def _joined(
    candidates: Candidates, more_NHA: NDArray[np.float32], provenance: tuple[Provenance, ...]
) -> Candidates:
    actions = np.concatenate([candidates.actions, more_NHA])
    return Candidates(actions, candidates.provenance + provenance)


def _derived(noise_seed: int, number: int) -> int:
    """Return the seed of a later draw of the same request, in [0, 2**64)."""
    digest = hashlib.sha256(f"{noise_seed}/more/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "little")
