"""The options of an evaluation that say how robots are steered."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from sim.evaluation.arms import Settings
from steer.errors import InvalidInputError

__all__ = ["add_steering", "steering_of"]


def add_steering(parser: argparse.ArgumentParser) -> None:
    """Add the options; what is not given stays as it was tuned."""
    how = parser.add_argument_group("how to steer (default: as tuned; else not on test seeds)")
    how.add_argument("--candidates", type=int, help="N")
    how.add_argument("--margin", type=float, help="of the gate")
    how.add_argument("--beta", type=float, help="of the soft minimum")
    how.add_argument(
        "--weight",
        action="append",
        default=[],
        metavar="SCORER=W",
        help="of a scorer beside the critic",
    )
    how.add_argument("--fitted", type=int, help="candidates made from those drawn (default: 0)")
    how.add_argument(
        "--adaptive", action="store_true", default=None, help="draw N only where it is not clear"
    )
    how.add_argument(
        "--paraphrase",
        action="store_true",
        default=None,
        help="draw half of them under the task's other wording",
    )
    how.add_argument(
        "--blank", metavar="KEY", help="a control: the critic gets zeros for this observation"
    )
    how.add_argument("--critic", action="append", default=[], metavar="TASK=DIR", help="your own")


def steering_of(options: argparse.Namespace, tuned: Settings) -> Settings:
    """Return the settings that the options ask for.

    Args:
        options: What `add_steering` added, parsed.
        tuned: What holds where nothing is said.

    Raises:
        InvalidInputError: One is out of its range.
    """
    if options.candidates is not None and options.candidates < 1:
        raise InvalidInputError.expected("--candidates", ">= 1", options.candidates)
    if options.fitted is not None and options.fitted < 0:
        raise InvalidInputError.expected("--fitted", ">= 0", options.fitted)
    given = {
        "num_candidates": options.candidates,
        "margin": options.margin,
        "beta": options.beta,
        "weights": _weights(options.weight) or None,
        "num_fitted": options.fitted,
        "adaptive": options.adaptive,
        "paraphrase": options.paraphrase,
        "blank": options.blank,
    }
    return replace(tuned, **{k: v for k, v in given.items() if v is not None})


def _weights(given: Sequence[str]) -> dict[str, float]:
    found = {}
    for text in given:
        name, _, number = text.partition("=")
        try:
            found[name] = float(number)
        except ValueError:
            raise InvalidInputError.expected("--weight", "SCORER=W", repr(text)) from None
    return found
