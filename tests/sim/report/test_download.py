"""The data inside of the page are the data."""

import base64
import csv
import io
import json
import re

import pytest

from sim.evaluation.table import read_table
from sim.report import download
from sim.report.download import downloads, rows_csv


def saved(html, name):
    """Return the bytes that a link saves."""
    return base64.b64decode(re.search(rf"download='{name}' href='data:[^,]+,([^']+)'", html)[1])


@pytest.mark.slow
def test_the_rows_come_back_whole(suite_rows, tmp_path):
    """Every column, from the page alone."""
    path = tmp_path / "rows.parquet"
    path.write_bytes(saved(downloads(suite_rows, []), "rows.parquet"))

    assert tuple(read_table(path)) == suite_rows


def test_the_figures_come_back(make_row):
    """As they are published."""
    records = [{"metric": "mean_gain", "value": 0.25}]

    assert json.loads(saved(downloads([make_row()], records), "figures.json")) == {
        "results": records
    }


def test_a_line_of_the_csv_is_an_episode(make_row):
    """A flag with commas and quotes stays one field."""
    text = rows_csv([make_row(flag='bad, "very"', indices=(0, 3, 1)), make_row(indices=())])

    first, second = csv.DictReader(io.StringIO(text))
    assert (first["flag"], first["seed"], first["is_success"]) == ('bad, "very"', "200000", "True")
    assert (first["decisions"], first["overrides"], first["round_trip_ms"]) == ("3", "2", "14.00")
    assert second["round_trip_ms"] == ""


def test_rows_that_are_too_many_stay_outside(make_row, monkeypatch):
    """A page must open; it says where they are."""
    monkeypatch.setattr(download, "_MOST_BYTES", 10)

    assert "lies in the directory of the run" in downloads([make_row()], [])
