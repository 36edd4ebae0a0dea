"""What a critic's choice would have led to, from candidates whose outcomes are known.

Shapes: `K` members, `M` states, `N` candidates of the bank, `S` subsets, `n` candidates of each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sim.bank.states import CellBank
from sim.stats import Cell, RankCorrelation, ScoredDecision, rank_correlation
from sim.tasks import spec_of
from steer.critics.critic import Critic
from steer.errors import InvalidInputError
from steer.ranges import as_run, spans
from steer.rank.score import advantage

__all__ = ["Choices", "Overrides", "choices", "correlation", "overrides", "values_of"]

_NUM_SUBSETS = 32
_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Outcomes of choosing one of n, each the mean over subsets, by the state's seed.

    Attributes:
        own: Success of candidate 0 of the subset: the policy alone.
        chosen: Success of what the gate let through.
        best: Success of the best of the subset: the oracle.
        override_rate: Share of choices that were not candidate 0.
        num_won: States whose override succeeds where candidate 0 does not: of each state the share
            of its subsets, for they are no states of their own.
        num_lost: States whose override fails where candidate 0 does not, counted likewise.
    """

    own: Mapping[int, float]
    chosen: Mapping[int, float]
    best: Mapping[int, float]
    override_rate: float
    num_won: float
    num_lost: float

    def cell(self, bank: CellBank, *, is_oracle: bool = False) -> Cell:
        """Return the gain of the choice, or of the oracle, over the policy alone."""
        first = self.best if is_oracle else self.chosen
        return Cell(policy=bank.cell.policy, task=bank.cell.task, first=first, second=self.own)


@dataclass(frozen=True, slots=True, eq=False)
class Overrides:
    """What the best candidate of one subset a state would have led to; arrays of shape [M].

    Attributes:
        seed: Of the episode.
        advantage: Of the best candidate over candidate 0, in discounted return; 0 of that itself.
        won: Whether it succeeded where candidate 0 did not.
        lost: Whether it failed where candidate 0 did not.
    """

    seed: NDArray[np.int64]
    advantage: NDArray[np.float64]
    won: NDArray[np.bool_]
    lost: NDArray[np.bool_]


def values_of(critic: Critic, bank: CellBank) -> NDArray[np.float32]:
    """Return each member's value of each candidate, float32 [K, M, N], in discounted return."""
    observed = {name: torch.from_numpy(value) for name, value in bank.observations.items()}
    with torch.no_grad():
        context = critic.embed(observed)
        values = critic.score(context, torch.from_numpy(bank.candidates))
    found: NDArray[np.float32] = values.numpy()
    return found


def choices(
    bank: CellBank,
    values_KMN: NDArray[np.float32],
    *,
    count: int,
    margin: float,
    beta: float,
    consensus: float = 0.0,
) -> Choices:
    """Return what choosing one of `count` leads to.

    Subsets are drawn at random, the same for every critic, and those of a smaller count are parts
    of those of a larger one. Where all candidates are draws of one distribution, any of them stands
    in for the policy's own; where the others are perturbations, candidate 0 alone does.

    Args:
        bank: States of one cell.
        values_KMN: Of a critic.
        count: n, 1 to N.
        margin: Of the gate, in discounted return.
        beta: Of the soft minimum over members, in discounted return.
        consensus: By how much a candidate scores higher, in discounted return, for each deviation
            that it is nearer to the others of its subset than they are on average.
    """
    num_states, num_candidates = bank.outcome.shape
    if not 1 <= count <= num_candidates:
        raise InvalidInputError.expected("count", f"1 to {num_candidates}", count)
    picked_MSn = _subsets(bank)[:, :, :count]
    rows_M = np.arange(num_states)[:, None, None]
    score_Bn = _scores(bank, values_KMN, picked_MSn, beta=beta, consensus=consensus)
    best_B = score_Bn.argmax(axis=1)
    is_over_B = np.take_along_axis(score_Bn, best_B[:, None], 1)[:, 0] > margin
    index_MS = np.where(is_over_B, best_B, 0).reshape(num_states, -1)
    success_MSn: NDArray[np.bool_] = bank.is_success[rows_M, picked_MSn]
    chosen_MS = np.take_along_axis(success_MSn, index_MS[..., None], 2)[..., 0]
    own_MS = success_MSn[..., 0]
    return Choices(
        own=_by_seed(bank, own_MS),
        chosen=_by_seed(bank, chosen_MS),
        best=_by_seed(bank, success_MSn.max(axis=2)),
        override_rate=float((index_MS != 0).mean()),
        num_won=float((chosen_MS & ~own_MS).mean(axis=1).sum()),
        num_lost=float((own_MS & ~chosen_MS).mean(axis=1).sum()),
    )


