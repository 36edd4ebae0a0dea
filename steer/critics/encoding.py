"""Which encoder a card asks for, and observations through it.

A card's observations say what they are by their type and shape: vectors (float32 [S]), images
(uint8 [h, w, 3]), point clouds (float32 [P, 3], or [P, 6] with normals). Critics of vectors alone
keep their one small encoder; all others get one a modality, fused.
"""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.card import CriticCard
from steer.critics.encoders.fused import Encoder, FusedEncoder
from steer.critics.encoders.image import ResNetImageEncoder, SmallImageEncoder
from steer.critics.encoders.points import PointEncoder
from steer.critics.encoders.state import StateEncoder, floored_std
from steer.embodiment import ObservationField
from steer.errors import InvalidInputError

__all__ = ["INSTRUCTION", "copy_normalisation", "encode", "fit_encoder", "kind_of", "make_encoder"]

INSTRUCTION = "instruction"
"""Name of the language vector among a batch's observations, float32 [B, L]."""
_POINTS = (3, 6)


def kind_of(field: ObservationField) -> str:
    """Return `vector`, `image` or `points`.

    Raises:
        InvalidInputError: A critic cannot read such an observation.
    """
    if field.dtype == "uint8" and len(field.shape) == 3 and field.shape[2] == 3:
        return "image"
    if field.dtype != "uint8" and len(field.shape) == 1:
        return "vector"
    if field.dtype != "uint8" and len(field.shape) == 2 and field.shape[1] in _POINTS:
        return "points"
    contract = "a vector [S], an image uint8 [h, w, 3] or points [P, 3]"
    got = f"{field.dtype} {list(field.shape)}"
    raise InvalidInputError.expected(f"critic observation {field.name!r}", contract, got)


def make_encoder(card: CriticCard) -> StateEncoder | FusedEncoder:
    """Return the encoder that a card asks for, with random weights."""
    fields = card.embodiment.observations
    kinds = {field: kind_of(field) for field in fields}
    by_kind = {
        name: [field for field in fields if kinds[field] == name]
        for name in ("vector", "image", "points")
    }
    network = card.network
    if len(by_kind["vector"]) == len(fields) and not network.language_dim:
        return _state(by_kind["vector"], card)
    encoders: dict[str, Encoder] = {}
    if by_kind["vector"]:
        encoders["state"] = _state(by_kind["vector"], card)
    for field in by_kind["image"]:
        kind = SmallImageEncoder if network.image == "small" else ResNetImageEncoder
        encoders[field.name] = kind(language_dim=network.language_dim)
    for field in by_kind["points"]:
        encoders[field.name] = PointEncoder(has_normals=field.shape[1] == _POINTS[1])
    return FusedEncoder(
        encoders, context_dim=network.context_dim, language_dim=network.language_dim
    )


def fit_encoder(encoder: StateEncoder | FusedEncoder, observations: Mapping[str, Tensor]) -> None:
    """Set what an encoder subtracts and divides by, from a dataset.

    Args:
        encoder: Of `make_encoder`.
        observations: By name; vectors [T, S] and points [T, P, 3], in robot units.
    """
    for part, name in _parts(encoder):
        if isinstance(part, StateEncoder):
            x_TS = part.concatenate(observations)
            part.mean_S.copy_(x_TS.mean(0))
            part.std_S.copy_(floored_std(x_TS))
        elif isinstance(part, PointEncoder):
            part.fit(observations[name])


def copy_normalisation(
    source: StateEncoder | FusedEncoder, target: StateEncoder | FusedEncoder
) -> None:
    """Give one encoder what another of the same card subtracts and divides by."""
    ours = dict(target.named_buffers())
    for name, value in source.named_buffers():
        ours[name].copy_(value)


def encode(
    encoder: StateEncoder | FusedEncoder, observations: Mapping[str, Tensor]
) -> Float[Tensor, "B D"]:
    """Return the contexts of a batch of observations, in robot units."""
    if isinstance(encoder, StateEncoder):
        context: Tensor = encoder(encoder.normalise(encoder.concatenate(observations)))
        return context
    language = observations.get(INSTRUCTION) if encoder.language_dim else None
    fused: Tensor = encoder(observations, language)
    return fused


def _state(fields: Sequence[ObservationField], card: CriticCard) -> StateEncoder:
    return StateEncoder(
        tuple(fields),
        hidden=card.network.encoder_hidden,
        context_dim=card.network.context_dim,
    )


def _parts(encoder: StateEncoder | FusedEncoder) -> list[tuple[nn.Module, str]]:
    if isinstance(encoder, StateEncoder):
        return [(encoder, "")]
    return list(zip(encoder.encoders, encoder.names, strict=True))
