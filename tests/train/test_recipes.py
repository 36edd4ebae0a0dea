"""What is learnt where nobody says how."""

from dataclasses import replace

import numpy as np
import pytest

from steer.critics.artefact import load_critic
from steer.critics.card import SelectionDefaults
from steer.train.config import AUTO
from steer.train.pairs import Pairs
from steer.train.recipes import RECIPES, kind_of, settled
from steer.train.run import train


def test_the_kind_of_data_is_what_they_can_teach(make_episodes):
    """Failures, or successes alone."""
    assert kind_of(make_episodes([3, 4], [True, False])) == "failures"
    assert kind_of(make_episodes([3, 4], [True, True])) == "successes"


def test_corrections_make_data_of_another_kind(make_episodes):
    """Whatever came of the episodes."""
    chunk = np.zeros((1, 2, 1), np.float32)
    pairs = Pairs(episode=np.array([0]), frame=np.array([1]), preferred=chunk + 1, rejected=chunk)

    assert kind_of(replace(make_episodes([3], [True]), pairs=pairs)) == "interventions"


def test_what_nobody_named_is_settled_by_the_data(make_episodes, small_config):
    """And nothing stays open."""
    episodes = make_episodes([3, 4], [True, False])

    found = settled(small_config(algorithm=AUTO, reward_per=AUTO), episodes)

    recipe = RECIPES["failures"]
    assert (found.algorithm, found.reward_per) == (recipe.algorithm, recipe.reward_per)


@pytest.mark.parametrize("algorithm", ["iql", "vgas", "sarsa"])
def test_what_was_named_stays(make_episodes, small_config, algorithm):
    """Whatever the ablation thinks of it."""
    config = small_config(algorithm=algorithm, reward_per="tick")

    assert settled(config, make_episodes([3], [True])) == config


@pytest.mark.slow
def test_a_critic_of_the_recipe_says_how_to_decide_with_it(
    make_episodes, write_dataset, small_config, tmp_path
):
    """Named or not; other algorithms and rewards have the presets: nothing is known of them."""
    root = write_dataset(make_episodes([6] * 20, [True, False] * 10))
    some = {"dataset": (str(root),), "reward_per": AUTO}

    ours = train(small_config(output=tmp_path / "a", algorithm=AUTO, **some))
    named = train(small_config(output=tmp_path / "b", algorithm="iql", **some))
    same = train(small_config(output=tmp_path / "c", algorithm="sarsa", **some))
    ticks = train(small_config(output=tmp_path / "d", **{**some, "reward_per": "tick"}))

    recipe = RECIPES["failures"]
    assert (ours.algorithm, ours.selection) == (recipe.algorithm, recipe.selection)
    assert load_critic(tmp_path / "a").card.selection == recipe.selection
    assert (named.algorithm, named.selection) == ("iql", SelectionDefaults())
    assert same.selection == recipe.selection
    assert ticks.selection == SelectionDefaults()
