"""The suite's figures are made again from its committed rows, and put where documents show them."""

import json
import shutil
import subprocess
from hashlib import sha256

import pytest

import publish_results
from sim.evaluation.row import Row
from sim.evaluation.table import write_table
from sim.origin import Origin
from suite_results import (
    SuiteError,
    SuiteResults,
    between,
    confirmed_commits,
    places,
    suite_results,
)

RESULTS = SuiteResults(
    ("{}",), "| all |\n", "| means |\n", "| data |\n", {"forest.svg": "<svg/>\n"}
)
README = (
    "# It\n<!-- results:begin -->\n<!-- results:end -->\n"
    "<!-- suite:begin -->\n<!-- suite:end -->\nEnd\n"
)


def row(arm, seed, *, is_success):
    """A row of one decision."""
    return Row(
        policy="diffusion",
        task="push",
        arm=arm,
        num_candidates=1 if arm == "alone" else 16,
        limit="task",
        seed=seed,
        split="test",
        is_success=is_success,
        steps=8,
        total_reward=-8.0,
        num_scored=1 if arm == "alone" else 16,
        indices=(0,),
        advantages=(0.0,),
        reasons=("margin",),
        policy_ms=(1.0,),
        server_ms=(2.0,),
        round_trip_ms=(3.0,),
        critic_digest="sha256:c",
        policy_digest="sha256:d",
    )


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A committed repository with the rows of a suite, which the scripts take for ours."""
    run = tmp_path / "results" / "suite"
    run.mkdir(parents=True)
    rows = [
        row(arm, 200_000 + number, is_success=number % 3 < share)
        for arm, share in (("alone", 1), ("steered", 2))
        for number in range(12)
    ]
    write_table(run / "rows.parquet", rows)
    (tmp_path / "README.md").write_text(README)
    (tmp_path / "requirements.lock").write_text("numpy==2.0\n")
    author = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    for arguments in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "Begin"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    head = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(head, cwd=tmp_path, check=True, capture_output=True, text=True)
    origin = Origin(
        command="python -m sim.evaluate --suite published",
        commit=done.stdout.strip(),
        machine="2 cores",
        versions={},
        date="2026-11-21",
    )
    (run / "run.json").write_text(json.dumps({"margin": 0.5, **origin.entry()}))
    monkeypatch.setattr(publish_results, "ROOT", tmp_path)
    monkeypatch.setattr("suite_results.COMPLETE", {"suite": (), "evidence": ()})
    return tmp_path


def test_a_table_replaces_the_one_before():
    """What stands around it stays."""
    once = between("a\n<!-- suite:begin -->\n<!-- suite:end -->\nb\n", "| x |\n")

    assert once == "a\n<!-- suite:begin -->\n| x |\n<!-- suite:end -->\nb\n"
    assert between(once, "| y |\n") == once.replace("x", "y")


@pytest.mark.parametrize("text", ["", "a\n", "<!-- suite:begin -->\n"])
def test_a_document_without_a_place_is_left_alone(text):
    """Nothing is guessed."""
    assert between(text, "| x |\n") is None


def test_each_document_has_its_own_part(tmp_path):
    """README the means, the evidence all tables; a draft goes before what is on the disk."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("old")
    evidence = tmp_path / "docs" / "evidence.md"
    evidence.write_text(
        "<!-- suite:begin -->\n<!-- suite:end -->\n<!-- evidence:begin -->\n<!-- evidence:end -->\n"
    )

    texts, without = places(tmp_path, RESULTS, {tmp_path / "README.md": README})

    assert "| means |" in texts[tmp_path / "README.md"]
    assert "| all |" in texts[evidence]
    assert "| data |" in texts[evidence]
    assert texts[tmp_path / "docs" / "pictures" / "forest.svg"] == "<svg/>\n"
    assert without == []
    assert places(tmp_path, RESULTS, {})[1] == ["<!-- suite:begin --> in README.md"]


