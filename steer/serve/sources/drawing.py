"""Draws chunks of one loaded checkpoint, in robot units. Runs in the worker.

The worker has one thread for this, so torch's global generator is its own: seeding it before each
call makes every architecture repeatable, those that take no generator included.

Shapes: `N` chunks, `T` observations, `H` horizon, `A` action.
"""

import hashlib
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steer.clock import Clock
from steer.errors import CheckpointError
from steer.serve.sources.architectures import (
    Batch,
    has_time_axis,
    is_deterministic,
    predict_chunks,
)
from steer.serve.sources.loading import LoadedPolicy

__all__ = ["Drawer", "Probe"]

logger = logging.getLogger(__name__)

_NOT_INPUTS = ("action", "info")
_NUM_PROBES = 4
_CANNOT_BATCH = (AssertionError, LookupError, RuntimeError, TypeError, ValueError)
"""What an architecture makes of more chunks than it was written for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a policy turned out to do when it was tried.

    Attributes:
        horizon: H of its chunks.
        action_dim: A of its chunks.
        is_stochastic: Whether other seeds gave other chunks.
        first_s: Seconds for one chunk, the quickest of a few.
        batch_s: Seconds for four chunks after the first; 0 where it is not stochastic.
    """

    horizon: int
    action_dim: int
    is_stochastic: bool
    first_s: float
    batch_s: float


