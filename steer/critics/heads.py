"""Value heads: how a network's outputs are a value, and how they are taught one.

`hl_gauss`, the default: a value as a histogram, learnt by classification ("Stop Regressing"). Near
the ends a Gaussian would be cut off and its mean pulled inwards, by up to half a bin. Here the bins
go on for `margin_bins` beyond v_min and v_max (3 bins are 4 deviations), targets are clipped to
v_min..v_max, and so the mean of the target distribution is the target everywhere.

`scalar` is plain regression, and `sigmoid` its two-bin relative, learnt by cross-entropy: one
output each, for comparison.

Shape legend: * any axes, N bins or outputs.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.card import HeadConfig

__all__ = ["Head", "HlGaussHead", "ScalarHead", "SigmoidHead", "make_head"]


class Head(nn.Module):
    """Map values to what is learnt, and outputs to values.

    Args:
        config: Range and kind.
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.config = config

    def target(self, value: Float[Tensor, "*B"]) -> Float[Tensor, "*B N"]:
        """Return what is learnt for `value`, clipped to v_min..v_max."""
        raise NotImplementedError

    def value(self, outputs: Float[Tensor, "*B N"]) -> Float[Tensor, "*B"]:
        """Return the value that these outputs mean."""
        raise NotImplementedError

    def loss(
        self, outputs: Float[Tensor, "*B N"], target: Float[Tensor, "*B N"]
    ) -> Float[Tensor, "*B"]:
        """Return how far the outputs are from a target."""
        raise NotImplementedError


class HlGaussHead(Head):
    """A value as a histogram; outputs are logits of its bins."""

    edge_: Tensor
    centre_N: Tensor

    def __init__(self, config: HeadConfig) -> None:
        super().__init__(config)
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

    def value(self, outputs: Float[Tensor, "*B N"]) -> Float[Tensor, "*B"]:
        """Return the mean of the distribution with these logits."""
        return outputs.softmax(-1) @ self.centre_N

    def loss(
        self, outputs: Float[Tensor, "*B N"], target: Float[Tensor, "*B N"]
    ) -> Float[Tensor, "*B"]:
        """Return the cross-entropy between target distribution and prediction, in nats."""
        return -(target * outputs.log_softmax(-1)).sum(-1)


class ScalarHead(Head):
    """One output, -1 at v_min and 1 at v_max; what lies beyond is not cut off."""

    def target(self, value: Float[Tensor, "*B"]) -> Float[Tensor, "*B 1"]:
        """Return `value`, clipped, on the scale of the output."""
        low, high = self.config.v_min, self.config.v_max
        return (2 * (value.clamp(low, high) - low) / (high - low) - 1).unsqueeze(-1)

    def value(self, outputs: Float[Tensor, "*B 1"]) -> Float[Tensor, "*B"]:
        """Return the value."""
        low, high = self.config.v_min, self.config.v_max
        return low + (outputs.squeeze(-1) + 1) / 2 * (high - low)

    def loss(
        self, outputs: Float[Tensor, "*B 1"], target: Float[Tensor, "*B 1"]
    ) -> Float[Tensor, "*B"]:
        """Return the squared error, on the scale of the output."""
        return (outputs - target).square().squeeze(-1)


class SigmoidHead(Head):
    """One output, the logit of where between v_min and v_max the value lies."""

    def target(self, value: Float[Tensor, "*B"]) -> Float[Tensor, "*B 1"]:
        """Return where between v_min and v_max `value` lies, 0 to 1."""
        low, high = self.config.v_min, self.config.v_max
        return ((value.clamp(low, high) - low) / (high - low)).unsqueeze(-1)

    def value(self, outputs: Float[Tensor, "*B 1"]) -> Float[Tensor, "*B"]:
        """Return the value."""
        low, high = self.config.v_min, self.config.v_max
        return low + outputs.squeeze(-1).sigmoid() * (high - low)

    def loss(
        self, outputs: Float[Tensor, "*B 1"], target: Float[Tensor, "*B 1"]
    ) -> Float[Tensor, "*B"]:
        """Return the cross-entropy, in nats."""
        losses = nn.functional.binary_cross_entropy_with_logits(outputs, target, reduction="none")
        return losses.squeeze(-1)


_KINDS = {"hl_gauss": HlGaussHead, "scalar": ScalarHead, "sigmoid": SigmoidHead}


def make_head(config: HeadConfig) -> Head:
    """Return the head of a card."""
    return _KINDS[config.kind](config)
