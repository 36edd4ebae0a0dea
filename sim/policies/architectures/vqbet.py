"""VQ-BeT: a transformer that draws one of a few learned codes, each a chunk of actions.

LeRobot's class wants exactly one camera, with a ResNet-18 behind it. There is no time to train it
on one core, so it stays as it was drawn: random features, encoded once for each picture. What the
policy does not see in them it is given as numbers.

Shapes: `B` pictures, `F` features.
"""

from typing import Any

import torch
from torch import Tensor, nn

from sim.policies.architectures.base import (
    ENVIRONMENT,
    STATE,
    Architecture,
    Built,
    Request,
    features,
    processors,
)

__all__ = ["VQBET"]

_CHUNK = 16
_CODE_BOOK_STEPS = 1_500
_TEMPERATURE = 0.5


def _build(request: Request) -> Built:
    from lerobot.policies import get_policy_class, make_policy_config

    inputs = {ENVIRONMENT: STATE}  # the class does not look at ENV
    code_book_steps = min(_CODE_BOOK_STEPS, request.steps // 2)
    config: Any = make_policy_config(
        "vqbet",
        **features(request, inputs),
        pretrained_backbone_weights=None,  # LeRobot would download them
        crop_shape=None,
        n_obs_steps=1,
        n_action_pred_token=1,
        action_chunk_size=_CHUNK,
        spatial_softmax_num_keypoints=16,
        n_vqvae_training_steps=code_book_steps,
        vqvae_n_embed=16,
        vqvae_embedding_dim=64,
        gpt_block_size=8,
        gpt_input_dim=192,
        gpt_output_dim=192,
        gpt_hidden_dim=192,
        gpt_n_layer=4,
        gpt_n_head=4,
        dropout=0.0,
        offset_loss_weight=100.0,
        bet_softmax_temperature=_TEMPERATURE,
    )
    policy: Any = get_policy_class("vqbet")(config)
    pre, post = processors(config, request.columns, inputs)
    eye = _FrozenEye(policy.vqbet.rgb_encoder)
    return Built(
        policy=policy,
        preprocess=pre,
        postprocess=post,
        inputs=inputs,
        num_observations=1,
        first_action=0,
        num_actions=_CHUNK,
        encode=eye.encode,
        resumed=lambda step: _resume(policy, step),
        finish=eye.put_back,
        coarse=(eye.backbone,),
    )


class _FrozenEye:
    """The untrained part of LeRobot's picture encoder, taken out of it while the rest is trained.

    Its weights are rounded to what eight bits hold, so that the checkpoint keeps them whole in a
    quarter of the space.

    Args:
        encoder: LeRobot's `VQBeTRgbEncoder`; left without its eye until `put_back`.
    """

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self.backbone = encoder.backbone.eval().requires_grad_(requires_grad=False)
        self._pool = encoder.pool.eval().requires_grad_(requires_grad=False)
        with torch.no_grad():
            for weight in self.backbone.parameters():
                weight.copy_(weight.to(torch.float8_e5m2))
        encoder.backbone, encoder.pool = nn.Identity(), nn.Identity()

    def encode(self, pictures: Tensor) -> Tensor:
        """Return features that the encoder without its eye takes for pictures: [B, F, 1, 1]."""
        found: Tensor = self._pool(self.backbone(pictures))
        return found.flatten(start_dim=1)[..., None, None]

    def put_back(self) -> None:
        """Make the encoder whole again."""
        self._encoder.backbone, self._encoder.pool = self.backbone, self._pool


def _resume(policy: Any, step: int) -> None:
    """Bring the code book to where it was, of which LeRobot keeps a part in plain attributes."""
    codes = policy.vqbet.action_head.vqvae_model
    codes.optimized_steps = step
    if codes.discretized:
        codes.eval()
        codes.vq_layer.requires_grad_(requires_grad=False)


VQBET = Architecture(
    name="vqbet",
    build=_build,
    steps=20_000,
    batch_size=128,
    learning_rate=1e-3,
    needs_pictures=True,
)
