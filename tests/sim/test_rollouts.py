"""What a policy did in a run, done again from the decision logs."""

from types import SimpleNamespace

import numpy as np
import pytest

from sim import rollouts
from sim.evaluation.table import write_table
from sim.rollouts import Replayed, main
from steer.errors import ConfigError, DatasetError

SEED = 200_000
TRUE = {"next.success": np.array([True])}
BODY = SimpleNamespace(spec=SimpleNamespace(commit_horizon=8))


@pytest.fixture
def logged(tmp_path, monkeypatch, make_row):
    """Return a maker of an episode of `steps` ticks with a log of `count` decisions."""

    def make(steps, count):
        row = make_row("alone", SEED, indices=(0,) * count)
        row = row.__class__(**{**{k: getattr(row, k) for k in row.__slots__}, "steps": steps})
        chunks = np.arange(count * 16, dtype=np.float32).reshape(count, 16, 1)
        items = [SimpleNamespace(decision=SimpleNamespace(chunk=chunk)) for chunk in chunks]
        monkeypatch.setattr(rollouts, "read_decision_log", lambda path: (None, items))
        (tmp_path / f"diffusion-push-alone-n1-task-{SEED}.decisions").touch()
        return Replayed({SEED: row}, tmp_path)

    return make


def test_the_actions_that_ran_come_again(logged):
    """Of every chunk the part that is run before the robot asks again, and no more at the end."""
    expert = logged(steps=11, count=2)

    expert.begin(BODY, SEED)

    assert [float(expert.act(None)[0]) for _ in range(11)] == [*range(8), 16, 17, 18]


def test_an_episode_that_goes_on_after_its_log_is_an_error(logged):
    """Then it is not the one that was logged: other packages, or another machine."""
    expert = logged(steps=2, count=1)
    expert.begin(BODY, SEED)
    for _ in range(2):
        expert.act(None)

    with pytest.raises(DatasetError, match=f"seed {SEED}: expected the episode to end after 2"):
        expert.act(None)


@pytest.mark.parametrize(
    ("ticks", "is_success", "got"),
    [
        (8, True, "a success after 8 ticks"),
        (11, False, "a failure after 11 ticks"),
    ],
)
def test_an_episode_that_ends_otherwise_than_its_row_says_is_an_error(
    logged, ticks, is_success, got
):
    """One that ends sooner too; the same one is kept."""
    expert = logged(steps=11, count=2)
    expert.check(SEED, [{"next.success": np.array([False])}] * 10 + [TRUE])

    with pytest.raises(DatasetError) as caught:
        expert.check(SEED, [{"next.success": np.array([is_success])}] * ticks)

    assert str(caught.value) == (
        f"seed {SEED}: expected a success after 11 ticks as before, got {got}; was it recorded "
        "with the same packages?"
    )


def test_each_episode_is_compared_with_its_row(make_row, tmp_path, monkeypatch):
    """The recording asks before it keeps one."""
    write_table(tmp_path / "rows.parquet", [make_row("alone", SEED)])
    asked = []
    monkeypatch.setattr(rollouts, "record", lambda *_, check, **__: bool(asked.append(check) or 1))

    assert main([str(tmp_path), "--data", str(tmp_path / "data")]) == 0

    with pytest.raises(DatasetError, match="expected a success after 16 ticks as before, got"):
        asked[0](SEED, [TRUE])


def test_a_run_of_several_n_of_an_arm_is_refused(make_row, tmp_path, capsys):
    """Their episodes have the same seeds and the same directory."""
    rows = [make_row("steered", SEED, count=count) for count in (4, 16)]
    write_table(tmp_path / "rows.parquet", rows)

    assert main([str(tmp_path), "--data", str(tmp_path / "data")]) == 2

    told = "expected one N of the arm steered of diffusion/push, got 4, 16; record each N from a"
    assert told in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_an_episode_without_a_log_says_how_to_get_one(logged, tmp_path):
    """By the option of the evaluation."""
    expert = logged(steps=2, count=1)
    for path in tmp_path.iterdir():
        path.unlink()

    with pytest.raises(ConfigError, match="expected the episode's decision log, got none; use"):
        expert.begin(BODY, SEED)
