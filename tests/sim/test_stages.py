"""The stages of the build: their order, their seeds, and what makes one another stage."""

from pathlib import Path

from sim.stages import Stage, stages
from sim.tasks import DEMO, TASKS


def test_all_data_come_before_all_policies_before_all_critics_before_all_audits(tmp_path):
    """A critic of one task must not be trained while another task's mixture can still change."""
    kinds = [stage.name.split("/")[1] for stage in stages(tmp_path)]

    count = len(DEMO)
    assert kinds == [
        kind
        for kind in ("data", "policy", "policy-filtered", "critic", "audit")
        for _ in range(count)
    ]


def test_the_filtered_policy_differs_in_the_data_alone(tmp_path):
    """Same class, steps and seed."""
    by_name = {stage.name: stage for stage in stages(tmp_path)}

    mixed = [word for word in by_name["push/policy"].command if "artefacts" not in word]
    filtered = [word for word in by_name["push/policy-filtered"].command if "artefacts" not in word]

    assert filtered == [*mixed, "--successes-only"]


def test_no_stage_before_the_tuning_uses_tune_or_test_seeds(tmp_path):
    """The manifest says which seeds made what."""
    seeds = {stage.seeds.split(" ")[0] for stage in stages(tmp_path)}

    assert seeds == {"train", "training", "held-out"}


def test_a_critic_scores_what_the_robot_runs(tmp_path):
    """Its horizon is the commit horizon of the task."""
    for stage in stages(tmp_path):
        if stage.name.endswith("/critic"):
            horizon = stage.command[stage.command.index("--horizon") + 1]
            assert int(horizon) == TASKS[stage.name.split("/")[0]].commit_horizon


def test_where_the_work_directory_lies_makes_no_difference(tmp_path):
    """A build that is moved, or whose directory is spelled otherwise, goes on."""
    keys = []
    for name in ("a", "b"):
        work = tmp_path / name
        work.mkdir()
        (work / "data").write_text("rows")
        command = ("-m", "sim.policies.train", "--root", str(work / "data"))
        stage = Stage("push/policy", command, "training 0", inputs=(work / "data",))
        keys.append(stage.key(work))

    assert keys[0] == keys[1]


def test_other_code_is_another_stage(tmp_path):
    """Weights of an earlier version of their training are not taken for those of this one."""
    code = tmp_path / "train.py"
    stage = Stage("push/policy", ("-m", "train"), "training 0", inputs=(tmp_path,))

    code.write_text("steps = 8_000")
    before = stage.key(Path("work"))
    code.write_text("steps = 12_000")

    assert stage.key(Path("work")) != before
