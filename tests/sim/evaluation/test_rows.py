"""The file of episodes: nothing lost, nothing twice, whatever stops a run."""

import json
import shutil

import pytest

from sim.evaluation.row import row_of
from sim.evaluation.rows import RowFile, read_rows
from steer.errors import ConfigError, ServerError

IDENTITY = {"split": "test", "margin": 0.5, "critics": {"push": "sha256:a"}}
KEY = r"\('diffusion', 'push', 'steered', 16, 'task', 200000\)"


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

    with pytest.raises(ConfigError, match=f"each episode once, got {KEY}"):
        RowFile(run, IDENTITY)


def test_a_damaged_line_is_refused_by_its_number(run):
    """Only the last line can be torn by a kill."""
    path = run / "rows.jsonl"
    path.write_text("{}\n" + path.read_text())

    with pytest.raises(ConfigError, match="a row in line 1"):
        read_rows(run)


def test_rows_with_a_blanked_camera_are_a_run_of_their_own(run, tmp_path):
    """Also where `run.json` was written before there were any."""
    with pytest.raises(ConfigError, match=r"where blank was '', is 'observation\.images\.front'$"):
        RowFile(run, {**IDENTITY, "blank": "observation.images.front"})
    with RowFile(tmp_path / "blank", {**IDENTITY, "blank": "k"}):
        pass
    with pytest.raises(ConfigError, match=r"where blank was 'k', is ''$"):
        RowFile(tmp_path / "blank", {**IDENTITY, "blank": ""})
    with RowFile(run, {**IDENTITY, "blank": ""}):
        pass

    assert "blank" not in json.loads((run / "run.json").read_text())


def test_another_configuration_is_refused(run):
    """The text says what differs."""
    with pytest.raises(ConfigError) as refusal:
        RowFile(run, {**IDENTITY, "margin": 1.0})

    assert str(refusal.value) == (
        f"--output: expected a new directory or one of a run with the same settings, got {run}, "
        "where margin was 0.5, is 1.0"
    )


def test_another_critic_is_refused(run):
    """Rows of two critics are never put together."""
    with pytest.raises(ConfigError, match=r"critics\.push was 'sha256:a', is 'sha256:b'"):
        RowFile(run, {**IDENTITY, "critics": {"push": "sha256:b"}})


def test_what_was_not_known_before_may_be_added(run):
    """A run may go on with further tasks; what it knows then holds too."""
    with RowFile(run, IDENTITY) as file:
        file.agree({"device": "cpu", "critics": {"scene": "sha256:c"}})

    known = json.loads((run / "run.json").read_text())
    assert known["critics"] == {"push": "sha256:a", "scene": "sha256:c"}
    with pytest.raises(ConfigError, match=r"critics\.scene was"):
        RowFile(run, {"critics": {"scene": "sha256:d"}})


def test_packed_rows_are_those_that_were_written(run, make_row):
    """In another file, sorted."""
    with RowFile(run, IDENTITY) as file:
        file.append(make_row("alone", 200_003, scores=((0.0, 0.5),), outcomes=((-3.0, -1.0),)))
        file.pack()

    assert (run / "rows.jsonl").read_text() == ""
    rows = read_rows(run)
    assert [row.arm for row in rows] == ["alone", "steered", "steered"]
    assert rows[0] == make_row("alone", 200_003, scores=((0.0, 0.5),), outcomes=((-3.0, -1.0),))


def test_packing_may_be_killed_in_between(run):
    """The rows are in both files then, and count once."""
    before = (run / "rows.jsonl").read_bytes()
    with RowFile(run, IDENTITY) as file:
        file.pack()
    (run / "rows.jsonl").write_bytes(before)

    assert len(read_rows(run)) == 2


def test_equal_rows_give_equal_files(run, tmp_path, make_row):
    """In whatever order they came."""
    other = tmp_path / "other"
    with RowFile(other, IDENTITY) as file:
        file.append(make_row(seed=200_001, is_success=False))
        file.append(make_row(seed=200_000))
        file.pack()
    with RowFile(run, IDENTITY) as file:
        file.pack()

    assert (other / "rows.parquet").read_bytes() == (run / "rows.parquet").read_bytes()


def test_a_parquet_file_cut_short_is_refused(run):
    """It was whole when it was written: somebody has damaged it."""
    with RowFile(run, IDENTITY) as file:
        file.pack()
    path = run / "rows.parquet"
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(ConfigError, match=r"rows\.parquet: expected a whole Parquet file"):
        read_rows(run)


def test_two_rows_of_one_episode_in_two_files_are_refused(run, make_row):
    """They differ, so they are not a row that was packed twice."""
    with RowFile(run, IDENTITY) as file:
        file.pack()
    kept = run / "rows.parquet"
    aside = shutil.move(kept, run / "aside")
    with RowFile(run, IDENTITY) as file:
        file.append(make_row(seed=200_000, indices=(1,)))
    shutil.move(aside, kept)

    with pytest.raises(ConfigError, match=f"each episode once, got {KEY}"):
        read_rows(run)


def test_two_runs_cannot_share_a_directory(run):
    """They would run the same episodes."""
    with RowFile(run, IDENTITY), pytest.raises(ConfigError, match="no other run writes to"):
        RowFile(run, IDENTITY)


def test_a_directory_is_free_after_a_refusal(run):
    """The lock goes with the file."""
    with pytest.raises(ConfigError):
        RowFile(run, {"margin": 2.0})

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
