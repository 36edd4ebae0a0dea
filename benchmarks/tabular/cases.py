"""Every algorithm with the options that it is checked with, and the values that it ought to find.

Shapes: `S` cells, `C` chunks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.tabular.backups import behaviour, best_of, distil, expectile, followed, solve
from benchmarks.tabular.mdp import BEHAVIOUR, Clock, Line
from benchmarks.tabular.tables import conservative, preferred
from steer.train.algorithms.aloe import AloeConfig
from steer.train.algorithms.cal_ql import CalQlConfig
from steer.train.algorithms.dqc import DqcConfig
from steer.train.algorithms.iql import IqlConfig
from steer.train.algorithms.preference import PreferenceConfig
from steer.train.algorithms.qc import QcConfig
from steer.train.algorithms.ravl import RavlConfig
from steer.train.algorithms.sarsa import SarsaConfig
from steer.train.algorithms.vgas import VgasConfig

__all__ = ["CASES", "DISCOUNT", "HORIZON", "Case", "Truth"]

HORIZON, LONG = 2, 3
DISCOUNT = 0.9
_SLOPE, _PER_CHUNK = 0.5, DISCOUNT ** (1 / HORIZON)
_TICK = Clock(DISCOUNT)
_CHUNK = Clock(_PER_CHUNK, cost=1 / (1 + _PER_CHUNK))
"""-1 a chunk: what two ticks cost, discounted."""
_ON_ONLY = (0.0, 0.0, 1.0)

Truth = Callable[[Line], NDArray[np.float64]]
"""From the world to the values [S, C] that an algorithm ought to find."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An algorithm with its options, and what it ought to find.

    Attributes:
        algorithm: Its name.
        truth: Its own fixed point.
        options: Of the run, beside what all share.
        clock: What time costs.
        draws: Whether candidates are drawn beforehand.
        spread: How far actions are recorded from -1, 0 and 1, as in `record`.
        behaviour: Probability of each action in the data.
        noise: What data are too few to tell: means of returns, shares of won pairs, or nothing.
    """

    algorithm: str
    truth: Truth
    options: Mapping[str, Any] = field(default_factory=dict)
    clock: Clock = _TICK
    draws: bool = False
    spread: float = 0.0
    behaviour: tuple[float, ...] = BEHAVIOUR
    noise: Literal["returns", "pairs", "none"] = "returns"


def _returned(line: Line) -> NDArray[np.float64]:
    return line.returned(_TICK)[0]


def _best_of_4(line: Line) -> NDArray[np.float64]:
    return solve(line, _TICK, best_of(line, 4))


def _recorded(tau: float, clock: Clock = _TICK, share: float = 0.0) -> Truth:
    return lambda line: solve(line, clock, expectile(line.recorded, tau), share=share)


def _followed(line: Line) -> NDArray[np.float64]:
    return solve(line, _TICK, followed(line), is_followed=True)


def _conservative(line: Line) -> NDArray[np.float64]:
    return conservative(line, _TICK, alpha=0.1, num_candidates=4, num_uniform=4)


def _preferred(line: Line) -> NDArray[np.float64]:
    return preferred(line, _TICK, scale=1.0, smoothing=0.02, anchor=0.05)


def _sloping(line: Line) -> NDArray[np.float64]:
    """Return what came of `on, on`, and of others less by their distance from it.

    All recorded actions are the same, so a deviation counts as 1. The dock has no second chunk.
    """
    distance = ((line.chunks - 1.0) ** 2).mean(axis=1)
    values: NDArray[np.float64] = line.returned(_TICK)[0][:, -1:] - _SLOPE * distance
    return values


def _iql(tau: float, weight: float = 0.0) -> Mapping[str, Any]:
    return {"iql": IqlConfig(expectile=tau, monte_carlo_weight=weight)}


CASES: Mapping[str, Case] = {
    "sarsa-mc": Case(algorithm="sarsa", truth=_returned),
    "sarsa-td": Case(
        algorithm="sarsa", truth=_followed, options={"sarsa": SarsaConfig(target="td")}
    ),
    "iql-0.5": Case(algorithm="iql", truth=_recorded(0.5), options=_iql(0.5)),
    "iql-0.7": Case(algorithm="iql", truth=_recorded(0.7), options=_iql(0.7)),
    "iql-0.9": Case(algorithm="iql", truth=_recorded(0.9), options=_iql(0.9)),
    "iql-half-mc": Case(algorithm="iql", truth=_recorded(0.7, share=0.5), options=_iql(0.7, 0.5)),
    "iql-per-chunk": Case(
        algorithm="iql",
        truth=_recorded(0.7, _CHUNK),
        options={**_iql(0.7), "reward_per": "chunk"},
        clock=_CHUNK,
    ),
    "iql-scalar": Case(
        algorithm="iql", truth=_recorded(0.7), options={**_iql(0.7), "head": "scalar"}
    ),
    "iql-sigmoid": Case(
        algorithm="iql", truth=_recorded(0.7), options={**_iql(0.7), "head": "sigmoid"}
    ),
    "qc": Case(
        algorithm="qc",
        truth=_best_of_4,
        options={"qc": QcConfig(num_candidates=4, monte_carlo_weight=0.0)},
        draws=True,
    ),
    "cal_ql": Case(
        algorithm="cal_ql",
        truth=_conservative,
        options={"cal_ql": CalQlConfig(alpha=0.1, num_candidates=4, num_uniform=4)},
        draws=True,
        spread=1 / 3,  # chunks that are drawn from the whole range were recorded too
    ),
    "dqc": Case(
        algorithm="dqc",
        truth=lambda line: distil(line, Line.of(LONG), _TICK, 0.7),
        options={"dqc": DqcConfig(long_horizon=LONG, expectile=0.7, monte_carlo_weight=0.0)},
    ),
    "aloe": Case(
        algorithm="aloe",
        truth=lambda line: solve(line, _TICK, behaviour(line)),
        options={"aloe": AloeConfig(num_candidates=8)},
        draws=True,
    ),
    "ravl": Case(
        algorithm="ravl",
        truth=_followed,
        options={"ravl": RavlConfig(monte_carlo_weight=0.0, diversity=0.0)},
    ),
    "ravl-diverse": Case(
        algorithm="ravl",
        truth=_followed,
        options={"ravl": RavlConfig(monte_carlo_weight=0.0)},
    ),
    "vgas": Case(
        algorithm="vgas",
        truth=_returned,
        options={"vgas": VgasConfig(anchor=0.0, rank=0.0)},
        draws=True,
    ),
    "vgas-slope": Case(
        algorithm="vgas",
        truth=_sloping,
        options={"vgas": VgasConfig(slope=_SLOPE)},
        draws=True,
        behaviour=_ON_ONLY,
        noise="none",
    ),
    "preference": Case(
        algorithm="preference",
        truth=_preferred,
        options={"preference": PreferenceConfig(scale=1.0, smoothing=0.02, anchor=0.05)},
        noise="pairs",
    ),
}
