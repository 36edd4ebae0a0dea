"""The critic: embed an observation once, then score all its candidates.

Shape legend: K members, B observations, N candidates, H horizon of the candidates, h horizon of
the critic, A action dimensions, J = h x A, D context, P prefixes, O outputs.
"""

import hashlib
import json
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.card import CriticCard
from steer.critics.encoders.state import floored_std
from steer.critics.encoding import encode, fit_encoder, make_encoder
from steer.critics.heads import make_head
from steer.critics.mlp import ChunkMlp
from steer.critics.transformer import ChunkTransformer
from steer.errors import InvalidInputError

__all__ = ["Critic"]


class Critic(nn.Module):
    """K members on a shared encoder.

    Args:
        card: What it is made for. Weights start at random, the normalisation at identity.

    Attributes:
        card: The same.
    """

    action_mean_A: Tensor
    action_std_A: Tensor
    low_A: Tensor
    high_A: Tensor

    def __init__(self, card: CriticCard) -> None:
        super().__init__()
        self.card = card
        A = card.embodiment.action_dim
        self.encoder = make_encoder(card)
        self.members = _members(card)
        self.head = make_head(card.head)
        self.register_buffer("action_mean_A", torch.zeros(A))
        self.register_buffer("action_std_A", torch.ones(A))
        low, high = _clip_range(card)
        self.register_buffer("low_A", low, persistent=False)
        self.register_buffer("high_A", high, persistent=False)
        self._digest = ""

    @property
    def digest(self) -> str:
        """`sha256:<hex>` over the weights and what the card says that can change a decision."""
        if self.training or not self._digest:
            state = hashlib.sha256(json.dumps(self.card.decision_fields(), sort_keys=True).encode())
            for name, value in sorted(self.state_dict().items()):
                state.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
            self._digest = f"sha256:{state.hexdigest()}"
        return self._digest

    def fit_normalisation(
        self, observations: Mapping[str, Tensor], actions_TA: Float[Tensor, "T A"]
    ) -> None:
        """Set mean and deviation of observations and (clipped) actions from a dataset."""
        fit_encoder(self.encoder, observations)
        clipped = actions_TA.clamp(self.low_A, self.high_A)
        self.action_mean_A.copy_(clipped.mean(0))
        self.action_std_A.copy_(floored_std(clipped))

    def embed(self, observations: Mapping[str, Tensor]) -> Float[Tensor, "B D"]:
        """Encode observations, in robot units.

        Args:
            observations: By key, of shape [B, *shape]: vectors and points float32, images uint8,
                and `instruction` where the card has a `language_dim`. More keys than needed do no
                harm.
        """
        return encode(self.encoder, observations)

    def flatten(self, chunks_BNHA: Float[Tensor, "B N H A"]) -> Float[Tensor, "B N J"]:
        """Return what `prefix` returns, flat."""
        return self.prefix(chunks_BNHA).flatten(2)

    def prefix(self, chunks_BNHA: Float[Tensor, "B N H A"]) -> Float[Tensor, "B N h A"]:
        """Return the scored prefix of each chunk, clipped as the robot will, and normalised.

        Raises:
            InvalidInputError: Chunks are shorter than the critic's horizon, or of another robot.
        """
        h, A = self.card.horizon, self.card.embodiment.action_dim
        if chunks_BNHA.shape[2] < h or chunks_BNHA.shape[3] != A:
            raise InvalidInputError.expected(
                "candidates.actions",
                f"at least {h} actions of {A} dimensions, which is what the critic scores",
                f"shape {list(chunks_BNHA.shape)}",
            )
        prefix = chunks_BNHA[:, :, :h].clamp(self.low_A, self.high_A)
        return (prefix - self.action_mean_A) / self.action_std_A

    def logits(
        self, context_BD: Float[Tensor, "B D"], chunks_BNHA: Float[Tensor, "B N H A"]
    ) -> Float[Tensor, "K B N P O"]:
        """Return each member's histogram after each prefix that it values: P is 1 or h."""
        prefix_BNhA = self.prefix(chunks_BNHA)
        if isinstance(self.members, ChunkMlp):
            flat: Tensor = self.members(context_BD, prefix_BNhA.flatten(2))
            return flat.unsqueeze(3)
        every: Tensor = self.members(context_BD, prefix_BNhA)
        return every

    def score(
        self,
        context_BD: Float[Tensor, "B D"],
        chunks_BNHA: Float[Tensor, "B N H A"],
        *,
        length: int | None = None,
    ) -> Float[Tensor, "K B N"]:
        """Return each member's value of each candidate, in discounted return.

        Args:
            context_BD: What `embed` returned.
            chunks_BNHA: Candidates in robot units; the first `card.horizon` actions count.
            length: How many of them the robot will run; None for all.

        Raises:
            InvalidInputError: The critic has no value for so short or so long a prefix.
        """
        least, most = self.card.least_horizon, self.card.horizon
        length = most if length is None else length
        if not least <= length <= most:
            contract = f"{most} actions" if least == most else f"{least} to {most} actions"
            raise InvalidInputError.expected("prefix", contract, length)
        return self.score_prefixes(context_BD, chunks_BNHA)[..., length - least]

    def score_prefixes(
        self, context_BD: Float[Tensor, "B D"], chunks_BNHA: Float[Tensor, "B N H A"]
    ) -> Float[Tensor, "K B N P"]:
        """Return each member's value after each prefix that it has one for, the whole one last."""
        return self.head.value(self.logits(context_BD, chunks_BNHA))


def _members(card: CriticCard) -> ChunkMlp | ChunkTransformer:
    network, A = card.network, card.embodiment.action_dim
    if network.kind == "mlp":
        return ChunkMlp(
            card.num_members,
            context_dim=network.context_dim,
            chunk_size=card.horizon * A,
            hidden=network.member_hidden,
            outputs=card.head.num_outputs,
        )
    return ChunkTransformer(
        card.num_members,
        context_dim=network.context_dim,
        action_dim=A,
        horizon=card.horizon,
        width=network.width,
        depth=network.depth,
        heads=network.heads,
        outputs=card.head.num_outputs,
    )


def _clip_range(card: CriticCard) -> tuple[Tensor, Tensor]:
    """Return low and high of each action; infinite where the robot does not clip."""
    clips = card.embodiment.out_of_range == "clip"
    known = [clips and dim.low < dim.high for dim in card.embodiment.actions]
    dims = list(zip(card.embodiment.actions, known, strict=True))
    low = [dim.low if is_known else -float("inf") for dim, is_known in dims]
    high = [dim.high if is_known else float("inf") for dim, is_known in dims]
    return torch.tensor(low), torch.tensor(high)
