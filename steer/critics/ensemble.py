"""K networks of one shape as one batched module: stacked weights, one matrix product a layer.

Shape legend: K members, R rows, I inputs, O outputs.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["EnsembleLayerNorm", "EnsembleLinear", "EnsembleMlp"]


class EnsembleLinear(nn.Module):
    """K independent linear layers.

    Args:
        num_members: K.
        inputs: I.
        outputs: O.
        fan_in: Inputs that the initial scale counts; more than I where two layers are summed.
        has_bias: Whether there is a bias.
    """

    def __init__(
        self, num_members: int, inputs: int, outputs: int, *, fan_in: int = 0, has_bias: bool = True
    ) -> None:
        super().__init__()
        bound = 1 / math.sqrt(fan_in or inputs)
        weight = torch.empty(num_members, inputs, outputs).uniform_(-bound, bound)
        self.weight_KIO = nn.Parameter(weight)
        self.bias_K1O: nn.Parameter | None = None
        if has_bias:
            bias = torch.empty(num_members, 1, outputs).uniform_(-bound, bound)
            self.bias_K1O = nn.Parameter(bias)

    def forward(self, x: Float[Tensor, "*K R I"]) -> Float[Tensor, "K R O"]:
        """Apply member k to rows [k], or every member to rows without a member axis."""
        if x.ndim == 2:
            x = x.expand(len(self.weight_KIO), *x.shape)
        if self.bias_K1O is None:
            return torch.bmm(x, self.weight_KIO)
        return torch.baddbmm(self.bias_K1O, x, self.weight_KIO)


class EnsembleLayerNorm(nn.Module):
    """K independent layer norms.

    Args:
        num_members: K.
        size: O.
    """

    one_O: Tensor
    zero_O: Tensor

    def __init__(self, num_members: int, size: int) -> None:
        super().__init__()
        self.scale_K1O = nn.Parameter(torch.ones(num_members, 1, size))
        self.shift_K1O = nn.Parameter(torch.zeros(num_members, 1, size))
        # torch normalises two to three times as fast where it is given a weight and a bias.
        self.register_buffer("one_O", torch.ones(size), persistent=False)
        self.register_buffer("zero_O", torch.zeros(size), persistent=False)

    def forward(self, x_KRO: Float[Tensor, "K R O"]) -> Float[Tensor, "K R O"]:
        """Normalise each row, then scale and shift it by its member."""
        size = x_KRO.shape[-1:]
        normal = nn.functional.layer_norm(x_KRO, size, self.one_O, self.zero_O)
        return torch.addcmul(self.shift_K1O, normal, self.scale_K1O)


class EnsembleMlp(nn.Module):
    """K independent MLPs with layer norm and ReLU after each hidden layer.

    Args:
        num_members: K.
        inputs: I.
        hidden: Width of each hidden layer; none makes it one linear layer.
        outputs: O.
    """

    def __init__(
        self, num_members: int, inputs: int, hidden: tuple[int, ...], outputs: int
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [
                EnsembleLinear(num_members, inputs, width),
                EnsembleLayerNorm(num_members, width),
                nn.ReLU(inplace=True),
            ]
            inputs = width
        layers.append(EnsembleLinear(num_members, inputs, outputs))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "*K R I"]) -> Float[Tensor, "K R O"]:
        """Apply member k to rows [k], or every member to rows without a member axis."""
        out_KRO: Tensor = self.layers(x)
        return out_KRO
