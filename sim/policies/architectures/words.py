"""A tokenizer for the tiny language models that are made here, without anything downloaded.

Words of the suite's tasks are a token each, others are spelled: a policy is given whatever wording
a robot sends.
"""

import re
import string
from typing import Any

from sim.tasks import TASKS

__all__ = ["END", "IMAGE", "PADDING", "START", "make_tokenizer"]

PADDING = "<pad>"
UNKNOWN = "<unk>"
START = "<start>"
END = "<end>"
IMAGE = "<image>"
AROUND_IMAGE = "<around-image>"
WHOLE_IMAGE = "<whole-image>"
_SPECIAL = (PADDING, UNKNOWN, START, END, IMAGE, AROUND_IMAGE, WHOLE_IMAGE)
_MAX_LENGTH = 64


def make_tokenizer() -> Any:
    """Return a fast tokenizer of `transformers`; token ids are the places in a fixed list."""
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    library: Any = transformers  # its classes have no hints

    texts = " ".join(f"{spec.instruction} {spec.paraphrase}" for spec in TASKS.values())
    words = sorted(set(re.findall(r"[a-z0-9]+", texts.lower())))
    signs = sorted(string.ascii_lowercase + string.digits + ".,;:'-")
    pieces = [*signs, *(f"##{sign}" for sign in signs), *(word for word in words if len(word) > 1)]
    vocabulary = {token: index for index, token in enumerate((*_SPECIAL, *pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        special_tokens=[(token, vocabulary[token]) for token in (START, END)],
    )
    return library.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PADDING,
        unk_token=UNKNOWN,
        bos_token=START,
        eos_token=END,
        model_max_length=_MAX_LENGTH,
        # Names under which LeRobot's and transformers' classes look for them.
        extra_special_tokens={
            "image_token": IMAGE,
            "fake_image_token": AROUND_IMAGE,
            "global_image_token": WHOLE_IMAGE,
            "end_of_utterance_token": END,
        },
    )
