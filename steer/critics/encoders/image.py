"""Encoders of RGB images: a small one for two cores, and a ResNet-34 for a GPU.

Shape legend: B observations, h x w pixels, C channels, P cells of a feature map, L length of the
language vector, F features.
"""

from collections.abc import Set
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from steer.critics.encoders.language import check_language
from steer.errors import ArtefactError, ConfigError, InvalidInputError

__all__ = ["ResNetImageEncoder", "SmallImageEncoder"]

_MIN_PIXELS = 16
_WIDTHS = (32, 64, 128)
"""Channels after each convolution of the small encoder."""

_SMALL_GROUPS, _RESNET_GROUPS = 8, 4
_CLASSIFIER = ("fc.weight", "fc.bias")
"""Of a ResNet file: not used."""


class SmallImageEncoder(nn.Module):
    """Three convolutions of stride 2; then, for each channel, how much of it there is, and where.

    Two channels that say where a pixel is go in beside the image. A feature map is read twice: its
    mean says what is seen, and the centre of its attention where, finer than its cells.

    Args:
        features: F.
        language_dim: L of the vector that scales and shifts each stage; 0 for none.

    Raises:
        InvalidInputError: A size makes no sense.

    References:
        Liu et al., CoordConv, 2018; Levine et al., End-to-End Training of Deep Visuomotor
        Policies, 2016 (spatial softmax); Perez et al., FiLM, 2018, equation 2.
        Differs: the mean is kept beside the positions, the sharpness of attention is learnt for
        each channel, and FiLM starts as the identity.
    """

    def __init__(self, *, features: int = 128, language_dim: int = 0) -> None:
        super().__init__()
        _check_sizes(features=features, language_dim=language_dim)
        self._features, self.language_dim = features, language_dim
        inputs = (5, *_WIDTHS[:-1])  # 5: colours and coordinates
        self.convolutions = nn.ModuleList(
            nn.Conv2d(num_in, num_out, 3, stride=2, padding=1, bias=False)
            for num_in, num_out in zip(inputs, _WIDTHS, strict=True)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(_SMALL_GROUPS, width) for width in _WIDTHS)
        self.films = _films(language_dim, _WIDTHS)
        self.sharpness_C1 = nn.Parameter(torch.ones(_WIDTHS[-1], 1))
        self.join = nn.Linear(3 * _WIDTHS[-1], features)

    @property
    def features(self) -> int:
        """F."""
        return self._features

    def forward(
        self, images_BHWC: Tensor, language_BL: Tensor | None = None
    ) -> Float[Tensor, "B F"]:
        """Encode images.

        Args:
            images_BHWC: uint8 of shape [B, h, w, 3], at least 16 pixels high and wide.
            language_BL: float32 of shape [B, L]; None exactly where L is 0.

        Raises:
            InvalidInputError: Images or language have another type or shape.
        """
        x_BCHW = _pixels(images_BHWC)
        check_language(language_BL, rows=len(x_BCHW), size=self.language_dim)
        place_2HW = _coordinates(x_BCHW)
        x_BCHW = torch.cat([x_BCHW, place_2HW.expand(len(x_BCHW), -1, -1, -1)], dim=1)
        for stage, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            x_BCHW = norm(convolution(x_BCHW))
            if language_BL is not None:
                x_BCHW = self.films[stage](x_BCHW, language_BL)
            x_BCHW = torch.relu(x_BCHW)
        x_BCP, place_2P = x_BCHW.flatten(2), _coordinates(x_BCHW).flatten(1)
        attention_BCP = (x_BCP * self.sharpness_C1).softmax(-1)
        where_BC2 = attention_BCP @ place_2P.T
        out_BF: Tensor = self.join(torch.cat([x_BCP.mean(-1), where_BC2.flatten(1)], dim=1))
        return out_BF


class ResNetImageEncoder(nn.Module):
    """A ResNet-34 whose every residual block is scaled and shifted by language.

    Args:
        language_dim: L; 0 for none. Language has exactly no effect before it is trained.
        weights: A local safetensors file with the backbone's weights, by torchvision's names for
            its ResNet-34, of a network with group norm in 4 groups on pixels in -1..1. It is read
            once, and what it fills is frozen; FiLM stays free. None for random weights, all free.

    Raises:
        ArtefactError: The file is missing, damaged, or of another network.
        ConfigError: torchvision is not installed.
        InvalidInputError: `language_dim` is negative.

    References:
        He et al., Deep Residual Learning, 2016; Wu and He, Group Normalization, 2018; Perez et
        al., FiLM, 2018. Nakamoto et al., V-GPS, 2024, uses them so. Differs: torchvision's
        definition, so ReLU for swish; no coordinate channels, so that its weights fit; one
        linear layer a block gives both scale and shift.
    """

    def __init__(self, *, language_dim: int = 0, weights: Path | None = None) -> None:
        super().__init__()
        _check_sizes(features=1, language_dim=language_dim)
        self.language_dim = language_dim
        self.backbone: Any = _resnet()  # torchvision has no hints
        widths = tuple(int(block.bn2.num_channels) for block in self._blocks())
        self.films = _films(language_dim, widths)
        self._features = widths[-1]
        if weights is not None:
            _load_backbone(weights, self.backbone)
            self.backbone.requires_grad_(requires_grad=False)

    @property
    def features(self) -> int:
        """F: 512."""
        return self._features

    def forward(
        self, images_BHWC: Tensor, language_BL: Tensor | None = None
    ) -> Float[Tensor, "B F"]:
        """Encode images.

        Args:
            images_BHWC: uint8 of shape [B, h, w, 3], at least 16 pixels high and wide.
            language_BL: float32 of shape [B, L]; None exactly where L is 0.

        Raises:
            InvalidInputError: Images or language have another type or shape.
        """
        x_BCHW, net = _pixels(images_BHWC), self.backbone
        check_language(language_BL, rows=len(x_BCHW), size=self.language_dim)
        x_BCHW = net.maxpool(net.relu(net.bn1(net.conv1(x_BCHW))))
        for index, block in enumerate(self._blocks()):
            x_BCHW = block(x_BCHW)
            if language_BL is not None:
                x_BCHW = self.films[index](x_BCHW, language_BL)
        features_BF: Tensor = x_BCHW.mean((2, 3))
        return features_BF

    def _blocks(self) -> list[Any]:
        net = self.backbone
        return [*net.layer1, *net.layer2, *net.layer3, *net.layer4]