class Drawer:
    """Draws chunks of one policy. Not safe to share between threads.

    Args:
        loaded: The policy and its processors.
        clock: Tells when a draw is late.
    """

    def __init__(self, loaded: LoadedPolicy, clock: Clock) -> None:
        self._loaded = loaded
        self._clock = clock
        self._is_batched = True
        self._quickest_s: dict[int, float] = {}

    def observe(
        self,
        arrays: Mapping[str, NDArray[Any]],
        instruction: str,
        *,
        running: NDArray[np.float32] | None = None,
        frozen: int = 0,
    ) -> Batch:
        """Process observations as LeRobot does at every control tick, oldest first.

        Args:
            arrays: By name, each of shape [t, …] with 1 <= t <= T; images are uint8 [t, h, w, 3].
                Of fewer than T, the first is repeated.
            instruction: The task in words.
            running: What of the running chunk would follow, [R, A] in robot units, R <= H, for a
                policy that guides its chunks by it; None for nothing.
            frozen: Its rows that stay, whatever is drawn.

        Returns:
            What `predict_chunks` takes.
        """
        policy = self._loaded.policy
        count = min(len(value) for value in arrays.values())
        processed = [
            self._process({name: value[i] for name, value in arrays.items()}, instruction)
            for i in range(count)
        ]
        batch = processed[-1]
        if running is not None:
            last = {name: value[count - 1] for name, value in arrays.items()}
            # As an action of the data is: from robot units to what the policy has learnt.
            action = {"action": torch.from_numpy(running)[None]}
            batch["prev_chunk_left_over"] = self._preprocess(last, instruction, action)["action"]
            batch["inference_delay"] = frozen
        if has_time_axis(policy):
            num_observations = getattr(policy.config, "n_obs_steps", 1)
            history = [processed[0]] * (num_observations - count) + processed[-num_observations:]
            for name in set(policy.config.input_features) & set(batch):
                batch[name] = torch.stack([item[name] for item in history], dim=1)
        return batch

    def _process(self, arrays: Mapping[str, NDArray[Any]], instruction: str) -> Batch:
        return {
            name: value
            for name, value in self._preprocess(arrays, instruction, {}).items()
            if name not in _NOT_INPUTS and not name.startswith("next.")
        }

    def _preprocess(
        self, arrays: Mapping[str, NDArray[Any]], instruction: str, also: Mapping[str, Tensor]
    ) -> Batch:
        observation: Batch = {name: _tensor(value)[None] for name, value in arrays.items()}
        return self._loaded.preprocess({**observation, "task": [instruction], **also})

    def draw_first(self, batch: Batch, *, noise_seed: int) -> NDArray[np.float32]:
        """Draw candidate 0 as LeRobot itself would: seed, reset, one observation, one chunk.

        Returns:
            Shape [1, H, A].
        """
        return self._draw(batch, 1, noise_seed)

    def draw_rest(
        self, batch: Batch, *, num_chunks: int, noise_seed: int, deadline_s: float
    ) -> NDArray[np.float32] | None:
        """Draw the candidates after the first, in one call where the architecture allows.

        Args:
            batch: From `observe`.
            num_chunks: How many, >= 1.
            noise_seed: The same as for candidate 0; theirs are derived from it.
            deadline_s: Instant after which nobody waits for them. A call that has never been quick
                enough for what is left is not begun.

        Returns:
            Shape [n, H, A] with n <= `num_chunks`, or None where there was no time for any.
        """
        if self._is_batched:
            begun_s = self._clock.now_s()
            quickest_s = self._quickest_s.get(num_chunks, 0.0)
            if begun_s + quickest_s >= deadline_s:
                return None
            chunks = self._draw(batch, num_chunks, _derive_seed(noise_seed, 0))
            duration_s = self._clock.now_s() - begun_s
            self._quickest_s[num_chunks] = min(quickest_s or duration_s, duration_s)
            return chunks
        drawn: list[NDArray[np.float32]] = []
        while len(drawn) < num_chunks and self._clock.now_s() < deadline_s:
            drawn.append(self._draw(batch, 1, _derive_seed(noise_seed, len(drawn))))
        return np.concatenate(drawn) if drawn else None

    def _draw(self, batch: Batch, num_chunks: int, seed: int) -> NDArray[np.float32]:
        _seed_everything(seed)
        chunks = predict_chunks(self._loaded.policy, batch, num_chunks=num_chunks)
        robot_units: Tensor = self._loaded.postprocess(chunks)
        return robot_units.to("cpu", torch.float32).numpy()

    def probe(self, arrays: Mapping[str, NDArray[Any]]) -> Probe:
        """Try the policy on one observation: what it draws, whether it varies, how long it takes.

        Args:
            arrays: One observation, each of shape [1, …].

        Raises:
            CheckpointError: It cannot draw a chunk.
        """
        batch = self.observe(arrays, "move")
        durations_s = []
        draws = []
        for seed in range(_NUM_PROBES):
            begun_s = self._clock.now_s()
            draws.append(self.draw_first(batch, noise_seed=seed))
            durations_s.append(self._clock.now_s() - begun_s)
            if draws[0].ndim != 3 or len(draws[0]) != 1:
                raise CheckpointError(
                    f"policy checkpoint: expected chunks of shape [1, H, A], got {draws[0].shape}"
                )
            if len(draws) > 1 and (draws[0] != draws[-1]).any():
                break
        is_stochastic = bool((draws[0] != draws[-1]).any())
        if is_deterministic(self._loaded.policy):
            is_stochastic = False
        if not np.isfinite(draws[0]).all():
            logger.warning("policy draws chunks that are not finite for an observation of zeros")
        if self._loaded.is_guided:
            self._check_guided(arrays, draws[0])
        begun_s = self._clock.now_s()
        if is_stochastic:
            self._is_batched = self._can_batch(batch, draws[0])
        return Probe(
            horizon=draws[0].shape[1],
            action_dim=draws[0].shape[2],
            is_stochastic=is_stochastic,
            first_s=min(durations_s),
            batch_s=self._clock.now_s() - begun_s,
        )

    def _check_guided(self, arrays: Mapping[str, NDArray[Any]], chunk: NDArray[np.float32]) -> None:
        """Refuse processors that do not lead from robot units back to what the policy draws.

        A normaliser that has no statistics of actions passes them unchanged, in silence.

        Raises:
            CheckpointError: They do not.
        """
        batch = self.observe(arrays, "move", running=chunk[0], frozen=1)
        there = self._loaded.postprocess(batch["prev_chunk_left_over"]).numpy()
        if not np.allclose(there, chunk, rtol=1e-3, atol=1e-4):
            raise CheckpointError(
                "policy checkpoint: expected a pre-processor that undoes the post-processor for "
                f"?rtc, got actions that differ by {np.abs(there - chunk).max():g}"
            )
        self._draw(batch, 1, 0)

    def _can_batch(self, batch: Batch, first: NDArray[np.float32]) -> bool:
        """Return whether one call gives several chunks, and not several times the same."""
        try:
            chunks = self._draw(batch, _NUM_PROBES, 0)
        except _CANNOT_BATCH as error:
            logger.warning("policy cannot draw in batches, draws one by one: %r", error)
            return False
        is_whole = chunks.shape == (_NUM_PROBES, *first.shape[1:])
        return is_whole and bool((chunks != chunks[:1]).any())


def _derive_seed(noise_seed: int, index: int) -> int:
    """Return the seed of the index-th call after candidate 0, in [0, 2**64)."""
    digest = hashlib.sha256(f"{noise_seed}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def _seed_everything(seed: int) -> None:
    """Seed every generator that a policy may draw from."""
    torch.manual_seed(seed)  # covers CUDA too
    np.random.seed(seed % 2**32)
    random.seed(seed)


def _tensor(value: NDArray[Any]) -> Tensor:
    """Return one observation as LeRobot takes it: images float32 [3, h, w] in [0, 1]."""
    if value.dtype == np.uint8 and value.ndim == 3:
        return torch.from_numpy(value).permute(2, 0, 1).contiguous().to(torch.float32) / 255
    return torch.from_numpy(np.ascontiguousarray(value, dtype=np.float32))
