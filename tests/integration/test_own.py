"""A policy, a critic and a task of the user's own, as docs/evaluate.md says it."""

import shutil

import pytest

from sim.evaluation.rows import read_rows
from sim.evaluation.tuned import Tuned
from sim.suite import critic_path
from steer.critics.artefact import load_critic

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

POLICY = "examples/evaluate/my_policy.py:policy"
TASK = "examples/evaluate/my_task.py"


def test_a_policy_of_ones_own(tmp_path, run):
    """It draws beside the robot, the server ranks; its decisions can be computed again."""
    words = ("--arms", "alone,steered", "--seeds", "user", "--episodes", 1, "--logs", 1)
    words += ("--workers", 1, "--output", tmp_path)

    said = run("sim.evaluate", "--cells", f"{POLICY}/push", *words)

    rows = {row.arm: row for row in read_rows(tmp_path)}
    assert "steered" in said
    assert rows["alone"].num_candidates == 1
    assert rows["steered"].num_scored == Tuned.load().settings.num_candidates
    assert rows["alone"].steps == 200 or rows["alone"].is_success
    logs = {name: next((tmp_path / "decisions").glob(f"*-push-{name}-*")) for name in rows}
    count = len(rows["steered"].indices)
    again = run("steer.cli", "replay", logs["steered"], "--critic", critic_path("push"))
    assert f"{count} of {count} decisions recomputed to the last bit" in again


def test_a_critic_of_ones_own_for_a_task_of_ours(tmp_path, run):
    """From another directory than the committed one; its digest is in every row."""
    critic = shutil.copytree(critic_path("push@25"), tmp_path / "critic")
    words = ("--cells", "diffusion/push", "--critic", f"push={critic}", "--arms", "alone,steered")
    words += ("--seeds", "user", "--episodes", 1, "--workers", 1, "--output", tmp_path / "run")

    run("sim.evaluate", *words)

    digests = {row.critic_digest for row in read_rows(tmp_path / "run")}
    assert digests == {load_critic(critic).digest}


def test_a_task_and_a_critic_of_ones_own(tmp_path, run):
    """From nothing to a verdict; so few steps make no good critic."""
    data, critic, output = tmp_path / "reacher", tmp_path / "critic", tmp_path / "run"
    run(
        *("sim.collect", "--task", f"{TASK}:make", "--expert", f"{TASK}:Expert"),
        *("--root", data, "--episodes", 12),
    )
    run("steer.cli", "train", "--dataset", data, "--output", critic, "--steps", 60)
    run(
        *("sim.evaluate", "--cells", f"{TASK}:policy/{TASK}:make"),
        *("--critic", f"reacher-v5={critic}", "--arms", "alone,steered", "--seeds", "user"),
        *("--episodes", 2, "--workers", 1, "--output", output),
    )

    rows = read_rows(output)
    assert {(row.arm, row.flag) for row in rows} == {("alone", ""), ("steered", "")}
    assert len(rows) == 4
