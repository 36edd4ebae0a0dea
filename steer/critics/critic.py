"""The critic: embed an observation once, then score all its candidates.

Shape legend: K members, B observations, N candidates, H horizon of the candidates, h horizon of
the critic, A action dimensions, J = h x A, D context.
"""

import hashlib
import json
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.card import CriticCard
from steer.critics.encoders.state import StateEncoder, floored_std
from steer.critics.heads import HlGaussHead
from steer.critics.mlp import ChunkMlp
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
        self.encoder = StateEncoder(
            card.embodiment.observations,
            hidden=card.network.encoder_hidden,
            context_dim=card.network.context_dim,
        )
        self.members = ChunkMlp(
            card.num_members,
            context_dim=card.network.context_dim,
            chunk_size=card.horizon * A,
            hidden=card.network.member_hidden,
            outputs=card.head.num_bins,
        )
        self.head = HlGaussHead(card.head)
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
        x_TS = self.encoder.concatenate(observations)
        self.encoder.mean_S.copy_(x_TS.mean(0))
        self.encoder.std_S.copy_(floored_std(x_TS))
        clipped = actions_TA.clamp(self.low_A, self.high_A)
        self.action_mean_A.copy_(clipped.mean(0))
        self.action_std_A.copy_(floored_std(clipped))

    def embed(self, observations: Mapping[str, Tensor]) -> Float[Tensor, "B D"]:
        """Encode observations, in robot units.

        Args:
            observations: By key, float32 of shape [B, *shape]; more keys than needed do no harm.
        """
        x_BS = self.encoder.normalise(self.encoder.concatenate(observations))
        context_BD: Tensor = self.encoder(x_BS)
        return context_BD

    def flatten(self, chunks_BNHA: Float[Tensor, "B N H A"]) -> Float[Tensor, "B N J"]:
        """Return the scored prefix of each chunk, clipped as the robot will, normalised and flat.

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
        return ((prefix - self.action_mean_A) / self.action_std_A).flatten(2)

    def score(
        self, context_BD: Float[Tensor, "B D"], chunks_BNHA: Float[Tensor, "B N H A"]
    ) -> Float[Tensor, "K B N"]:
        """Return each member's value of each candidate, in discounted return.

        Args:
            context_BD: What `embed` returned.
            chunks_BNHA: Candidates in robot units; the first `card.horizon` actions count.
        """
        logits = self.members(context_BD, self.flatten(chunks_BNHA))
        return self.head.value(logits)


def _clip_range(card: CriticCard) -> tuple[Tensor, Tensor]:
    """Return low and high of each action; infinite where the robot does not clip."""
    clips = card.embodiment.out_of_range == "clip"
    known = [clips and dim.low < dim.high for dim in card.embodiment.actions]
    dims = list(zip(card.embodiment.actions, known, strict=True))
    low = [dim.low if is_known else -float("inf") for dim, is_known in dims]
    high = [dim.high if is_known else float("inf") for dim, is_known in dims]
    return torch.tensor(low), torch.tensor(high)
