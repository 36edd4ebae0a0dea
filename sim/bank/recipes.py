"""Ways to train a critic, as options of `steer train`: what the ablation compares."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to train a critic.

    Attributes:
        options: Of `steer train`.
        has_rollouts: Whether it learns from what the policies did too, not from demonstrations
            alone.
    """

    options: tuple[str, ...]
    has_rollouts: bool = True

    @property
    def algorithm(self) -> str:
        """Name of the algorithm."""
        return self.options[self.options.index("--algorithm") + 1]


def _of(algorithm: str, *options: str, per: str = "tick", has_rollouts: bool = True) -> Recipe:
    return Recipe(("--algorithm", algorithm, "--reward-per", per, *options), has_rollouts)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        # Data.
        "iql-demonstrations": _of("iql", has_rollouts=False),
        "iql-successes": _of("iql", "--successes-only", has_rollouts=False),
        "sarsa-demonstrations": _of("sarsa", has_rollouts=False),
        # Algorithms.
        "iql": _of("iql"),
        "sarsa": _of("sarsa"),
        "sarsa-td": _of("sarsa", "--sarsa.target", "td"),
        "cal_ql": _of("cal_ql"),
        "qc": _of("qc"),
        "dqc": _of("dqc"),
        "aloe": _of("aloe"),
        "ravl": _of("ravl"),
        "vgas": _of("vgas"),
        "preference": _of("preference"),
        # Options of one of them.
        "sarsa-per-chunk": _of("sarsa", per="chunk"),
        "iql-per-chunk": _of("iql", per="chunk"),
        "sarsa-per-chunk-lipschitz": _of("sarsa", "--lipschitz", "3", per="chunk"),
        "evaluation-per-chunk": _of("iql", "--iql.expectile", "0.5", per="chunk"),
        "sarsa-td-scalar": _of("sarsa", "--sarsa.target", "td", "--head", "scalar"),
        "aloe-filtered": _of("aloe", "--aloe.filtered"),
        "sarsa-scalar": _of("sarsa", "--head", "scalar"),
        "sarsa-sigmoid": _of("sarsa", "--head", "sigmoid"),
        "iql-bootstrap": _of("iql", "--iql.monte-carlo-weight", "0"),
        "iql-expectile-0.9": _of("iql", "--iql.expectile", "0.9"),
        "sarsa-transformer": _of("sarsa", "--network.kind", "transformer"),
        "sarsa-early-stop": _of("sarsa", "--patience", "2"),
        "sarsa-members-8": _of("sarsa", "--num-members", "8"),
        "sarsa-passes-30": _of("sarsa", "--passes", "30"),
        "sarsa-passes-120": _of("sarsa", "--passes", "120", "--steps", "16000"),
    }
)
"""By name; the rows of the ablation table, in order."""