def test_without_rows_there_is_nothing_to_make(tmp_path):
    """As in a checkout before the first published run."""
    assert suite_results(tmp_path) is None


@pytest.mark.slow
def test_the_suite_is_published_from_its_rows(repository, capsys, monkeypatch):
    """Twice the same, and stale once a file changes that could move its rows."""
    found = suite_results(repository)  # takes seconds: once
    monkeypatch.setattr(publish_results, "suite_results", lambda root: found)

    assert publish_results.publish(is_check=False) == 0

    records = json.loads((repository / "results" / "suite.json").read_text())["results"]
    gain = next(item for item in records if item["metric"] == "cell/diffusion/push/gain")
    assert (gain["value"], gain["n"], gain["machine"]) == (0.3333, 12, "2 cores")
    assert not any("stale" in record for record in records)
    assert "**Steering" in (repository / "README.md").read_text()
    assert "no place for the suite's tables" in capsys.readouterr().out
    assert publish_results.publish(is_check=True) == 0

    (repository / "sim").mkdir()
    (repository / "sim" / "seeds.py").write_text("TEST = 300_000\n")
    subprocess.run(["git", "add", "sim"], cwd=repository, check=True)
    assert publish_results.publish(is_check=True) == 1


@pytest.mark.slow
def test_a_run_that_is_not_complete_is_not_published(repository, monkeypatch):
    """Nobody shall stop where a figure looks good."""
    complete = {"suite": ("--complete", "published"), "evidence": ("--complete",)}
    monkeypatch.setattr("suite_results.COMPLETE", complete)

    with pytest.raises(SuiteError, match=r"expected all .* episodes of the suite 'published', got"):
        suite_results(repository)


def test_rows_that_cannot_be_reported_are_refused(repository, monkeypatch, capsys):
    """With the text of the report."""
    text = "sim.report: error: rows.parquet: expected a whole Parquet file\n"
    failed = subprocess.CompletedProcess([], 2, "", text)
    monkeypatch.setattr("suite_results.subprocess.run", lambda *args, **more: failed)

    with pytest.raises(SuiteError, match=r"expected a whole Parquet file$"):
        suite_results(repository)
    assert publish_results.publish(is_check=False) == 1
    said = capsys.readouterr().out
    assert "the suite is not published: sim.report: error: rows.parquet: expected a whole" in said
    assert not (repository / "results" / "suite.json").exists()


def confirm(root, **changes):
    """Say that an episode of the suite was replayed."""
    run = root / "results" / "suite"
    digest = sha256((run / "rows.parquet").read_bytes()).hexdigest()
    tree = {"commit": "abc1234", "rows_sha256": digest, "replayed": 1, "different": 0, **changes}
    (run / "confirmed.json").write_text(json.dumps(tree))


def test_rows_that_came_out_the_same_are_confirmed(repository):
    """Of the code that replayed them; figures of other runs are not."""
    assert confirmed_commits(repository, "mean_gain") == []

    confirm(repository)

    assert confirmed_commits(repository, "mean_gain") == ["abc1234"]
    assert confirmed_commits(repository, "disturbed") == []


@pytest.mark.parametrize("changes", [{"different": 1}, {"replayed": 0}, {"rows_sha256": "0"}])
def test_other_rows_or_other_outcomes_confirm_nothing(repository, changes):
    """One episode that differs is enough, and so are rows that have changed since."""
    confirm(repository, **changes)

    assert confirmed_commits(repository, "mean_gain") == []


def test_a_figure_of_several_runs_needs_all_of_them(repository):
    """One that nobody replayed leaves it stale."""
    confirm(repository)
    for name in ("25", "50"):
        shutil.copytree(repository / "results" / "suite", repository / "results" / "data" / name)
    assert confirmed_commits(repository, "data_gain") == ["abc1234", "abc1234"]

    (repository / "results" / "data" / "50" / "confirmed.json").unlink()

    assert confirmed_commits(repository, "data_gain") == []
