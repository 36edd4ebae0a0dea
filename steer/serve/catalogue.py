"""What a server has: its critics and policy sources, with what was measured of them at start."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from steer.critics.card import CriticCard
from steer.critics.critic import Critic
from steer.embodiment import Embodiment
from steer.errors import ConfigError
from steer.rank.scorers import NAMES, SCORERS
from steer.rank.scorers.base import Scorer
from steer.rank.select import Rule
from steer.serve.scorers import check_scorers
from steer.serve.sources.base import PolicySource
from steer.types import Selection
from steer.wire.session import CriticInfo, Limits, PolicyInfo

__all__ = ["Catalogue", "resolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The critics and policy sources of a server, by name.

    Attributes:
        critics: On the engine's device; only the engine's thread computes with them.
        sources: To draw candidates from.
        scorers: What sessions of a critic may weigh beside it, by critic; without, what all have.
        expected_rank_s: Time of a Rank of the expected candidates, by critic, in seconds.
        expected_draw_s: Time of drawing them, by policy source, in seconds.
    """

    critics: Mapping[str, Critic] = field(default_factory=dict)
    sources: Mapping[str, PolicySource] = field(default_factory=dict)
    scorers: Mapping[str, Mapping[str, Scorer]] = field(default_factory=dict)
    expected_rank_s: Mapping[str, float] = field(default_factory=dict)
    expected_draw_s: Mapping[str, float] = field(default_factory=dict)

    def critic_info(self, name: str) -> CriticInfo:
        """Return what a server tells about a critic."""
        critic = self.critics[name]
        card = critic.card
        return CriticInfo(
            name=name,
            digest=critic.digest,
            embodiment=card.embodiment,
            horizon=card.horizon,
            num_members=card.num_members,
            algorithm=card.algorithm,
            selection=Selection(margin=card.selection.margin, beta=card.selection.beta),
            expected_rank_s=self.expected_rank_s[name],
        )

    def scorers_of(self, name: str) -> Mapping[str, Scorer]:
        """Return what sessions of a critic may weigh beside it."""
        return self.scorers.get(name, SCORERS)

    def rule_of(self, name: str, robot: Embodiment, wanted: Selection, limits: Limits) -> Rule:
        """Return the rule of a session of a critic.

        Args:
            name: Of the critic.
            robot: Of the session.
            wanted: See `resolve`.
            limits: See `resolve`.

        Raises:
            ConfigError: See `resolve`, or a weighted scorer lacks what it needs.
        """
        critic = self.critics[name]
        rule, scorers = resolve(wanted, critic, limits), self.scorers_of(name)
        check_scorers(rule, scorers=scorers, card=critic.card, robot=robot)
        return rule

    def policy_info(self, name: str, *, critic: str = "") -> PolicyInfo:
        """Return what a server tells about a policy source.

        Args:
            name: Of the source.
            critic: Name of the critic that ranks what it draws; empty for the slowest one.
        """
        info = self.sources[name].info
        times_s = self.expected_rank_s
        rank_s = times_s[critic] if critic else max(times_s.values())
        return PolicyInfo(
            name=name,
            type=info.type,
            embodiment=info.embodiment,
            horizon=info.horizon,
            num_observations=info.num_observations,
            is_stochastic=info.is_stochastic,
            expected_steer_s=self.expected_draw_s[name] + rank_s,
            digest=info.digest,
        )


def resolve(wanted: Selection, critic: Critic, limits: Limits) -> Rule:
    """Return the rule that holds of what a session wants.

    Args:
        wanted: By the session; None is filled from the critic's card.
        critic: That the session was matched to.
        limits: Clamp the margin and may force the gate.

    Raises:
        ConfigError: The server does not allow the selector, or has no such scorer, or the critic
            does not value so many actions.
    """
    if wanted.selector not in limits.selectors:
        names = ", ".join(limits.selectors)
        raise ConfigError(f"selection.selector: expected one of {names}, got {wanted.selector}")
    defaults = critic.card.selection
    weights = {**defaults.weights, **wanted.weights}
    unknown = sorted(weights.keys() - set(NAMES))
    if unknown:
        known = ", ".join(NAMES)
        raise ConfigError(f"selection.weights: expected of {known}, got {unknown[0]!r}")
    if wanted.num_fitted >= limits.max_candidates:
        contract = f"0..{limits.max_candidates - 1}"
        raise ConfigError(f"selection.num_fitted: expected {contract}, got {wanted.num_fitted}")
    margin = defaults.margin if wanted.margin is None else wanted.margin
    return Rule(
        selector=wanted.selector,
        gated=wanted.gated or limits.is_gate_required,
        margin=max(margin, limits.min_margin),
        beta=defaults.beta if wanted.beta is None else wanted.beta,
        temperature=wanted.temperature,
        tau=wanted.tau,
        commit_horizon=_commit_horizon(wanted, critic.card),
        weights=dict(sorted(weights.items())),
        num_fitted=wanted.num_fitted,
        adaptive=wanted.adaptive,
        continuation=wanted.continuation,
        paraphrases=wanted.paraphrases,
    )


def _commit_horizon(wanted: Selection, card: CriticCard) -> int:
    """Return how many actions of a chunk run, and so are judged."""
    least, most = card.least_horizon, card.horizon
    length = most if wanted.commit_horizon is None else wanted.commit_horizon
    if not least <= length <= most:
        known = most if least == most else f"{least}..{most}"
        contract = f"{known}, which is all that this critic values"
        raise ConfigError(f"selection.commit_horizon: expected {contract}, got {length}")
    return length
