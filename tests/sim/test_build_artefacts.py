"""The build of the demo's weights: its order, what it skips, and what it puts in place."""

import json
import os
import signal
import subprocess
import sys

import pytest

from sim import build_artefacts
from sim.build_artefacts import MAX_BYTES, StageError, build, main
from sim.stages import Stage, stages
from sim.tasks import TASKS
from steer.errors import ConfigError


def test_all_data_come_before_all_policies_before_all_critics_before_all_audits(tmp_path):
    """A critic of one task must not be trained while another task's mixture can still change."""
    kinds = [stage.name.split("/")[1] for stage in stages(tmp_path)]

    count = len(TASKS)
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


def _fake_stages(work, *, size=4):
    """Return two stages, each a command that appends to a log and writes one artefact."""
    found = []
    for task in TASKS:
        output = work / "artefacts" / task / "critic" / "critic.safetensors"
        program = (
            f"import pathlib; p = pathlib.Path({str(output)!r})\n"
            "p.parent.mkdir(parents=True); "
            f"p.write_bytes(b'x' * {size}); "
            f"pathlib.Path({str(work)!r}, 'log').open('a').write('{task} ')"
        )
        found.append(Stage(f"{task}/critic", ("-c", program), "training 0", (output,)))
    return found


@pytest.fixture
def fake_build(tmp_path, monkeypatch):
    """Return work and target directories of a build whose commands are small."""
    work, target = tmp_path / "work", tmp_path / "target"
    target.mkdir()
    monkeypatch.setattr(build_artefacts, "stages", _fake_stages)
    monkeypatch.setattr(
        build_artefacts, "tuning_stage", lambda work: Stage("tuning", ("-c", "pass"), "tune")
    )
    monkeypatch.setattr(build_artefacts, "_RECORDED_VERSIONS", ("numpy",))
    return work, target


@pytest.mark.slow
def test_a_complete_stage_is_not_run_again(fake_build):
    """A build that was stopped goes on where it was."""
    work, target = fake_build
    build(work, target)

    build(work, target)

    assert (work / "log").read_text().split() == list(TASKS)


@pytest.mark.slow
def test_a_stage_whose_input_has_changed_is_run_again_from_nothing(tmp_path):
    """That its output exists does not mean that it is the output of these data."""
    data, output = tmp_path / "data.txt", tmp_path / "critic" / "critic.safetensors"
    program = (
        f"import pathlib, shutil; p = pathlib.Path({str(output)!r}); p.parent.mkdir()\n"
        f"shutil.copyfile({str(data)!r}, p)"
    )
    stage = Stage("push/critic", ("-c", program), "training 0", (output,), (data,))
    state = tmp_path / "critic-training" / "state.safetensors"

    for text in ("old", "new"):
        state.parent.mkdir(exist_ok=True)
        state.write_text("of a run on other data")
        data.write_text(text)
        build_artefacts._run_all([stage], tmp_path / "work", jobs=1)
        assert output.read_text() == text
        assert not state.exists()


@pytest.mark.slow
def test_stages_that_run_together_have_logs_of_their_own(tmp_path):
    """Two progress bars on one terminal cannot be read."""
    plan = [Stage(f"{task}/critic", ("-c", f"print({task!r})"), "training 0") for task in TASKS]

    build_artefacts._run_all(plan, tmp_path, jobs=2)

    for task in TASKS:
        assert (tmp_path / "logs" / f"{task}-critic.log").read_text() == f"{task}\n"


@pytest.mark.slow
def test_what_was_made_replaces_what_was_there_and_is_listed(fake_build):
    """Training states and files of an older build do not stay."""
    work, target = fake_build
    (target / "push" / "old").mkdir(parents=True)
    state = work / "artefacts" / "push" / "critic-training" / "state.safetensors"
    state.parent.mkdir(parents=True)
    state.write_bytes(b"state")

    build(work, target)

    names = sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file())
    assert names == ["MANIFEST.json", *sorted(f"{t}/critic/critic.safetensors" for t in TASKS)]
    manifest = json.loads((target / "MANIFEST.json").read_text())
    assert [stage["name"] for stage in manifest["stages"]][-1] == "tuning"
    assert sorted(manifest["sha256"]) == names[1:]


@pytest.mark.slow
def test_artefacts_that_are_too_large_are_not_put_in_place(fake_build, monkeypatch):
    """The old ones stay as they are."""
    work, target = fake_build
    (target / "push").mkdir()
    monkeypatch.setattr(build_artefacts, "stages", lambda work: _fake_stages(work, size=MAX_BYTES))

    with pytest.raises(ConfigError, match="expected at most 16777216 bytes in all, got 50331648"):
        build(work, target)

    assert [path.name for path in target.iterdir()] == ["push"]


@pytest.mark.slow
def test_a_stage_that_fails_stops_the_build(tmp_path, monkeypatch):
    """The text names it, and nothing is put in place."""
    failing = Stage("push/audit", ("-c", "raise SystemExit(1)"), "held-out")
    monkeypatch.setattr(build_artefacts, "stages", lambda work: [failing])

    with pytest.raises(StageError, match=r"^stage 'push/audit': expected exit code 0, got 1$"):
        build(tmp_path / "work", tmp_path / "target")

    assert not (tmp_path / "target").exists()


@pytest.mark.slow
def test_ctrl_c_waits_for_the_command_and_exits_130(tmp_path):
    """The command gets the signal too, and its own clean end is not cut off."""
    mark = tmp_path / "ended-in-order"
    command = (
        "import pathlib, signal, sys, threading\n"
        "stop = threading.Event()\n"
        "signal.signal(signal.SIGINT, lambda *_: stop.set())\n"
        "sys.stdout.write('ready\\n'); sys.stdout.flush()\n"
        "stop.wait(30)\n"
        f"pathlib.Path({str(mark)!r}).touch(); sys.exit(130)\n"
    )
    program = (
        "import sys\nfrom sim import build_artefacts as b\n"
        f"b.stages = lambda work: [b.Stage('push/data', ('-c', {command!r}), 'train')]\n"
        f"sys.exit(b.main(['--work', {str(tmp_path / 'work')!r}]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, process_group=0
    )
    assert process.stdout.readline() == "ready\n"

    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)

    assert process.returncode == 130
    assert mark.exists()


def test_an_unknown_option_says_which_there_are(capsys):
    """As every command does."""
    with pytest.raises(SystemExit) as stop:
        main(["--wrok", "x"])

    assert stop.value.code == 2
    assert "--work" in capsys.readouterr().err
