"""The choice among the candidates that the gate lets through.

Shapes: `N` candidates, `H` horizon, `A` action, `M` eligible ones among the candidates.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment
from steer.rank.gate import gate
from steer.types import Reason, Selector

__all__ = ["Choice", "Rule", "decide", "selector_seed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A selection with nothing left open; `steer.types.Selection` defines each field."""

    selector: Selector
    gated: bool
    margin: float
    beta: float
    temperature: float
    tau: float
    commit_horizon: int
    weights: Mapping[str, float] = field(default_factory=dict)
    num_fitted: int = 0
    adaptive: bool = False
    continuation: bool = False
    paraphrases: tuple[str, ...] = ()

    @property
    def needs_critic(self) -> bool:
        """Whether scores can change what this rule decides."""
        return self.gated or self.selector not in ("medoid", "random")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which candidate, and why.

    Attributes:
        index: Of the candidate.
        reason: Why this one.
        overrode: Whether it is another than the policy's own.
    """

    index: int
    reason: Reason
    overrode: bool


def selector_seed(critic_digest: str, noise_seed: int) -> int:
    """Return the seed of the selectors that draw: a function of critic and request alone."""
    text = f"{critic_digest}:{noise_seed}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")


def decide(
    score_N: NDArray[np.float32],
    feasible_N: NDArray[np.bool_],
    chunks_NHA: NDArray[np.float32],
    *,
    rule: Rule,
    embodiment: Embodiment,
    seed: int,
) -> Choice:
    """Choose a candidate: candidate 0 unless the gate, or a rule without one, lets another run.

    Args:
        score_N: Advantage over candidate 0; score_N[0] is 0. Zeros where `rule.needs_critic` is
            False and nothing was scored.
        feasible_N: Whether each keeps the limits; candidate 0 may always run.
        chunks_NHA: The prefix that would be run; only the medoid looks at it.
        rule: Gate and selector.
        embodiment: Scales the medoid's distances.
        seed: Of the selectors that draw, >= 0. Equal arguments give equal choices.

    References:
        The selector `implicit` is IDQL (Hansen-Estruch et al., 2023), equation 8 with expectile
        weights. Differs: the advantage over the policy's own chunk stands in the place of Q - V.
    """
    if len(score_N) == 1:
        return Choice(0, Reason.SINGLE, overrode=False)
    if not np.isfinite(score_N).all():
        return Choice(0, Reason.CRITIC, overrode=False)
    if rule.gated:
        eligible_N, reason = gate(score_N, feasible_N, margin=rule.margin)
        if reason is not Reason.ADVANTAGE:
            return Choice(0, reason, overrode=False)
    else:
        eligible_N, reason = feasible_N.copy(), Reason.UNGATED
        eligible_N[0] = True
    index_M = np.flatnonzero(eligible_N)
    if rule.selector == "medoid":
        position = _medoid(chunks_NHA, index_M, embodiment)
    else:
        position = _PICKS[rule.selector](score_N[index_M].astype(np.float64), rule, seed)
    index = int(index_M[position])
    return Choice(index, reason, overrode=index != 0)


_Pick = Callable[[NDArray[np.float64], Rule, int], int]


def _argmax(score_M: NDArray[np.float64], rule: Rule, seed: int) -> int:
    del rule, seed  # Unused.
    return int(score_M.argmax())


def _worst(score_M: NDArray[np.float64], rule: Rule, seed: int) -> int:
    del rule, seed  # Unused.
    return int(score_M.argmin())


def _random(score_M: NDArray[np.float64], rule: Rule, seed: int) -> int:
    del rule  # Unused.
    return int(np.random.default_rng(seed).integers(len(score_M)))


def _softmax(score_M: NDArray[np.float64], rule: Rule, seed: int) -> int:
    with np.errstate(over="ignore"):  # a tiny temperature is the argmax
        weight_M = np.exp((score_M - score_M.max()) / rule.temperature)
    return int(np.random.default_rng(seed).choice(len(score_M), p=weight_M / weight_M.sum()))


def _implicit(score_M: NDArray[np.float64], rule: Rule, seed: int) -> int:
    weight_M = np.where(score_M > 0, rule.tau, 1 - rule.tau)
    return int(np.random.default_rng(seed).choice(len(score_M), p=weight_M / weight_M.sum()))


def _medoid(
    chunks_NHA: NDArray[np.float32], index_M: NDArray[np.intp], embodiment: Embodiment
) -> int:
    """Return the position in `index_M` of the candidate nearest to all candidates.

    Distances are Euclidean, each action in parts of its range where the embodiment knows it.
    """
    span_A = np.array([dim.high - dim.low for dim in embodiment.actions])
    flat = (chunks_NHA / np.where(span_A > 0, span_A, 1.0)).reshape(len(chunks_NHA), -1)
    # A row at a time: all pairs at once would take N * N * H * A numbers.
    totals = [float(np.linalg.norm(flat - flat[index], axis=1).sum()) for index in index_M]
    return int(np.argmin(totals))


_PICKS: Mapping[Selector, _Pick] = {
    "argmax": _argmax,
    "softmax": _softmax,
    "implicit": _implicit,
    "random": _random,
    "worst": _worst,
}
