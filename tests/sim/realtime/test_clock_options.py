"""Options of `clock` that make no sense are refused before anything is started."""

import pytest

from sim.realtime import __main__ as command


@pytest.mark.parametrize("priority", ["100", "-1", "high"])
def test_a_priority_that_there_is_not_is_refused(priority, capsys):
    """The kernel knows 1 to 99; 0 is none."""
    with pytest.raises(SystemExit, match="2"):
        command.main(["clock", f"--priority={priority}", "--output", "nowhere"])

    said = capsys.readouterr().err
    assert f"argument --priority: expected 0 to 99, got '{priority}'" in said
