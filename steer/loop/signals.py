"""What N candidates tell of the health of policy and critic: they are there anyway.

Pure functions. They know no time and no thresholds; `steer.loop.monitors` does. All of them grow
with trouble, but for `state_value`.

Shapes: `N`, `M` candidates, `H` horizon, `L` rows, `A` action, `K` critics, `F` flattened rows.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steer.embodiment import Embodiment
from steer.errors import InvalidInputError
from steer.limits import HOLDS

__all__ = [
    "departure",
    "ensemble_spread",
    "sample_variance",
    "scale_of",
    "stac",
    "state_value",
    "value_progress",
]

_LEAST = 2
"""Candidates, or critics, that a spread needs."""


def scale_of(embodiment: Embodiment) -> NDArray[np.float64]:
    """Return what one unit of each dimension is, [A]: half of its range, infinite for a gripper.

    A dimension of infinite scale counts for nothing: when a gripper closes is one tick of a chunk,
    and two draws that differ in it by one tick differ by the whole range there.

    Raises:
        InvalidInputError: A dimension has no range; the caller has to say its scale.
    """
    for dim in embodiment.actions:
        if not dim.low < dim.high and dim.name not in HOLDS:
            contract = "a range, or a scale given by hand"
            raise InvalidInputError.expected(f"action {dim.name!r}", contract, "none")
    return np.array(
        [np.inf if dim.name in HOLDS else (dim.high - dim.low) / 2 for dim in embodiment.actions]
    )


def stac(
    before_NHA: NDArray[np.floating],
    after_MHA: NDArray[np.floating],
    *,
    shift: int,
    scale_A: ArrayLike,
) -> float:
    """Return how far two successive sets of draws disagree about the ticks that both speak of.

    The energy distance between their overlaps, 2 E|x - y| - E|x - x'| - E|y - y'|, with all pairs
    and |.| the root mean square over rows and dimensions: one unit is one scale in every action,
    however long the overlap is. It is 0 for equal sets and never less. Means over draws of few
    have a bias of about their spread over N: compare readings of one N alone.

    Args:
        before_NHA: Drawn at the observation before, N >= 2.
        after_MHA: Drawn now, M >= 2; H may be another one.
        shift: Rows of `before` that were consumed in between, >= 0.
        scale_A: One unit of each dimension, > 0; infinite leaves a dimension out.

    Raises:
        InvalidInputError: Another shape, too few draws, no overlap, or no finite result.

    References:
        Agia et al., Unpacking Failure Modes of Generative Policies, arXiv 2410.04640, 2024: the
        statistical measure of temporal action consistency. Differs: the energy distance of Székely
        and Rizzo (2013) with a fixed scale, where they take a maximum mean discrepancy with a
        kernel; a kernel as wide as the sets are would call small disagreements of a sure policy
        large. No sum over the episode, which grows with its length.
    """
    _check_draws(before_NHA, after_MHA)
    for draws in (before_NHA, after_MHA):
        _check_number("draws", len(draws))
    return _distance(before_NHA, after_MHA, shift, scale_A)


def departure(
    chosen_HA: NDArray[np.floating],
    after_MHA: NDArray[np.floating],
    *,
    shift: int,
    scale_A: ArrayLike,
) -> float:
    """Return how far the draws of now are from the one chunk that was chosen before.

    As `stac`, with the chosen chunk in the place of all draws: what ran may be none of the things
    that the policy meant to do most.

    Args:
        chosen_HA: Chosen at the observation before.
        after_MHA: Drawn now, M >= 2.
        shift: Rows of `chosen` that were consumed in between, >= 0.
        scale_A: As for `stac`.

    Raises:
        InvalidInputError: As for `stac`.
    """
    before_1HA = chosen_HA[None]
    _check_draws(before_1HA, after_MHA)
    _check_number("draws", len(after_MHA))
    return _distance(before_1HA, after_MHA, shift, scale_A)


def sample_variance(candidates_NLA: NDArray[np.floating], *, scale_A: ArrayLike) -> float:
    """Return the variance over draws, in squared scales, as the mean over rows and dimensions.

    Without bias: its mean does not depend on N.

    Args:
        candidates_NLA: The rows of the draws that may run, N >= 2.
        scale_A: As for `stac`.

    Raises:
        InvalidInputError: Another shape, too few draws, or no finite result.
    """
    _check_draws(candidates_NLA, candidates_NLA)
    _check_number("draws", len(candidates_NLA))
    with np.errstate(all="ignore"):
        return _finite("variance", _flat(candidates_NLA, scale_A).var(0, ddof=1).sum())


def ensemble_spread(values_KN: NDArray[np.floating], index: int) -> float:
    """Return the deviation of the critics' values of one candidate, in discounted return.

    Args:
        values_KN: Of all candidates, K >= 2.
        index: Of the candidate.

    Raises:
        InvalidInputError: Another shape, one critic, no such candidate, or no finite result.
    """
    _check_values(values_KN)
    _check_number("critics", len(values_KN))
    if not 0 <= index < values_KN.shape[1]:
        raise InvalidInputError.expected("index", f"0..{values_KN.shape[1] - 1}", index)
    with np.errstate(all="ignore"):
        return _finite("spread", values_KN[:, index].astype(np.float64).std(ddof=1))


def state_value(values_KN: NDArray[np.floating]) -> float:
    """Return the value of the state, in discounted return: the mean over critics and draws.

    Args:
        values_KN: Of the policy's own draws alone: of them the mean is what the policy is worth.

    Raises:
        InvalidInputError: Another shape, or no finite result.
    """
    _check_values(values_KN)
    with np.errstate(all="ignore"):
        return _finite("value", values_KN.astype(np.float64).mean())


def value_progress(value: float, expected: float) -> float:
    """Return by how much a state is worth less than expected, in discounted return.

    Args:
        value: Of the state.
        expected: Of a successful episode after as many actions.

    References:
        Du et al., To Err is Robotic, arXiv 2406.15917, 2024. Differs: the expectation is what
        successful episodes had, in the place of a Bellman equation: it needs no reward, and does
        not ask that values rise by as much as the reward says.
    """
    return _finite("progress", expected - value)


def _distance(
    before_NHA: NDArray[np.floating],
    after_MHA: NDArray[np.floating],
    shift: int,
    scale_A: ArrayLike,
) -> float:
    rows = min(before_NHA.shape[1] - shift, after_MHA.shape[1])
    if shift < 0 or rows < 1:
        contract = f"0..{before_NHA.shape[1] - 1}, for an overlap"
        raise InvalidInputError.expected("shift", contract, shift)
    with np.errstate(all="ignore"):
        x_NF = _flat(before_NHA[:, shift : shift + rows], scale_A)
        y_MF = _flat(after_MHA[:, :rows], scale_A)
        found = 2 * _mean_gap(x_NF, y_MF) - _mean_gap(x_NF, x_NF) - _mean_gap(y_MF, y_MF)
    return max(0.0, _finite("distance", found))


def _mean_gap(x_NF: NDArray[np.float64], y_MF: NDArray[np.float64]) -> float:
    return float(np.sqrt(((x_NF[:, None] - y_MF[None]) ** 2).sum(2)).mean())


def _flat(draws_NLA: NDArray[np.floating], scale_A: ArrayLike) -> NDArray[np.float64]:
    """Return draws in units of the scale, so that a sum of squares over F is a mean square."""
    scale = np.asarray(scale_A, np.float64)
    if scale.shape != draws_NLA.shape[2:] or not (scale > 0).all() or np.isinf(scale).all():
        contract = f"{draws_NLA.shape[2]} numbers > 0, not all infinite"
        raise InvalidInputError.expected("scale", contract, scale.tolist())
    counts = np.isfinite(scale)
    scaled_NLA = draws_NLA[:, :, counts].astype(np.float64) / scale[counts]
    flat_NF: NDArray[np.float64] = scaled_NLA.reshape(len(draws_NLA), -1)
    flat_NF /= np.sqrt(flat_NF.shape[1])
    return flat_NF


def _check_draws(before: NDArray[np.floating], after: NDArray[np.floating]) -> None:
    is_right = all(item.ndim == 3 and item.size for item in (before, after))
    if not is_right or before.shape[2] != after.shape[2]:
        got = f"{list(before.shape)} and {list(after.shape)}"
        raise InvalidInputError.expected("draws", "shape [N, H, A] with the same A", got)


def _check_values(values: NDArray[np.floating]) -> None:
    if values.ndim != 2 or not values.size:
        raise InvalidInputError.expected("values", "shape [K, N]", list(values.shape))


def _check_number(what: str, number: int) -> None:
    if number < _LEAST:
        raise InvalidInputError.expected(what, f"at least {_LEAST}", number)


def _finite(what: str, number: "float | np.floating") -> float:
    if not np.isfinite(number):
        raise InvalidInputError.expected(what, "a finite number", number)
    return float(number)
