"""Policies and tasks of the user's own, by file and name."""

import pytest

from sim.plugins import is_plugin, load_plugin
from steer.errors import ConfigError


@pytest.fixture
def file(tmp_path):
    """Return a maker of files."""

    def write(text):
        path = tmp_path / "mine.py"
        path.write_text(text)
        return path

    return write


def test_the_thing_of_that_name_is_returned(file):
    """Its file is run once."""
    path = file("runs = []\ndef policy():\n    return 7\n")

    assert load_plugin(f"{path}:policy")() == 7
    assert load_plugin(f"{path}:policy") is load_plugin(f"{path}:policy")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "expected policy in .*, got no such name"),
        ("import no_such_package\n", "expected a file that can be run, got ModuleNotFoundError"),
        ("def policy(:\n", "expected a file that can be run, got SyntaxError"),
    ],
)
def test_what_cannot_be_used_is_refused(file, text, message):
    """With what is wrong."""
    with pytest.raises(ConfigError, match=message):
        load_plugin(f"{file(text)}:policy")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """By its path."""
    with pytest.raises(ConfigError, match="expected a Python file, got none at"):
        load_plugin(f"{tmp_path}/none.py:policy")


@pytest.mark.parametrize(("name", "is_one"), [("push", False), ("a/b.py:c", True), ("a.py", False)])
def test_a_name_says_what_it_is(name, is_one):
    """Names of the suite have no colon."""
    assert is_plugin(name) == is_one