def overrides(
    bank: CellBank,
    values_KMN: NDArray[np.float32],
    *,
    count: int,
    beta: float,
    consensus: float = 0.0,
) -> Overrides:
    """Return what the best of one subset of each state leads to: states are independent.

    The subset is the first of those of `choices`; the arguments are as there.
    """
    picked_MSn = _subsets(bank)[:, :1, :count]
    score_Mn = _scores(bank, values_KMN, picked_MSn, beta=beta, consensus=consensus)
    best_M = score_Mn.argmax(axis=1)
    rows_M = np.arange(len(bank))
    success_Mn = bank.is_success[rows_M[:, None], picked_MSn[:, 0]]
    chosen_M, own_M = success_Mn[rows_M, best_M], success_Mn[:, 0]
    return Overrides(bank.seed, score_Mn[rows_M, best_M], chosen_M & ~own_M, own_M & ~chosen_M)


def _scores(
    bank: CellBank,
    values_KMN: NDArray[np.float32],
    picked_MSn: NDArray[np.int64],
    *,
    beta: float,
    consensus: float,
) -> NDArray[np.float64]:
    """Return scores of subsets, [M * S, n]: paired with the first of each, with agreement."""
    num_states, _, count = picked_MSn.shape
    rows_M = np.arange(num_states)[:, None, None]
    value_KBn = values_KMN[:, rows_M, picked_MSn].reshape(len(values_KMN), -1, count)
    score_Bn: NDArray[np.float64] = advantage(torch.from_numpy(value_KBn), beta=beta).numpy()
    if consensus and count > 1 and bank.is_exchangeable:  # perturbations have no vote
        agreed_Bn = _agreement(bank, picked_MSn).reshape(-1, count)
        score_Bn = score_Bn + consensus * (agreed_Bn - agreed_Bn[:, :1])
    return score_Bn


def correlation(
    banks: Sequence[CellBank], values_KMN: Sequence[NDArray[np.float32]], *, beta: float
) -> RankCorrelation | None:
    """Return how the order of the scores agrees with the order of the rewards that were left.

    Args:
        banks: One a cell; every state weighs the same.
        values_KMN: Of a critic, in the order of the banks.
        beta: Of the soft minimum over members, in discounted return.
    """
    decisions = []
    for bank, value_KMN in zip(banks, values_KMN, strict=True):
        score_MN = advantage(torch.from_numpy(value_KMN), beta=beta).numpy()
        decisions += [
            ScoredDecision(episode=(bank.cell.task, int(seed)), scores=scores, outcomes=outcomes)
            for seed, scores, outcomes in zip(bank.seed, score_MN, bank.outcome, strict=True)
        ]
    return rank_correlation(decisions, rng=np.random.default_rng(_SEED))


def _subsets(bank: CellBank) -> NDArray[np.int64]:
    """Return orders of the candidates, int64 [M, S, N]; the first of each is the policy's own."""
    num_states, num_candidates = bank.outcome.shape
    generator = np.random.default_rng(_SEED)
    shape = (num_states, _NUM_SUBSETS, num_candidates)
    if bank.is_exchangeable:
        return generator.permuted(np.broadcast_to(np.arange(num_candidates), shape), axis=2)
    others = np.broadcast_to(np.arange(1, num_candidates), (*shape[:2], num_candidates - 1))
    return np.concatenate([np.zeros((*shape[:2], 1), int), generator.permuted(others, axis=2)], 2)


def _agreement(bank: CellBank, picked_MSn: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the scorer `consensus` of each subset, standardised, [M, S, n]: all at once."""
    body = spec_of(bank.cell.task).embodiment
    run_MNHA = as_run(bank.candidates[:, :, : bank.horizon], body)
    flat_MNJ = (run_MNHA / spans(body, run_MNHA)).reshape(*bank.outcome.shape, -1)
    gaps_MNN = np.stack([np.linalg.norm(row[:, None] - row[None], axis=-1) for row in flat_MNJ])
    rows = np.arange(len(flat_MNJ))[:, None, None, None]
    among_MSnn = gaps_MNN[rows, picked_MSn[..., :, None], picked_MSn[..., None, :]]
    near_MSn: NDArray[np.float64] = -among_MSnn.sum(axis=-1)
    spread = near_MSn.std(axis=-1, keepdims=True)
    centred: NDArray[np.float64] = near_MSn - near_MSn.mean(axis=-1, keepdims=True)
    agreed: NDArray[np.float64] = centred / np.maximum(spread, 1e-9)
    return agreed


def _by_seed(bank: CellBank, success_MS: NDArray[np.bool_]) -> dict[int, float]:
    means = success_MS.mean(axis=1)
    return {int(seed): float(mean) for seed, mean in zip(bank.seed, means, strict=True)}
