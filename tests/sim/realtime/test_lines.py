"""Rows that a stopped command goes on from."""

import pytest

from sim.realtime.lines import Lines
from steer.errors import ConfigError


def test_rows_are_there_again(tmp_path):
    """With the settings that they were made with."""
    path = tmp_path / "new" / "rows.jsonl"
    Lines(path, {"hz": 200.0}).add({"run": 0})

    assert Lines(path, {"hz": 200.0}).rows == [{"run": 0, "settings": {"hz": 200.0}}]


def test_a_row_that_was_torn_is_made_again(tmp_path):
    """It is cut off, and what is added stands on a line of its own."""
    path = tmp_path / "rows.jsonl"
    Lines(path, {}).add({"run": 0})
    path.write_text(path.read_text() + '{"run": 1, "se')

    Lines(path, {}).add({"run": 1})

    assert [row["run"] for row in Lines(path, {}).rows] == [0, 1]


def test_rows_of_other_settings_are_refused(tmp_path):
    """The text names what differs."""
    path = tmp_path / "rows.jsonl"
    Lines(path, {"hz": 200.0, "cell": "a"}).add({})

    with pytest.raises(ConfigError, match="expected rows of the same hz, got others; take another"):
        Lines(path, {"hz": 100.0, "cell": "a"})


def test_a_file_of_something_else_is_refused(tmp_path):
    """And left as it is."""
    path = tmp_path / "rows.jsonl"
    path.write_text("hello\n")

    with pytest.raises(ConfigError, match="expected rows of this command"):
        Lines(path, {})
    assert path.read_text() == "hello\n"
