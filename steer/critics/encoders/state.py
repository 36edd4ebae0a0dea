"""State vectors -> context.

Shapes: `B` batch, `D` context.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.card import NetworkConfig

__all__ = ["MIN_STD", "StateEncoder"]

# A dimension that hardly moved in the data must not explode when it moves on the robot.
MIN_STD = 1e-2
_LARGEST = 10.0


class StateEncoder(nn.Module):
    """Normalise the vectors of an observation, join them, and map them to a context.

    Args:
        sizes: Length of each vector by name, in the order in which they are joined.
        config: Sizes of the network.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, sizes: Mapping[str, int], config: NetworkConfig) -> None:
        super().__init__()
        self.names: Sequence[str] = tuple(sizes)
        total = sum(sizes.values())
        self.register_buffer("mean", torch.zeros(total))
        self.register_buffer("std", torch.ones(total))
        self.network = nn.Sequential(
            nn.Linear(total, config.encoder_width),
            nn.LayerNorm(config.encoder_width),
            nn.GELU(),
            nn.Linear(config.encoder_width, config.context_dim),
            nn.LayerNorm(config.context_dim),
            nn.GELU(),
        )

    def set_statistics(self, mean: Float[Tensor, " s"], std: Float[Tensor, " s"]) -> None:
        """Take mean and standard deviation of the joined vectors; a std below 1e-2 is raised."""
        self.mean.copy_(mean)
        self.std.copy_(std.clamp_min(MIN_STD))

    def forward(self, observations: Mapping[str, Float[Tensor, "b _"]]) -> Float[Tensor, "b d"]:
        """Return the context of each observation, shape [B, D]."""
        joined = torch.cat([observations[name] for name in self.names], dim=-1)
        normal = ((joined - self.mean) / self.std).clamp(-_LARGEST, _LARGEST)
        context: Tensor = self.network(normal)
        return context
