"""`steer head`: it learns what it is told to, and runs in NumPy as it did in torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from steer import cli
from steer.critics.artefact import load_critic, save_critic
from steer.critics.card import CriticCard, DatasetSummary, NetworkConfig
from steer.critics.critic import Critic
from steer.errors import ConfigError, DatasetError
from steer.forecast import Forecast
from steer.heads import NumpyHead, load_head
from steer.rank.score import advantage
from steer.train.candidates import save_candidates
from steer.train.head import run
from steer.train.head_config import HeadConfig
from steer.train.joined import load_datasets
from steer.types import Observation

WINDOW, ROWS = 2, 4
LENGTHS, SUCCESS = [9, 8, 9, 8] * 4, [True, True, False, True] * 4


@pytest.fixture
def walks(make_episodes):
    return make_episodes(LENGTHS, SUCCESS)


@pytest.fixture
def config(walks, write_dataset, tmp_path):
    """A critic of random weights, episodes, and draws that are off by 0.4 in every number."""
    card = CriticCard(
        algorithm="iql",
        embodiment=walks.embodiment,
        horizon=WINDOW,
        num_members=2,
        network=NetworkConfig(encoder_hidden=16, context_dim=6, member_hidden=(16,)),
        dataset=DatasetSummary(task="walk to the right"),
    )
    torch.manual_seed(0)
    save_critic(Critic(card), tmp_path / "critic")
    root = write_dataset(walks)
    episodes = load_datasets((str(root),))
    last = len(episodes.actions) - 1
    ahead = np.minimum(np.arange(last + 1)[:, None] + np.arange(ROWS), last)
    drawn = np.repeat(episodes.actions[ahead][:, None], 3, axis=1) - 0.4
    drawn += np.random.default_rng(0).normal(0, 0.02, drawn.shape)
    save_candidates(tmp_path / "drawn", drawn.astype(np.float32), episodes, about={})
    return HeadConfig(
        critic=tmp_path / "critic",
        dataset=(str(root),),
        candidates=tmp_path / "drawn",
        output=tmp_path / "head.npz",
        kind="edit",
        steps=250,
        batch_size=64,
        hidden=32,
        lr=3e-3,
    )


def held_windows(config):
    """Return observations, windows one row gone, and what was done there, of the first episodes."""
    episodes = load_datasets(config.dataset)
    spans = zip(episodes.start, episodes.end, strict=True)
    rows = np.concatenate([np.arange(start, end - 3) for start, end in spans])
    done = episodes.actions[rows[:, None] + 1 + np.arange(WINDOW)]
    return [episodes.at(rows[i : i + 1] + 1) for i in range(len(rows))], done - 0.4, done


def made(head, seen, windows):
    runs = NumpyHead(head)
    flat = [{key: value[0] for key, value in item.items()} for item in seen]
    each = zip(flat, windows, strict=True)
    return np.array(
        [runs.windows(Observation(item), window[None], gone=1)[0] for item, window in each]
    )


@pytest.mark.parametrize("kind", ["residual", "cascade"])
def test_a_head_that_imitates_takes_draws_to_what_was_done(config, kind):
    """Draws are off by 0.4; it takes off most of that."""
    head = run(replace(config, kind=kind, denoising=5))
    seen, windows, done = held_windows(config)

    span = np.abs(windows - done).mean()
    assert np.abs(made(head, seen, windows) - done).mean() < 0.4 * span


def test_an_edit_raises_the_critic_s_value_and_stays_small(config):
    """Of nearly every window, by no more than beta of the range."""
    config = replace(config, beta=0.1, calm=0.0)
    head = run(config)
    critic = load_critic(config.critic)
    seen, windows, _ = held_windows(config)
    edited = made(head, seen, windows)

    context = critic.embed(
        {k: torch.from_numpy(np.concatenate([s[k] for s in seen])) for k in seen[0]}
    )
    pair = torch.from_numpy(np.stack([windows, edited], axis=1).astype(np.float32))
    gain = advantage(critic.score(context, pair), beta=critic.card.selection.beta)[:, 1]
    assert (gain > 0).float().mean() > 0.9
    span = load_head(config.output).arrays["high"] - load_head(config.output).arrays["low"]
    inside = np.clip(windows, *(load_head(config.output).arrays[n] for n in ("low", "high")))
    assert (np.abs(edited - inside) <= 0.1 * span + 1e-5).all()
    assert head.card.critic == critic.digest


def test_a_forecast_sees_where_the_robot_will_be(config, capsys):
    """Several ticks ahead, run again on what it has foreseen; better than that nothing moves."""
    config = replace(config, kind="forecast", candidates=None, steps=600)
    forecast = Forecast(run(config))
    episodes = load_datasets(config.dataset)
    key, off, still = forecast.card.keys[0], [], []
    for start in episodes.start:
        before = Observation({key: episodes.observations[key][start]})
        ahead = forecast.ahead(before, episodes.actions[start : start + 4])
        then = episodes.observations[key][start + 4]
        off.append(np.abs(ahead[-1].arrays[key] - then).mean())
        still.append(np.abs(before.arrays[key] - then).mean())

    assert np.mean(off) < 0.6 * np.mean(still)
    assert "5 ticks ahead, off by" in capsys.readouterr().out


def test_a_head_is_the_same_again_with_the_same_seed(config):
    """To the bit; and another with another."""
    config = replace(config, steps=20)
    first, again = run(config), run(config)
    other = run(replace(config, seed=1))

    for name, item in first.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], item)
    assert not np.array_equal(other.arrays["weight_0"], first.arrays["weight_0"])


def test_the_command_makes_a_head_and_says_what_it_is_worth(config, capsys):
    """On episodes that it did not learn from."""
    words = ["head", "--critic", str(config.critic), "--dataset", *config.dataset]
    words += ["--candidates", str(config.candidates), "--output", str(config.output)]
    assert cli.main([*words, "--kind", "residual", "--steps", "30"]) == 0

    out = capsys.readouterr().out
    assert out.startswith("residual: held out, by the critic, ")
    assert "square error to what was done" in out
    assert load_head(config.output).card.kind == "residual"


def test_what_cannot_teach_a_head_is_refused(config, tmp_path):
    """Candidates of nobody, and options that make no sense."""
    (tmp_path / "text").write_text("none")
    with pytest.raises(DatasetError, match="text: expected candidates"):
        run(replace(config, candidates=tmp_path / "text"))
    for changes, message in (
        ({"beta": 2.0}, "--beta: expected in"),
        ({"output": tmp_path / "head.bin"}, "--output: expected a file .npz"),
        ({"kind": "forecast"}, "--candidates: expected none for forecast"),
        ({"candidates": None}, "--candidates: expected a file of `steer candidates` for edit"),
        ({"steps": 0}, "--steps: expected >= 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            replace(config, **changes)


def test_numpy_is_torch_within_a_hundred_thousandth(config, caplog):
    """Of every kind that changes chunks; a head that would run differently is not written."""
    caplog.set_level("INFO")

    for kind in ("edit", "residual", "cascade"):
        run(replace(config, kind=kind, steps=5, output=config.output.with_name(f"{kind}.npz")))

    told = [text.split()[-1] for text in caplog.messages if text.startswith("numpy and torch")]
    assert len(told) == 3
    assert max(map(float, told)) <= 1e-5


def test_a_head_that_numpy_runs_differently_is_not_written(config, monkeypatch):
    """As where its weights are read in another order."""
    forward = NumpyHead.windows
    monkeypatch.setattr(NumpyHead, "windows", lambda *a, **k: forward(*a, **k) + np.float32(1e-3))

    with pytest.raises(ConfigError, match=r"expected NumPy to agree within 1e-05, got 1\.00e-03"):
        run(replace(config, steps=5))

    assert not config.output.exists()
