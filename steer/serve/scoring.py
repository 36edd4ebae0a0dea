"""The maths of one group: encode every observation once, score all candidates in one call.

Runs on the engine's thread. Knows no queue and no clients.

Shapes: `K` members, `B` robots of a group, `N` candidates, `H` horizon, `A` action, `D` context,
`P` prefixes that are valued.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steer.clock import Clock
from steer.critics.card import CriticCard
from steer.critics.critic import Critic
from steer.critics.encoders.instructions import Instructions
from steer.critics.encoding import INSTRUCTION
from steer.rank.score import advantage

__all__ = ["GroupScores", "Work", "blank_work", "bucket", "score_group"]


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """One request's share of a group.

    Attributes:
        critic: Name of the critic.
        observation: What the critic needs, by name, each of the shape that its card states; the
            same names for all work of a critic.
        chunks: float32 of shape [N, H, A]: the engine values what is run, H actions, or the
            critic's horizon where that is less.
        beta: Softness of the minimum over members.
        deadline_s: Instant on the engine's clock after which nobody waits any more.
        wants_prefixes: Whether the values after each prefix are asked for, where there are such.
        wants_context: Whether the context is asked for.
        instruction: The task in words; its vector is made on the engine's thread, where the critic
            reads one.
    """

    critic: str
    observation: Mapping[str, NDArray[np.generic]]
    chunks: NDArray[np.float32]
    beta: float
    deadline_s: float
    wants_prefixes: bool = False
    wants_context: bool = False
    instruction: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class GroupScores:
    """What came out for a group, in the order of its work.

    Attributes:
        values: Of each: float32 of shape [K, N].
        scores: Of each: float32 of shape [N].
        prefix_values: Of each: float32 of shape [K, N, P], of the prefixes of what is run; None
            where nobody asked, or the critic has a value for whole chunks alone.
        contexts: Of each: float32 of shape [D]; None where nobody asked.
        encode_s: Observations to contexts, of the whole group.
        score_s: Candidates to values and scores, of the whole group.
    """

    values: list[NDArray[np.float32]]
    scores: list[NDArray[np.float32]]
    prefix_values: list[NDArray[np.float32] | None]
    contexts: list[NDArray[np.float32] | None]
    encode_s: float
    score_s: float


def score_group(
    critic: Critic,
    works: Sequence[Work],
    *,
    device: torch.device,
    clock: Clock,
    instructions: Instructions | None = None,
) -> GroupScores:
    """Score the work of several robots together.

    N is padded to the largest of the group with copies of candidate 0, and a short chunk to the
    critic's horizon with its last action, behind the prefix that is valued; on CUDA, group and N
    are padded to powers of two, so that only warm shapes run. A robot's values may differ in their
    last bits from those it would get alone.

    Args:
        critic: On `device`.
        works: All for this critic, at least one.
        device: Of torch.
        clock: Of the timings.
        instructions: Makes the language vectors; None for a critic that reads no instruction.
    """
    begun_s = clock.now_s()
    rows = list(works)
    if device.type == "cuda":
        rows += [works[0]] * (bucket(len(works)) - len(works))
    with torch.inference_mode():
        seen = {
            name: _tensor(np.stack([row.observation[name] for row in rows]), device)
            for name in rows[0].observation
        }
        if instructions is not None:
            texts = [row.instruction for row in rows]
            seen[INSTRUCTION] = _tensor(instructions.vectors(texts), device)
        context_BD = critic.embed(seen)
        if device.type == "cuda":
            torch.cuda.synchronize(device)  # so that encode and score are told apart
        encoded_s = clock.now_s()
        chunks = _stack(rows, critic.card.horizon, pad=device.type == "cuda")
        value_KBNP = critic.score_prefixes(context_BD, _tensor(chunks, device))
        end_B = torch.tensor([_end(row, critic.card) for row in rows], device=device)
        value_KBN = value_KBNP.take_along_dim(end_B[None, :, None, None], dim=3)[..., 0]
        scores = _advantages(value_KBN, works)
        every = value_KBNP.cpu().numpy()
    has_prefixes = every.shape[-1] > 1
    counts = [len(work.chunks) for work in works]
    run = [every[:, row, :n, : _end(works[row], critic.card) + 1] for row, n in enumerate(counts)]
    return GroupScores(
        values=[np.ascontiguousarray(value_KNP[..., -1]) for value_KNP in run],
        scores=[np.ascontiguousarray(scores[row][:n]) for row, n in enumerate(counts)],
        prefix_values=[
            np.ascontiguousarray(value_KNP) if has_prefixes and work.wants_prefixes else None
            for work, value_KNP in zip(works, run, strict=True)
        ],
        contexts=_contexts(context_BD, works),
        encode_s=encoded_s - begun_s,
        score_s=clock.now_s() - encoded_s,
    )


def blank_work(name: str, critic: Critic, *, num_candidates: int) -> Work:
    """Return work of zeros, to warm a shape up."""
    card = critic.card
    observation: dict[str, NDArray[np.generic]] = {
        item.name: np.zeros(item.shape, item.dtype) for item in card.embodiment.observations
    }
    chunks = np.zeros((num_candidates, card.horizon, card.embodiment.action_dim), np.float32)
    return Work(name, observation, chunks, 1.0, float("inf"), instruction="warm up")


def bucket(count: int) -> int:
    """Return the next power of two."""
    return 1 << (count - 1).bit_length()


def _stack(works: Sequence[Work], horizon: int, *, pad: bool) -> NDArray[np.float32]:
    """Return all prefixes, shape [B, N, H, A].

    Short rows are filled with candidate 0, short chunks with their last action.
    """
    width = max(len(work.chunks) for work in works)
    if pad:
        width = bucket(width)
    stacked = np.empty((len(works), width, horizon, works[0].chunks.shape[-1]), np.float32)
    for row, work in enumerate(works):
        count, length = len(work.chunks), min(work.chunks.shape[1], horizon)
        stacked[row, :count, :length] = work.chunks[:, :length]
        stacked[row, :count, length:] = work.chunks[:, length - 1 : length]
        stacked[row, count:] = stacked[row, 0]
    return stacked


def _end(work: Work, card: CriticCard) -> int:
    """Return where, of the prefixes that a critic values, the one is that is run."""
    end = min(work.chunks.shape[1], card.horizon) - card.least_horizon
    assert end >= 0, "the session was refused"  # by `resolve`
    return end


def _tensor(array: NDArray[np.generic], device: torch.device) -> Tensor:
    dtype = np.uint8 if array.dtype == np.uint8 else np.float32
    return torch.from_numpy(array.astype(dtype, copy=False)).to(device)


def _contexts(context_BD: Tensor, works: Sequence[Work]) -> list[NDArray[np.float32] | None]:
    """Return the context of whoever asked, as it was when its candidates were scored."""
    if not any(work.wants_context for work in works):
        return [None] * len(works)
    context = context_BD.cpu().numpy()
    return [context[row].copy() if work.wants_context else None for row, work in enumerate(works)]


def _advantages(value_KBN: Tensor, works: Sequence[Work]) -> list[NDArray[np.float32]]:
    """Return each robot's scores, with its own beta."""
    by_beta = {
        beta: advantage(value_KBN, beta=beta).cpu().numpy() for beta in {w.beta for w in works}
    }
    return [by_beta[work.beta][row] for row, work in enumerate(works)]
