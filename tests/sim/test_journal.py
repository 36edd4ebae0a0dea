"""All or nothing: what `sim.journal` keeps and what it undoes."""

import shutil
import subprocess
import sys

import pytest

from sim.journal import ShardJournal
from steer.errors import DatasetError

_DIES = """
import os, sys
from pathlib import Path
from sim.journal import ShardJournal

root = Path(sys.argv[1])
with ShardJournal(root).lock(), ShardJournal(root).shard():
    (root / "data" / "file-001").write_text("torn")
    (root / "meta" / "info.json").write_text("torn")
    os._exit(9)
"""


def _tree(root):
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


def _write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _fail_in_a_shard(journal, root):
    """Write like LeRobot, into new data files and over the metadata, and fail."""
    with journal.lock(), journal.shard():
        _write(root, "data/file-001", "torn")
        _write(root, "meta/info.json", "torn")
        _write(root, "meta/episodes/file-001", "torn")
        raise OSError("disk full")


@pytest.fixture
def root(tmp_path):
    """Return a dataset with one data file and its metadata."""
    root = tmp_path / "data" / "robot"
    _write(root, "data/file-000", "old rows")
    _write(root, "meta/info.json", "1 episode")
    return root


def test_a_shard_that_ends_well_is_kept(root):
    """What was there stays, what was written is added."""
    journal = ShardJournal(root)

    with journal.lock(), journal.shard():
        _write(root, "data/file-001", "new rows")
        _write(root, "meta/info.json", "2 episodes")

    assert _tree(root) == {
        "data/file-000": "old rows",
        "data/file-001": "new rows",
        "meta/info.json": "2 episodes",
    }


def test_a_shard_that_fails_leaves_what_was_before(root):
    """New files go, metadata comes back, also where the writer added to it."""
    journal, before = ShardJournal(root), _tree(root)

    with pytest.raises(OSError, match="disk full"):
        _fail_in_a_shard(journal, root)

    assert _tree(root) == before


def test_a_shard_that_fails_on_a_new_dataset_leaves_none(tmp_path):
    """LeRobot refuses to create a dataset where a directory exists."""
    root = tmp_path / "robot"
    journal = ShardJournal(root)

    with pytest.raises(OSError, match="disk full"):
        _fail_in_a_shard(journal, root)

    assert not root.exists()


def test_what_a_dead_writer_left_is_undone_by_the_next(root):
    """A process that was killed inside a shard cannot clean up."""
    before = _tree(root)
    died = subprocess.run([sys.executable, "-c", _DIES, str(root)], check=False, timeout=60)
    assert died.returncode == 9
    assert _tree(root) != before

    with ShardJournal(root).lock():
        assert _tree(root) == before


def test_an_undo_that_was_itself_interrupted_is_finished(root, monkeypatch):
    """The journal stays until all is put back."""
    before, journal = _tree(root), ShardJournal(root)
    copytree, calls = shutil.copytree, []

    def die_on_the_second_call(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return copytree(*args)

    monkeypatch.setattr(shutil, "copytree", die_on_the_second_call)
    with pytest.raises(KeyboardInterrupt):
        _fail_in_a_shard(journal, root)

    with ShardJournal(root).lock():
        assert _tree(root) == before


def test_a_second_writer_is_refused(root):
    """Two writers would undo each other's shards."""
    with (
        ShardJournal(root).lock(),
        pytest.raises(DatasetError, match="expected one writer, got a second one"),
        ShardJournal(root).lock(),
    ):
        pass
