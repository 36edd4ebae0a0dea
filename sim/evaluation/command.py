"""What a command line of `python -m sim.evaluate` asks for: what to run, steered how, by whom."""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

from sim.evaluation.arms import ARMS, arms_of
from sim.evaluation.campaign import Campaign
from sim.evaluation.cells import Limit
from sim.evaluation.plan import Block, Evaluation, Todo, only_arms
from sim.evaluation.serving import serving
from sim.evaluation.steering import add_steering, steering_of
from sim.evaluation.suites import FIRST, SUITES, suite
from sim.evaluation.tuned import Tuned, check_test_run
from sim.evaluation.verdicts import Verdicts
from sim.seeds import Split
from sim.suite import ARTEFACTS, cells_of, critic_path
from sim.tasks import spec_of
from steer.errors import InvalidInputError
from steer.wire.session import ServerDescription

__all__ = ["campaign_of", "evaluation_of", "options_of"]

_ARMS = "alone,random,steered"


def options_of(
    arguments: Sequence[str] | None, description: str | None = None
) -> argparse.Namespace:
    """Parse a command line; `description` is that of its help."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.evaluate",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_argument_group("what to run")
    what.add_argument("--suite", choices=SUITES, help="a run that has a name")
    what.add_argument(
        "--cells", help="POLICY/TASK,…, with * for any; FILE.py:NAME for one of your own"
    )
    what.add_argument(
        "--arms",
        help=f"comma-separated, of {', '.join(ARMS)} (default: {_ARMS}; of a suite all its own)",
    )
    what.add_argument("--episodes", type=int, help="a cell and arm (default: 100, or the suite's)")
    what.add_argument(
        "--detect", type=float, default=0.15, help="gain that the run should find (default: 0.15)"
    )
    what.add_argument(
        "--limit",
        choices=get_args(Limit),
        help="whose step limit: the suite's tasks (default), or their packages' own",
    )
    what.add_argument("--seeds", choices=get_args(Split), default="test", help="default: test")
    what.add_argument(
        "--first", type=int, help="seeds of the split to skip (default: 0, or the suite's)"
    )
    add_steering(parser)
    run = parser.add_argument_group("how to run")
    run.add_argument("--workers", type=int, default=4, help="parallel robots (default: 4)")
    run.add_argument("--policy-workers", type=int, default=2, help="of the server (default: 2)")
    run.add_argument(
        "--minutes", type=float, help="begin no seed of a cell after so long (exit code 3)"
    )
    run.add_argument("--shard", default="1/1", metavar="I/N", help="a part of the seeds")
    run.add_argument(
        "--sequential", action="store_true", help="end a cell once its verdict is clear"
    )
    run.add_argument("--server", help="HOST:PORT of a running server (default: start one)")
    run.add_argument("--artefacts", type=Path, default=ARTEFACTS, help="critics and policies")
    run.add_argument("--logs", type=int, default=0, help="seeds a cell with decision logs")
    run.add_argument("--output", type=Path, required=True, help="directory of the run")
    return parser.parse_args(arguments)


def evaluation_of(options: argparse.Namespace) -> Evaluation:
    """Return what it asks to be run.

    Raises:
        InvalidInputError: It cannot be run so.
    """
    if (options.suite is None) == (options.cells is None):
        raise InvalidInputError.expected("options", "one of --suite and --cells", "both or none")
    for name in ("workers", "policy_workers"):
        if getattr(options, name) < 1:
            shown = "--" + name.replace("_", "-")
            raise InvalidInputError.expected(shown, ">= 1", getattr(options, name))
    return Evaluation(
        blocks=_blocks(options),
        split=options.seeds,
        first=_first(options),
        settings=steering_of(options, Tuned.load(options.artefacts).settings),
        shard=_shard(options.shard),
    )


def _first(options: argparse.Namespace) -> int:
    if options.first is None:
        return FIRST.get(options.suite, 0) if options.seeds == "test" else 0
    first: int = options.first
    return first


def _blocks(options: argparse.Namespace) -> tuple[Block, ...]:
    if options.suite:
        if options.limit is not None:
            raise InvalidInputError.expected("--limit", "none with --suite", options.limit)
        blocks = suite(options.suite)
        if options.arms is not None:
            blocks = only_arms(blocks, arms_of(options.arms))
        if options.episodes is None:
            return blocks
        return tuple(replace(block, num_episodes=options.episodes) for block in blocks)
    return (
        Block(
            cells=cells_of(options.cells),
            arms=arms_of(options.arms or _ARMS),
            num_episodes=100 if options.episodes is None else options.episodes,
            limit=options.limit or "task",
        ),
    )


def _shard(text: str) -> tuple[int, int]:
    part, slash, parts = text.partition("/")
    if not (slash and part.isdigit() and parts.isdigit()):
        raise InvalidInputError.expected("--shard", "I/N with 1 <= I <= N", repr(text))
    return int(part) - 1, int(parts)


def _critics(options: argparse.Namespace, evaluation: Evaluation) -> dict[str, Path]:
    pairs = [text.partition("=") for text in options.critic]
    tasks = sorted({spec_of(task).name for task in evaluation.tasks})
    if pairs and options.server:
        raise InvalidInputError.expected("--critic", "none with --server, which has its own", pairs)
    for task, equals, path in pairs:
        if not (task in tasks and equals):
            contract = f"TASK=DIR with a task of {', '.join(tasks)}"
            raise InvalidInputError.expected("--critic", contract, f"{task}{equals}{path}")
        if not (Path(path) / "card.json").is_file():
            raise InvalidInputError.expected("--critic", "the directory of a critic", path)
    return {task: Path(path) for task, _, path in pairs}


def campaign_of(
    options: argparse.Namespace, evaluation: Evaluation, verdicts: Verdicts | None = None
) -> Campaign:
    """Return what runs it.

    Args:
        options: Of the command line.
        evaluation: That they ask for, or a part of it.
        verdicts: Of a sequential run.

    Raises:
        InvalidInputError: A critic or a key to blank is not there.
    """
    tuned, critics = Tuned.load(options.artefacts), _critics(options, evaluation)

    @contextmanager
    def serve(todo: Sequence[Todo]) -> Iterator[str]:
        if options.server:
            yield options.server
            return
        with serving(
            todo,
            log=options.output / "server.log",
            artefacts=options.artefacts,
            critics=critics,
            policy_workers=options.policy_workers,
            allow_unaudited=True,
        ) as server:
            yield server.address

    def critic_of(task: str) -> Path:
        return critics.get(task, critic_path(task, options.artefacts))

    def check(description: ServerDescription) -> None:
        check_test_run(evaluation, tuned, description, critic_of)

    if options.blank and not options.server:
        _check_blank(options.blank, evaluation, critic_of)
    return Campaign(
        evaluation=evaluation,
        output=options.output,
        serve=serve,
        num_workers=options.workers,
        budget_s=None if options.minutes is None else 60 * options.minutes,
        check=check,
        is_wanted=verdicts.is_wanted if verdicts else lambda todo: True,
        on_row=verdicts.take if verdicts else lambda row: None,
        logged_seeds=options.logs,
        given={} if options.server else {"critic_weights": _weights_of(evaluation, critic_of)},
    )


def _weights_of(evaluation: Evaluation, critic_of: Callable[[str], Path]) -> dict[str, str]:
    """Return the digest of each critic's weights, by task; none of a critic that is not there."""
    found = {}
    for task in sorted({spec_of(task).name for task in evaluation.tasks}):
        card = critic_of(task) / "card.json"
        if card.is_file():
            found[task] = json.loads(card.read_text()).get("weights_sha256", "")
    return found


def _check_blank(key: str, evaluation: Evaluation, critic_of: Callable[[str], Path]) -> None:
    """Refuse a key that a critic does not look at, before a row is said to be without it."""
    for task in sorted({spec_of(task).name for task in evaluation.tasks}):
        card = critic_of(task) / "card.json"
        tree = json.loads(card.read_text()) if card.is_file() else {}
        seen = [item["name"] for item in tree.get("embodiment", {}).get("observations", ())]
        if tree and key not in seen:
            contract = f"what the critic of {task} looks at, of {', '.join(seen)}"
            raise InvalidInputError.expected("--blank", contract, repr(key))
