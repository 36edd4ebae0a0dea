"""Figures of runs on the wall clock: every record is a median over runs, and has a home."""

import pytest

from result_kinds import home_of
from sim.realtime.figures import clock_records, clock_table, recover_records, recover_table
from steer.errors import ConfigError
from steer.loop.spent import Spent, age_parts

AGES = {
    name.removesuffix("_s"): 1e3 * seconds
    for name, seconds in age_parts(Spent(asked_at_s=0.0, policy_s=0.05), runs_at_s=0.08).items()
}


def side(lost, p99_ms, cost_ms=0.1):
    return {
        "ticks": 12_000,
        "lost": lost,
        "error_ms": [0.05, p99_ms, 3.0],
        "drift_ms": 0.5,
        "place": "on core 1",
        "cost_ms": {"mean": cost_ms, "p50": 0.09, "p99": 0.2},
    }


def clock_row(run, lost, ratio):
    ages = {**AGES, "fresh": 30.0}
    return {
        "run": run,
        "load": 0.5,
        "ours": {**side(lost, ratio * 4.0), "away": lost - lost // 4},
        "naive": side(300, 4.0),
        "age": {"hz": 80.0, "decisions": 40, "p50_ms": ages, "p99_ms": ages},
        "world": {"mean_ms": 0.6},
    }


def test_runs_of_two_kinds_are_no_figure():
    """One with a priority of real time and one without have no median."""
    rows = [clock_row(0, 0, 0.2), clock_row(1, 40, 1.2)]
    rows[1]["ours"]["place"] = "priority 40 of real time; on core 1"

    with pytest.raises(ConfigError, match=r"^clock: expected runs of one kind, got on core 1 / "):
        clock_records(rows, "clock")


def test_what_nobody_looked_at_is_no_figure():
    """Without a priority of real time nobody knows whether the core was there."""
    row = clock_row(0, 8, 0.2)
    unseen = {**row, "ours": {**row["ours"], "away": None}}

    assert "lost_ticks/core_there" not in {item["metric"] for item in clock_records([unseen], "")}
    assert "8/300 (?) of 12000" in clock_table([unseen])
    assert "8/300 (2) of 12000" in clock_table([row])


def recover_row(run, seconds):
    return {
        "run": run,
        "recover_s": seconds,
        "gone_s": 20.0,
        "broken": {"range": 0, "first": 0},
        "ticks": 700,
        "largest_step": 0.75,
        "rungs": [("HOLD", 0.5), ("STEERED", 20.2)],
    }


CLOCK = [clock_row(0, 0, 0.1), clock_row(1, 4, 0.3), clock_row(2, 0, 0.2)]
RECOVER = [recover_row(0, 0.2), recover_row(1, 0.9), recover_row(2, 0.3)]


def test_records_of_punctuality_are_medians_and_say_how_many_runs_were_clean():
    """The worst run is told, too; of a few runs there is no interval."""
    found = {item["metric"]: item for item in clock_records(CLOCK, "the command")}

    assert found["lost_ticks"]["value"] == 0
    assert found["lost_ticks"]["unit"].endswith(f", {CLOCK[0]['ours']['place']}")
    assert found["lost_ticks/most"]["value"] == 4
    assert found["lost_ticks/clean_runs"]["value"] == 2
    assert found["lost_ticks/core_there"]["value"] == 0
    assert found["lateness_p99_over_naive"]["value"] == pytest.approx(0.2)
    assert found["tick_cost_ms"]["value"] == pytest.approx(0.1)
    assert found["decision_age_ms/policy"]["value"] == pytest.approx(50.0)
    assert {(item["n"], item["low"], item["command"]) for item in found.values()} == {
        (3, None, "the command")
    }


def test_records_of_recovery_are_the_median_and_its_ends():
    """And how many commands broke a limit."""
    found = {item["metric"]: item["value"] for item in recover_records(RECOVER, "")}

    assert found == {
        "recover_s": 0.3,
        "recover_s/least": 0.2,
        "recover_s/most": 0.9,
        "recover_s/broken_limits": 0,
    }


def test_every_figure_is_published_with_those_of_real_time():
    """One that nobody declared would be refused."""
    found = [*clock_records(CLOCK, ""), *recover_records(RECOVER, "")]

    assert {home_of(item["metric"]) for item in found} == {"realtime.json"}


def test_tables_say_it_in_lines():
    """One for each run, and one for all."""
    text = clock_table(CLOCK)
    assert "median: lost 0, clean runs 2 of 3, p99 over the naive loop's 0.200" in text
    assert text.count("age of 40 decisions at 80 Hz") == 3
    assert "total 80.0 = pickup 0.0, transport 0.0, queue 0.0, policy 50.0" in text
    assert recover_table(RECOVER).endswith("median 0.30 s [0.20, 0.90]\n")
    assert "HOLD +0.50 s, STEERED +20.20 s" in recover_table(RECOVER)
