"""What algorithms ought to learn whose losses have no closed fixed point: their losses on a table.

The histogram of every cell and chunk is free, expectations are over the world's law in the place of
data, and the minimum is sought to the end. Nothing of `steer.train` is in it.

Shapes: `S` cells, `C` chunks, `O` bins, `L` ticks until success, `M` draws, `N` candidates.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.tabular.mdp import Clock, Line
from steer.critics.card import HeadConfig
from steer.critics.heads import Head, make_head

__all__ = ["conservative", "preferred"]

_NUM_DRAWS = 500
_ROUNDS = 40


def preferred(
    line: Line, clock: Clock, *, scale: float, smoothing: float, anchor: float
) -> NDArray[np.float64]:
    """Return the values [S, C] that say best which of two chunks came to the better return.

    Args:
        line: The world.
        clock: What time costs.
        scale: Difference of value that makes one chunk preferred e times as often.
        smoothing: Share of the pairs that are taken to be the wrong way round.
        anchor: Weight of the regression to the return that came.
    """
    head = _head(clock)
    own, rival = line.success / line.kept[:, :, None], line.success / line.whole[:, :, None]
    win, lose = _sooner(own, rival), _sooner(rival, own).transpose(0, 2, 1)
    drawn = line.probability * line.whole
    pair = line.occupancy[:, :, None] * (drawn / drawn.sum(1, keepdims=True))[:, None]
    total = (pair * (win + lose)).sum()
    right = torch.from_numpy(pair * ((1 - smoothing) * win + smoothing * lose) / total)
    wrong = torch.from_numpy(pair * ((1 - smoothing) * lose + smoothing * win) / total)
    came, weight = _came(line, clock, head), torch.from_numpy(anchor * line.occupancy)

    def loss(logits_SCO: Tensor) -> Tensor:
        value = head.value(logits_SCO)
        lead = (value[:, :, None] - value[:, None]) / scale
        surprise = torch.nn.functional.softplus
        pairs = (right * surprise(-lead) + wrong * surprise(lead)).sum()
        return pairs + (weight * head.loss(logits_SCO, came)).sum()

    start = torch.zeros(*line.kept.shape, head.config.num_outputs, dtype=torch.float64)
    return head.value(_minimise(loss, start, steps=300)).numpy()


def conservative(
    line: Line, clock: Clock, *, alpha: float, num_candidates: int, num_uniform: int
) -> NDArray[np.float64]:
    """Return the values [S, C] of calibrated conservative Q-learning.

    Args:
        line: The world, where each action stands for a third of the range of actions.
        clock: What time costs.
        alpha: Weight of the conservative term.
        num_candidates: N, of the term and of the best that is bootstrapped from.
        num_uniform: Chunks drawn from the whole range of actions.
    """
    head, generator = _head(clock), np.random.default_rng(0)
    shape = (*line.kept.shape, _NUM_DRAWS)
    chunks = np.arange(len(line.chunks))
    drawn = generator.choice(chunks, (*shape, num_candidates), p=line.probability)
    anywhere = torch.from_numpy(generator.choice(chunks, (*shape, num_uniform)))
    floor = torch.from_numpy(_draw_returns(line, clock, generator))[..., None]
    weight = torch.from_numpy(line.occupancy)
    cells = torch.arange(len(weight))[:, None, None, None]
    candidates = torch.from_numpy(drawn)
    logits = torch.zeros(*line.kept.shape, head.config.num_outputs, dtype=torch.float64)
    for _ in range(_ROUNDS):
        target = _best_targets(line, clock, head, head.value(logits), num_candidates)

        def loss(logits_SCO: Tensor, target: Tensor = target) -> Tensor:
            value = head.value(logits_SCO)
            held = torch.maximum(value[cells, candidates], floor)
            every = torch.cat([held, value[cells, anywhere]], dim=3)
            excess = every.logsumexp(3).mean(2) - value
            return (weight * (head.loss(logits_SCO, target) + alpha * excess)).sum()

        logits = _minimise(loss, logits, steps=20)
    return head.value(logits).numpy()


def _head(clock: Clock) -> Head:
    return make_head(HeadConfig(v_min=clock.worst, v_max=0.0)).double()


def _sooner(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability [S, C, C] that the first succeeds before the second, or it alone."""
    later = 1 - np.cumsum(second, axis=2)
    found: NDArray[np.float64] = np.einsum("scl,sdl->scd", first, later)
    return found


def _came(line: Line, clock: Clock, head: Head) -> Tensor:
    """Return the mean histogram [S, C, O] of the return that comes."""
    law = line.success / line.kept[:, :, None]
    value = clock.of(np.arange(law.shape[2]))
    bins = head.target(torch.from_numpy(np.append(value, clock.worst)))
    stopped = 1 - law.sum(2, keepdims=True)
    return torch.from_numpy(np.concatenate([law, stopped], axis=2)) @ bins


def _draw_returns(line: Line, clock: Clock, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return draws [S, C, M] of the return that comes."""
    below = np.cumsum(line.success / line.kept[:, :, None], axis=2)
    luck = generator.random((*below.shape[:2], _NUM_DRAWS))
    ticks = (below[:, :, None] <= luck[..., None]).sum(3)
    found: NDArray[np.float64] = np.where(ticks < below.shape[2], clock.of(ticks), clock.worst)
    return found


def _best_targets(line: Line, clock: Clock, head: Head, value: Tensor, count: int) -> Tensor:
    """Return the mean histogram [S, C, O] of the reward and the best of some draws after it."""
    order = value.argsort(dim=1)
    below = torch.from_numpy(line.probability)[order].cumsum(1)
    share = torch.diff(below**count, dim=1, prepend=torch.zeros(len(below), 1).double())
    beyond = clock.discount**line.horizon * value.gather(1, order)
    after = head.target(beyond + float(clock.of(np.array(line.horizon))))
    cells = (share[..., None] * after).sum(1)  # [S, O]
    within = head.target(torch.from_numpy(clock.of(np.arange(line.horizon))))
    success = torch.from_numpy(line.success[:, :, : line.horizon])
    found: Tensor = success @ within + torch.from_numpy(line.place) @ cells
    return found / torch.from_numpy(line.kept)[..., None]


def _minimise(loss: Callable[[Tensor], Tensor], start: Tensor, *, steps: int) -> Tensor:
    logits = start.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([logits], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        total = loss(logits)
        total.backward()  # type: ignore[no-untyped-call]  # torch has no hint here
        return float(total.detach())

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # nor here
    return logits.detach()
