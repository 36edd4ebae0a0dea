"""The server's log: one event a line."""

import json
import logging

import pytest

from steer.serve.logs import configure


@pytest.fixture(autouse=True)
def restore():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_json_lines_hold_event_level_and_exception(capsys):
    """A traceback does not break the line."""
    configure("json")
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("steer.x").exception("failed id=%s", 7)

    line, end = capsys.readouterr().err.split("\n")

    tree = json.loads(line)
    assert (tree["level"], tree["event"], tree["logger"], end) == (
        "error",
        "failed id=7",
        "steer.x",
        "",
    )
    assert "ValueError: boom" in tree["exception"]


def test_text_lines_go_to_stderr(capsys):
    """Standard output stays free."""
    configure("text")
    logging.getLogger("steer.x").info("serving address=%s", "127.0.0.1:1")

    captured = capsys.readouterr()

    assert captured.err.endswith("INFO steer.x serving address=127.0.0.1:1\n")
    assert captured.out == ""
