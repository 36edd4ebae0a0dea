"""Says whether files that could move a figure have changed since a commit."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["has_moved", "pins_of"]

LOCK = "requirements.lock"
IDLE = ("imageio-ffmpeg==",)
"""How lines of packages begin that no figure ever rested on: one that is gone moves none."""


def has_moved(root: Path, commit: str, paths: Sequence[str]) -> bool:
    """Say whether a path differs from what it was; so does one of a commit that is not known.

    A lock differs where its lines do, but for more files of a release that it pinned before, and
    for packages of `IDLE` that are gone.

    Args:
        root: Of the repository.
        commit: To compare the working tree with.
        paths: From the root; `requirements.lock` is read, all else is compared byte for byte.
    """
    code = [path for path in paths if path != LOCK]
    done = _git(root, "diff", "--quiet", commit, "--", *code) if code else None
    if done is not None and done.returncode != 0:
        return True  # 1: changed; 128: the commit is not known here
    if LOCK not in paths:
        return False
    before, after = _git(root, "show", f"{commit}:{LOCK}"), root / LOCK
    if before.returncode != 0 or not after.exists():
        return True
    then, now = pins_of(before.stdout), pins_of(after.read_text())
    gone = {line for line in then.keys() - now.keys() if not line.startswith(IDLE)}
    return bool(gone or now.keys() - then.keys()) or any(
        not files <= now[line] for line, files in then.items() if line in now
    )


def pins_of(lock: str) -> Mapping[str, frozenset[str]]:
    """Return what a lock asks for, each line with the hashes below it, without comments."""
    found: dict[str, set[str]] = {}
    line = ""
    for text in (part.strip(" \\") for part in lock.splitlines()):
        if text.startswith("--hash="):
            found.setdefault(line, set()).add(text)
        elif text and not text.startswith("#"):
            line = text
            found.setdefault(line, set())
    return {name: frozenset(files) for name, files in found.items()}


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
