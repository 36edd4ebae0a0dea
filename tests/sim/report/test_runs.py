"""Reading runs: shards are one run, and what does not belong together is refused."""

import json

import pytest

from sim.evaluation.rows import RowFile
from sim.origin import Origin
from sim.report.runs import read_runs
from steer.errors import ConfigError

SETTINGS = {"split": "test", "margin": 0.5, "critics": {"push": "sha256:a"}}
ORIGIN = Origin(command="make x", commit="abc", machine="2 cores", versions={}, date="2026-11-21")


@pytest.fixture
def run(tmp_path, make_row):
    """Return a maker of run directories with rows of these seeds."""

    def make(name, *seeds, **settings):
        with RowFile(tmp_path / name, SETTINGS | settings) as file:
            for seed in seeds:
                file.append(make_row(seed=seed))
        return tmp_path / name

    return make


def test_shards_are_read_as_one_run(run, make_row):
    """All rows, sorted, and what all settings say."""
    shards = [run("one", 3, 1), run("two", 2, critics={"scene": "sha256:b"}, device="cpu")]

    runs = read_runs(shards)

    assert runs.rows == tuple(make_row(seed=seed) for seed in (1, 2, 3))
    assert runs.settings["critics"] == {"push": "sha256:a", "scene": "sha256:b"}
    assert (runs.margin, runs.settings["device"]) == (0.5, "cpu")


def test_an_episode_in_two_runs_is_refused(run):
    """It would count twice."""
    directories = [run("one", 1, 2), run("two", 2)]

    with pytest.raises(ConfigError, match=r"one and .*two: expected each episode once, got \("):
        read_runs(directories)


@pytest.mark.parametrize(
    ("odd", "text"),
    [
        ({"blank": "k"}, "two: expected the settings of the other runs, got blank 'k', there ''"),
        ({"margin": 0.7}, r"two: expected the settings of the other runs, got margin 0\.7, there"),
        ({"critics": {"push": "sha256:b"}}, r"got critics\.push 'sha256:b', there 'sha256:a'"),
    ],
)
def test_runs_with_other_settings_are_refused(run, odd, text):
    """Rows of two critics are no run."""
    directories = [run("one", 1), run("two", 2, **odd)]

    with pytest.raises(ConfigError, match=text):
        read_runs(directories)


def test_a_directory_without_rows_is_refused(tmp_path):
    """A wrong path is not an empty page."""
    with pytest.raises(ConfigError, match=r"nothing: expected the rows of a run, got none"):
        read_runs([tmp_path / "nothing"])


def test_damaged_settings_are_refused(run):
    """By the name of the file."""
    directory = run("one", 1)
    (directory / "run.json").write_text("{")

    with pytest.raises(ConfigError, match=r"run\.json: expected JSON, got "):
        read_runs([directory])


def test_rows_know_what_made_them(run):
    """Of several commands the oldest, whose figures go stale first."""
    newer = Origin(command="b", commit="def", machine="", versions={}, date="2026-11-22")
    runs = read_runs([run("one", 1, **newer.entry()), run("two", 2, **ORIGIN.entry())])

    assert runs.origins == (ORIGIN, newer)
    assert runs.origin("make report") == ORIGIN


def test_rows_that_do_not_know_it_are_said_to_be_made_here(run):
    """By the command that made the figures."""
    assert read_runs([run("one", 1)]).origin("python -m sim.report x").command == (
        "python -m sim.report x"
    )


def test_the_same_origin_is_kept_once(run, tmp_path):
    """A run that goes on, on the same day with the same files, has one."""
    run("one", 1, **ORIGIN.entry())
    run("one", 2, **ORIGIN.entry())
    run("one", 3, **Origin(**{**vars_of(ORIGIN), "commit": "def"}).entry())

    kept = json.loads((tmp_path / "one" / "run.json").read_text())["made_by"]
    assert sorted(tree["commit"] for tree in kept.values()) == ["abc", "def"]


def vars_of(origin):
    """Return the fields of an origin."""
    return {name: getattr(origin, name) for name in origin.__slots__}
