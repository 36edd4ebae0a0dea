"""What a scorer is, what it may look at, and how the scores of several add up.

A scorer gives each candidate of one situation a number in its own units, higher is better. It
changes nothing and remembers nothing between situations. `combine` puts all of them on one scale.

Shapes: `N` candidates, `H` horizon, `A` action, `R` rest of the running chunk, `K` members,
`P` prefixes, `M` points, `D` context.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from steer.checks import check_weights
from steer.embodiment import Embodiment
from steer.errors import InvalidInputError, SteerError

__all__ = ["Combined", "EffectorPath", "Scorer", "Simulate", "Situation", "combine", "standardise"]

EffectorPath = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From a chunk, [H, A] in robot units, to where the end effector is after each action: float32 of
shape [H, 3], in metres, in the frame of the situation's points."""

Simulate = Callable[[NDArray[np.float32]], float]
"""From a chunk, [H, A] in robot units, to how well it ends, higher is better. Raises SteerError
where it cannot tell."""

_EQUAL = 4 * float(np.finfo(np.float32).eps)
"""Scores that differ by less than this part of the largest are equal: the rest is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Situation:
    """All that scorers may look at when one decision is made. None is not known.

    Arrays are checked for their shapes, not for numbers that are not finite: a scorer that reads
    such a number is left out by `combine`. No scorer writes into them.

    Attributes:
        chunks_NHA: float32, the prefixes that would be run, in robot units; row 0 is the policy's
            own.
        embodiment: Of the robot.
        is_drawn_N: bool, which of them the policy drew itself; None: all of them.
        rest_RA: float32, the actions of the running chunk that would follow from now on: row 0 is
            for the same tick as a candidate's row 0. None or R = 0 where nothing runs.
        value_KN: float32, the critic's members' values, in discounted return.
        value_KNP: float32, the same after each prefix: `[..., p]` after p + 1 actions.
        points_M3: float32, what is in the robot's way, in metres. Points that are not finite are
            gaps of the sensor.
        path: Where a chunk moves the end effector from here.
        context_D: float32, the observation as an encoder gives it.
        log_likelihood_N: float32, of each chunk under the policy, in nats.
        masked_log_likelihood_N: float32, the same with the policy's conditioning masked.
        simulate: How well a chunk ends from here.

    Raises:
        InvalidInputError: An array has the wrong shape.
    """

    chunks_NHA: NDArray[np.float32]
    embodiment: Embodiment
    is_drawn_N: NDArray[np.bool_] | None = None
    rest_RA: NDArray[np.float32] | None = None
    value_KN: NDArray[np.float32] | None = None
    value_KNP: NDArray[np.float32] | None = None
    points_M3: NDArray[np.float32] | None = None
    path: EffectorPath | None = None
    context_D: NDArray[np.float32] | None = None
    log_likelihood_N: NDArray[np.float32] | None = None
    masked_log_likelihood_N: NDArray[np.float32] | None = None
    simulate: Simulate | None = None

    def __post_init__(self) -> None:
        sizes = {"A": self.embodiment.action_dim, "3": 3}
        for name in _ARRAYS:
            value = getattr(self, name)
            if value is not None:
                _check_shape(name, value, name.rpartition("_")[2], sizes)

    def __len__(self) -> int:
        """Return N."""
        return len(self.chunks_NHA)


Scorer = Callable[[Situation], NDArray[np.float32] | None]
"""Returns float32 of shape [N], higher is better; None where the situation lacks what it needs.
Raises SteerError where what is there is wrong."""

_ARRAYS = (
    "chunks_NHA",
    "is_drawn_N",
    "rest_RA",
    "value_KN",
    "value_KNP",
    "points_M3",
    "context_D",
    "log_likelihood_N",
    "masked_log_likelihood_N",
)
_MAY_BE_EMPTY = "RM"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Combined:
    """What several scorers say together.

    Attributes:
        score_N: float32, the sum of `parts`; zeros where no scorer took part.
        parts: By scorer: float32 of shape [N], weight times standardised score.
        raw: By scorer: float32 of shape [N], as the scorer gave it, in its own units.
        skipped: Scorers that could not score this situation, by name. Nothing is wrong.
        faults: Scorers that were left out because they broke their contract, and how.
    """

    score_N: NDArray[np.float32]
    parts: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    raw: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def num_faults(self) -> int:
        """How many scorers were left out because they broke their contract."""
        return len(self.faults)


def combine(
    situation: Situation, weights: Mapping[str, float], *, scorers: Mapping[str, Scorer]
) -> Combined:
    """Return the weighted sum of the standardised scores.

    A scorer that raises SteerError, or returns a number that is not finite or another shape, is
    left out and named in `faults`; it never stops a decision. Any other exception is a defect of
    the scorer and goes up. Scorers run in the order of their names.

    Args:
        situation: To score.
        weights: By scorer, in [0, 1e6]. Scorers with weight 0, or without one, do not run.
        scorers: All that are known.

    Raises:
        InvalidInputError: A weight names an unknown scorer, or is out of range.

    References:
        Huang et al., VoxPoser, 2023, adds weighted maps of one unit. Differs: scores of any unit,
        standardised over the candidates of one state.
    """
    _check_weights(weights, scorers)
    parts: dict[str, NDArray[np.float32]] = {}
    raw: dict[str, NDArray[np.float32]] = {}
    skipped: list[str] = []
    faults: dict[str, str] = {}
    total_N = np.zeros(len(situation), np.float64)
    for name in sorted(name for name, weight in weights.items() if weight > 0):
        found = _ask(scorers[name], situation)
        if found is None:
            skipped.append(name)
        elif isinstance(found, str):
            faults[name] = found
        else:
            part_N = weights[name] * standardise(found)
            total_N += part_N
            parts[name], raw[name] = part_N.astype(np.float32), found
    return Combined(
        score_N=total_N.astype(np.float32),
        parts=parts,
        raw=raw,
        skipped=tuple(skipped),
        faults=faults,
    )


def standardise(score_N: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the scores with mean 0 and deviation 1 over the candidates; 0 where all are equal.

    Exact sums, so that the result does not depend on the order of the candidates in any bit.

    Args:
        score_N: Finite.
    """
    wide_N = score_N.astype(np.float64)
    centred_N = wide_N - math.fsum(wide_N) / len(wide_N)
    deviation = math.sqrt(math.fsum(centred_N**2) / len(wide_N))
    if deviation <= _EQUAL * float(np.abs(wide_N).max()):
        return np.zeros_like(wide_N)
    return centred_N / deviation


