"""Training batches by step number, normalised once and gathered by index."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from sim.policies.architectures import Built
from sim.policies.data import Columns
from sim.policies.pictures import Pictures

__all__ = ["Batches"]

_ENCODED_AT_ONCE = 256
_TOKENS = ("observation.language.tokens", "observation.language.attention_mask")


class Batches:
    """Draws the windows of a step; the same step of the same run is the same batch.

    Args:
        columns: The rows.
        built: The policy; says what its batch holds.
        pictures: Of the rows; None for a policy without a camera. Rows without one are not drawn.
        texts: For each task of the rows the texts that name it, of which one is drawn for each
            window; empty for a policy that does not read.
        batch_size: Windows a batch.
        seed: Of the run.
    """

    def __init__(
        self,
        columns: Columns,
        built: Built,
        *,
        pictures: Pictures | None,
        texts: Sequence[Sequence[str]],
        batch_size: int,
        seed: int,
    ) -> None:
        self._columns, self._built, self._pictures = columns, built, pictures
        self._batch_size, self._seed = batch_size, seed
        arrays = {key: columns.observations[key] for key in built.inputs}
        arrays["action"] = columns.actions
        raw = {key: torch.from_numpy(value) for key, value in arrays.items()}
        flat = [text for task in texts for text in task]
        normalised = built.preprocess({**raw, "task": flat} if flat else raw)
        self._arrays = {key: normalised[key] for key in (*built.inputs.values(), "action")}
        self._tokens = {key: normalised[key] for key in _TOKENS} if flat else {}
        self._wordings = len(texts[0]) if texts else 1
        self._rows: NDArray[np.int64] | None = None
        if pictures is not None:
            self._rows = np.flatnonzero(pictures.has(columns.task, columns.source))
        self._codes = self._encoded()

    def _encoded(self) -> torch.Tensor | None:
        """Return what stands for each row's picture, where the policy's eye is frozen."""
        if self._built.encode is None or self._rows is None:
            return None
        parts = np.array_split(self._rows, -(-len(self._rows) // _ENCODED_AT_ONCE))
        found: torch.Tensor | None = None
        with torch.no_grad():
            for part in tqdm(parts, desc="encode pictures", mininterval=1.0):
                code = self._built.encode(self._photographs(part))
                if found is None:
                    found = torch.zeros(len(self._columns.actions), *code.shape[1:])
                found[part] = code
        return found

    def _photographs(self, rows: NDArray[np.int64]) -> torch.Tensor:
        """Return the pictures of rows as LeRobot takes them: [B, 3, h, w] in [0, 1]."""
        assert self._pictures is not None
        taken = self._pictures.take(self._columns.task[rows], self._columns.source[rows])
        return torch.from_numpy(taken).permute(0, 3, 1, 2).contiguous().to(torch.float32) / 255

    def __call__(self, step: int) -> dict[str, torch.Tensor]:
        """Return the batch of a step."""
        generator = np.random.default_rng((self._seed, step))
        population = len(self._columns.actions) if self._rows is None else len(self._rows)
        rows: NDArray[np.int64] = generator.integers(population, size=self._batch_size)
        if self._rows is not None:
            rows = self._rows[rows]
        built = self._built
        history = self._columns.history(rows, max(built.num_observations, 1))
        seen = history if built.num_observations else rows
        batch = {key: self._arrays[key][seen] for key in built.inputs.values()}
        actions, padding = self._columns.window(
            rows, first=built.first_action, length=built.num_actions
        )
        batch["action"] = self._arrays["action"][actions]
        batch["action_is_pad"] = torch.from_numpy(padding)
        if self._tokens:
            wording = generator.integers(self._wordings, size=len(rows))
            text = torch.from_numpy(self._columns.task[rows] * self._wordings + wording)
            batch |= {key: value[text] for key, value in self._tokens.items()}
        if self._pictures is not None:
            picture = self._photographs(rows) if self._codes is None else self._codes[rows]
            # One picture even where there is a time axis: rows before it may have none.
            batch[self._pictures.name] = picture[:, None] if built.num_observations else picture
        return batch
