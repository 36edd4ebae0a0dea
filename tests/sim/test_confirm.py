"""Which published episodes are replayed, and what counts as another."""

from dataclasses import replace

from sim.confirm import compared, drawn, main, runs_below
from sim.confirm_bench import bench_runs_below
from sim.evaluation.rows import RowFile
from sim.origin import Origin


def rows_of(make_row):
    """Ten episodes of two arms, one of which broke."""
    found = [make_row(arm, 200_000 + i) for arm in ("alone", "steered") for i in range(5)]
    return [*found[:-1], replace(found[-1], flag="hung")]


def test_so_many_of_each_kind_are_drawn_and_none_that_broke(make_row):
    """An episode that hung need not hang again."""
    rows = rows_of(make_row)

    chosen = drawn(rows, 2, seed="code")

    assert sorted(row.arm for row in chosen) == ["alone", "alone", "steered", "steered"]
    assert all(not row.flag for row in drawn(rows, 9, seed="code"))
    assert len(drawn(rows, 9, seed="code")) == 9


def test_the_same_code_draws_the_same_and_other_code_others(make_row):
    """A replay that was stopped goes on; the next version looks elsewhere."""
    rows = rows_of(make_row)

    assert drawn(rows, 2, seed="a") == drawn(list(reversed(rows)), 2, seed="a")
    assert len({tuple(row.key for row in drawn(rows, 2, seed=str(i))) for i in range(9)}) > 1


def test_only_times_may_differ(make_row):
    """One bit of one advantage is another episode."""
    row = make_row()
    slower = replace(row, policy_ms=(99.0, 98.0))
    other = replace(row, seed=200_001, advantages=(0.0, 0.5000001))
    was = replace(row, seed=200_001)

    assert compared([row], [slower]) == (1, [])
    assert compared([row, was], [slower, other]) == (2, [other.key])


def run_in(directory, make_row, command):
    """Write the run of a command."""
    origin = Origin(command=command, commit="abc", machine="2 cores", versions={}, date="2026")
    with RowFile(directory, {"split": "test", **origin.entry()}) as file:
        file.append(make_row())
        file.pack()


def test_runs_of_other_commands_are_no_runs(tmp_path, make_row):
    """The loop's bench has rows of its own."""
    run_in(tmp_path / "suite", make_row, "python -m sim.evaluate --suite published --output x")
    run_in(tmp_path / "other", make_row, "python -m sim.demo")

    assert runs_below(tmp_path) == [tmp_path / "suite"]


def test_nothing_to_replay_is_said(tmp_path, make_row, capsys):
    """Instead of confirming nothing, of each directory."""
    assert runs_below(tmp_path) == bench_runs_below(tmp_path) == []
    assert main([str(tmp_path)]) == 2
    assert f"runs: expected runs below {tmp_path}, got none" in capsys.readouterr().err
    assert main([str(tmp_path), "--each", "0"]) == 2
    assert "--each: expected >= 1, got 0" in capsys.readouterr().err

    (tmp_path / "none").mkdir()
    run_in(tmp_path / "some", make_row, "python -m sim.evaluate --suite published --output x")
    assert main([str(tmp_path / "some"), str(tmp_path / "none")]) == 2
    assert f"runs: expected runs below {tmp_path / 'none'}, got none" in capsys.readouterr().err
