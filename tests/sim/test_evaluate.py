"""The command line of an evaluation, as far as it needs no server."""

import pytest

from sim.evaluate import main
from sim.evaluation.summary import summary


def run(tmp_path, *options):
    """Run the command line; return its exit code."""
    return main([*options, "--output", str(tmp_path / "run")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cells", "diffusion/pull"), "cell: expected one of diffusion/push"),
        (("--cells", "push"), "cell: expected POLICY/TASK, got 'push'"),
        (("--cells", "act/*", "--arms", "best"), "--arms: expected of alone"),
        (("--cells", "act/*", "--workers", "0"), "--workers: expected >= 1, got 0"),
        (("--cells", "act/*", "--policy-workers", "0"), "--policy-workers: expected >= 1, got 0"),
        (("--cells", "act/*", "--episodes", "0"), "--episodes: expected >= 1, got 0"),
        (("--suite", "quick", "--episodes", "-3"), "--episodes: expected >= 1, got -3"),
        (("--cells", "act/*", "--shard", "3"), "--shard: expected I/N"),
        (("--cells", "act/*", "--shard", "4/3"), "--shard: expected I/N"),
        (("--cells", "diffusion/push", "--critic", "push"), "--critic: expected TASK=DIR with"),
        (("--cells", "diffusion/push", "--critic", "psuh=."), "a task of push, got psuh=."),
        (
            ("--cells", "diffusion/push", "--critic", "push=.", "--server", "host:1"),
            "--critic: expected none with --server",
        ),
        (
            ("--cells", "diffusion/push", "--critic", "push=nowhere"),
            "the directory of a critic",
        ),
        (("--cells", "diffusion/push", "--candidates", "0"), "--candidates: expected >= 1, got 0"),
        (("--cells", "diffusion/push", "--weight", "consensus"), "--weight: expected SCORER=W"),
        (
            ("--cells", "diffusion/push", "--blank", "k"),
            "--blank: expected what the critic of push",
        ),
        (("--suite", "quick", "--limit", "package"), "--limit: expected none with --suite"),
        (("--suite", "quick", "--arms", "oracle"), "--arms: expected some of alone, random"),
        (("--cells", "none.py:policy/push"), "none.py"),
        ((), "one of --suite and --cells"),
        (("--suite", "quick", "--cells", "act/*"), "one of --suite and --cells"),
        (("--cells", "act/*", "--first", "4000"), "num_episodes: expected 0 to 4000"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_starts(capsys, tmp_path, options, message):
    """Exit code 2, one line, nothing written."""
    assert run(tmp_path, *options) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run" / "rows.jsonl").exists()


def test_no_server_is_said(capsys, tmp_path):
    """Instead of waiting for one; nothing counts."""
    options = ("--cells", "diffusion/push", "--server", "127.0.0.1:9", "--episodes", "1")

    assert run(tmp_path, *options) == 2
    assert "127.0.0.1:9" in capsys.readouterr().err


def test_missing_artefacts_are_named_with_the_command_that_makes_them(capsys, tmp_path):
    """A clone may lack those that are too large for it."""
    options = ("--cells", "act/scene", "--episodes", "1", "--artefacts", str(tmp_path))

    assert run(tmp_path, *options) == 2
    said = capsys.readouterr().err
    assert f"artefact: expected {tmp_path}/critics/scene, got nothing; run: make" in said


def test_the_power_is_said_before_the_run(capsys, tmp_path):
    """So that nobody waits for an answer that so few episodes cannot give."""
    run(tmp_path, "--cells", "act/*", "--episodes", "10", "--server", "127.0.0.1:9")

    said = capsys.readouterr().err
    assert "7 cells, each: n = 10 pairs detect a difference of +0." in said
    assert "for +0.15 take n >= " in said


def test_the_summary_has_a_line_a_cell_and_arm(make_row):
    """With intervals, the difference to the policy alone, and what broke."""
    rows = [make_row("alone", seed, is_success=False) for seed in range(3)]
    rows += [make_row("steered", seed) for seed in range(3)]
    rows += [make_row("random", 0, is_success=False, flag="hung: no answer")]

    lines = [line.split() for line in summary(rows).splitlines()]

    assert lines[1][:5] == ["diffusion/push", "alone", "1", "3", "0.00"]
    assert lines[3][:5] == ["diffusion/push", "steered", "16", "3", "1.00"]
    assert lines[3][7:] == ["+1.00", "[+0.21,", "+1.00]"]
    assert "hung:" in lines[-1]
