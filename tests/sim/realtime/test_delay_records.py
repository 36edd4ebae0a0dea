"""Figures of the bench: what is held against what, and what is refused."""

import json
from dataclasses import replace

import pytest

from sim.origin import Origin
from sim.realtime import __main__ as command
from sim.realtime.bench import Rows
from sim.realtime.delay_records import delay_records
from steer.errors import ConfigError

ORIGIN = Origin(command="bench", commit="abc1234", machine="2 cores", versions={}, date="2026")
CELLS = ("dit/push", "act/cube-single")


@pytest.fixture
def rows(make_bench_row):
    """Ten seeds of two cells: ours loses one in five of what a robot without delay wins."""
    wins = {("wait", 0): 10, ("wait", 5): 6, ("ours", 5): 8, ("naive", 5): 2}
    return [
        make_bench_row(
            cell=cell,
            method=method,
            delay=delay,
            seed=seed,
            is_success=seed < won,
            broken=3 if method == "naive" else 0,
            steps=20,
            rungs={"STEERED": 15, "HOLD": 5},
        )
        for (method, delay), won in wins.items()
        for cell in CELLS
        for seed in range(10)
    ]


def figures(found):
    return {item["metric"]: item for item in found}


def test_success_is_the_mean_over_cells_with_an_interval(rows):
    """And that of each cell stands beside it."""
    found = figures(delay_records(rows, ORIGIN))
    rate = found["success/naive/d5"]

    assert (rate["value"], rate["n"]) == (0.2, 20)
    assert 0 < rate["low"] < 0.2 < rate["high"] < 0.5
    assert rate["unit"] == "success, mean over act/cube-single, dit/push"
    assert found["success/naive/d5/dit/push"]["n"] == 10
    assert (found["tasks"]["value"], found["tasks"]["commit"]) == (2, "abc1234")


def test_ours_is_held_against_a_robot_that_does_not_wait(rows):
    """The others too, and each against ours."""
    found = figures(delay_records(rows, ORIGIN))

    assert found["success_ratio_d5"]["value"] == 0.8
    assert found["success_ratio_d5"]["low"] < 0.8 < found["success_ratio_d5"]["high"]
    assert found["success_ratio_d5/wait"]["value"] == 0.6
    assert found["success_over/naive/d5"]["value"] == 0.6


def test_a_method_is_held_against_itself_without_delay(rows, make_bench_row):
    """Ours may be better than a robot that waits, and lose all the same."""
    own = [
        make_bench_row(cell=cell, method="ours", delay=0, seed=seed, decisions=4, moved=1)
        for cell in CELLS
        for seed in range(10)
    ]

    found = figures(delay_records([*rows, *own], ORIGIN))

    assert found["success_ratio_d5_own/ours"]["value"] == 0.8
    assert found["success_ratio_d5"]["value"] == 0.8
    assert "success_ratio_d5_own/naive" not in found
    assert (found["moved/ours/d0"]["value"], found["moved/ours/d5"]["value"]) == (0.25, 0)


def test_other_networks_have_figures_by_their_name(rows):
    """Beside those of the run, with an origin of their own."""
    other = replace(ORIGIN, commit="def5678")

    found = figures(delay_records(rows, ORIGIN, under={"wifi": (rows, other)}))

    assert found["success_under/wifi/ours/d5"]["value"] == 0.8
    assert found["success_under/wifi/ours/d5"]["commit"] == "def5678"
    assert found["standing_under/wifi/ours/d5"]["value"] == 0.25
    assert found["limit_breaks_under/wifi/naive/d5"]["value"] == 60
    assert not [name for name in found if name.startswith("success_under") and "dit/" in name]


def test_broken_limits_are_counted_by_method(rows):
    """Those of ours over all delays, those of the naive loop at the delay that counts."""
    found = figures(delay_records(rows, ORIGIN))

    assert (found["protective_stops"]["value"], found["protective_stops"]["n"]) == (0, 20)
    assert found["naive_limit_breaks"]["value"] == 60
    assert found["limit_breaks/wait/d0"]["value"] == 0
    assert found["standing/ours/d5"]["value"] == 0.25


def test_a_second_run_adds_methods_and_what_edits_gain(rows, make_bench_row):
    """What the first run has too is not published twice."""
    wins = {"ours": 0, "ours-alone": 4, "ours-edit": 7}
    more = [
        make_bench_row(method=method, delay=5, seed=seed, is_success=seed < won)
        for method, won in wins.items()
        for seed in range(10)
    ]
    other = replace(ORIGIN, commit="def5678")

    found = delay_records(rows, ORIGIN, more=more, more_origin=other)

    names = [item["metric"] for item in found]
    assert len(names) == len(set(names))
    assert figures(found)["success/ours/d5"]["commit"] == "abc1234"
    assert figures(found)["success/ours-edit/d5"]["commit"] == "def5678"
    gain = figures(found)["edit_gain"]
    assert (gain["value"], gain["n"]) == (0.3, 10)
    assert gain["low"] < 0.3 < gain["high"]
    assert "edit_gain/residual" not in figures(found)


def test_a_run_that_lacks_episodes_is_refused(rows):
    """Nobody shall stop where a figure looks good."""
    contract = "expected all 20 episodes of naive at 5 ticks, got 19"
    with pytest.raises(ConfigError, match=contract):
        delay_records(rows[:-1], ORIGIN)


def test_the_command_writes_what_make_results_takes(tmp_path, rows, capsys):
    """From the rows and the run's own command."""
    run = tmp_path / "bench"
    kept = Rows(run / "rows.jsonl")
    for row in rows:
        kept.add(row)
    (run / "run.json").write_text(json.dumps(ORIGIN.entry()))
    output = tmp_path / "demo" / "bench.json"

    assert command.main(["records", str(run), "--output", str(output)]) == 0
    assert "success_ratio_d5" in figures(json.loads(output.read_text())["results"])
    assert command.main(["records", str(tmp_path), "--output", str(output)]) == 2
    assert "expected a run of the bench, got none" in capsys.readouterr().err
