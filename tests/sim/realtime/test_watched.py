"""Figures of monitors: fitted on one half, measured on the other, beside a clock and chance."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from sim.origin import Origin
from sim.realtime.row import numbers_of
from sim.realtime.watch_report import picture, records, table_of, write_report
from sim.realtime.watched import CLOCK, Rule, watched
from steer.errors import InvalidInputError
from steer.loop.thresholds import MONITORS, Signals, Thresholds

CELL, SCALE = "dit/fetch-push", (1.0, float("inf"))
RULE = Rule(alpha=0.1)


def episodes(make, number=80, seed=2, cell=CELL):
    """Return rows of which every third fails, and `stac` alone knows it."""
    rng, found = np.random.default_rng(seed), []
    for index in range(number):
        fails = index % 3 == 0
        length = 7 if fails else int(rng.integers(2, 6))
        signals = [
            Signals(
                tick=8 * at,
                value=float(at + rng.normal()),
                stac=float(rng.normal() + 4 * fails) if at else None,
                departure=float(rng.normal()),
                sample_variance=float(rng.normal()),
                ensemble_spread=float(rng.normal()),
            )
            for at in range(length)
        ]
        read = [numbers_of(item) for item in signals]
        found.append(make(cell=cell, seed=index, is_success=not fails, signals=read, unread={}))
    return found


@pytest.fixture(scope="module")
def found(make_bench_row):
    return watched(episodes(make_bench_row), scales={CELL: SCALE}, rule=RULE)


def by_name(found):
    return {item.name: item for item in found.monitors}


def test_what_tells_them_apart_is_found_and_nothing_else(found):
    """Of the second half; noise has .5 in its interval, and the clock is .5."""
    monitors = by_name(found)

    assert monitors["stac"].auc.low > 0.9
    assert monitors["stac"].alarms.detection.value > 0.9
    for name in ("departure", "sample_variance", "ensemble_spread"):
        assert monitors[name].auc.low < 0.5 < monitors[name].auc.high
    assert monitors[CLOCK].auc.value == 0.5
    assert list(monitors) == [*MONITORS, CLOCK]
    assert (found.num_failing, found.num_succeeding) == (13, 27)
    assert found.num_fitted == {CELL: 26}


def test_a_clock_finds_all_that_fail_and_only_at_their_end(found):
    """What alarms no earlier is of no use."""
    clock, stac = by_name(found)[CLOCK], by_name(found)["stac"]

    assert clock.alarms.detection.value == 1.0
    assert clock.auc_whole.value == 1.0
    assert clock.alarms.tick == 40  # 32 is the last tick of nearly all successes
    assert stac.alarms.tick < 16


def test_chance_alarms_as_often_and_knows_nothing(found):
    """Failing episodes last longer, so it alarms in more of them: that is no merit."""
    stac = by_name(found)["stac"]

    assert stac.chance.false_alarm > 2 * stac.alarms.false_alarm.value
    assert stac.chance.detection < stac.alarms.detection.value - 0.1
    assert stac.chance.detection > stac.chance.false_alarm
    noise = by_name(found)["departure"]
    assert noise.chance.detection == pytest.approx(noise.alarms.detection.value, abs=0.25)


def test_thresholds_are_of_the_successes_of_the_first_half_alone(found, make_bench_row):
    """Neither failures nor what comes after moves them."""
    rows = episodes(make_bench_row)
    wild = [[0, 99.0, 99.0, 99.0, 99.0, 99.0]]
    rows = [
        replace(item, signals=wild) if number >= 40 or not item.is_success else item
        for number, item in enumerate(rows)
    ]
    again = watched(reversed(rows), scales={CELL: SCALE}, rule=RULE)

    assert again.thresholds == found.thresholds
    assert found.thresholds[CELL].scale == SCALE


def test_cells_have_thresholds_of_their_own_and_one_figure(make_bench_row):
    """The mean over them."""
    other = "dit/fetch-slide"
    rows = [*episodes(make_bench_row), *episodes(make_bench_row, seed=1, cell=other)]
    both = watched(rows, scales=dict.fromkeys((CELL, other), SCALE), rule=RULE)
    stac = by_name(both)["stac"]

    assert stac.auc.value == pytest.approx(np.mean([item.value for item in stac.by_cell.values()]))
    assert stac.auc.n == 80
    assert both.thresholds[CELL] != both.thresholds[other]


def test_a_seed_twice_and_too_few_successes_are_refused(make_bench_row):
    """With the cell, and with how many it takes."""
    rows = episodes(make_bench_row)

    with pytest.raises(InvalidInputError, match=f"rows of {CELL}: expected each seed once"):
        watched([*rows, rows[0]], scales={CELL: SCALE}, rule=RULE)
    with pytest.raises(InvalidInputError, match="at least 9 successful episodes"):
        watched(rows[:12], scales={CELL: SCALE}, rule=RULE)


def test_the_table_has_a_line_for_each_and_says_how_many(found):
    """The whole area beside the other."""
    lines = table_of(found).splitlines()

    assert [line.split()[0] for line in lines[1:-1]] == [*MONITORS, CLOCK]
    assert lines[-1] == (
        "13 failing and 27 succeeding episodes; fitted on successes (dit/fetch-push: 26)"
    )


def test_records_have_all_that_is_published(found, tmp_path):
    """As strict JSON but for infinite scales, with thresholds that a robot can read."""
    origin = Origin(command="c", commit="d", machine="m", versions={}, date="2026-01-01")
    write_report(tmp_path, found, origin=origin, rule=RULE)
    tree = json.loads((tmp_path / "monitors.json").read_text())

    results = {item["metric"]: item for item in tree["results"]}
    assert len(results) == len(tree["results"])
    assert results["monitor/stac/auc"]["n"] == 40
    assert results[f"monitor/stac/auc/{CELL}"]["value"] > 0.9
    assert results["monitor/clock/auc_whole"]["value"] == 1.0
    assert results["monitor/clock/tick"]["low"] is None
    assert json.dumps(records(found, origin=origin), allow_nan=False)
    assert Thresholds.from_tree(tree["thresholds"][CELL]) == found.thresholds[CELL]
    ElementTree.fromstring((tmp_path / "monitors.svg").read_text())


def test_the_picture_colours_what_is_clearly_better_than_nothing(found):
    """And says every figure in words, too."""
    drawn = picture(found)

    assert drawn.count("<circle") == len(MONITORS) + 1
    assert "class='up'" in drawn
    assert "ensemble_spread" in drawn
