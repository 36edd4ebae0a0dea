"""How to learn where nobody says how: by what the data can teach.

Why this one is in docs/decisions/0017: closed loops on tune seeds, and an ablation that cannot tell
it from those next to it (`python -m sim.bank.ablate`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from steer.critics.card import SelectionDefaults
from steer.train.config import AUTO, TrainConfig
from steer.train.datasets import Episodes

__all__ = ["RECIPES", "Kind", "Recipe", "kind_of", "settled"]

Kind = Literal["failures", "interventions", "successes"]
"""Of data: with failures, with people's corrections, or successes alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Options of `steer train`.

    Attributes:
        algorithm: As `--algorithm`.
        reward_per: As `--reward-per`.
        selection: How robots decide with such a critic where nobody says how; for the card.
        why: In words, for the log.
    """

    algorithm: Literal["sarsa"]
    reward_per: Literal["tick", "chunk"]
    selection: SelectionDefaults
    why: str


_TUNED = SelectionDefaults(margin=1.0, beta=1.0, weights={"consensus": 2.0})
"""What the suite was tuned to; in returns that count -1 a chunk."""


RECIPES: Mapping[Kind, Recipe] = MappingProxyType(
    {
        "failures": Recipe(
            algorithm="sarsa",
            reward_per="chunk",
            selection=_TUNED,
            why="the data have failures: returns that really came say how likely success is",
        ),
        "interventions": Recipe(
            algorithm="sarsa",
            reward_per="chunk",
            selection=_TUNED,
            why="the data have corrections, but preferences alone were not shown to be better",
        ),
        "successes": Recipe(
            algorithm="sarsa",
            reward_per="chunk",
            selection=_TUNED,
            why="the data have no failure: such a critic knows what is fast, not what fails",
        ),
    }
)


def kind_of(episodes: Episodes) -> Kind:
    """Return what the data can teach."""
    if episodes.pairs is not None:
        return "interventions"
    return "successes" if episodes.success.all() else "failures"


def settled(config: TrainConfig, episodes: Episodes) -> TrainConfig:
    """Return the options with nothing left open.

    Where an algorithm is named, only what its reward is counted by can be open.
    """
    recipe = RECIPES[kind_of(episodes)]
    return replace(
        config,
        algorithm=recipe.algorithm if config.algorithm == AUTO else config.algorithm,
        reward_per=recipe.reward_per if config.reward_per == AUTO else config.reward_per,
    )
