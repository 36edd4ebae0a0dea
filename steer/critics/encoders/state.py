"""Encoder of vectors: joint positions, poses, whatever the robot measures.

Shape legend: B observations, S their concatenated length, D context.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steer.embodiment import ObservationField
from steer.errors import InvalidInputError

__all__ = ["StateEncoder", "floored_std"]


class StateEncoder(nn.Module):
    """Normalise vectors by the dataset's mean and deviation, then a small MLP.

    Args:
        observations: The vectors, in the order in which they are concatenated.
        hidden: Width of the hidden layer.
        context_dim: D.
    """

    mean_S: Tensor
    std_S: Tensor

    def __init__(
        self, observations: tuple[ObservationField, ...], *, hidden: int, context_dim: int
    ) -> None:
        super().__init__()
        self.observations = observations
        for item in observations:
            if len(item.shape) != 1:
                raise InvalidInputError.expected(
                    f"critic observation {item.name!r}", "a vector", f"shape {list(item.shape)}"
                )
        size = sum(item.shape[0] for item in observations)
        self.register_buffer("mean_S", torch.zeros(size))
        self.register_buffer("std_S", torch.ones(size))
        self.layers = nn.Sequential(
            nn.Linear(size, hidden), nn.LayerNorm(hidden), nn.ReLU(), nn.Linear(hidden, context_dim)
        )

    def concatenate(self, observations: Mapping[str, Tensor]) -> Float[Tensor, "B S"]:
        """Return the vectors side by side, in robot units.

        Raises:
            InvalidInputError: A vector is missing or has another shape.
        """
        for item in self.observations:
            value = observations.get(item.name)
            if value is None or value.shape[1:] != item.shape:
                got = "nothing" if value is None else f"shape {list(value.shape)}"
                raise InvalidInputError.expected(
                    f"observation {item.name!r}", f"shape [B, {item.shape[0]}]", got
                )
        return torch.cat([observations[item.name] for item in self.observations], dim=1)

    def normalise(self, x_BS: Float[Tensor, "B S"]) -> Float[Tensor, "B S"]:
        """Return the vectors with mean 0 and deviation 1 over the dataset."""
        return (x_BS - self.mean_S) / self.std_S

    def forward(self, x_BS: Float[Tensor, "B S"]) -> Float[Tensor, "B D"]:
        """Encode normalised vectors."""
        context_BD: Tensor = self.layers(x_BS)
        return context_BD


def floored_std(x: Float[Tensor, "T S"], *, floor: float = 1e-3) -> Float[Tensor, " S"]:
    """Return the deviation of each column, 1 where it is tiny.

    A dimension that hardly moves in the data (a fixed goal, a locked joint) would be blown up into
    noise by its tiny deviation; left at 1 it stays near zero.
    """
    std = x.std(dim=0, correction=0)
    return torch.where(std < floor, torch.ones_like(std), std)
