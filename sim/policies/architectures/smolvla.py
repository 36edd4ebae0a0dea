"""SmolVLA: a language model that sees and reads, and an expert that denoises actions beside it.

LeRobot's class, with a model of random weights and a few hundred thousand of them, built here: it
is the interface and the kind of a large one, not its knowledge.
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
from sim.policies.architectures.words import IMAGE, PADDING, make_tokenizer

__all__ = ["SMOLVLA"]

_CHUNK = 16
_MODEL = "tiny-vlm"
_LAYERS = 4
_MAX_TOKENS = 24


def _build(request: Request) -> Built:
    from lerobot.policies import get_policy_class, make_policy_config

    assert request.picture is not None
    _, (height, width, _) = request.picture
    directory = _make_language_model(request.directory / _MODEL, image_size=height)
    inputs = {ENVIRONMENT: STATE}  # the class does not look at ENV
    config: Any = make_policy_config(
        "smolvla",
        **features(request, inputs),
        vlm_model_name=str(directory),
        load_vlm_weights=False,
        num_vlm_layers=_LAYERS,
        resize_imgs_with_padding=(width, height),
        chunk_size=_CHUNK,
        n_action_steps=_CHUNK,
        num_steps=request.inference_steps,
        max_state_dim=request.columns.observations[ENVIRONMENT].shape[1],
        max_action_dim=request.columns.actions.shape[1],
        train_expert_only=False,
        freeze_vision_encoder=False,
        tokenizer_max_length=_MAX_TOKENS,
        pad_language_to="max_length",
        expert_width_multiplier=1.0,
    )
    policy = get_policy_class("smolvla")(config)
    pre, post = processors(config, request.columns, inputs)
    config.vlm_model_name = _MODEL
    set_option(pre, "tokenizer_name", _MODEL)
    return Built(
        policy=policy,
        preprocess=pre,
        postprocess=post,
        inputs=inputs,
        num_observations=0,
        first_action=0,
        num_actions=_CHUNK,
        assets=(directory,),
    )


def _make_language_model(directory: Path, *, image_size: int) -> Path:
    """Write the configuration of a small SmolVLM, and its tokenizer and processor.

    A picture becomes 16 patches, and these 4 tokens.
    """
    import transformers

    library: Any = transformers  # its classes do not tell their parameters

    tokenizer = make_tokenizer()
    padding, image = tokenizer.convert_tokens_to_ids([PADDING, IMAGE])
    library.SmolVLMProcessor(
        image_processor=library.SmolVLMImageProcessor(),
        tokenizer=tokenizer,
        video_processor=library.SmolVLMVideoProcessor(),
        image_seq_len=4,
        chat_template="{{ messages }}",  # there must be one; nobody chats
    ).save_pretrained(directory)
    library.SmolVLMConfig(
        scale_factor=2,
        image_token_id=image,
        pad_token_id=padding,
        text_config={
            "model_type": "llama",
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": _LAYERS,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 256,
            "pad_token_id": padding,
        },
        vision_config={
            "model_type": "smolvlm_vision",
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": image_size,
            "patch_size": image_size // 4,
        },
    ).save_pretrained(directory)
    return directory


SMOLVLA = Architecture(
    name="smolvla",
    build=_build,
    steps=15_000,
    batch_size=64,
    learning_rate=1e-3,
    inference_steps=4,
    needs_pictures=True,
    reads_text=True,
)
