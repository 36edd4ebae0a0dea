"""Figures as published records: the names, the numbers, and where they come from."""

import pytest

from sim.figures import records_of, records_of_suite, suite_figures
from sim.origin import Origin

ORIGIN = Origin(
    command="make demo EPISODES=100",
    commit="abc1234",
    machine="2 cores, CPU",
    versions={"torch": "2.11.0"},
    date="2026-11-21",
)
FIELDS = {
    *("metric", "value", "low", "high", "n", "unit", "against"),
    *("command", "commit", "machine", "versions", "date"),
}


@pytest.fixture
def rows(make_row):
    """Return ten seeds: alone wins 2, steered 8, random 2, and the filtered policy 5 and 6."""
    wins = {"alone": 2, "random": 2, "steered": 8, "filtered": 5, "filtered-steered": 6}
    return [
        make_row(arm, 200_000 + number, is_success=number < share)
        for arm, share in wins.items()
        for number in range(10)
    ]


def test_the_demos_records_have_the_published_metrics(rows):
    """Names, values, intervals and where they come from."""
    cells = suite_figures(rows).cells

    records = records_of(cells, origin=ORIGIN, extra={"demo_minutes": (8.25, "min")})

    assert {record["metric"]: record["value"] for record in records} == {
        "alone/push": 0.2,
        "steered/push": 0.8,
        "filtered/push": 0.5,
        "gain/push": 0.6,
        "random_gain/push": 0.0,
        "filtered_gain/push": 0.1,
        "steered_over_filtered/push": 0.3,
        "demo_minutes": 8.25,
    }
    gain = next(record for record in records if record["metric"] == "gain/push")
    assert gain["low"] < gain["value"] < gain["high"]
    assert (gain["n"], gain["commit"], gain["command"], gain["against"]) == (
        10,
        "abc1234",
        "make demo EPISODES=100",
        "policy alone, paired by seed",
    )


def test_the_suites_records_have_the_published_metrics(suite):
    """All that the issue names, and of every cell its three."""
    records = records_of_suite(suite, origin=ORIGIN)

    names = [record["metric"] for record in records]
    assert len(set(names)) == len(names)
    assert all(record.keys() == FIELDS for record in records)
    assert {name for name in names if not name.startswith("cell/")} >= {
        "mean_gain",
        *(f"mean_gain/{arm}" for arm in ("random", "medoid", "argmax", "worst", "oracle")),
        "mean_gain/policy/diffusion",
        "mean_gain/filtered",
        *(f"sweep_gain/{count}" for count in (1, 8, 16, 64)),
        "gain_n64_minus_n8",
        "cells_worse",
        "selection_regret",
        "override_rate",
        "override_win_rate",
        "sequential_saving",
        "sequential_false_positive",
        "null_false_positive",
        "null_cells",
        "mean_gain/filtered-steered",
    }
    assert len([name for name in names if name.startswith("cell/")]) == 3 * 12


def test_records_say_what_the_figures_say(suite):
    """Rounded, and no more."""
    found = {item["metric"]: item for item in records_of_suite(suite, origin=ORIGIN)}
    mean, oracle = suite.mean.fixed, suite.oracle

    gain = found["mean_gain"]
    assert (gain["value"], gain["low"], gain["high"], gain["n"]) == (
        round(mean.value, 4),
        round(mean.low, 4),
        round(mean.high, 4),
        mean.n,
    )
    assert found["mean_gain/random"]["value"] == round(suite.control("random").gain.fixed.value, 4)
    assert found["mean_gain/oracle"]["value"] == round(oracle.gain.fixed.value, 4)
    more = found["sweep_gain/64"]["value"] - found["sweep_gain/8"]["value"]
    assert found["gain_n64_minus_n8"]["value"] == pytest.approx(more, abs=2e-4)
    assert found["selection_regret"]["value"] == round(oracle.regret.chosen.value, 4)
    assert found["null_false_positive"]["value"] == suite.checks.null.any_cell.value
    assert ("oracle_share" in found) == (oracle.share is not None)


def test_what_did_not_run_has_no_record(make_row):
    """And an interval that is not finite is none."""
    rows = [make_row(arm, s, is_success=s % 2 == 0) for arm in ("alone", "steered") for s in (1, 2)]

    found = {item["metric"]: item for item in records_of_suite(suite_figures(rows), origin=ORIGIN)}

    assert set(found) == {
        "cell/diffusion/push/alone",
        "cell/diffusion/push/steered",
        "cell/diffusion/push/gain",
        "cells_worse",
        "mean_gain",
        "mean_gain/policy/diffusion",
        "mean_gain/other_tasks",
        "mean_gain/all_cells",
        "override_rate",
        "sequential_saving",
        "sequential_false_positive",
    }
    assert (found["mean_gain/other_tasks"]["low"], found["mean_gain"]["low"]) == (None, 0.0)


def test_no_rows_have_no_records():
    """A run that was stopped before its first episode."""
    assert records_of_suite(suite_figures([]), origin=ORIGIN) == []
