"""Diffusion policy: a one-dimensional U-Net that denoises a chunk; on vectors alone."""

from sim.policies.architectures.base import Architecture, Built, Request, features, processors

__all__ = ["DIFFUSION"]


def _build(request: Request) -> Built:
    from lerobot.policies import get_policy_class, make_policy_config

    inputs = {key: key for key in request.columns.observations}
    config = make_policy_config(
        "diffusion",
        **features(request, inputs),
        n_obs_steps=2,
        horizon=16,
        n_action_steps=8,
        down_dims=(64, 128),
        kernel_size=3,
        n_groups=8,
        diffusion_step_embed_dim=32,
        noise_scheduler_type="DDIM",
        num_inference_steps=request.inference_steps,
    )
    policy = get_policy_class("diffusion")(config)
    pre, post = processors(config, request.columns, inputs)
    return Built(
        policy=policy,
        preprocess=pre,
        postprocess=post,
        inputs=inputs,
        num_observations=2,
        first_action=-1,
        num_actions=16,
    )


DIFFUSION = Architecture(
    name="diffusion",
    build=_build,
    steps=12_000,
    batch_size=128,
    learning_rate=1e-3,
    inference_steps=5,
)
