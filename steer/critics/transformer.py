"""Members that read a chunk action by action, with a value after each of them.

Causal: what comes after a prefix cannot move its value. So one critic serves robots that run any
part of a chunk, up to the length that it was trained on: `Selection.commit_horizon` of a session.

Shape legend: K members, B observations, N candidates, D context, H actions of a chunk, A action
dimensions, T = 1 + H tokens, W width, O outputs.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.ensemble import EnsembleLayerNorm, EnsembleLinear

__all__ = ["ChunkTransformer"]

_WIDENING = 2
"""Width of a block's hidden layer, in widths."""


class ChunkTransformer(nn.Module):
    """K independent causal transformers over context and actions.

    Args:
        num_members: K.
        context_dim: D.
        action_dim: A.
        horizon: H at most.
        width: W; a multiple of `heads`.
        depth: Blocks.
        heads: Of the attention.
        outputs: O.

    References:
        Vaswani et al., 2017; Tian et al., Chunking the Critic, 2025 (T-SAC), reads chunks so.
        Differs: all members in one batched product, one context token a state.
    """

    def __init__(
        self,
        num_members: int,
        *,
        context_dim: int,
        action_dim: int,
        horizon: int,
        width: int,
        depth: int,
        heads: int,
        outputs: int,
    ) -> None:
        super().__init__()
        self.context = EnsembleLinear(num_members, context_dim, width)
        self.action = EnsembleLinear(num_members, action_dim, width)
        self.place_KTW = nn.Parameter(torch.randn(num_members, 1 + horizon, width) * 0.02)
        self.blocks = nn.ModuleList(_Block(num_members, width, heads) for _ in range(depth))
        self.norm = EnsembleLayerNorm(num_members, width)
        self.head = EnsembleLinear(num_members, width, outputs)

    def forward(
        self, context_BD: Float[Tensor, "B D"], chunk_BNHA: Float[Tensor, "B N H A"]
    ) -> Float[Tensor, "K B N H O"]:
        """Return the outputs of every member after each action of every candidate."""
        B, N, H, A = chunk_BNHA.shape
        first = self.context(context_BD)[:, :, None, None].expand(-1, -1, N, 1, -1)
        tokens: Tensor = self.action(chunk_BNHA.reshape(B * N * H, A))
        rest = tokens.reshape(len(tokens), B, N, H, -1)
        x = torch.cat([first, rest], dim=3).flatten(1, 2)  # [K, B * N, T, W]
        x = x + self.place_KTW[:, None, : 1 + H]
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.head(self.norm(x[:, :, 1:].flatten(1, 2)))
        return out.reshape(len(out), B, N, H, -1)


class _Block(nn.Module):
    """Attention to what came before, then a small MLP; both beside what they are given."""

    def __init__(self, num_members: int, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.before = EnsembleLayerNorm(num_members, width)
        self.ask = EnsembleLinear(num_members, width, 3 * width)
        self.tell = EnsembleLinear(num_members, width, width)
        self.between = EnsembleLayerNorm(num_members, width)
        self.widen = EnsembleLinear(num_members, width, _WIDENING * width)
        self.narrow = EnsembleLinear(num_members, _WIDENING * width, width)

    def forward(self, x_KRTW: Float[Tensor, "K R T W"]) -> Float[Tensor, "K R T W"]:
        R, T, W = x_KRTW.shape[1:]
        asked = self.ask(self.before(x_KRTW.flatten(1, 2)))  # [K, R * T, 3 W]
        parts = asked.reshape(-1, R, T, 3, self._heads, W // self._heads)
        # Each of shape [K * R, heads, T, W / heads].
        query, key, value = parts.flatten(0, 1).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        heard = seen.transpose(1, 2).reshape(-1, R * T, W)  # [K, R * T, W]
        x_KRTW = x_KRTW + self.tell(heard).reshape(-1, R, T, W)
        wide = torch.nn.functional.gelu(self.widen(self.between(x_KRTW.flatten(1, 2))))
        out: Tensor = x_KRTW + self.narrow(wide).reshape(-1, R, T, W)
        return out
