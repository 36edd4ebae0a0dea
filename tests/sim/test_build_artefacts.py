"""The build of the demo's weights: its order, what it skips, and what it puts in place."""

import json

import pytest

from sim import build_artefacts
from sim.build_artefacts import MAX_BYTES, MAX_FILE_BYTES, build, main
from sim.stages import Stage, stages
from sim.tasks import DEMO
from steer.errors import ConfigError


def _fake_stages(work, *, size=4, is_demo=False):
    """Return two stages, each a command that appends to a log and writes one artefact."""
    found = []
    for task in DEMO:
        output = work / "artefacts" / "critics" / task / "critic.safetensors"
        program = (
            f"import pathlib; p = pathlib.Path({str(output)!r})\n"
            "p.parent.mkdir(parents=True); "
            f"p.write_bytes(b'x' * {size}); "
            f"pathlib.Path({str(work)!r}, 'log').open('a').write('{task} ')"
        )
        found.append(Stage(f"critic/{task}", ("-c", program), "training 0", (output,)))
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
    monkeypatch.setattr(build_artefacts, "PACKAGES", ("numpy",))
    return work, target


@pytest.mark.slow
def test_a_complete_stage_is_not_run_again(fake_build):
    """A build that was stopped goes on where it was."""
    work, target = fake_build
    build(work, target)

    build(work, target)

    assert (work / "log").read_text().split() == list(DEMO)


@pytest.mark.slow
def test_data_come_before_weights_and_weights_before_audits(fake_build, monkeypatch):
    """Whatever order they are listed in; and no kind of stage is left out."""
    work, target = fake_build
    kinds = ("audit", "critic", "played", "rollouts", "first", "policy", "pictures", "data")
    log = work / "order"

    def listed(work, *, is_demo):
        program = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('a').write(sys.argv[2])"
        noted = [Stage(f"{k}/push", ("-c", program, str(log), f"{k} "), "none") for k in kinds]
        return [*noted, *_fake_stages(work)]

    monkeypatch.setattr(build_artefacts, "stages", listed)
    build(work, target)

    order = log.read_text().split()
    assert order[:2] == ["data", "pictures"]
    assert order[4:] == ["rollouts", "played", "critic", "audit"]
    assert sorted(order) == sorted(kinds)
    assert {stage.kind for stage in stages(work)} == set(kinds)


@pytest.mark.slow
def test_what_was_made_replaces_what_was_there_and_is_listed(fake_build):
    """Training states and files of an older build do not stay."""
    work, target = fake_build
    (target / "critics" / "push" / "old").mkdir(parents=True)
    state = work / "artefacts" / "critics" / "push-training" / "state.safetensors"
    state.parent.mkdir(parents=True)
    state.write_bytes(b"state")

    build(work, target)

    names = sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file())
    assert names == ["MANIFEST.json", *sorted(f"critics/{t}/critic.safetensors" for t in DEMO)]
    manifest = json.loads((target / "MANIFEST.json").read_text())
    assert [stage["name"] for stage in manifest["stages"]][-1] == "tuning"
    assert sorted(manifest["sha256"]) == names[1:]


@pytest.mark.slow
def test_artefacts_that_are_too_large_are_not_put_in_place(fake_build, monkeypatch):
    """The old ones stay as they are."""
    work, target = fake_build
    (target / "push").mkdir()
    monkeypatch.setattr(
        build_artefacts, "stages", lambda work, **_: _fake_stages(work, size=MAX_BYTES // 2)
    )

    with pytest.raises(ConfigError, match="expected at most 100663296 bytes in all, got 150994944"):
        build(work, target)

    assert [path.name for path in target.iterdir()] == ["push"]


@pytest.mark.slow
def test_a_work_directory_may_have_any_name(fake_build, tmp_path):
    """Files of trainings are told by their name below it, not by its own."""
    _, target = fake_build

    build(tmp_path / "steer-training", target)

    assert (target / "critics" / "push" / "critic.safetensors").is_file()


@pytest.mark.slow
def test_a_file_that_is_too_large_is_not_put_in_place(fake_build, monkeypatch):
    """The repository takes none of more than 20 MiB."""
    work, target = fake_build
    large = MAX_FILE_BYTES + 1
    monkeypatch.setattr(
        build_artefacts, "stages", lambda work, **_: _fake_stages(work, size=large)[:1]
    )

    with pytest.raises(ConfigError, match=r"critic\.safetensors: expected at most 20971520 bytes"):
        build(work, target)

    assert not list(target.iterdir())


@pytest.mark.slow
def test_where_an_artefact_is_missing_nothing_is_replaced(fake_build, monkeypatch):
    """What is there stays."""
    work, target = fake_build
    (target / "critics" / "cube-single").mkdir(parents=True)
    outputs = (work / "artefacts" / "critics" / "push" / "card.json",)
    broken = Stage("critic/push", ("-c", "pass"), "training 0", outputs)
    monkeypatch.setattr(build_artefacts, "stages", lambda work, **_: [broken])

    with pytest.raises(ConfigError, match="push, got none"):
        build(work, target)

    assert [path.name for path in (target / "critics").iterdir()] == ["cube-single"]


@pytest.mark.slow
def test_the_demos_weights_leave_all_others_as_they_are(fake_build, monkeypatch):
    """Nor is anything tuned."""
    work, target = fake_build
    other = target / "policies" / "act-scene" / "model.safetensors"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"weights")

    build(work, target, is_demo=True)

    manifest = json.loads((target / "MANIFEST.json").read_text())
    assert other.read_bytes() == b"weights"
    assert "policies/act-scene/model.safetensors" in manifest["sha256"]
    assert "tuning" not in [stage["name"] for stage in manifest["stages"]]


def test_an_unknown_option_says_which_there_are(capsys):
    """As every command does."""
    with pytest.raises(SystemExit) as stop:
        main(["--wrok", "x"])

    assert stop.value.code == 2
    assert "--work" in capsys.readouterr().err
