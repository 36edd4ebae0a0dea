"""ACT: a transformer that decodes a chunk at once. Deterministic: its latent is 0 when it draws."""

from sim.policies.architectures.base import (
    ENVIRONMENT,
    STATE,
    Architecture,
    Built,
    Request,
    features,
    processors,
)

__all__ = ["ACT"]

_CHUNK = 16


def _build(request: Request) -> Built:
    from lerobot.policies import get_policy_class, make_policy_config

    # The environment holds the robot's own state too, but LeRobot's class fails without STATE.
    inputs = {key: key for key in (STATE, ENVIRONMENT)}
    config = make_policy_config(
        "act",
        **features(request, inputs),
        pretrained_backbone_weights=None,  # there is no camera; LeRobot would download them
        chunk_size=_CHUNK,
        n_action_steps=_CHUNK,
        dim_model=128,
        n_heads=4,
        dim_feedforward=256,
        n_encoder_layers=2,
        n_decoder_layers=1,
        use_vae=True,
        latent_dim=16,
        n_vae_encoder_layers=1,
        dropout=0.0,
    )
    policy = get_policy_class("act")(config)
    pre, post = processors(config, request.columns, inputs)
    return Built(
        policy=policy,
        preprocess=pre,
        postprocess=post,
        inputs=inputs,
        num_observations=0,
        first_action=0,
        num_actions=_CHUNK,
    )


ACT = Architecture(name="act", build=_build, steps=12_000, batch_size=64, learning_rate=5e-4)
