"""The pictures of the bench, read as the XML that they are."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from sim.realtime import __main__ as command
from sim.realtime.bench import Rows
from sim.realtime.plot import delay_plot
from sim.realtime.row import Row
from sim.realtime.timeline import timeline
from sim.realtime.trace import Asked, Trace, Traced
from sim.report.svg import standalone

ROW = Row(
    cell="dit/push",
    method="ours",
    delay=0,
    jitter="none",
    drop=0.0,
    seed=0,
    num_candidates=8,
    is_success=True,
    steps=10,
    decisions=2,
    overrides=1,
    again=1,
    moved=0,
    broken=0,
    broken_by={},
    rungs={"STEERED": 10},
    refused={},
    delays_ticks=[0, 0],
    ages_ms=(1.0, 2.0),
    seam=0.1,
    jerk=0.01,
    signals=[],
    unread={},
)


def parsed(picture):
    """Return the elements of a picture that stands alone, each with its class."""
    root = ElementTree.fromstring(standalone(picture))
    _, _, width, height = map(float, root.get("viewBox").split())
    found = [(item.tag.rpartition("}")[2], item.get("class") or "", item) for item in root.iter()]
    for tag, _, item in found:
        if tag == "rect":
            x, y, wide, high = (float(item.get(n)) for n in ("x", "y", "width", "height"))
            assert 0 <= x <= x + wide <= width
            assert 0 <= y <= y + high <= height
        if tag == "circle":
            assert 0 <= float(item.get("cx")) <= width
            assert 0 <= float(item.get("cy")) <= height
    return found


def texts(found):
    return [item.text for tag, _, item in found if tag == "text"]


def tick(rung, value=None, sequence=0, **changes):
    action = None if value is None else np.float32([value, -value])
    some = {"is_first": False, "is_broken": False}
    return Traced(rung, action, sequence, **{**some, **changes})


@pytest.fixture
def trace():
    """Nothing, a chunk, a hold, a second chunk; a third answer never comes."""
    ticks = [tick("NOTHING")] * 2
    ticks += [tick("STEERED", 0.1 * n, 1, is_first=n == 0) for n in range(6)]
    ticks += [tick("HOLD", 0.0)] * 3
    ticks += [tick("STEERED", 0.2, 2, is_first=n == 0, is_broken=n == 0) for n in range(4)]
    asked = [
        Asked(1, 0, 2, overrode=False),
        Asked(2, 7, 11, overrode=True),
        Asked(3, 12, None, overrode=False),
    ]
    return Trace(ticks, asked)


def drawn(trace):
    return parsed(timeline(trace, hz=25.0, names=["dx", "dy"], dims=[0, 1], head="dit/push, ours"))


def test_a_timeline_has_a_band_for_each_stretch_on_a_rung(trace):
    """With its ticks, for whoever points at it."""
    found = drawn(trace)
    titles = [item.text for tag, _, item in found if tag == "title"]

    assert [title for title in titles if ": ticks " in title] == [
        "NOTHING: ticks 0 to 1",
        "STEERED: ticks 2 to 7",
        "HOLD: ticks 8 to 10",
        "STEERED: ticks 11 to 14",
    ]


def test_a_request_is_a_span_from_when_it_was_asked_to_when_its_answer_was_there(trace):
    """A dot stands where its first action ran; one that never came has none."""
    found = drawn(trace)
    titles = {item.text for tag, _, item in found if tag == "title"}

    assert {
        "request 1: asked at 0, there at 2, runs from 2",
        "request 2: asked at 7, there at 11, runs from 11",
        "request 3: asked at 12, never came",
    } <= titles
    kinds = [kind for tag, kind, _ in found if tag == "circle"]
    assert kinds.count("run") == 2 + 1  # and the legend's
    spans = {
        kind: float(item.get("width"))
        for tag, kind, item in found
        if tag == "rect" and any("request" in (child.text or "") for child in item)
    }
    assert spans["override"] == pytest.approx(2 * spans["policy"], abs=0.2)  # 4 ticks and 2


def test_commands_are_drawn_where_there_were_some_and_splices_lie_before_them(trace):
    """A line for each dimension; a mark where a limit moved what was wanted."""
    found = drawn(trace)
    lines = [item for tag, _, item in found if tag == "polyline"]

    assert [len(item.get("points").split()) for item in lines] == [13, 13]
    seams = [kind for tag, kind, _ in found if tag == "line" and kind == "seam"]
    assert len(seams) == 2 * 2 + 1
    assert {"dx", "dy", "dit/push, ours", "moved by a limit"} <= set(texts(found))


def test_an_episode_without_a_request_is_drawn_too():
    """Nothing ran."""
    found = drawn(Trace([tick("NOTHING")] * 5, []))

    assert [tag for tag, _, _ in found].count("polyline") == 0


@pytest.fixture
def rows():
    """Two methods at two delays; one of them is nobody's that we know."""
    return [
        replace(ROW, method=method, delay=delay, seed=seed, is_success=seed < good)
        for method, good in (("ours", 8), ("wait", 4), ("mine", 2))
        for delay in (0, 5)
        for seed in range(10)
    ]


def test_every_method_has_a_panel_with_all_others_behind_it(rows):
    """Ours in its colour, also behind the others; intervals of 95%."""
    found = parsed(delay_plot(rows))
    titles = [item.text for tag, _, item in found if tag == "title"]

    assert [word for word in texts(found) if word in ("ours", "wait", "mine")] == [
        "wait",
        "ours",
        "mine",
    ]
    assert "ours at 5: 0.80 [0.49, 0.94], n = 10" in titles
    kinds = [kind for tag, kind, _ in found if tag == "polyline"]
    assert sorted(kinds) == sorted(["steered"] + ["even"] * 2 + ["trend"] * 2 + ["beside"] * 4)
    assert [tag for tag, _, _ in found].count("circle") == 6


def test_no_rows_make_no_plot():
    """There is nothing to show."""
    assert delay_plot([]) == ""


def test_the_command_draws_a_run_and_refuses_one_without_rows(rows, tmp_path, capsys):
    """The text names the file."""
    kept = Rows(tmp_path / "run/rows.jsonl")
    for row in rows:
        kept.add(row)
    picture = tmp_path / "delay.svg"

    assert command.main(["plot", str(tmp_path / "run"), "--output", str(picture)]) == 0
    assert picture.read_text() == standalone(delay_plot(rows))
    assert command.main(["plot", str(tmp_path), "--output", str(picture)]) == 2
    assert "rows.jsonl: expected rows of the bench, got none" in capsys.readouterr().err
