"""The command that collects: what it refuses, and datasets that survive whatever stops them."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.collect import main
from sim.experts import make_expert
from sim.recording import attempt, noise_plan
from sim.tasks import TASKS, make

_IN_SMALL_SHARDS = """
import sys
import sim.collect, sim.recording
sim.recording.SHARD_EPISODES = 3
sys.exit(sim.collect.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_typo_in_a_task_says_which_there_are(tmp_path, capsys):
    """The exit code is that of a wrong command line."""
    with pytest.raises(SystemExit) as stop:
        main(["--task", "pusch", "--root", str(tmp_path / "x")])

    assert stop.value.code == 2
    assert ", ".join(map(repr, TASKS)) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "one of the arguments --task --suite is required"),
        (["--task", "push", "--suite"], "argument --suite: not allowed with argument --task"),
        (["--task", "push"], "--task: expected a --root with it, got none"),
        (["--suite", "--cameras", "corner3"], "--cameras: expected with --task alone"),
        (["--suite", "--image-size", "64"], "--image-size: expected with --task alone"),
        (["--suite", "--root", "data"], "--root: expected with --task alone"),
        (["--task", "push", "--root", "x", "--jobs", "2"], "--jobs: expected with --suite alone"),
    ],
)
def test_options_that_do_not_go_together_are_refused(capsys, options, words):
    """The packages give their cameras different names, so the suite has none."""
    with pytest.raises(SystemExit) as stop:
        main(options)

    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: {words}\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--episodes", "4001"], "num_episodes: expected 0 to 4000, got 4001"),
        (["--jobs", "0"], "jobs: expected >= 1, got 0"),
    ],
)
def test_a_suite_of_impossible_size_is_refused(tmp_path, capsys, options, words):
    """Before any of its tasks is begun."""
    code = main(["--suite", "--data", str(tmp_path / "data"), *options])

    assert (code, capsys.readouterr().err) == (2, f"sim.collect: error: {words}\n")
    assert not (tmp_path / "data").exists()


def test_an_unknown_camera_leaves_nothing_behind(tmp_path, capsys):
    """One line on stderr, no dataset."""
    root = tmp_path / "x"

    code = main(["--task", "push", "--root", str(root), "--cameras", "side"])

    assert code == 2
    assert capsys.readouterr().err.startswith("sim.collect: error: camera: expected one of corner3")
    assert not root.exists()


def _start(root, num_episodes, *options):
    options = ["--task", "push", "--root", str(root), "--episodes", str(num_episodes), *options]
    return subprocess.Popen(
        [sys.executable, "-c", _IN_SMALL_SHARDS, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "MUJOCO_GL"},
    )


def _wait_for(path, process):
    while not path.exists():
        try:
            process.wait(timeout=0.02)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"ended before {path.name} appeared: {process.stdout.read()}")


def _rows(root):
    return pq.ParquetDataset(root / "data").read().sort_by("index")


def _episodes(root):
    table = _rows(root)
    assert table["index"].to_pylist() == list(range(len(table)))
    columns = (table[name].to_pylist() for name in ("episode_index", "steer.seed"))
    pairs = sorted(set(zip(*columns, strict=True)))
    assert [episode for episode, _ in pairs] == list(range(len(pairs)))
    return [seed for _, seed in pairs]


@pytest.fixture(scope="module")
def continued(tmp_path_factory):
    """Return a dataset of seven attempts whose first writer was killed inside the second shard."""
    root = tmp_path_factory.mktemp("collect") / "robot"
    noise = ("--noise", "0:1", "1.5:1")
    process = _start(root, 7, *noise)
    _wait_for(root / "data" / "chunk-000" / "file-001.parquet", process)
    process.kill()
    process.communicate()
    with pytest.raises(pa.ArrowInvalid, match="Parquet magic bytes not found"):
        _rows(root)
    again = _start(root, 7, *noise)
    output = again.communicate(timeout=200)[0]
    assert again.returncode == 0, output
    return root


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_killed_run_goes_on_without_losing_or_doubling_an_episode(continued):
    """Episodes are numbered without a gap, one for each seed."""
    assert _episodes(continued) == list(range(7))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_an_episode_is_a_function_of_its_seed_and_noise(continued):
    """Made here, in another process, it is the recorded one bit for bit."""
    table, spec = _rows(continued).to_pandas(), TASKS["push"]
    env, expert, never = make("push"), make_expert(spec), threading.Event()

    for seed, recorded in table.groupby("steer.seed"):
        sigma = noise_plan(((0.0, 1), (1.5, 1)), 7)[seed]
        frames = attempt(env, expert, spec, (seed, sigma), never)

        for column in ("observation.environment_state", "action"):
            ours = np.stack([frame[column] for frame in frames])
            assert np.array_equal(ours, np.stack(recorded[column].to_list()))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_an_episode_ends_as_the_columns_say(continued):
    """`next.done` marks the last row alone: a success, or a time-out at the last step allowed."""
    table = _rows(continued).to_pandas()

    last = table.groupby("episode_index").tail(1)

    assert table["next.done"].sum() == len(last) == 7
    assert last["next.done"].all()
    assert (last["next.success"] != last["next.truncated"]).all()
    assert (table["next.reward"] == np.where(table["next.success"], 0.0, -1.0)).all()
    timed_out = last[last["next.truncated"]]
    assert len(timed_out) > 0
    assert set(timed_out["frame_index"]) == {TASKS["push"].max_steps - 1}


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_ctrl_c_keeps_every_finished_episode_and_exits_130(tmp_path):
    """The dataset is readable at once."""
    root = tmp_path / "robot"
    process = _start(root, 40)
    _wait_for(root / "data" / "chunk-000" / "file-000.parquet", process)

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode == 130
    seeds = _episodes(root)
    assert 1 <= len(seeds) < 40
    assert seeds == list(range(len(seeds)))


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_cameras_become_image_columns(tmp_path):
    """Drawn by whatever OpenGL works; the dataset's embodiment has them: none without is added."""
    root = tmp_path / "robot"
    options = ("--noise", "0", "--cameras", "corner3", "--image-size", "16")
    output = _start(root, 1, *options).communicate(timeout=100)[0]
    if "MUJOCO_GL: expected an OpenGL" in output:
        pytest.skip(output)

    refused = _start(root, 2, "--noise", "0")
    answer = refused.communicate(timeout=60)[0]

    assert "observation.images.corner3" in _rows(root).column_names
    assert refused.returncode == 2
    assert "expected embodiment.observations" in answer
