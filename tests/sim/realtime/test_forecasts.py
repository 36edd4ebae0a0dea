"""Forecasts of simulated robots: what they are trained on, and what is left as it is."""

from pathlib import Path

import pytest

from sim.realtime import __main__ as command
from sim.realtime.bouts import head_path
from sim.realtime.forecasts import forecast_command
from steer.errors import ConfigError


def test_a_forecast_learns_from_demonstrations_and_all_rollouts_that_are_there(tmp_path):
    """Those of policies that its task's critic has not learnt from are left out."""
    (tmp_path / "metaworld" / "meta").mkdir(parents=True)
    for name in ("dit-alone", "dit-random", "vqbet-alone"):
        (tmp_path / "rollouts" / name / "metaworld").mkdir(parents=True)

    words = forecast_command("push", data=tmp_path, output=Path("push.npz"), steps=10)

    roots = words[words.index("--dataset") + 1 : words.index("--task")]
    assert [str(Path(root).relative_to(tmp_path)) for root in roots] == [
        "metaworld",
        "rollouts/dit-alone/metaworld",
        "rollouts/dit-random/metaworld",
    ]
    assert words[words.index("--critic") + 1].endswith("critics/push")


def test_a_task_that_was_not_recorded_is_refused(tmp_path):
    """The text says what records it."""
    with pytest.raises(ConfigError, match=r"--data: expected the dataset .*sim\.collect"):
        forecast_command("push", data=tmp_path, output=Path("push.npz"), steps=10)


def test_a_forecast_that_is_there_is_kept(tmp_path, capsys):
    """Training it anew takes a word; nothing is read or written."""
    path = tmp_path / "forecast" / "push.npz"
    path.parent.mkdir()
    path.write_bytes(b"kept")
    words = ["forecasts", "--tasks", "push", "--data", str(tmp_path), "--heads", str(tmp_path)]

    assert command.main(words) == 0
    assert "--again trains it anew" in capsys.readouterr().err
    assert path.read_bytes() == b"kept"
    assert command.main([*words, "--again"]) == 2


def test_forecasts_are_of_tasks_and_other_heads_of_policies(tmp_path):
    """A kicked object has the forecast of the task without kicks."""
    assert head_path(tmp_path, "forecast", "dit/fetch-push~kicks").name == "fetch-push.npz"
    assert head_path(tmp_path, "edit", "dit/fetch-push").name == "dit-fetch-push.npz"
