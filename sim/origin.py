"""Where figures come from: which command, commit, machine and versions measured them, and when."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["CODE", "Origin", "code_digest", "commit", "machine", "origins_of", "versions"]

_PACKAGES = (
    "torch",
    "lerobot",
    "mujoco",
    "metaworld",
    "ogbench",
    "gymnasium-robotics",
    "grpcio",
    "numpy",
)
CODE = (
    "sim/evaluate.py",
    "sim/evaluation",
    "sim/plugins.py",
    "sim/seeds.py",
    "sim/server.py",
    "sim/suite.py",
    "sim/tasks",
    "steer/channel.py",
    "steer/checks.py",
    "steer/cli.py",
    "steer/client.py",
    "steer/clock.py",
    "steer/connection.py",
    "steer/critics",
    "steer/embodiment.py",
    "steer/errors.py",
    "steer/history.py",
    "steer/preflight.py",
    "steer/ranges.py",
    "steer/rank",
    "steer/serve",
    "steer/types.py",
    "steer/v1",
    "steer/windows.py",
    "steer/wire",
)
"""What an episode runs through: the code that could move its row."""
_MOVES_NOTHING = (":(exclude)results", ":(exclude)docs", ":(exclude)tests", ":(exclude)*.md")
_KEY = "made_by"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What measured something.

    Attributes:
        command: To type, to measure it again.
        commit: Of the checkout, `-dirty` where files differed; empty for not known.
        machine: In words.
        versions: Of the packages that bear on figures, by name.
        date: Of the beginning, in ISO form.
    """

    command: str
    commit: str
    machine: str
    versions: Mapping[str, str]
    date: str

    @classmethod
    def now(cls, command: str) -> "Origin":
        """Return the origin of what `command` measures here and now."""
        return cls(
            command=command,
            commit=commit(),
            machine=machine(),
            versions=versions(),
            date=datetime.now(UTC).date().isoformat(),
        )

    def entry(self, begun: str = "") -> dict[str, Any]:
        """Return it as a run keeps it in `run.json`, beside those of its other commands.

        Args:
            begun: Instant of the command in ISO form, its name there; without one the name is made
                from what the entry says, and the same one twice is one.
        """
        tree = asdict(self)
        name = begun or sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:12]
        return {_KEY: {name: tree}}


def origins_of(settings: Mapping[str, Any]) -> list[Origin]:
    """Return what made the rows of a run, from its `run.json`, the oldest first."""
    found = [(name, Origin(**tree)) for name, tree in settings.get(_KEY, {}).items()]
    return [origin for _, origin in sorted(found, key=lambda item: (item[1].date, item[0]))]


def code_digest(more: Sequence[str] = ()) -> str:
    """Return a digest of the code that an episode runs through, whether it is committed or not.

    Args:
        more: Files and folders that it runs through besides.
    """
    root, total = Path(__file__).resolve().parents[1], sha256()
    for folder in (*CODE, *more):
        place = root / folder
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            total.update(f"{path.relative_to(root)} ".encode() + path.read_bytes())
    return f"sha256:{total.hexdigest()}"


def commit() -> str:
    """Return the commit of this checkout, `-dirty` where files differ; empty outside of one.

    Documents, tests and what is measured itself move no figure: they make nothing dirty.
    """
    root = Path(__file__).resolve().parents[1]

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    head = git("rev-parse", "--short", "HEAD")
    return head + (
        "-dirty"
        if head and git("status", "--porcelain", "-uno", "--", ".", *_MOVES_NOTHING)
        else ""
    )


def machine() -> str:
    """Return the machine in words."""
    return f"{os.cpu_count()} cores, {platform.machine()}, CPU"


def versions() -> dict[str, str]:
    """Return the versions of the packages that bear on figures."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
