"""The command that writes what the runs beside the suite say."""

import json

import pytest

from sim.evaluation.table import write_table
from sim.report.evidence import main


@pytest.fixture
def results(make_row, tmp_path):
    """Return a directory with the rows of a suite, of two amounts of data and of a disturbance."""

    def write(name, task, share):
        rows = [
            make_row(arm, seed, is_success=seed % 4 < won, task=task)
            for arm, won in (("alone", 1), ("steered", share))
            for seed in range(200_000, 200_040)
        ]
        directory = tmp_path / "results" / name
        directory.mkdir(parents=True)
        write_table(directory / "rows.parquet", rows)

    write("suite", "push", 4)
    write("data/100", "push", 3)
    write("data/25", "push", 2)
    write("data/successes", "push", 1)
    write("disturbed", "push~noise", 2)
    return tmp_path / "results"


def outputs(directory):
    """Return the options for all outputs."""
    names = ("markdown", "records", "pictures")
    return [word for name in names for word in (f"--{name}", str(directory / name))]


def test_amounts_are_in_their_order_and_words_are_last(results, tmp_path):
    """The suite's own critics have learnt from rollouts, too."""
    assert main([str(results), *outputs(tmp_path)]) == 0

    records = json.loads((tmp_path / "records").read_text())["results"]
    gains = {item["metric"]: item["value"] for item in records}
    table = (tmp_path / "markdown").read_text()
    assert [gains[f"data_gain/{n}"] for n in ("25", "100", "rollouts")] == [0.25, 0.5, 0.75]
    assert gains["data_gain/successes/diffusion/push"] == 0
    assert gains["disturbed/diffusion/push~noise/gain"] == 0.25
    assert gains["disturbed/diffusion/push~noise/change"] == -0.5
    places = [table.index(f"| {name} |") for name in ("25", "100", "rollouts", "successes")]
    assert places == sorted(places)
    assert table.index("| diffusion/push |") < table.index("| diffusion/push~noise |")


def test_all_runs_must_be_there(results, tmp_path, capsys, monkeypatch):
    """What is missing is named; half a curve is not published."""
    monkeypatch.setattr("sim.report.evidence.check_complete", lambda name, rows: None)

    assert main([str(results), "--complete", *outputs(tmp_path)]) == 2

    assert "expected all runs beside it, got no data/50" in capsys.readouterr().err


def test_a_plot_is_a_file_of_its_own(results, tmp_path):
    """It brings its colours along."""
    main([str(results), *outputs(tmp_path)])

    picture = (tmp_path / "pictures" / "data.svg").read_text()
    assert picture.startswith("<svg xmlns='http://www.w3.org/2000/svg'")
    assert "--steered:" in picture
    assert picture.endswith("</svg>\n")
    assert (tmp_path / "pictures" / "forest.svg").exists()


def test_a_suite_alone_has_no_curve(results, tmp_path):
    """One point is none."""
    for name in ("data", "disturbed"):
        (results / name).rename(tmp_path / name)

    assert main([str(results), *outputs(tmp_path)]) == 0
    assert json.loads((tmp_path / "records").read_text()) == {"results": []}
    assert (tmp_path / "markdown").read_text() == ""


def test_without_the_suite_it_says_so(tmp_path, capsys):
    """The points are compared with its rows."""
    assert main([str(tmp_path), *outputs(tmp_path)]) == 2
    assert "expected the rows of a run, got none" in capsys.readouterr().err
