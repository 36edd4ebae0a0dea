"""Publishing figures: what is refused, what replaces what, and how the table reads."""

import json
import subprocess
from pathlib import Path

import pytest

import publish_results
from publish_results import RecordError, merge, read_records, refusal
from result_kinds import home_of
from results_table import draw_tables

ROOT = Path(__file__).parents[2]


def record(metric="gain/push", **changes):
    """A valid record."""
    return {
        "metric": metric,
        "value": 0.4,
        "low": 0.3,
        "high": 0.5,
        "n": 100,
        "unit": "success",
        "against": "policy alone, paired by seed",
        "command": "make demo EPISODES=100",
        "commit": "abc1234",
        "machine": "2 cores, CPU",
        "versions": {"torch": "2.11.0"},
        "date": "2026-11-21",
        **changes,
    }


def written(tmp_path, *records):
    """A file with these records."""
    path = tmp_path / "demo.json"
    path.write_text(json.dumps({"results": list(records)}))
    return path


def test_valid_records_are_read_as_they_were_written(tmp_path):
    """Nothing is added and nothing is lost."""
    records = [record(), record("demo_minutes", low=None, high=None, value=7)]

    assert read_records(written(tmp_path, *records)) == records


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (record(value="0.4"), "demo.json: gain/push.value: expected <class 'float'>, got '0.4'"),
        (record(value=None), "demo.json: gain/push.value: expected <class 'float'>, got None"),
        (
            record(extra=1),
            "demo.json: gain/push: expected the fields of Record, got odd ones: extra",
        ),
        (5, "demo.json: expected a record, got 5"),
    ],
)
def test_a_record_that_breaks_the_form_is_refused(tmp_path, bad, text):
    """The text names the file, the figure and the field."""
    with pytest.raises(RecordError) as caught:
        read_records(written(tmp_path, bad))

    assert str(caught.value) == text


def test_a_figure_that_nobody_declared_is_refused(tmp_path):
    """Without the files that could move it, a figure could not go stale."""
    with pytest.raises(RecordError, match=r"^demo\.json: metric: expected one of .*, got 'luck/x'"):
        read_records(written(tmp_path, record("luck/x")))


def test_a_file_that_is_not_json_is_refused(tmp_path):
    """A run that was killed while writing is not published."""
    path = tmp_path / "demo.json"
    path.write_text('{"results": [')

    with pytest.raises(RecordError, match=r"^demo\.json: expected JSON with 'results', got "):
        read_records(path)


def test_a_newer_figure_takes_the_place_of_the_older_one():
    """Figures are told apart by name; those not measured again stay."""
    old, new, other = record(value=0.1), record(value=0.2), record("alone/push")

    assert merge([old, other], [new]) == [other, new]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"n": 30}, "expected n >= 100, got 30: make demo EPISODES=100"),
        ({"metric": "demo_minutes", "n": 1, "command": "make demo EPISODES=30"}, ""),
        (
            {"metric": "demo_minutes", "n": 1},
            "expected the run of 'make demo EPISODES=30', got 'make demo EPISODES=100'",
        ),
        ({"commit": "abc1234-dirty"}, "measured on files that are not committed"),
    ],
)
def test_only_full_runs_on_committed_files_are_published(changes, reason):
    """A quick run is for looking, not for publishing."""
    assert refusal(record(**changes)) == reason


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of two committed files, which the script takes for ours; and its commit."""
    monkeypatch.setattr(publish_results, "ROOT", tmp_path)
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "seeds.py").write_text("TEST = 200_000\n")
    (tmp_path / "requirements.lock").write_text("numpy==2.0\n")
    author = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    for arguments in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "Begin"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    head = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(head, cwd=tmp_path, check=True, capture_output=True, text=True)
    return tmp_path, done.stdout.strip()


def test_a_figure_is_fresh_while_its_files_are_as_measured(repository):
    """A change elsewhere, to the text of the README for one, does not matter."""
    root, commit = repository
    (root / "README.md").write_text("changed")

    assert not publish_results.is_stale(record(commit=commit))


def test_a_figure_is_stale_when_a_file_that_could_move_it_has_changed(repository):
    """Committed or not, a change since the measurement counts."""
    root, commit = repository
    (root / "sim" / "seeds.py").write_text("TEST = 300_000\n")

    assert publish_results.is_stale(record(commit=commit))


def test_a_replay_makes_figures_of_rows_young_again(repository, monkeypatch):
    """Those that no row was replayed of stay stale."""
    root, commit = repository
    monkeypatch.setattr(publish_results, "confirmed_commits", lambda root, kind: [commit])
    unknown = "0" * 40

    assert not publish_results.is_stale(record("mean_gain", commit=unknown))
    assert publish_results.is_stale(record(commit=unknown))
    (root / "sim" / "seeds.py").write_text("TEST = 300_000\n")
    assert publish_results.is_stale(record("mean_gain", commit=unknown))


def test_a_figure_of_an_unknown_commit_is_stale(repository):
    """What cannot be compared is not trusted."""
    assert publish_results.is_stale(record(commit="0" * 40))


@pytest.mark.parametrize(
    ("metric", "home"),
    [
        ("gain/push", "demo.json"),
        ("cell/act/scene/gain", "suite.json"),
        ("mean_gain", "suite.json"),
        ("tabular_tau/iql", "critics.json"),
        ("train_speed_ratio_jax_iql", "critics.json"),
        ("vision/rgb/fetch-push", "critics.json"),
        ("lost_ticks", "realtime.json"),
        ("decision_age_ms/policy", "realtime.json"),
        ("recover_s", "realtime.json"),
    ],
)
def test_every_figure_has_one_home(metric, home):
    """What was measured of critics alone is not the suite's."""
    assert home_of(metric) == home


