"""`steer candidates`: stopped, finished, asked again; and who can use what it wrote."""

from contextlib import contextmanager

import numpy as np
import pytest

from steer.cli import main
from steer.errors import ConfigError
from steer.serve.sources import blocking
from steer.train.candidates import load_candidates
from steer.train.draw import run
from steer.train.draw_config import CandidatesConfig
from steer.train.joined import load_datasets

LENGTHS, SUCCESS = (5, 3, 4), (True, False, True)
DIGEST = "sha256:aa"


class Policy:
    """Draws by its seed alone, and counts; stops after some draws where it is told to."""

    def __init__(self, stop_after=None):
        self.num_draws, self._stop_after = 0, stop_after

    def __call__(self, history, num_candidates, seed):
        if self.num_draws == self._stop_after:
            raise KeyboardInterrupt
        self.num_draws += 1
        rng = np.random.default_rng(seed)
        return rng.normal(size=(num_candidates, 4, 1)).astype(np.float32)


@pytest.fixture
def config(make_episodes, write_dataset, tmp_path):
    """Return a maker of options; the data have poses beside the robot's state."""
    episodes = make_episodes(LENGTHS, SUCCESS)
    episodes.observations["observation.poses"] = episodes.actions.repeat(3, axis=1)
    some = {
        "dataset": (str(write_dataset(episodes)),),
        "policy": "lerobot:here",
        "output": tmp_path / "drawn",
        "num_candidates": 2,
    }
    return lambda **changes: CandidatesConfig(**{**some, **changes})


def test_a_stopped_run_goes_on(config, tmp_path):
    """Episodes that are done are not drawn again, and the file is that of one run."""
    with pytest.raises(KeyboardInterrupt):
        run(config(), Policy(stop_after=6), digest=DIGEST)
    rest = Policy()

    run(config(policy="lerobot:there"), rest, digest=DIGEST)
    run(config(output=tmp_path / "whole"), Policy(), digest=DIGEST)

    assert rest.num_draws == sum(LENGTHS[1:])
    assert (tmp_path / "drawn").read_bytes() == (tmp_path / "whole").read_bytes()
    assert not (tmp_path / "drawn.parts").exists()


def test_what_another_policy_left_is_not_gone_on_with(config):
    """Though it lies where the first one lay."""
    with pytest.raises(KeyboardInterrupt):
        run(config(), Policy(stop_after=6), digest=DIGEST)

    with pytest.raises(ConfigError, match=r"drawn\.parts: expected .*, got another policy; delete"):
        run(config(), Policy(), digest="sha256:bb")


def test_a_file_that_is_complete_is_left_alone(config, tmp_path, capsys):
    """Nothing is drawn; it says so, and what a kill left beside the file goes."""
    run(config(), Policy(), digest=DIGEST)
    (tmp_path / "drawn.parts").mkdir()
    before, idle = (tmp_path / "drawn").stat().st_mtime_ns, Policy()
    capsys.readouterr()

    run(config(), idle, digest=DIGEST)

    assert idle.num_draws == 0
    assert (tmp_path / "drawn").stat().st_mtime_ns == before
    assert capsys.readouterr().out == (
        f"complete already, and left as it is: {tmp_path / 'drawn'}\n"
    )
    assert not (tmp_path / "drawn.parts").exists()


@pytest.mark.parametrize(
    ("changes", "digest", "odd"),
    [({"seed": 1, "horizon": 3}, DIGEST, "horizon, seed"), ({}, "sha256:bb", "policy")],
)
def test_a_file_of_another_run_is_not_overwritten(config, tmp_path, changes, digest, odd):
    """Drawing it may have taken hours."""
    run(config(), Policy(), digest=DIGEST)

    with pytest.raises(ConfigError) as caught:
        run(config(**changes), Policy(), digest=digest)

    assert str(caught.value) == (
        f"--output: expected a new file, got {tmp_path / 'drawn'}, which was drawn with another "
        f"{odd}; delete it to draw anew"
    )


def test_a_file_of_something_else_is_not_overwritten(config, tmp_path):
    """Whatever it is."""
    (tmp_path / "drawn").write_text("notes")

    with pytest.raises(ConfigError, match="--output: expected a new file, got one of something"):
        run(config(), Policy(), digest=DIGEST)

    assert (tmp_path / "drawn").read_text() == "notes"


@pytest.mark.parametrize("keys", [(), ("observation.state",), ("observation.poses",)])
def test_a_critic_of_any_part_of_the_observation_finds_them(config, keys):
    """Drawn in all that was observed, once for all critics."""
    run(config(), Policy(), digest=DIGEST)

    episodes = load_datasets(config().dataset, observations=keys)

    assert load_candidates(config().output, episodes, horizon=2).shape == (12, 2, 2, 1)


def test_outcomes_are_not_needed_and_may_come_later(make_episodes, write_dataset, config, tmp_path):
    """Data without `next.success` are drawn for; a file names the outcomes in training."""
    root = write_dataset(make_episodes(LENGTHS, SUCCESS), name="bare", drop=("next.success",))
    (tmp_path / "success.csv").write_text("episode,success\n0,1\n10,0\n20,1\n")

    run(config(dataset=(str(root),)), Policy(), digest=DIGEST)

    episodes = load_datasets((str(root),), success=tmp_path / "success.csv")
    assert load_candidates(config().output, episodes, horizon=2).shape == (12, 2, 2, 1)


def test_the_command_knows_the_policy_by_its_checkpoint(config, monkeypatch, capsys):
    """Not by the name of its directory."""
    idle = Policy()

    @contextmanager
    def opened(policy):
        assert policy == "lerobot:there"
        yield blocking.PolicyDraw(idle, DIGEST)

    run(config(), Policy(), digest=DIGEST)
    monkeypatch.setattr(blocking, "blocking_draw", opened)
    words = ["--dataset", *config().dataset, "--output", str(config().output)]

    code = main(["candidates", *words, "--policy", "lerobot:there", "--num-candidates", "2"])

    assert (code, idle.num_draws) == (0, 0)
    assert "complete already" in capsys.readouterr().out