def _ask(scorer: Scorer, situation: Situation) -> NDArray[np.float32] | str | None:
    """Return what the scorer gives, or in words how it broke its contract."""
    try:
        # What is not finite is found below; a warning for each would only fill the log.
        with np.errstate(all="ignore"):
            found: object = scorer(situation)
    except SteerError as error:
        return str(error)
    if found is None:
        return None
    contract = f"expected finite float32 of shape [{len(situation)}], got"
    if not isinstance(found, np.ndarray):
        return f"{contract} {type(found).__name__}"
    if found.dtype != np.float32 or found.shape != (len(situation),):
        return f"{contract} {found.dtype} of shape {list(found.shape)}"
    bad = np.flatnonzero(~np.isfinite(found))
    return f"{contract} {found[bad[0]]} for candidate {bad[0]}" if len(bad) else found


def _check_weights(weights: Mapping[str, float], scorers: Mapping[str, Scorer]) -> None:
    unknown = sorted(weights.keys() - scorers.keys())
    if unknown:
        known = ", ".join(map(repr, sorted(scorers))) or "none"
        raise InvalidInputError.expected("weights", f"scorers among {known}", repr(unknown[0]))
    check_weights("weights", weights)


def _check_shape(name: str, value: NDArray[np.generic], axes: str, sizes: dict[str, int]) -> None:
    """Raise unless the array has these axes; a size seen for the first time binds the others."""
    contract = f"shape [{', '.join(str(sizes.get(axis, axis)) for axis in axes)}]"
    fits = value.ndim == len(axes)
    for axis, size in zip(axes, value.shape, strict=False):
        fits &= size > 0 or axis in _MAY_BE_EMPTY
        fits &= sizes.setdefault(axis, size) == size
    if not fits:
        raise InvalidInputError.expected(f"situation.{name}", contract, list(value.shape))
