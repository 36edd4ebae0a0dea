"""The command line: page, records and Markdown from the rows of run directories."""

import json
from dataclasses import replace

import pytest

from sim.evaluation.rows import RowFile
from sim.figures import verdict
from sim.origin import Origin
from sim.report.__main__ import main

ORIGIN = Origin(
    command="make suite",
    commit="abc1234",
    machine="2 cores",
    versions={"a": "1"},
    date="2026-11-21",
)


@pytest.fixture
def run(tmp_path, make_row):
    """Return a maker of run directories with both arms on these seeds."""

    def make(name, *seeds):
        with RowFile(tmp_path / name, {"margin": 0.5, **ORIGIN.entry()}) as file:
            for seed in seeds:
                file.append(make_row("alone", seed, is_success=seed % 3 == 0))
                file.append(make_row("steered", seed, is_success=seed % 3 != 1))
        return str(tmp_path / name)

    return make


def test_shards_make_one_page(run, tmp_path, capsys):
    """Written beside the first unless it is said where."""
    assert main([run("one", *range(6)), run("two", *range(6, 12))]) == 0

    html = (tmp_path / "one" / "report.html").read_text()
    assert "n = 12" in html
    assert "make suite" in html
    assert "abc1234, 2026-11-21, 2 cores" in html
    assert "No films were asked for (--films N)." in html
    assert "Steering" in capsys.readouterr().out


def test_records_and_markdown_are_made_from_the_rows(run, tmp_path):
    """The same each time, of the origin of the rows; without a page, unless it is asked for."""
    directory = run("one", *range(6))
    paths = [tmp_path / name for name in ("suite.json", "suite.md", "short.md")]
    arguments = [directory, "--records", str(paths[0]), "--markdown", str(paths[1])]
    arguments += ["--summary", str(paths[2])]

    texts = []
    for _ in range(2):
        assert main(arguments) == 0
        texts.append([path.read_text() for path in paths])

    assert texts[0] == texts[1]
    records = {record["metric"]: record for record in json.loads(texts[0][0])["results"]}
    assert records["mean_gain"]["commit"] == "abc1234"
    assert records["cell/diffusion/push/gain"]["n"] == 6
    assert texts[0][1].startswith("**Steering")
    assert len(texts[0][2]) < len(texts[0][1])
    assert not (tmp_path / "one" / "report.html").exists()


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ([], "nothing: expected the rows of a run, got none"),
        (["--rerun"], "--rerun: expected "),
    ],
)
def test_what_cannot_be_reported_is_refused_in_one_line(tmp_path, capsys, more, text):
    """Exit code 2."""
    assert main([str(tmp_path / "nothing"), *more]) == 2

    error = capsys.readouterr().err
    assert error.startswith("sim.report: error: ")
    assert text in error or "expected the rows" in error
    assert error.count("\n") == 1


def test_rows_of_a_sequential_run_are_shown_and_not_published(tmp_path, make_row, capsys):
    """Stopping where a gain is large overstates it."""
    origin = replace(ORIGIN, command="python -m sim.evaluate --sequential --suite quick")
    with RowFile(tmp_path / "run", origin.entry()) as file:
        for arm in ("alone", "steered"):
            file.append(make_row(arm))

    assert main([str(tmp_path / "run")]) == 0
    assert main([str(tmp_path / "run"), "--records", str(tmp_path / "x.json")]) == 2

    page = (tmp_path / "run" / "report.html").read_text()
    assert "Those verdicts hold, with an error of 5% a cell: " in page
    assert page.index("class='warning'") < page.index("<nav>")
    assert "--records: expected rows of a run with a fixed number" in capsys.readouterr().err
    assert not (tmp_path / "x.json").exists()


def test_episodes_beside_those_of_a_suite_are_refused(tmp_path, make_row, capsys, monkeypatch):
    """Nobody shall go on where a figure looks bad."""
    monkeypatch.setattr("sim.report.__main__.check_complete", lambda name, rows: None)
    with RowFile(tmp_path / "run", ORIGIN.entry()) as file:
        file.append(make_row("alone", 200_000))  # seeds of the suite begin later

    assert main([str(tmp_path / "run"), "--complete", "published"]) == 2

    error = capsys.readouterr().err
    assert "expected the episodes of the suite 'published' and no others, got 1 more" in error


def test_a_server_that_is_gone_costs_the_films_alone(run, tmp_path):
    """The page is written, and says why."""
    directory = run("one", *range(6))

    assert main([directory, "--films", "1", "--server", "127.0.0.1:1"]) == 0

    html = (tmp_path / "one" / "report.html").read_text()
    assert "No films: " in html
    assert "127.0.0.1:1" in html


def test_films_of_seeds_that_end_alike_are_not_made(tmp_path, make_row):
    """There is nothing to see, and no server is started."""
    with RowFile(tmp_path / "run", {}) as file:
        for arm in ("alone", "steered"):
            file.append(make_row(arm))

    assert main([str(tmp_path / "run"), "--films", "1"]) == 0

    assert "end alike on every seed" in (tmp_path / "run" / "report.html").read_text()


def test_the_verdict_is_the_figures_own(suite):
    """The page and the terminal say the same."""
    assert verdict(suite).startswith("Steering ")
