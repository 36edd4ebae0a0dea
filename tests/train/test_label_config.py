"""Options of `steer label` that make no sense are refused before any work."""

from pathlib import Path

import pytest

from steer.errors import ConfigError
from steer.train.label_config import (
    InterventionsConfig,
    LabelConfig,
    ProgressConfig,
    RewardConfig,
    SuccessConfig,
    WeightsConfig,
)

FILE = Path("labels.csv")


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: SuccessConfig(csv=FILE, of="a", below=1.0), "expected one of them, got both"),
        (lambda: SuccessConfig(of="a"), r"one of them with --success\.of, got 0"),
        (lambda: SuccessConfig(of="a", below=1.0, above=0.0), r"with --success\.of, got 2"),
        (lambda: SuccessConfig(of="a", below=float("nan")), "expected a finite threshold, got nan"),
        (lambda: RewardConfig(csv=FILE, of="a"), "expected one of them, got both"),
        (lambda: RewardConfig(of="a", scale=0.0), "expected a finite number but 0, got 0.0"),
        (lambda: ProgressConfig(critic=FILE, model=FILE), "expected one of them, got both"),
        (lambda: InterventionsConfig(horizon=0), "expected >= 1, got 0"),
        (lambda: InterventionsConfig(max_distance=0.0), "expected > 0, got 0.0"),
        (lambda: WeightsConfig(temperature=0.0), r"--weights\.temperature: .* > 0, got 0\.0"),
        (lambda: WeightsConfig(most=0.5), r"--weights\.most: .* >= 1, got 0\.5"),
    ],
)
def test_options_of_a_kind(make, complaint):
    """The text names the option and the contract."""
    with pytest.raises(ConfigError, match=complaint):
        make()


@pytest.mark.parametrize(
    ("kinds", "complaint"),
    [
        ((), "--kinds: expected one or more, each once, got none"),
        (("success", "success"), "each once, got success success"),
        (("success",), r"--kinds success: expected --success\.csv FILE or --success\.of KEY"),
        (("reward",), r"--kinds reward: expected --reward\.csv FILE or --reward\.of KEY"),
        (("progress",), r"with --progress\.critic DIR, or .* with --progress\.model DIR"),
        (("weights",), r"with --weights\.critic DIR"),
    ],
)
def test_a_kind_needs_its_source(kinds, complaint, tmp_path):
    """The text says how to give it."""
    with pytest.raises(ConfigError, match=complaint):
        LabelConfig(dataset=tmp_path, output=tmp_path / "new", kinds=kinds)


def test_an_output_that_is_there_is_refused(tmp_path):
    """Nothing is overwritten."""
    with pytest.raises(ConfigError, match=r"--output: expected a new directory, got .* is there"):
        LabelConfig(dataset=tmp_path, output=tmp_path, kinds=("interventions",))
