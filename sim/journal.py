"""All-or-nothing appends to a dataset directory, whenever the process dies.

LeRobot's writer leaves an unreadable dataset when it is killed between the first frame and
`finalize`. It only ever adds data files; what it rewrites lies in `meta/`. So a shard of episodes
is undone by deleting the files that it added and putting `meta/` back. Knows no dataset library.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from steer.errors import DatasetError

__all__ = ["ShardJournal"]


class ShardJournal:
    """Undo log of one dataset directory, kept beside it in a hidden directory.

    Args:
        root: The dataset; it need not exist.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._home = root.parent / f".{root.name}.journal"
        self._open = self._home / "open"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other writers away, and first undo what a killed one left behind.

        Raises:
            DatasetError: Another process is writing here.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        with (self._home / "lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DatasetError(
                    f"dataset {str(self._root)!r}: expected one writer, got a second one"
                ) from error
            self._undo()
            yield

    @contextmanager
    def shard(self) -> Iterator[None]:
        """Keep all that the block writes, or, should it not end well, none of it."""
        self._begin()
        with ExitStack() as undo:
            undo.callback(self._undo)
            yield
            undo.pop_all()
        self._commit()

    def _begin(self) -> None:
        draft = self._fresh("draft")
        exists = self._root.exists()
        if exists:
            shutil.copytree(self._root / "meta", draft / "meta")
        (draft / "files.json").write_text(
            json.dumps({"exists": exists, "files": sorted(map(str, self._data_files()))})
        )
        os.replace(draft, self._open)

    def _commit(self) -> None:
        done = self._fresh("done")
        done.rmdir()
        os.replace(self._open, done)
        shutil.rmtree(done)

    def _undo(self) -> None:
        """Put the dataset back to where the open shard began; may be interrupted and repeated."""
        if not self._open.exists():
            return
        before = json.loads((self._open / "files.json").read_text())
        if not before["exists"]:
            shutil.rmtree(self._root, ignore_errors=True)
        else:
            kept = set(before["files"])
            for path in list(self._data_files()):
                if str(path) not in kept:
                    (self._root / path).unlink()
            shutil.rmtree(self._root / "meta", ignore_errors=True)
            shutil.copytree(self._open / "meta", self._root / "meta")
        self._commit()

    def _data_files(self) -> Iterator[Path]:
        for path in self._root.rglob("*"):
            relative = path.relative_to(self._root)
            if path.is_file() and relative.parts[0] != "meta":
                yield relative

    def _fresh(self, name: str) -> Path:
        path = self._home / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path
