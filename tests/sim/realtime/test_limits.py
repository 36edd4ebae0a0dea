"""The file of limits: by cell, a disturbed task's are the task's, and what is broken is refused."""

import numpy as np
import pytest

from sim.realtime.__main__ import main
from sim.realtime.limits import fitted, read_limits, write_limits
from steer.errors import ConfigError


@pytest.fixture
def path(tmp_path):
    """Limits of two cells."""
    rng = np.random.default_rng(0)
    made = {
        cell: fitted([rng.uniform(-1, 1, (50, 2)).astype(np.float32)], low=-1.0, high=1.0)
        for cell in ("dit/push", "act/push")
    }
    path = tmp_path / "limits.json"
    write_limits(path, made)
    return path


def test_what_was_written_is_read_for_some_cells_or_for_all(path):
    """Each number as it was."""
    both = read_limits(path)

    assert set(both) == {"dit/push", "act/push"}
    found = read_limits(path, ["dit/push~kicks"])
    assert found["dit/push~kicks"].to_tree() == both["dit/push"].to_tree()
    assert np.ptp([item.first[0] for item in both.values()]) > 0


def test_the_command_that_makes_what_is_missing_is_said(path):
    """With the cell in it."""
    with pytest.raises(ConfigError, match=r"python -m sim\.realtime limits --cells dit/reach"):
        read_limits(path, ["dit/reach"])


def test_a_file_that_is_broken_is_refused_before_anything_is_played_and_stays(tmp_path, capsys):
    """Its limits may have taken an hour."""
    path = tmp_path / "limits.json"
    path.write_text('{"dit/push": ')

    assert main(["limits", "--cells", "dit/push", "--limits", str(path)]) == 2
    assert "expected limits by cell" in capsys.readouterr().err
    assert path.read_text() == '{"dit/push": '
