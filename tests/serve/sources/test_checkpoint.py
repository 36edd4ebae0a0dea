"""What a checkpoint directory says about itself, and what is refused."""

import json

import pytest

from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import CheckpointError
from steer.serve.sources.checkpoint import read_checkpoint

ARM = Embodiment(
    name="arm",
    control_hz=20.0,
    actions=(ActionDim(name="dx", low=-1.0, high=1.0), ActionDim(name="gripper")),
    observations=(
        ObservationField(name="observation.state", dtype="float32", shape=(4,)),
        ObservationField(name="observation.environment_state", dtype="float32", shape=(9,)),
    ),
)


def describe(directory, embodiment=ARM, format_version=1):
    """Write `steer.json` into a checkpoint."""
    tree = {"format_version": format_version, "embodiment": json.loads(embodiment.to_json())}
    (directory / "steer.json").write_text(json.dumps(tree))
    return directory


def test_a_checkpoint_without_steer_json_knows_its_dimensions(fake_checkpoint):
    """From LeRobot's configuration alone come dimensions; all else is left unknown."""
    checkpoint = read_checkpoint(fake_checkpoint())

    assert checkpoint.type == "diffusion"
    assert checkpoint.num_observations == 2
    assert checkpoint.embodiment == Embodiment(
        name="",
        control_hz=0.0,
        actions=(ActionDim(name=""), ActionDim(name="")),
        observations=(ObservationField(name="observation.state", dtype="float32", shape=(4,)),),
    )


def test_what_a_checkpoint_leaves_unknown_differs_from_no_robot(fake_checkpoint):
    """A robot with names, units and a rate fits a policy of its dimensions."""
    checkpoint = read_checkpoint(fake_checkpoint())

    assert ARM.differences(checkpoint.embodiment) == []


def test_steer_json_is_cut_to_what_the_policy_needs(fake_checkpoint):
    """The embodiment is the file's, with the observations of LeRobot's configuration."""
    checkpoint = read_checkpoint(describe(fake_checkpoint()))

    assert checkpoint.embodiment.name == "arm"
    assert checkpoint.embodiment.actions == ARM.actions
    assert checkpoint.embodiment.observations == ARM.observations[:1]


def test_an_image_is_described_as_robots_send_it(fake_checkpoint):
    """LeRobot's [3, h, w] is a robot's [h, w, 3]; cameras that LeRobot makes up are left out."""
    features = {
        "observation.images.top": {"type": "VISUAL", "shape": [3, 48, 64]},
        "observation.images.empty_camera_0": {"type": "VISUAL", "shape": [3, 48, 64]},
    }

    checkpoint = read_checkpoint(fake_checkpoint(input_features=features, n_obs_steps=1))

    assert checkpoint.embodiment.observations == (
        ObservationField(name="observation.images.top", dtype="uint8", shape=(48, 64, 3)),
    )


def test_observations_that_the_checkpoint_renames_have_the_robots_names(fake_checkpoint):
    """A policy fine-tuned with renamed cameras asks for the cameras of the robot."""
    directory = fake_checkpoint(
        input_features={"observation.images.camera1": {"type": "VISUAL", "shape": [3, 8, 8]}}
    )
    step = {
        "registry_name": "rename_observations_processor",
        "config": {"rename_map": {"observation.images.wrist": "observation.images.camera1"}},
    }
    (directory / "policy_preprocessor.json").write_text(json.dumps({"steps": [step]}))

    checkpoint = read_checkpoint(directory)

    assert [field.name for field in checkpoint.embodiment.observations] == [
        "observation.images.wrist"
    ]


