"""Several modalities as one context: vectors, cameras, point clouds and language.

Shape legend: B observations, M modalities, L length of the language vector, D context.
"""

from collections.abc import Mapping
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from steer.critics.encoders.image import ResNetImageEncoder, SmallImageEncoder
from steer.critics.encoders.language import check_language
from steer.critics.encoders.points import PointEncoder
from steer.critics.encoders.state import StateEncoder
from steer.errors import InvalidInputError

__all__ = ["Encoder", "FusedEncoder"]

Encoder: TypeAlias = StateEncoder | SmallImageEncoder | ResNetImageEncoder | PointEncoder
"""Of one modality."""

_IMAGES = (SmallImageEncoder, ResNetImageEncoder)


class FusedEncoder(nn.Module):
    """One encoder a modality; their features side by side become the context.

    Language reaches the image encoders that were made for it, and goes through one linear layer
    into the context: most of it would not survive the ReLU.

    Args:
        encoders: By observation, in the order of their features. A state encoder takes the
            observations that it was made for, and its own name is free.
        context_dim: D.
        language_dim: L; 0 for none.
        dropout: Probability in training that an observation goes without a modality: its features
            are zero, and language is the zero vector of an empty text. One modality, drawn for
            each observation, always stays. In 0..1, without 1.

    Raises:
        InvalidInputError: There is nothing to encode, or options do not fit together.

    References:
        Neverova et al., ModDrop, 2016. Differs: never all modalities at once, and
        whole feature vectors, not inputs.
    """

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        *,
        context_dim: int,
        language_dim: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _check_options(encoders, context_dim, language_dim, dropout)
        self._dropout = dropout
        self.names: tuple[str, ...] = tuple(encoders)
        self._features, self.language_dim = context_dim, language_dim
        # Not a ModuleDict: names of observations have dots.
        self.encoders = nn.ModuleList(encoders.values())
        self.language = nn.Linear(language_dim, context_dim) if language_dim else None
        size = sum(map(_features, encoders.values())) + (context_dim if language_dim else 0)
        self.join = nn.Sequential(nn.LayerNorm(size), nn.ReLU(), nn.Linear(size, context_dim))

    @property
    def features(self) -> int:
        """D."""
        return self._features

    def forward(
        self, observations: Mapping[str, Tensor], language_BL: Tensor | None = None
    ) -> Float[Tensor, "B D"]:
        """Encode observations.

        Args:
            observations: By name, as each encoder wants them; vectors in robot units. More than
                needed do no harm.
            language_BL: float32 of shape [B, L]; None exactly where L is 0.

        Raises:
            InvalidInputError: An observation or the language is missing, has another type or
                shape, or another number of rows.
        """
        rows = self._num_rows(observations)
        check_language(language_BL, rows=rows, size=self.language_dim)
        stays_MB1 = self._draw(rows)
        if language_BL is not None:
            language_BL = language_BL * stays_MB1[-1]
        parts = [
            _encode(name, encoder, observations, language_BL) * stays_B1
            for name, encoder, stays_B1 in zip(self.names, self.encoders, stays_MB1, strict=False)
        ]
        if self.language is not None:
            parts.append(self.language(language_BL))
        context_BD: Tensor = self.join(torch.cat(parts, dim=1))
        return context_BD

    def _num_rows(self, observations: Mapping[str, Tensor]) -> int:
        rows = None
        for name, encoder in zip(self.names, self.encoders, strict=True):
            for key in _keys(name, encoder):
                value = observations.get(key)
                if value is None or value.ndim == 0 or rows not in (None, len(value)):
                    contract = f"shape [{'B' if rows is None else rows}, ...]"
                    got = "nothing" if value is None else f"shape {list(value.shape)}"
                    raise InvalidInputError.expected(f"observation {key!r}", contract, got)
                rows = len(value)
        assert rows is not None  # a fused encoder has encoders
        return rows

    def _draw(self, rows: int) -> Bool[Tensor, "M B 1"]:
        """Return which modalities stay, language last."""
        num = len(self.names) + (self.language is not None)
        device = next(self.parameters()).device
        if not self.training or self._dropout == 0:
            return torch.ones(num, rows, 1, dtype=torch.bool, device=device)
        stays_MB = torch.rand(num, rows, device=device) >= self._dropout
        always_B = torch.randint(num, (rows,), device=device)
        stays_MB[always_B, torch.arange(rows, device=device)] = True
        return stays_MB.unsqueeze(-1)


def _keys(name: str, encoder: nn.Module) -> tuple[str, ...]:
    """Return the observations that an encoder reads."""
    if isinstance(encoder, StateEncoder):
        return tuple(item.name for item in encoder.observations)
    return (name,)


def _encode(
    name: str,
    encoder: nn.Module,
    observations: Mapping[str, Tensor],
    language_BL: Tensor | None,
) -> Tensor:
    if isinstance(encoder, StateEncoder):
        features: Tensor = encoder(encoder.normalise(encoder.concatenate(observations)))
    elif isinstance(encoder, _IMAGES):
        features = encoder(observations[name], language_BL if encoder.language_dim else None)
    else:
        features = encoder(observations[name])
    return features


def _features(encoder: Encoder) -> int:
    if isinstance(encoder, StateEncoder):
        last = encoder.layers[-1]
        assert isinstance(last, nn.Linear)  # that is how it is made
        return last.out_features
    return encoder.features


def _check_options(
    encoders: Mapping[str, Encoder], context_dim: int, language_dim: int, dropout: float
) -> None:
    if not encoders:
        raise InvalidInputError.expected("encoders", "one or more", "none")
    if context_dim < 1:
        raise InvalidInputError.expected("context_dim", ">= 1", context_dim)
    if language_dim < 0:
        raise InvalidInputError.expected("language_dim", ">= 0", language_dim)
    if not 0 <= dropout < 1:
        raise InvalidInputError.expected("dropout", "in 0..1, without 1", dropout)
    for name, encoder in encoders.items():
        if isinstance(encoder, _IMAGES) and encoder.language_dim not in (0, language_dim):
            raise InvalidInputError.expected(
                f"encoder {name!r}", f"language_dim 0 or {language_dim}", encoder.language_dim
            )
