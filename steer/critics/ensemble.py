"""K networks of one shape as one batched module: nothing shared, one matrix product a layer.

Shapes: `K` members, `R` rows, `I` inputs, `O` outputs.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["StackedLinear", "StackedMLP"]


class StackedLinear(nn.Module):
    """K linear layers side by side, each with weights of its own.

    Args:
        num_members: K.
        num_inputs: I.
        num_outputs: O.
        generator: Draws the weights; None for the global one.
    """

    def __init__(
        self,
        num_members: int,
        num_inputs: int,
        num_outputs: int,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        bound = 1 / math.sqrt(num_inputs)
        shape = (num_members, num_inputs, num_outputs)
        self.weight_KIO = nn.Parameter(
            torch.empty(shape).uniform_(-bound, bound, generator=generator)
        )
        self.bias_K1O = nn.Parameter(torch.zeros(num_members, 1, num_outputs))

    def forward(self, x: Float[Tensor, "*k r i"]) -> Float[Tensor, "k r o"]:
        """Map inputs of shape [R, I], the same for all members, or [K, R, I]."""
        return torch.baddbmm(self.bias_K1O, x.expand(len(self.weight_KIO), -1, -1), self.weight_KIO)


class _StackedNorm(nn.Module):
    """Layer normalisation with a gain and a shift of each member's own."""

    def __init__(self, num_members: int, width: int) -> None:
        super().__init__()
        self.gain_K1O = nn.Parameter(torch.ones(num_members, 1, width))
        self.shift_K1O = nn.Parameter(torch.zeros(num_members, 1, width))

    def forward(self, x_KRO: Float[Tensor, "k r o"]) -> Float[Tensor, "k r o"]:
        normal = nn.functional.layer_norm(x_KRO, x_KRO.shape[-1:])
        return torch.addcmul(self.shift_K1O, normal, self.gain_K1O)


class StackedMLP(nn.Module):
    """K perceptrons with LayerNorm and GELU that read their input in two parts.

    The first layer's product with a context is computed once and added to that with each of its
    chunks: the network sees the two concatenated, at the price of one context for all chunks.

    Args:
        num_members: K.
        context_dim: Length of a context.
        chunk_dim: Length of a flattened chunk; 0 for a value of the context alone.
        width: Hidden units.
        depth: Hidden layers, >= 1.
        num_outputs: Outputs.
    """

    def __init__(
        self,
        num_members: int,
        *,
        context_dim: int,
        chunk_dim: int,
        width: int,
        depth: int,
        num_outputs: int,
    ) -> None:
        super().__init__()
        self.from_context = StackedLinear(num_members, context_dim, width)
        self.from_chunk = StackedLinear(num_members, chunk_dim, width) if chunk_dim else None
        self.first_norm = _StackedNorm(num_members, width)
        layers: list[nn.Module] = []
        for _ in range(depth - 1):
            layers += [
                nn.GELU(),
                StackedLinear(num_members, width, width),
                _StackedNorm(num_members, width),
            ]
        self.rest = nn.Sequential(
            *layers, nn.GELU(), StackedLinear(num_members, width, num_outputs)
        )

    def forward(
        self, context_BD: Float[Tensor, "b d"], chunks_BNC: Float[Tensor, "b n c"] | None = None
    ) -> Float[Tensor, "k b n o"]:
        """Return the outputs for each context and each of its chunks; N = 1 without chunks."""
        hidden_KBO = self.from_context(context_BD)
        hidden_KBNO = hidden_KBO.unsqueeze(2)
        if self.from_chunk is not None and chunks_BNC is not None:
            chunk_KRO = self.from_chunk(chunks_BNC.flatten(0, 1))
            hidden_KBNO = hidden_KBNO + chunk_KRO.unflatten(1, chunks_BNC.shape[:2])
        rows = hidden_KBNO.shape[1:3]
        out_KRO: Tensor = self.rest(self.first_norm(hidden_KBNO.flatten(1, 2)))
        return out_KRO.unflatten(1, rows)
