"""The `steer` command: parse, build, run, and nothing else.

Each command's own imports are done when it is called, so that `steer --help` is quick and works
without the extras.
"""

import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from steer import __version__
from steer.errors import ConfigError, SteerError

__all__ = ["CardConfig", "main"]

_USAGE, _INTERRUPTED, _PIPE = 2, 130, 141
_EXTRAS = {"lerobot": "train", "pyarrow": "train", "tqdm": "train", "tensorboard": "train"}


@dataclass(frozen=True, kw_only=True)
class CardConfig:
    """Show a critic's card, or write selection defaults or what was measured into it."""

    critic: Path
    """Directory of the critic."""
    margin: float | None = None
    """New default margin, in discounted return, >= 0."""
    beta: float | None = None
    """New default softness of the minimum over members, in discounted return, > 0."""
    weights: dict[str, float] = field(default_factory=dict)
    """New weights of scorers beside the critic, `NAME WEIGHT …`; 0 switches one off."""
    because: str = ""
    """Why; goes into the card. Required with --margin, --beta or --weights."""
    measured: Path | None = None
    """JSON file with what robots did with it; steer/critics/measured.py says how it looks."""

    def __post_init__(self) -> None:
        if (self.margin is not None or self.beta is not None or self.weights) and not self.because:
            raise ConfigError("--because: expected the reason for the new defaults, got nothing")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `steer`.

    Args:
        arguments: Without the program's name; None for the process's own.

    Returns:
        The exit code: 0, 1 for an audit that failed or a decision that differs, 2 for an error that
        the user can mend, 130 after Ctrl-C, 141 where nobody reads on.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    name, rest = (words[0], words[1:]) if words else ("--help", [])
    if name in ("-h", "--help"):
        sys.stdout.write(_help())
        return 0
    if name == "--version":
        name = "version"
    if name not in _COMMANDS:
        known = ", ".join(_COMMANDS)
        sys.stderr.write(f"steer: error: expected one of the commands {known}, got {name!r}\n")
        return _USAGE
    try:
        return _COMMANDS[name].run(rest)
    except BrokenPipeError:  # `steer … --help | head`: who read has gone, and wants no traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE
    except (SteerError, OSError) as error:
        sys.stderr.write(f"steer: error: {error}\n")
        return _USAGE
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module in ("", "steer"):
            raise
        extra = _EXTRAS.get(module, _COMMANDS[name].extra)
        sys.stderr.write(
            f"steer: error: `steer {name}` needs the package {module!r}, which is not installed; "
            f"type: pip install 'vla-steer[{extra}]'\n"
        )
        return _USAGE
    except KeyboardInterrupt:
        sys.stderr.write("steer: stopped\n")
        return _INTERRUPTED


def _serve(arguments: Sequence[str]) -> int:
    config = _parse("serve", "steer.serve.config", "ServeConfig", arguments)
    return int(importlib.import_module("steer.serve.server").serve(config))


def _train(arguments: Sequence[str]) -> int:
    config = _parse("train", "steer.train.config", "TrainConfig", arguments)
    _log_to_stderr()
    importlib.import_module("steer.train.run").train(config)
    return 0


def _audit(arguments: Sequence[str]) -> int:
    config = _parse("audit", "steer.train.audit", "AuditConfig", arguments)
    _log_to_stderr()
    audit = importlib.import_module("steer.train.audit").run
    if config.policy is None:
        return 0 if audit(config) else 1
    blocking = importlib.import_module("steer.serve.sources.blocking")
    with blocking.blocking_draw(config.policy) as policy:
        return 0 if audit(config, policy.draw) else 1


def _candidates(arguments: Sequence[str]) -> int:
    config = _parse("candidates", "steer.train.draw_config", "CandidatesConfig", arguments)
    _log_to_stderr()
    blocking = importlib.import_module("steer.serve.sources.blocking")
    with blocking.blocking_draw(config.policy) as policy:
        importlib.import_module("steer.train.draw").run(config, policy.draw, digest=policy.digest)
    return 0


