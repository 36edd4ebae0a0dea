"""From a network's outputs to a value, and from a return to what the outputs should be.

Shapes: `...` any, `M` bins.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.card import HeadConfig

__all__ = ["HLGaussHead"]

_MARGIN_SIGMAS = 3.0


class HLGaussHead(nn.Module):
    """A histogram of the return: trained by cross-entropy, read by its mean.

    The histogram reaches three sigma beyond `v_min` and `v_max`, so that the smoothed target of a
    return at the very end of the range still has that return as its mean.

    References:
        Farebrother et al., Stop Regressing, 2024, section 3.1. Differs: the margins.
    """

    edges: Tensor
    centres: Tensor

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        # width such that the bins cover the range and a margin of 3 sigma at either end
        inner_bins = config.num_bins - 2 * _MARGIN_SIGMAS * config.sigma_bins
        width = (config.v_max - config.v_min) / inner_bins
        self.sigma = config.sigma_bins * width
        low = config.v_min - _MARGIN_SIGMAS * self.sigma
        edges = low + width * torch.arange(config.num_bins + 1, dtype=torch.float32)
        self.register_buffer("edges", edges, persistent=False)
        self.register_buffer("centres", (edges[1:] + edges[:-1]) / 2, persistent=False)

    @property
    def num_outputs(self) -> int:
        """M, how many outputs of the network this head reads."""
        return self.config.num_bins

    def value(self, logits: Float[Tensor, "... m"]) -> Float[Tensor, "..."]:
        """Return the mean of the histogram, in discounted return."""
        return torch.softmax(logits, dim=-1) @ self.centres

    def target(self, value: Float[Tensor, "..."]) -> Float[Tensor, "... m"]:
        """Return the smoothed histogram whose mean is `value`, clamped into the range."""
        clamped = value.clamp(self.config.v_min, self.config.v_max).unsqueeze(-1)
        cdf = torch.erf((self.edges - clamped) / (math.sqrt(2.0) * self.sigma))
        mass = cdf[..., 1:] - cdf[..., :-1]
        return mass / mass.sum(dim=-1, keepdim=True)

    def loss(
        self, logits: Float[Tensor, "... m"], value: Float[Tensor, "..."]
    ) -> Float[Tensor, "..."]:
        """Return the cross-entropy between the histogram and the target of `value`."""
        return -(self.target(value) * torch.log_softmax(logits, dim=-1)).sum(dim=-1)
