"""Options of training that make no sense are refused by name."""

from pathlib import Path

import pytest

from steer.errors import ConfigError
from steer.train.config import TrainConfig


@pytest.mark.parametrize(
    "options",
    [
        {"horizon": 0},
        {"steps": 0},
        {"passes": 0.0},
        {"passes": float("nan")},
        {"save_every": 0},
        {"discount": 1.0},
        {"holdout": 1.0},
        {"learning_rate": float("nan")},
        {"threads": -1},
        {"success": Path("a.csv"), "assume_success": True},
    ],
)
def test_options_that_make_no_sense_are_refused(options):
    """The text names the option as it is typed."""
    name = next(iter(options)).replace("_", "-")

    with pytest.raises(ConfigError, match=f"--{name}"):
        TrainConfig(dataset=("d",), output=Path("o"), **options)


@pytest.mark.parametrize(("num_chunks", "steps"), [(10, 3), (1_000, 235), (100_000, 8_000)])
def test_few_chunks_are_not_learnt_by_heart(num_chunks, steps):
    """Sixty passes over them, and as many steps as were asked for at most."""
    config = TrainConfig(dataset=("d",), output=Path("o"))

    assert config.steps_for(num_chunks) == steps


def test_passes_without_end_leave_the_steps():
    """For who wants to see what then happens."""
    config = TrainConfig(dataset=("d",), output=Path("o"), passes=float("inf"), steps=70)

    assert config.steps_for(10) == 70


def test_range_of_values_follows_the_discount():
    """The worst is -1 a tick for ever."""
    head = TrainConfig(dataset=("d",), output=Path("o"), discount=0.9).head_config

    assert (head.v_min, head.v_max) == (pytest.approx(-10), 0)


def test_training_directory_is_beside_the_critic():
    """What training leaves is not in the artefact."""
    config = TrainConfig(dataset=("d",), output=Path("a/critic"))

    assert config.training_directory == Path("a/critic-training")
