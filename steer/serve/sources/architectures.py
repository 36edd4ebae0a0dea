"""How to call each LeRobot architecture for N chunks at once.

Most take a batch and answer it. Those that do not are named here, with what they need instead:

- `diffusion` wants the time axis even where it looks at one observation, and encodes images once
  for all N, which are copies of each other.
- `vqbet`, `multi_task_dit` and `tdmpc` look at their own queues, which `select_action` would fill.
- `act` decodes the mean of its latent: one observation, one chunk.

Flow policies may guide their chunks by what runs (real-time chunking); what that takes is in the
batch, under LeRobot's names for it.

Shapes: `N` chunks, `T` observations, `H` horizon, `A` action.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["Batch", "Policy", "has_time_axis", "is_deterministic", "predict_chunks"]

Batch = dict[str, Any]
"""What a LeRobot policy takes: tensors by name, and `task`, a list of texts."""

_FROM_QUEUES = ("vqbet", "multi_task_dit", "tdmpc")
_DETERMINISTIC = ("act",)
_GUIDING = ("prev_chunk_left_over", "inference_delay")
"""Entries of a batch that are arguments: what runs, normalised, [1, R, A]; its rows that stay."""


class Policy(Protocol):
    """The part of `lerobot.policies.PreTrainedPolicy` that is called here."""

    config: Any

    def reset(self) -> None:
        """Forget all observations and actions."""
        ...

    def predict_action_chunk(self, batch: Batch, **guiding: object) -> Tensor:
        """Return normalised chunks, usually of shape [N, H, A]."""
        ...


def is_deterministic(policy: Policy) -> bool:
    """Return whether the architecture is known to draw one chunk for one observation."""
    return policy.config.type in _DETERMINISTIC


def has_time_axis(policy: Policy) -> bool:
    """Return whether observations go in as [N, T, …] and not as [N, …]."""
    policy_type = policy.config.type
    num_observations = getattr(policy.config, "n_obs_steps", 1)
    return policy_type == "diffusion" or policy_type in _FROM_QUEUES or num_observations > 1


def predict_chunks(policy: Policy, batch: Mapping[str, Any], *, num_chunks: int) -> Tensor:
    """Draw chunks for one observation, with the noise of torch's global generator.

    Args:
        policy: In evaluation mode; its queues are emptied.
        batch: One processed observation: tensors of shape [1, …] ([1, T, …] where
            `has_time_axis`), texts in lists of length 1; not written.
        num_chunks: N >= 1, drawn in one call.

    Returns:
        Normalised chunks, shape [N, H, A].
    """
    policy.reset()
    predict: Callable[[Policy, Batch, int], Tensor] = _predict
    if policy.config.type in _FROM_QUEUES:
        predict = _predict_from_queues
    elif policy.config.type == "diffusion" and policy.config.image_features and num_chunks > 1:
        predict = _predict_encoded_once
    with torch.no_grad():
        return predict(policy, dict(batch), num_chunks)


def _predict(policy: Policy, batch: Batch, num_chunks: int) -> Tensor:
    batch = _repeat(batch, num_chunks)
    guiding = {name: batch.pop(name) for name in _GUIDING if name in batch}
    return policy.predict_action_chunk(batch, **guiding)


def _predict_from_queues(policy: Policy, batch: Batch, num_chunks: int) -> Tensor:
    """Fill the queues as `select_action` would, then ask for the chunk."""
    images = list(policy.config.image_features)
    if images:
        batch["observation.images"] = torch.stack([batch[name] for name in images], dim=-4)
        batch["observation.image"] = batch[images[0]]  # what tdmpc calls its only camera
    batch = _repeat(batch, num_chunks)
    queues: Mapping[str, Any] = policy._queues  # type: ignore[attr-defined]  # LeRobot's
    for name, queue in queues.items():
        if name in batch:
            queue.extend(batch[name].unbind(1))
    chunks = policy.predict_action_chunk(batch)
    return chunks.transpose(0, 1) if policy.config.type == "tdmpc" else chunks


def _predict_encoded_once(policy: Policy, batch: Batch, num_chunks: int) -> Tensor:
    """Encode the images of one observation, then denoise N chunks under that one condition.

    Equal to `_predict` up to rounding, and three times as fast with a camera.
    """
    config = policy.config
    images = [batch[name] for name in config.image_features]
    batch["observation.images"] = torch.stack(images, dim=-4)
    model = policy.diffusion  # type: ignore[attr-defined]  # LeRobot's
    condition = model._prepare_global_conditioning(batch).expand(num_chunks, -1)
    first = config.n_obs_steps - 1
    chunks: Tensor = model.conditional_sample(num_chunks, global_cond=condition)
    return chunks[:, first : first + config.n_action_steps]


def _repeat(batch: Batch, num_chunks: int) -> Batch:
    """Return N copies of the one row of each entry that has rows."""
    if num_chunks == 1:
        return batch
    repeated: Batch = {}
    for name, value in batch.items():
        if isinstance(value, Tensor) and value.ndim > 0 and len(value) == 1:
            repeated[name] = value.expand(num_chunks, *value.shape[1:]).contiguous()
        elif isinstance(value, list) and len(value) == 1:
            repeated[name] = value * num_chunks
        else:
            repeated[name] = value
    return repeated