def _label(arguments: Sequence[str]) -> int:
    config = _parse("label", "steer.train.label_config", "LabelConfig", arguments)
    _log_to_stderr()
    importlib.import_module("steer.train.label").run(config, arguments)
    return 0


def _frames(arguments: Sequence[str]) -> int:
    config = _parse("frames", "steer.train.frames_config", "FramesConfig", arguments)
    _log_to_stderr()
    importlib.import_module("steer.train.decode").run(config)
    return 0


def _novelty(arguments: Sequence[str]) -> int:
    config = _parse("novelty", "steer.train.novelty_config", "NoveltyFitConfig", arguments)
    _log_to_stderr()
    importlib.import_module("steer.train.novelty").run(config)
    return 0


def _head(arguments: Sequence[str]) -> int:
    config = _parse("head", "steer.train.head_config", "HeadConfig", arguments)
    _log_to_stderr()
    importlib.import_module("steer.train.head").run(config)
    return 0


def _card(arguments: Sequence[str]) -> int:
    config: CardConfig = _parse("card", "steer.cli", "CardConfig", arguments)
    artefact = importlib.import_module("steer.critics.artefact")
    card = artefact.load_critic(config.critic).card
    given: dict[str, Any] = {"margin": config.margin, "beta": config.beta}
    changed = {name: value for name, value in given.items() if value is not None}
    if config.weights:
        changed["weights"] = {**card.selection.weights, **config.weights}
    written = card
    if config.measured:
        found = importlib.import_module("steer.critics.measured").read_measured(config.measured)
        card = replace(card, measured=found)
    if changed:
        selection = replace(card.selection, **changed)
        training = {**card.training, "selection_because": config.because}
        card = replace(card, selection=selection, training=training)
    if card != written:
        artefact.update_card(config.critic, card)
    sys.stdout.write(card.to_json())
    return 0


def _replay(arguments: Sequence[str]) -> int:
    config = _parse("replay", "steer.serve.replay_config", "ReplayConfig", arguments)
    return int(importlib.import_module("steer.serve.replay").run(config, sys.stdout))


def _version(arguments: Sequence[str]) -> int:
    if arguments:
        raise ConfigError(f"version: expected no options, got {' '.join(arguments)!r}")
    sys.stdout.write(f"steer {__version__}\n")
    return 0


def _log_to_stderr() -> None:
    """Show what a command says on its way: warnings of the data, where things were written."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")


def _parse(command: str, module: str, name: str, arguments: Sequence[str]) -> Any:  # noqa: ANN401
    """Return the command's configuration; leaves with exit code 2 on a wrong option."""
    import tyro  # an extra, and slow to load

    return tyro.cli(
        getattr(importlib.import_module(module), name), prog=f"steer {command}", args=arguments
    )


@dataclass(frozen=True)
class _Command:
    """One command: what it is for, the extra that it needs, and what runs it."""

    summary: str
    extra: str
    run: Callable[[Sequence[str]], int]


_COMMANDS = {
    "serve": _Command("serve critics, and policies if there are any, to robots", "server", _serve),
    "label": _Command("label a LeRobotDataset, in a copy, and say how sure", "train", _label),
    "train": _Command("train a critic on a LeRobotDataset", "train", _train),
    "audit": _Command("judge a critic before any robot runs it", "train", _audit),
    "candidates": _Command("draw a policy's candidates in recorded states", "train", _candidates),
    "frames": _Command("decode what cameras saw, for a critic that looks", "train", _frames),
    "novelty": _Command("count what a critic's data hold, to weigh what is new", "train", _novelty),
    "head": _Command("train a head that betters chunks at the newest look", "train", _head),
    "card": _Command("show a critic's card, or set its margin", "server", _card),
    "replay": _Command("recompute and explain the decisions of a log", "server", _replay),
    "version": _Command("say which version this is", "server", _version),
}


def _help() -> str:
    lines = [f"  {name:<11}{command.summary}" for name, command in _COMMANDS.items()]
    text = "\n".join(lines)
    return f"usage: steer COMMAND …\n\ncommands:\n{text}\n\n`steer COMMAND --help` tells more.\n"


if __name__ == "__main__":
    raise SystemExit(main())
