"""Members that read a chunk as one flat vector beside the context (as Q-chunking does).

Shape legend: K members, B observations, N candidates, D context, J = h x A numbers of a chunk,
O outputs, F features, R = B x N rows.
"""

from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.ensemble import EnsembleLayerNorm, EnsembleLinear, EnsembleMlp

__all__ = ["ChunkMlp"]


class ChunkMlp(nn.Module):
    """K independent MLPs over context and chunk.

    The first layer is split in two, so that the context's part is computed once an observation
    and not once a candidate.

    Args:
        num_members: K.
        context_dim: D.
        chunk_size: J.
        hidden: Width of each hidden layer, at least one.
        outputs: O.
    """

    def __init__(
        self,
        num_members: int,
        *,
        context_dim: int,
        chunk_size: int,
        hidden: tuple[int, ...],
        outputs: int,
    ) -> None:
        super().__init__()
        fan_in = context_dim + chunk_size
        self.context = EnsembleLinear(num_members, context_dim, hidden[0], fan_in=fan_in)
        self.chunk = EnsembleLinear(
            num_members, chunk_size, hidden[0], fan_in=fan_in, has_bias=False
        )
        self.norm = EnsembleLayerNorm(num_members, hidden[0])
        self.body = EnsembleMlp(num_members, hidden[0], hidden[1:], outputs)

    def forward(
        self, context_BD: Float[Tensor, "B D"], chunk_BNJ: Float[Tensor, "B N J"]
    ) -> Float[Tensor, "K B N O"]:
        """Return the outputs of every member for every candidate."""
        out: Tensor = self.body(self._first(context_BD, chunk_BNJ))
        return out.reshape(len(out), *chunk_BNJ.shape[:2], -1)

    @property
    def last(self) -> EnsembleLinear:
        """The layer that makes outputs of what `features` returns."""
        layer = self.body.layers[-1]
        assert isinstance(layer, EnsembleLinear)
        return layer

    def features(
        self, context_BD: Float[Tensor, "B D"], chunk_BNJ: Float[Tensor, "B N J"]
    ) -> Float[Tensor, "K B N F"]:
        """Return what every member's last layer reads."""
        out: Tensor = self.body.layers[:-1](self._first(context_BD, chunk_BNJ))
        return out.reshape(len(out), *chunk_BNJ.shape[:2], -1)

    def _first(self, context_BD: Tensor, chunk_BNJ: Tensor) -> Float[Tensor, "K R F"]:
        B, N, J = chunk_BNJ.shape
        of_context = self.context(context_BD).unsqueeze(2)
        of_chunk = self.chunk(chunk_BNJ.reshape(B * N, J)).reshape(-1, B, N, of_context.shape[-1])
        first: Tensor = self.norm((of_context + of_chunk).flatten(1, 2))
        return first.relu_()
