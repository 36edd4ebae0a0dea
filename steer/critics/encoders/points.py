"""Encoder of point clouds: sets of points, of any number and order, some of which may be missing.

Shape legend: B observations, P points, C = 3 or 6 numbers of a point, W width, F features.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from steer.clouds import FAR_M
from steer.critics.encoders.state import floored_std
from steer.errors import InvalidInputError

__all__ = ["PointEncoder"]

_WIDTHS = (64, 128)
"""Of the layers that every point goes through alone."""


class PointEncoder(nn.Module):
    """The same small MLP for each point, then maximum and mean over all of them.

    A point with a number that is not finite, or beyond `FAR_M`, is none. Points are centred and
    scaled as `fit` says: by one factor along all axes, so that shapes stay what they are.

    Args:
        features: F.
        has_normals: Whether a point is its position and its normal, or its position alone.

    Raises:
        InvalidInputError: `features` is not positive.

    References:
        Qi et al., PointNet, 2017, section 4.2. Differs: no learned alignment, the mean beside the
        maximum, layer norm for batch norm, a learned vector for an empty cloud.
    """

    centre_3: Tensor
    scale: Tensor

    def __init__(self, *, features: int = 128, has_normals: bool = False) -> None:
        super().__init__()
        if features < 1:
            raise InvalidInputError.expected("features", ">= 1", features)
        self._features, self._numbers = features, 6 if has_normals else 3
        self.register_buffer("centre_3", torch.zeros(3))
        self.register_buffer("scale", torch.ones(()))
        layers: list[nn.Module] = []
        inputs = self._numbers
        for width in _WIDTHS:
            layers += [nn.Linear(inputs, width), nn.LayerNorm(width), nn.ReLU()]
            inputs = width
        self.each = nn.Sequential(*layers)
        self.join = nn.Linear(2 * inputs, features)
        self.empty_F = nn.Parameter(torch.randn(features) * 0.02)

    @property
    def features(self) -> int:
        """F."""
        return self._features

    def fit(self, points_BPC: Tensor) -> None:
        """Set centre and scale from a dataset's clouds.

        Args:
            points_BPC: float32 of shape [B, P, C], in metres; NaN where there is no point.

        Raises:
            InvalidInputError: Another type or shape, or there is not a single point.
        """
        is_point_BP = self._is_point(points_BPC)
        if not bool(is_point_BP.any()):
            raise InvalidInputError.expected("points", "at least one to fit to", "none")
        position_X3 = points_BPC[is_point_BP][:, :3]
        self.centre_3.copy_(position_X3.mean(0))
        self.scale.copy_(floored_std((position_X3 - self.centre_3).reshape(-1, 1))[0])

    def forward(self, points_BPC: Tensor) -> Float[Tensor, "B F"]:
        """Encode clouds; neither their order nor what stands in for a missing point matters.

        Args:
            points_BPC: float32 of shape [B, P, C], in metres; NaN where there is no point.

        Raises:
            InvalidInputError: The points have another type or shape.
        """
        is_point_BP = self._is_point(points_BPC)
        is_point_BP1 = is_point_BP.unsqueeze(-1)
        if points_BPC.shape[1] == 0:
            return self.empty_F.expand(len(points_BPC), -1)
        # Zeros before the first product: what is NaN once has a gradient that is NaN.
        known_BPC = points_BPC.where(is_point_BP1, torch.zeros_like(points_BPC))
        position_BP3 = (known_BPC[..., :3] - self.centre_3) / self.scale
        each_BPW = self.each(torch.cat([position_BP3, known_BPC[..., 3:]], dim=-1))
        each_BPW = each_BPW.masked_fill(~is_point_BP1, 0.0)  # the least that ReLU gives
        num_B1 = is_point_BP.sum(1, keepdim=True)
        mean_BW = each_BPW.sum(1) / num_B1.clamp_min(1)
        out_BF = self.join(torch.cat([each_BPW.amax(1), mean_BW], dim=1))
        return torch.where(num_B1 > 0, out_BF, self.empty_F)

    def _is_point(self, points_BPC: Tensor) -> Bool[Tensor, "B P"]:
        shape = points_BPC.shape
        if points_BPC.dtype != torch.float32 or len(shape) != 3 or shape[2] != self._numbers:
            raise InvalidInputError.expected(
                "points",
                f"torch.float32 of shape [B, P, {self._numbers}]",
                f"{points_BPC.dtype} of shape {list(shape)}",
            )
        return (points_BPC.abs() <= FAR_M).all(-1)  # NaN fails it too
