"""Every algorithm orders chunks of the corridor as they should be, and refuses odd options."""

import pytest

from steer.critics.card import NetworkConfig
from steer.errors import ConfigError
from steer.train.algorithms.aloe import AloeConfig
from steer.train.algorithms.cal_ql import CalQlConfig
from steer.train.algorithms.dqc import DqcConfig
from steer.train.algorithms.iql import IqlConfig
from steer.train.algorithms.preference import PreferenceConfig
from steer.train.algorithms.qc import QcConfig
from steer.train.algorithms.ravl import RavlConfig
from steer.train.algorithms.vgas import VgasConfig

RIGHT, LEFT = [0.75], [-0.75]
TOKENS = NetworkConfig(
    encoder_hidden=32, context_dim=16, member_hidden=(32, 32), kind="transformer", width=16
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("aloe", {}),
        ("cal_ql", {}),
        ("dqc", {"dqc": DqcConfig(long_horizon=3)}),
        ("preference", {}),
        ("qc", {}),
        ("ravl", {}),
        ("iql", {"network": TOKENS}),
        ("dqc", {"dqc": DqcConfig(long_horizon=3), "network": TOKENS}),
    ],
)
def test_towards_the_goal_is_better(learn, algorithm, options):
    """Two steps right beat one; one beats none where two steps back are far from two on."""
    values = learn([RIGHT * 2, RIGHT + LEFT, LEFT * 2], algorithm=algorithm, **options).mean(0)

    assert (values[:, 0] > values[:, 1]).all()
    assert (values[2:, 1] > values[2:, 2]).all()


@pytest.mark.slow
def test_what_was_mostly_done_is_best_by_vgas(learn):
    """The walker mostly goes right; of chunks that it rarely took VGAS claims no order."""
    values = learn([RIGHT * 2, RIGHT + LEFT, LEFT * 2], algorithm="vgas").mean(0)

    assert (values[:, 0] > values[:, 1]).all()
    assert (values[:, 0] > values[:, 2]).all()


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        (AloeConfig, {"num_candidates": 0}, "--aloe.num-candidates: expected >= 1, got 0"),
        (AloeConfig, {"monte_carlo_weight": 2.0}, "--aloe.monte-carlo-weight: expected in"),
        (CalQlConfig, {"num_uniform": 0}, "--cal-ql.num-uniform: expected >= 1, got 0"),
        (CalQlConfig, {"alpha": -1.0}, "--cal-ql.alpha: expected a finite number >= 0"),
        (DqcConfig, {"optimism": 1.0}, r"--dqc.optimism: expected in \(0, 1\), got 1.0"),
        (DqcConfig, {"long_horizon": 0}, "--dqc.long-horizon: expected >= 1, got 0"),
        (PreferenceConfig, {"scale": 0.0}, "--preference.scale: expected a finite number > 0"),
        (PreferenceConfig, {"smoothing": 0.5}, r"--preference.smoothing: expected in \[0, 0.5\)"),
        (PreferenceConfig, {"num_rivals": 0}, "--preference.num-rivals: expected >= 1, got 0"),
        (QcConfig, {"margin": -1.0}, "--qc.margin: expected a finite number >= 0, got -1.0"),
        (QcConfig, {"beta": 0.0}, "--qc.beta: expected a finite number > 0, got 0.0"),
        (RavlConfig, {"diversity": -1.0}, "--ravl.diversity: expected a finite number >= 0"),
        (VgasConfig, {"slope": -1.0}, "--vgas.slope: expected a finite number >= 0"),
    ],
)
def test_options_out_of_range_are_refused(kind, options, text):
    """The text names the option as it is typed."""
    with pytest.raises(ConfigError, match=text):
        kind(**options)


@pytest.mark.parametrize(
    "kind", [AloeConfig, CalQlConfig, DqcConfig, IqlConfig, QcConfig, RavlConfig]
)
@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_a_share_of_the_return_that_came_is_one(kind, weight):
    """The text names the algorithm's own option."""
    name = kind.__name__.removesuffix("Config").replace("CalQl", "cal-ql").lower()

    with pytest.raises(ConfigError) as caught:
        kind(monte_carlo_weight=weight)

    text = f"--{name}.monte-carlo-weight: expected in [0, 1], got {weight}"
    assert str(caught.value) == text


def test_preferences_need_to_know_what_came_of_each(learn, tmp_path):
    """Candidates that were drawn were never run."""
    with pytest.raises(ConfigError, match="--candidates: expected none for preference"):
        learn([RIGHT], algorithm="preference", candidates=tmp_path / "drawn.safetensors")


def test_a_long_chunk_is_at_least_as_long_as_the_run_one(learn):
    """Else there is nothing to distil."""
    with pytest.raises(ConfigError, match=r"--dqc\.long-horizon: expected at least --horizon, 2"):
        learn([RIGHT * 2], algorithm="dqc", dqc=DqcConfig(long_horizon=1))
