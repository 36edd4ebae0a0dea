"""Windows of drawn chunks with what was observed when they began: what heads learn from.

A window is what of a drawn chunk is left some rows later.

Shape legend: T rows of all episodes, M windows, B of them in a batch, N drawn chunks, H their rows,
L rows of a window, A action, O numbers of an observation.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steer.critics.critic import Critic
from steer.train.datasets import Episodes
from steer.train.forecast import observed

__all__ = ["Batch", "WindowData", "Windows", "vector_keys"]


def vector_keys(critic: Critic) -> tuple[str, ...]:
    """Return the vectors that a critic sees."""
    fields = critic.card.embodiment.observations
    return tuple(item.name for item in fields if len(item.shape) == 1)


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows of drawn chunks.

    Attributes:
        row_M: Row of the draw.
        gone_M: Rows gone since.
    """

    row_M: NDArray[np.int64]
    gone_M: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row_M)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some windows, each of one chunk, with what was observed when they began.

    Attributes:
        observation_BO: The vectors that the head sees, one behind the other.
        seen: All that the critic sees, by key.
        window_BLA: What of the drawn chunk was left.
        stamp_B: Rows that were gone, in parts of those that may be.
        done_BLA: What the robot did from there on.
    """

    observation_BO: Tensor
    seen: dict[str, Tensor]
    window_BLA: Tensor
    stamp_B: Tensor
    done_BLA: Tensor


class WindowData:
    """Episodes and draws, a batch at a time."""

    def __init__(
        self, episodes: Episodes, drawn_TNHA: NDArray[np.float32], critic: Critic, seed: int
    ) -> None:
        self._episodes, self._drawn = episodes, drawn_TNHA
        self.window = critic.card.horizon
        self.most_gone = drawn_TNHA.shape[2] - self.window
        self.keys = vector_keys(critic)
        self.observation_TO = observed(episodes, self.keys)
        self._rng = np.random.default_rng(seed)

    def windows(self, which: NDArray[np.int64], *, is_imitated: bool) -> Windows:
        """Return the windows of some episodes; to imitate, those that a success did to its end."""
        rows, gone = [], []
        episodes = self._episodes
        for index in which:
            first, end = int(episodes.start[index]), int(episodes.end[index])
            if is_imitated and not episodes.success[index]:
                continue
            for late in range(self.most_gone + 1):
                last = end - late - (self.window if is_imitated else 1)
                rows.append(np.arange(first, last + 1))
                gone.append(np.full(max(0, last + 1 - first), late))
        empty = [np.zeros(0, np.int64)]
        return Windows(np.concatenate(rows or empty), np.concatenate(gone or empty))

    def batch(self, windows: Windows, size: int) -> Batch:
        """Return some of the windows, each of one of the chunks drawn there."""
        picked = self._rng.integers(len(windows), size=size)
        row_B, gone_B = windows.row_M[picked], windows.gone_M[picked]
        draw_B = self._rng.integers(self._drawn.shape[1], size=size)
        ahead_BL = np.arange(self.window)
        window_BLA = self._drawn[row_B[:, None], draw_B[:, None], gone_B[:, None] + ahead_BL]
        now_B = row_B + gone_B
        last = len(self._episodes.actions) - 1
        done_BLA = self._episodes.actions[np.minimum(now_B[:, None] + ahead_BL, last)]
        seen = {key: torch.from_numpy(item) for key, item in self._episodes.at(now_B).items()}
        return Batch(
            torch.from_numpy(self.observation_TO[now_B]),
            seen,
            torch.from_numpy(window_BLA),
            torch.from_numpy((gone_B / max(1, self.most_gone)).astype(np.float32)),
            torch.from_numpy(done_BLA),
        )