def test_what_the_suite_says_of_critics_stands_with_them_too(repository, monkeypatch):
    """Once there is anything else about critics; no figure is typed twice."""
    root, commit = repository
    (root / "demo").mkdir()
    (root / "README.md").write_text(publish_results.BEGIN + publish_results.END)
    found = {"results": [record("tabular_tau/iql", commit=commit, low=None, high=None)]}
    (root / "demo" / "tabular.json").write_text(json.dumps(found))
    means = [record(name, commit=commit) for name in ("mean_gain", "mean_gain/all_cells")]
    monkeypatch.setattr(publish_results, "_suite", lambda *_: means)

    assert publish_results.publish(is_check=False) == 0

    published = json.loads((root / "results" / "critics.json").read_text())["results"]
    assert [item["metric"] for item in published] == ["mean_gain", "tabular_tau/iql"]


def test_what_was_measured_on_the_wall_clock_has_a_file_of_its_own(repository, monkeypatch):
    """As it was measured."""
    root, commit = repository
    (root / "demo").mkdir()
    (root / "README.md").write_text(publish_results.BEGIN + publish_results.END)
    found = {"results": [record("recover_s", commit=commit, low=None, high=None)]}
    (root / "demo" / "realtime_recover.json").write_text(json.dumps(found))
    monkeypatch.setattr(publish_results, "_suite", lambda *_: [])

    assert publish_results.publish(is_check=False) == 0

    published = json.loads((root / "results" / "realtime.json").read_text())["results"]
    assert [item["metric"] for item in published] == ["recover_s"]


def test_a_sum_of_what_was_spent_never_goes_stale(repository):
    """No change of the code makes it another."""
    _, commit = repository

    assert not publish_results.is_stale(record("core_hours", commit=commit))


def test_the_table_shows_signs_intervals_and_what_is_stale():
    """Rates have no sign, differences have one, and a dagger marks the stale."""
    text = draw_tables(
        [
            record("alone/push", value=0.35, low=None, high=None),
            record("gain/push", stale=True),
            record("rank_overhead_ms_p50", value=0.5, low=None, high=None, unit="ms"),
        ]
    )

    assert text == (
        "| success rate | policy alone | gain | n |\n"
        "| --- | --- | --- | --- |\n"
        "| `push` | 0.35 | +0.40 [+0.30, +0.50]† | 100 |\n"
        "\n"
        "| measured | value |\n"
        "| --- | --- |\n"
        "| `Rank` over the echo floor, median | 0.50 ms |\n"
        "\n"
        "In brackets: 95% interval. Measured on 2 cores, CPU; 2026-11-21; commit `abc1234`. "
        "†: the code has changed since; to be measured again.\n"
    )


def test_the_table_of_the_readme_is_drawn_from_the_published_records():
    """No figure of the README is typed by hand."""
    path = ROOT / "results" / "demo.json"
    records = json.loads(path.read_text())["results"] if path.exists() else []

    readme = (ROOT / "README.md").read_text()

    assert publish_results.BEGIN + draw_tables(records) + publish_results.END in readme


def test_every_path_that_could_move_a_figure_exists():
    """A file that was renamed would let its figures look fresh for ever."""
    given = {path for paths in publish_results.PATHS.values() for path in paths}
    paths = {path.removeprefix(":(exclude)") for path in given}

    assert {path for path in paths if not (ROOT / path).exists()} == set()
