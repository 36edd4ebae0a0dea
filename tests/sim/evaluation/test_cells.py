"""Names of cells and of what is run there."""

import pytest

from sim.evaluation.cells import Cell, Run
from steer.errors import InvalidInputError


def test_a_cell_is_read_as_it_is_written():
    """Policies and tasks of the user's own have paths in their names."""
    names = ["diffusion/push", "examples/mine.py:policy/push", "a/b.py:policy/c/d.py:make"]

    assert [Cell.parse(name).name for name in names] == names


def test_a_text_that_names_no_cell_is_refused():
    """With the form that it should have."""
    with pytest.raises(InvalidInputError, match="cell: expected POLICY/TASK, got 'push'"):
        Cell.parse("push")


def test_names_of_files_are_no_paths():
    """Logs and films of two runs never share one, and none leaves its directory."""
    cell = Cell("../mine.py:policy", "push")
    runs = [Run("steered", 16), Run("steered", 16, "package"), Run("steered", 8)]

    names = [run.file_name(cell, 7) for run in runs]

    assert names[0] == "..-mine-policy-push-steered-n16-task-7"
    assert len(set(names)) == 3
    assert not any("/" in name for name in names)
