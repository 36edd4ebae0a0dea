"""Replays episodes of runs of the bench, for `sim.confirm`."""

import json
import random
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from sim.origin import origins_of
from sim.realtime import __main__ as realtime
from sim.realtime.bench import Rows
from sim.realtime.row import Key, Row
from steer.errors import ConfigError

__all__ = ["bench_runs_below", "differing", "replay_bench", "words_again"]

_COMMAND = ("python", "-m", "sim.realtime", "bench")
_READ = ("signals", "unread")
"""What monitors read of an episode is no figure of the bench, and moves nothing in it."""
_SHOWN = 20


def bench_runs_below(root: Path) -> list[Path]:
    """Return the directories of the runs below one that `sim.realtime bench` made."""
    found = (path.parent for path in sorted(root.rglob("run.json")))
    return [run for run in found if (run / "rows.jsonl").is_file() and _words(run) is not None]


def _words(run: Path) -> list[str] | None:
    """Return the command that made a run's last rows; None where it is another one's."""
    origins = origins_of(json.loads((run / "run.json").read_text()))
    words = shlex.split(origins[-1].command) if origins else []
    return words[3:] if tuple(words[: len(_COMMAND)]) == _COMMAND else None


def words_again(words: Sequence[str], *, each: int, output: Path, seed: str) -> list[str]:
    """Return the command of a run for some of its seeds in a row, of each cell, method and delay.

    Args:
        words: `bench` and its options.
        each: How many seeds; all where there are fewer.
        output: Of the replay.
        seed: The same one takes the same.
    """
    first, episodes = (
        int(words[words.index(name) + 1]) if name in words else default
        for name, default in (("--first", 0), ("--episodes", 20))
    )
    each = min(each, episodes)
    begin = first + random.Random(seed).randrange(episodes - each + 1)  # no secret
    again = {"--first": str(begin), "--episodes": str(each), "--output": str(output)}
    kept = [
        word
        for index, word in enumerate(words)
        if word not in again and (index == 0 or words[index - 1] not in again)
    ]
    return [*kept, *(word for option in again.items() for word in option)]


def differing(published: Iterable[Row], replayed: Iterable[Row]) -> list[Key]:
    """Return the keys of rows that did not come out as they were, but for what monitors read."""
    known = {row.key: _facts(row) for row in published}
    return [row.key for row in replayed if known.get(row.key) != _facts(row)]


def _facts(row: Row) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if name not in _READ}


def replay_bench(run: Path, *, each: int, work: Path, code: str) -> dict[str, Any]:
    """Replay some episodes of a run; return what `confirmed.json` says of it.

    Raises:
        ConfigError: The bench did not come to its end; it has said why.
    """
    words, file = _words(run), run / "rows.jsonl"
    if words is None:
        raise ConfigError(f"{run}: expected a run of the bench, got another command's")
    status = realtime.main(words_again(words, each=each, output=work, seed=code))
    if status:
        raise ConfigError(f"{run}: expected the bench to end, got exit code {status}")
    published, replayed = Rows(file).rows, Rows(work / "rows.jsonl").rows
    others = differing(published, replayed)
    return {
        "rows_sha256": sha256(file.read_bytes()).hexdigest(),
        "episodes": len(published),
        "replayed": len(replayed),
        "different": len(others),
        "which": ["/".join(map(str, key)) for key in sorted(others)[:_SHOWN]],
    }
