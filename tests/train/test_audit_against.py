"""Two critics on the same episodes and states, and what is said of few episodes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from steer.critics.artefact import load_critic, save_critic
from steer.errors import ConfigError, DatasetError
from steer.train.audit import run
from steer.train.audit_config import AuditConfig
from steer.train.audit_result import warnings_of
from steer.train.datasets import relabel
from steer.train.run import train

pytestmark = pytest.mark.slow

NAMES = ["value_order", "discrimination", "explained", "rank_correlation", "expert_over_noise"]


@pytest.fixture
def walks(corridor):
    """Eighty walks, of which those that were slow are taken to have failed."""
    some = corridor.select(range(80))
    return relabel(some, some.end - some.start < 8)


@pytest.fixture
def learn(walks, write_dataset, small_config, tmp_path):
    """Train a critic of the walks; return its directory, and where they lie."""
    root = str(write_dataset(walks))

    def learn(name, **changes):
        options = {"algorithm": "sarsa", "steps": 40, "holdout": 0.3, "learning_rate": 3e-3}
        config = small_config(dataset=(root,), output=tmp_path / name, **{**options, **changes})
        train(config)
        return config.output

    learn.dataset = (root,)
    return learn


def audit(learn, critic, against, **options):
    """Judge a critic against another; return what was written."""
    config = AuditConfig(
        critic=critic, against=against, dataset=learn.dataset, num_states=16, **options
    )
    run(config)
    return json.loads((critic.with_name(critic.name + "-audit") / "audit.json").read_text())


def test_a_critic_against_itself_differs_in_nothing(learn):
    """The same episodes, states, noise and draws for both."""
    critic = learn("critic")

    found = audit(learn, critic, critic)

    gaps = found["against"]["difference"]
    assert list(gaps) == NAMES
    assert all((gap["value"], gap["low"], gap["high"]) == (0, 0, 0) for gap in gaps.values())
    assert found["against"]["first"] == found["against"]["second"]


def test_two_critics_stand_side_by_side_and_only_the_first_card_is_written(learn, capsys):
    """The difference is that of the two numbers, with an interval around it."""
    good, blind = learn("good", steps=200), learn("blind", steps=1)
    before = load_critic(blind).card

    found = audit(learn, good, blind)
    said = capsys.readouterr().out
    against, card = found.pop("against"), load_critic(good).card

    assert card.audit == found == against["first"]
    assert load_critic(blind).card == before
    gap = against["difference"]["explained"]
    assert gap["value"] == pytest.approx(
        against["first"]["explained"]["value"] - against["second"]["explained"]["value"]
    )
    assert gap["low"] < gap["value"] < gap["high"]
    assert gap["low"] > 0  # a critic of one step has learnt nothing
    assert against["names"] == ["good", "blind"]
    assert "difference, 95%" in said
    assert "audit of blind FAILED: " in said


def test_critics_are_compared_on_what_both_kept_back(learn, capsys, caplog):
    """The card holds the critic's own audit all the same."""
    whole, few = learn("whole"), learn("few", episodes=40)
    held_out = set(load_critic(whole).card.dataset.held_out)
    learnt = set(range(40)) - set(load_critic(few).card.dataset.held_out)

    found = audit(learn, whole, few)

    assert found["num_episodes"] == len(held_out) == 24
    assert found["against"]["first"]["num_episodes"] == len(held_out - learnt) < 24
    remark = f"kept back: 24 by whole, 52 by few; judged on the {len(held_out - learnt)} that both"
    assert remark in caplog.text
    assert remark in capsys.readouterr().out


def test_rewards_by_the_chunk_are_held_to_their_own_returns(learn):
    """Each critic's returns are on its own scale, and both can be right."""
    ticks, chunks = learn("ticks", steps=200), learn("chunks", steps=200, reward_per="chunk")

    found = audit(learn, ticks, chunks)["against"]

    assert load_critic(chunks).card.discount > load_critic(ticks).card.discount
    assert found["second"]["explained"]["value"] > 0
    assert abs(found["difference"]["rank_correlation"]["value"]) < 0.3


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"horizon": 3}, "horizon: expected 2, got 3"),
        ({"task": "run"}, "task: expected 'walk to the right', got 'run'"),
        ({"body": "biped"}, "embodiment.name: expected 'bot', got 'biped'"),
    ],
)
def test_a_critic_for_something_else_is_refused(learn, tmp_path, changes, text):
    """Its values are of other chunks, or of another robot."""
    critic = learn("critic", steps=1)
    other = learn("other", steps=1, horizon=changes.get("horizon", 2))
    rival = load_critic(other)
    data = replace(rival.card.dataset, task=changes.get("task", rival.card.dataset.task))
    body = replace(rival.card.embodiment, name=changes.get("body", "bot"))
    rival.card = replace(rival.card, dataset=data, embodiment=body)
    save_critic(rival, tmp_path / "rival")

    with pytest.raises(ConfigError) as caught:
        audit(learn, critic, tmp_path / "rival")

    assert str(caught.value) == (
        f"--against: expected a critic of the same body, task and horizon, got one that differs: "
        f"{text}"
    )


def test_a_dataset_without_what_the_critic_sees_is_refused(learn, write_dataset, walks):
    """The text has what the data hold."""
    critic = learn("critic", steps=1)
    state = walks.observations["observation.state"]
    other = replace(walks, observations={"observation.other": state})
    root = str(write_dataset(other, name="other"))

    with pytest.raises(DatasetError) as caught:
        run(AuditConfig(critic=critic, dataset=(root,)))

    assert str(caught.value) == (
        f"{root}: expected ['observation.state'], which the critic sees, got ['observation.other']"
    )


def test_few_episodes_are_said_in_output_log_and_card(learn, capsys, caplog):
    """Three episodes decide nothing."""
    critic = learn("critic", steps=1, holdout=0.04)

    run(AuditConfig(critic=critic, dataset=learn.dataset, num_states=4))

    told = "3 held-out episodes; the intervals are wide"
    assert told in load_critic(critic).card.audit["warnings"]
    assert f"audit: {told}" in capsys.readouterr().out
    assert f"audit: {told}" in caplog.text
    assert told in (critic / "README.md").read_text()


@pytest.mark.parametrize(
    ("num_successes", "num_failures", "warnings"),
    [
        (5, 5, ()),
        (3, 6, ("9 held-out episodes; the intervals are wide",)),
        (1, 20, ("1 success among 21 held-out episodes; the intervals are wide",)),
        (20, 2, ("2 failures among 22 held-out episodes; the intervals are wide",)),
    ],
)
def test_what_is_few_is_ten_episodes_or_three_of_a_kind(num_successes, num_failures, warnings):
    """Both outcomes must be there often enough."""
    success = np.arange(num_successes + num_failures) < num_successes

    assert warnings_of(success, is_held_out=True) == warnings


def test_episodes_that_are_not_held_out_are_not_called_so():
    """A critic that has seen them is flattered, few or many."""
    found = warnings_of(np.arange(4) < 2, is_held_out=False)

    assert found[0] == "4 episodes that are NOT held out; the intervals are wide"
