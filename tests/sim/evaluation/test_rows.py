"""The file of episodes: nothing lost, nothing twice, whatever stops a run."""

import json

import pytest

from sim.evaluation.rows import RowFile, read_rows, row_of
from steer.errors import ConfigError, ServerError

IDENTITY = {"split": "test", "settings": {"push": {"margin": 0.5}}}


@pytest.fixture
def run(tmp_path, make_row):
    """Return the directory of a run with two episodes."""
    with RowFile(tmp_path, IDENTITY) as file:
        file.append(make_row(seed=200_000))
        file.append(make_row(seed=200_001, is_success=False))
    return tmp_path


def test_rows_come_back_as_they_were(run, make_row):
    """Every field, tuples included."""
    assert read_rows(run) == [
        make_row(seed=200_000),
        make_row(seed=200_001, is_success=False),
    ]


def test_a_row_is_in_the_file_when_append_returns(tmp_path, make_row):
    """A kill right after it loses nothing."""
    with RowFile(tmp_path, IDENTITY) as file:
        file.append(make_row())

        assert read_rows(tmp_path) == [make_row()]


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_torn_last_line_is_dropped(run, make_row, cut):
    """Its episode is run again; the whole lines before it count."""
    path = run / "rows.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])

    with RowFile(run, IDENTITY) as file:
        file.append(make_row(seed=200_001))

    assert [row.seed for row in read_rows(run)] == [200_000, 200_001]


def test_an_episode_is_never_written_twice(run, make_row):
    """Rather no result than one that counts a seed double."""
    with RowFile(run, IDENTITY) as file, pytest.raises(ConfigError, match="each episode once"):
        file.append(make_row(seed=200_000))


def test_a_file_with_an_episode_twice_is_refused(run):
    """Somebody has put two runs together."""
    path = run / "rows.jsonl"
    path.write_text(path.read_text() * 2)

    with pytest.raises(ConfigError, match=r"each episode once, got \('push', 'steered', 200000\)"):
        RowFile(run, IDENTITY)


def test_a_damaged_line_is_refused_by_its_number(run):
    """Only the last line can be torn by a kill."""
    path = run / "rows.jsonl"
    path.write_text("{}\n" + path.read_text())

    with pytest.raises(ConfigError, match="a row in line 1"):
        read_rows(run)


def test_another_configuration_is_refused(run):
    """The text says what differs."""
    other = {"split": "test", "settings": {"push": {"margin": 1.0}}}

    with pytest.raises(ConfigError) as refusal:
        RowFile(run, other)

    assert str(refusal.value) == (
        f"--output: expected a new directory or one of a run with the same settings, got {run}, "
        "where settings was {'push': {'margin': 0.5}}, is {'push': {'margin': 1.0}}"
    )


def test_two_runs_cannot_share_a_directory(run):
    """They would run the same episodes."""
    with RowFile(run, IDENTITY), pytest.raises(ConfigError, match="no other run writes to"):
        RowFile(run, IDENTITY)


def test_a_directory_is_free_after_a_refusal(run):
    """The lock goes with the file."""
    with pytest.raises(ConfigError):
        RowFile(run, {})

    RowFile(run, IDENTITY).__exit__(None, None, None)


def test_a_run_that_has_not_begun_has_no_rows(tmp_path):
    """Its directory need not exist."""
    assert read_rows(tmp_path / "none") == []


def test_a_workers_error_is_raised():
    """It says why an episode could not be run."""
    with pytest.raises(ServerError, match="the policy died"):
        row_of(json.dumps({"error": "the policy died"}))


def test_a_row_knows_how_often_it_overrode(make_row):
    """Candidate 0 is the policy's own."""
    assert make_row(indices=(0, 5, 0, 2)).overrides == 2
