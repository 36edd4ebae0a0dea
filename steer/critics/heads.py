"""Value heads. HL-Gauss: a value as a histogram, learnt by classification ("Stop Regressing").

Near the ends a Gaussian would be cut off and its mean pulled inwards, by up to half a bin. Here
the bins go on for `margin_bins` beyond v_min and v_max (3 bins are 4 deviations), targets are
clipped to v_min..v_max, and so the mean of the target distribution is the target everywhere.

Shape legend: * any axes, N bins.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.card import HeadConfig

__all__ = ["HlGaussHead"]


class HlGaussHead(nn.Module):
    """Map values to histograms and back.

    Args:
        config: Range and bins.
    """

    edge_: Tensor
    centre_N: Tensor

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        width = (config.v_max - config.v_min) / (config.num_bins - 1 - 2 * config.margin_bins)
        bin_ = torch.arange(config.num_bins + 1, dtype=torch.float32) - config.margin_bins
        centre = config.v_min + width * bin_[:-1]
        edge = config.v_min + width * (bin_ - 0.5)
        self.sigma = config.sigma_bins * width
        self.register_buffer("centre_N", centre, persistent=False)
        self.register_buffer("edge_", edge, persistent=False)

    def target(self, value: Float[Tensor, "*B"]) -> Float[Tensor, "*B N"]:
        """Return the distribution whose mean is `value`, clipped to v_min..v_max."""
        clipped = value.clamp(self.config.v_min, self.config.v_max).unsqueeze(-1)
        cdf = torch.erf((self.edge_ - clipped) / (math.sqrt(2) * self.sigma))
        mass = cdf[..., 1:] - cdf[..., :-1]
        return mass / (cdf[..., -1:] - cdf[..., :1])

    def value(self, logits: Float[Tensor, "*B N"]) -> Float[Tensor, "*B"]:
        """Return the mean of the distribution with these logits."""
        return logits.softmax(-1) @ self.centre_N

    def loss(
        self, logits: Float[Tensor, "*B N"], target: Float[Tensor, "*B N"]
    ) -> Float[Tensor, "*B"]:
        """Return the cross-entropy between target distribution and prediction, in nats."""
        return -(target * logits.log_softmax(-1)).sum(-1)