def test_the_digest_covers_every_file_and_every_name(fake_checkpoint):
    """One byte, one more file or another name is another checkpoint; hidden files are not."""
    first, same = fake_checkpoint("first"), fake_checkpoint("same")
    digest = read_checkpoint(first).digest

    assert digest.startswith("sha256:")
    assert read_checkpoint(same).digest == digest

    (same / ".cache").mkdir()
    (same / ".cache" / "lock").write_text("x")
    assert read_checkpoint(same).digest == digest

    (same / "model.safetensors").write_bytes(b"weightz")
    assert read_checkpoint(same).digest != digest

    (first / "extra.txt").write_text("x")
    assert read_checkpoint(first).digest != digest


def test_a_missing_directory_is_refused(tmp_path):
    """The path stands in the message."""
    with pytest.raises(CheckpointError, match=r"expected a directory, got none, in .*nowhere"):
        read_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name",
    ["config.json", "model.safetensors", "policy_preprocessor.json", "policy_postprocessor.json"],
)
def test_a_directory_without_a_part_is_no_checkpoint(fake_checkpoint, name):
    """The message names the missing file."""
    directory = fake_checkpoint()
    (directory / name).unlink()

    with pytest.raises(CheckpointError, match=f"got no {name}"):
        read_checkpoint(directory)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"type": "act"}'])
def test_a_configuration_that_says_nothing_is_refused(fake_checkpoint, text):
    """Text that is not JSON, or lacks type or features, is refused in one sentence."""
    directory = fake_checkpoint()
    (directory / "config.json").write_text(text)

    with pytest.raises(CheckpointError, match=r"policy checkpoint: expected .*config\.json"):
        read_checkpoint(directory)


def test_another_action_dimension_than_steer_json_says_is_refused(fake_checkpoint):
    """The two files must describe one policy."""
    directory = fake_checkpoint(output_features={"action": {"type": "ACTION", "shape": [7]}})

    with pytest.raises(CheckpointError, match=r"embodiment\.actions: expected 7 dimensions, got 2"):
        read_checkpoint(describe(directory))


def test_an_observation_that_steer_json_does_not_know_is_refused(fake_checkpoint):
    """The message names the observation."""
    directory = fake_checkpoint(
        input_features={"observation.images.top": {"type": "VISUAL", "shape": [3, 8, 8]}}
    )

    with pytest.raises(CheckpointError, match=r"observation\.images\.top.*got nothing"):
        read_checkpoint(describe(directory))


def test_a_newer_steer_json_is_refused(fake_checkpoint):
    """A format of the future is not guessed at."""
    directory = describe(fake_checkpoint(), format_version=2)

    with pytest.raises(CheckpointError, match=r"expected steer\.json of format_version 1, got 2"):
        read_checkpoint(directory)


@pytest.mark.parametrize(
    "tree", ['{"format_version": 1}', '{"format_version": 1, "embodiment": 3}']
)
def test_a_steer_json_without_an_embodiment_is_refused(fake_checkpoint, tree):
    """A damaged file is not taken for a missing one."""
    directory = fake_checkpoint()
    (directory / "steer.json").write_text(tree)

    with pytest.raises(CheckpointError, match=r"expected an embodiment in steer\.json"):
        read_checkpoint(directory)


def test_a_processor_without_steps_is_named(fake_checkpoint):
    """Not the configuration, which is in order."""
    directory = fake_checkpoint()
    (directory / "policy_postprocessor.json").write_text("{}")

    with pytest.raises(CheckpointError, match=r"a list of steps in policy_postprocessor\.json"):
        read_checkpoint(directory)


@pytest.mark.parametrize("name", ["policy_preprocessor.json", "policy_postprocessor.json"])
def test_a_processor_step_that_names_a_class_to_import_is_refused(fake_checkpoint, name):
    """Files are data: LeRobot would import whatever module such a step names."""
    directory = fake_checkpoint()
    tree = json.loads((directory / name).read_text())
    tree["steps"].append({"class": "subprocess.Popen", "config": {"args": ["true"]}})
    (directory / name).write_text(json.dumps(tree))

    with pytest.raises(CheckpointError, match=f"LeRobot's registry in {name}.*subprocess.Popen"):
        read_checkpoint(directory)
