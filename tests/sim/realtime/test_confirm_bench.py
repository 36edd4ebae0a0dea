"""Which episodes of the bench are replayed, and what counts as another."""

import json
from dataclasses import replace

from sim.confirm_bench import bench_runs_below, differing, words_again
from sim.origin import Origin
from sim.realtime.bench import Rows

WORDS = ["bench", "--cells", "dit/push", "--methods", "wait", "ours", "--first", "2000"]
WORDS += ["--episodes", "20", "--output", "results/x"]


def test_a_run_is_replayed_as_its_own_command_did_it_for_fewer_seeds(tmp_path):
    """Some in a row, others for other code, none beyond the run's own."""
    found = [words_again(WORDS, each=2, output=tmp_path, seed=str(code)) for code in range(40)]

    assert all(words[:6] == WORDS[:6] for words in found)
    assert all(words[-4:] == ["--episodes", "2", "--output", str(tmp_path)] for words in found)
    begins = {int(words[words.index("--first") + 1]) for words in found}
    assert len(begins) > 5
    assert min(begins) >= 2000
    assert max(begins) <= 2018
    assert words_again(WORDS, each=2, output=tmp_path, seed="0") == found[0]


def test_all_seeds_are_replayed_where_there_are_fewer(tmp_path):
    """And the options that a command left out are the bench's own."""
    assert words_again(["bench"], each=99, output=tmp_path, seed="")[1:5] == [
        *("--first", "0", "--episodes", "20")
    ]


def test_only_what_monitors_read_may_differ(make_bench_row):
    """One tick more is another episode, and so is one that the run does not have."""
    row = make_bench_row()
    read = replace(row, unread={}, signals=[[0, 1.0, None, None, None, None]])
    other = replace(row, seed=2)

    assert differing([row], [read]) == []
    assert differing([row], [replace(row, steps=row.steps + 1), other]) == [row.key, other.key]


def test_runs_of_the_bench_are_known_by_their_command(tmp_path, make_bench_row):
    """What else has rows is not one."""
    for name, words in (("bench", "bench --cells dit/push"), ("monitors", "monitors --cells x")):
        Rows(tmp_path / name / "rows.jsonl").add(make_bench_row())
        command = f"python -m sim.realtime {words}"
        origin = Origin(command=command, commit="abc", machine="", versions={}, date="2026")
        (tmp_path / name / "run.json").write_text(json.dumps(origin.entry()))

    assert bench_runs_below(tmp_path) == [tmp_path / "bench"]
