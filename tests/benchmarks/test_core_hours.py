"""What the published figures took, from what runs say of themselves."""

import json

import pytest

from benchmarks.core_hours import of_runs


def test_every_part_of_a_run_counts_on_every_core(tmp_path):
    """A run that was gone on with has two parts; two cores for half an hour each are two hours."""
    directory = tmp_path / "data" / "25"
    directory.mkdir(parents=True)
    (directory / "run.json").write_text(json.dumps({"spent_s": {"first": 1800, "then": 1800}}))

    assert of_runs(tmp_path, cores=2) == {"data/25": pytest.approx(2.0)}


def test_a_run_that_does_not_say_what_it_took_counts_nothing(tmp_path):
    """Runs under way have not written it yet."""
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "run.json").write_text("{}")

    assert of_runs(tmp_path, cores=2) == {"suite": 0.0}
