"""Multi-task diffusion transformer, with flow matching: one policy for tasks told apart by words.

LeRobot's class reads through a frozen CLIP text encoder. Ours is tiny and has random weights: all
that is asked of it is that other words give other numbers, the rest is learned behind it.
"""

from pathlib import Path
from typing import Any

from sim.policies.architectures.base import (
    ENVIRONMENT,
    STATE,
    Architecture,
    Built,
    Request,
    features,
    processors,
    set_option,
)
from sim.policies.architectures.words import END, PADDING, START, make_tokenizer

__all__ = ["DIT"]

_HORIZON = 16
_TEXT = "tiny-clip"  # LeRobot takes no name without "clip"
_MAX_TOKENS = 32


def _build(request: Request) -> Built:
    from lerobot.policies import get_policy_class, make_policy_config

    directory = _make_text_encoder(request.directory / _TEXT)
    inputs = {ENVIRONMENT: STATE}  # the class does not look at ENV
    config: Any = make_policy_config(
        "multi_task_dit",
        **features(request, inputs),
        n_obs_steps=1,
        horizon=_HORIZON,
        n_action_steps=_HORIZON,
        objective="flow_matching",
        num_integration_steps=request.inference_steps,
        hidden_dim=96,
        num_layers=4,
        num_heads=4,
        dropout=0.0,
        timestep_embed_dim=64,
        text_encoder_name=str(directory),
        tokenizer_max_length=_MAX_TOKENS,
    )
    policy = get_policy_class("multi_task_dit")(config)
    pre, post = processors(config, request.columns, inputs)
    config.text_encoder_name = config.vision_encoder_name = _TEXT
    set_option(pre, "tokenizer_name", _TEXT)
    return Built(
        policy=policy,
        preprocess=pre,
        postprocess=post,
        inputs=inputs,
        num_observations=1,
        first_action=0,
        num_actions=_HORIZON,
        assets=(directory,),
    )


def _make_text_encoder(directory: Path) -> Path:
    """Write a CLIP text model with random weights, and its tokenizer."""
    import transformers

    library: Any = transformers  # its classes do not tell their parameters
    tokenizer = make_tokenizer()
    ids = tokenizer.convert_tokens_to_ids
    config = library.CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=_MAX_TOKENS,
        pad_token_id=ids(PADDING),
        bos_token_id=ids(START),
        eos_token_id=ids(END),
    )
    library.CLIPTextModel(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


DIT = Architecture(
    name="dit",
    build=_build,
    steps=12_000,
    batch_size=128,
    learning_rate=1e-3,
    inference_steps=4,
    reads_text=True,
)
