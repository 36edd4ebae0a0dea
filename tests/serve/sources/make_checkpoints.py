"""Makes tiny LeRobot checkpoints, and what LeRobot itself draws from them. Knows nothing of steer.

    python make_checkpoints.py DIRECTORY

Run in a process of its own, so that the reference shares nothing with what is tested. For each
policy there is a checkpoint `DIRECTORY/<name>` and `DIRECTORY/<name>.reference.safetensors`: the
raw observations, oldest first, and the chunk in robot units for `SEED`.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from lerobot.configs import FeatureType, PolicyFeature
from lerobot.policies import get_policy_class, make_policy_config, make_pre_post_processors
from lerobot.policies.utils import populate_queues
from safetensors.numpy import save_file

SEED = 7
STATE = ("observation.state", FeatureType.STATE, (4,))
ENVIRONMENT = ("observation.environment_state", FeatureType.ENV, (6,))
CAMERA = ("observation.images.top", FeatureType.VISUAL, (3, 64, 64))
UNET = {
    "n_obs_steps": 2,
    "horizon": 8,
    "n_action_steps": 4,
    "down_dims": (16, 32),
    "kernel_size": 3,
    "n_groups": 4,
    "diffusion_step_embed_dim": 16,
}
POLICIES = {
    "diffusion": (
        "diffusion",
        (STATE, ENVIRONMENT),
        {**UNET, "noise_scheduler_type": "DDIM", "num_inference_steps": 3},
    ),
    "diffusion-camera": (
        "diffusion",
        (STATE, CAMERA),
        {**UNET, "noise_scheduler_type": "DDPM", "num_inference_steps": 3},
    ),
    "act": (
        "act",
        (STATE, ENVIRONMENT),
        {
            "chunk_size": 6,
            "n_action_steps": 6,
            "dim_model": 16,
            "n_heads": 2,
            "dim_feedforward": 32,
            "n_encoder_layers": 1,
            "n_vae_encoder_layers": 1,
        },
    ),
    "vqbet": (
        "vqbet",
        (STATE, CAMERA),
        {
            "gpt_n_layer": 1,
            "gpt_n_head": 2,
            "gpt_hidden_dim": 32,
            "gpt_input_dim": 32,
            "gpt_output_dim": 32,
            "bet_softmax_temperature": 5.0,
        },
    ),
    "tdmpc": (
        "tdmpc",
        (STATE, ENVIRONMENT),
        {
            "n_gaussian_samples": 32,
            "n_pi_samples": 8,
            "n_elites": 8,
            "latent_dim": 16,
            "cem_iterations": 2,
        },
    ),
}


def make(name, directory):
    """Write the checkpoint called `name`."""
    policy_type, inputs, options = POLICIES[name]
    features = {key: PolicyFeature(kind, shape) for key, kind, shape in inputs}
    if any(kind is FeatureType.VISUAL for _, kind, _ in inputs):
        options = {**options, "pretrained_backbone_weights": None}
    if policy_type in ("diffusion", "vqbet") and CAMERA in inputs:
        options = {**options, "crop_shape": None}
    config = make_policy_config(
        policy_type,
        input_features=features,
        output_features={"action": PolicyFeature(FeatureType.ACTION, (4,))},
        device="cpu",
        push_to_hub=False,
        **options,
    )
    torch.manual_seed(0)
    policy = get_policy_class(policy_type)(config)
    pre, post = make_pre_post_processors(config, dataset_stats=statistics(inputs))
    for part in (policy, pre, post):
        part.save_pretrained(directory)


def statistics(inputs):
    """Return statistics that a normaliser cannot take for none."""
    shapes = {key: (shape[0], 1, 1) if len(shape) == 3 else shape for key, _, shape in inputs}
    shapes["action"] = (4,)
    return {
        key: {
            "mean": torch.full(shape, 0.25),
            "std": torch.full(shape, 0.5),
            "min": torch.full(shape, -1.5),
            "max": torch.full(shape, 2.0),
        }
        for key, shape in shapes.items()
    }


def draw(name, directory):
    """Return raw observations, and the chunk that LeRobot draws for them and `SEED`."""
    policy_type, inputs, _ = POLICIES[name]
    policy = get_policy_class(policy_type).from_pretrained(directory)
    pre, post = make_pre_post_processors(policy.config, pretrained_path=str(directory))
    observations = raw_observations(inputs, getattr(policy.config, "n_obs_steps", 1))
    policy.reset()
    batch = {}
    for index in range(len(observations["observation.state"])):
        batch = pre({key: model_input(value[index]) for key, value in observations.items()})
        batch = {key: value for key, value in batch.items() if key.startswith("observation.")}
        cameras = [batch[key] for key in policy.config.image_features]
        if cameras and policy_type != "act":
            batch["observation.images"] = torch.stack(cameras, dim=-4)
        if hasattr(policy, "_queues"):  # as select_action does, tick by tick
            policy._queues = populate_queues(policy._queues, batch)
    torch.manual_seed(SEED)
    chunk = policy.predict_action_chunk(batch)
    if policy_type == "tdmpc":
        chunk = chunk.transpose(0, 1)
    return observations, post(chunk).numpy()


def raw_observations(inputs, count):
    """Return what a robot senses in `count` ticks."""
    generator = np.random.default_rng(0)
    observations = {}
    for key, kind, shape in inputs:
        if kind is FeatureType.VISUAL:
            size = (count, *shape[1:], shape[0])
            observations[key] = generator.integers(256, size=size, dtype=np.uint8)
        else:
            observations[key] = generator.standard_normal((count, *shape)).astype(np.float32)
    return observations


def model_input(value):
    """Return one raw array as LeRobot's own robots hand it over."""
    tensor = torch.from_numpy(value)
    return (tensor.type(torch.float32) / 255).permute(2, 0, 1) if tensor.ndim == 3 else tensor


def main():
    """Make all checkpoints and references."""
    torch.set_num_threads(1)
    root = Path(sys.argv[1])
    for name in POLICIES:
        make(name, root / name)
        observations, chunk = draw(name, root / name)
        save_file({**observations, "chunk": chunk}, root / f"{name}.reference.safetensors")


if __name__ == "__main__":
    main()
