"""Says whether files that could move a figure have changed since a commit."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["has_moved", "pins_of"]

LOCK = "requirements.lock"
_PIN = re.compile(r"[\w.\-]+(\[.*?\])?==.*")


def has_moved(root: Path, commit: str, paths: Sequence[str]) -> bool:
    """Say whether a path differs from what it was; so does one of a commit that is not known.

    A lock differs where it pins something that it did not pin then: another version, or one more
    package. A package that is gone moves nothing, for the code that used it has changed too; nor
    does one more file of the same release.

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
    then, now = _git(root, "show", f"{commit}:{LOCK}"), root / LOCK
    if then.returncode != 0 or not now.exists():
        return True
    return bool(pins_of(now.read_text()) - pins_of(then.stdout))


def pins_of(lock: str) -> frozenset[str]:
    """Return the lines of a lock that pin a release, without their hashes."""
    lines = (line.rstrip(" \\") for line in lock.splitlines())
    return frozenset(line for line in lines if _PIN.fullmatch(line))


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