class _Film(nn.Module):
    """Scale and shift each channel by language; at first, leave everything as it is."""

    def __init__(self, language_dim: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(language_dim, 2 * channels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(
        self, x_BCHW: Float[Tensor, "B C h w"], language_BL: Float[Tensor, "B L"]
    ) -> Float[Tensor, "B C h w"]:
        scale, shift = self.linear(language_BL)[:, :, None, None].chunk(2, dim=1)
        return torch.addcmul(shift, x_BCHW, 1 + scale)


def _films(language_dim: int, widths: tuple[int, ...]) -> nn.ModuleList:
    if language_dim == 0:
        return nn.ModuleList()
    return nn.ModuleList(_Film(language_dim, width) for width in widths)


def _check_sizes(*, features: int, language_dim: int) -> None:
    if features < 1:
        raise InvalidInputError.expected("features", ">= 1", features)
    if language_dim < 0:
        raise InvalidInputError.expected("language_dim", ">= 0", language_dim)


def _pixels(images_BHWC: Tensor) -> Float[Tensor, "B 3 h w"]:
    """Return pixels in -1..1, channels first."""
    shape = images_BHWC.shape
    is_image = len(shape) == 4 and shape[3] == 3 and min(shape[1:3]) >= _MIN_PIXELS
    if images_BHWC.dtype != torch.uint8 or not is_image:
        raise InvalidInputError.expected(
            "images",
            f"torch.uint8 of shape [B, h, w, 3] with h, w >= {_MIN_PIXELS}",
            f"{images_BHWC.dtype} of shape {list(shape)}",
        )
    return images_BHWC.permute(0, 3, 1, 2).float() / 127.5 - 1


def _coordinates(x_BCHW: Float[Tensor, "B C h w"]) -> Float[Tensor, "2 h w"]:
    """Return row and column of each cell's centre; the edges of the image are at -1 and 1."""
    sides = [
        (2 * torch.arange(size, device=x_BCHW.device) + 1) / size - 1 for size in x_BCHW.shape[2:]
    ]
    return torch.stack(torch.meshgrid(*sides, indexing="ij"))


def _resnet() -> Any:  # noqa: ANN401  # torchvision has no hints
    """Return torchvision's ResNet-34 with group norm, without its classifier."""
    try:
        # An extra, and slow to load.
        from torchvision.models import resnet34  # type: ignore[import-untyped]  # it has no hints
    except ModuleNotFoundError as error:
        raise ConfigError(
            "image encoder: expected torchvision, got none; type: pip install torchvision"
        ) from error
    net: Any = resnet34(weights=None, norm_layer=lambda width: nn.GroupNorm(_RESNET_GROUPS, width))
    net.fc = nn.Identity()
    return net


def _load_backbone(path: Path, net: nn.Module) -> None:
    """Fill the backbone; nothing of a file that does not fit is read but its header."""
    expected = net.state_dict()
    try:
        with safe_open(path, framework="pt") as file:
            found = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            _check_names(path, found.keys() - set(_CLASSIFIER), expected.keys())
            for name, value in expected.items():
                got = f"{found[name].get_dtype()} of shape {list(found[name].get_shape())}"
                contract = f"F32 of shape {list(value.shape)}"
                if got != contract:
                    raise ArtefactError(f"{path}: {name}: expected {contract}, got {got}")
            weights = {name: file.get_tensor(name) for name in expected}
    except (OSError, SafetensorError) as error:
        raise ArtefactError(f"{path}: expected weights as safetensors, got {error}") from error
    for name, value in weights.items():
        if not bool(value.isfinite().all()):
            raise ArtefactError(f"{path}: {name}: expected finite values, got NaN or Inf")
    net.load_state_dict(weights)


def _check_names(path: Path, got: Set[str], expected: Set[str]) -> None:
    if any(name.endswith(".running_mean") for name in got):
        raise ArtefactError(
            f"{path}: expected a ResNet-34 with group norm, got one with batch norm; its frozen "
            "weights mean nothing without its statistics"
        )
    if wrong := sorted(got ^ expected):
        raise ArtefactError(
            f"{path}: expected the tensors of a ResNet-34, wrong: {len(wrong)}, first {wrong[0]!r}"
        )
