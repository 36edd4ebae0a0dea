"""Which scorers a session may weigh: what lies beside the critic, and what the robot sends."""

from dataclasses import replace

import numpy as np
import pytest

from steer.critics.artefact import load_critic, save_critic, update_card
from steer.embodiment import ActionDim, ObservationField
from steer.errors import ArtefactError, ConfigError
from steer.rank.scorers import NAMES, SCORERS
from steer.rank.scorers.novelty import NOVELTY_FILE, Novelty, NoveltyConfig
from steer.rank.select import Rule
from steer.serve.scorers import EFFECTOR, check_scorers, load_scorers, points_field

RULE = Rule(
    selector="argmax", gated=True, margin=0.5, beta=1.0, temperature=1.0, tau=0.7, commit_horizon=3
)
TINY = NoveltyConfig(num_coins=4, hidden=8, num_steps=3, batch=4)
FEATURES = 8 + 3 * 2
"""Context and three actions of two dimensions, as the small critic of these tests has them."""
POINTS = ObservationField(name="observation.points.front", dtype="float32", shape=(16, 3))
HAND = ObservationField(name=EFFECTOR, dtype="float32", shape=(3,), unit="m")


def fitted(num_features=FEATURES):
    features = np.random.default_rng(0).normal(size=(8, num_features)).astype(np.float32)
    return Novelty.fit(features, seed=0, config=TINY)


@pytest.fixture
def saved(make_critic, tmp_path):
    """The small critic on disk, and loaded from there."""
    save_critic(make_critic(), tmp_path / "reach")
    return tmp_path / "reach", load_critic(tmp_path / "reach")


@pytest.fixture
def hand(robot):
    """A robot that sends a cloud and where its hand is, and is told by how much to move it."""
    dims = tuple(ActionDim(name=n, unit="m", scale=0.05) for n in ("dx", "dy", "dz"))
    return replace(robot, actions=dims, observations=(*robot.observations, POINTS, HAND))


def check(weights, critic, robot, scorers=SCORERS, length=3):
    rule = replace(RULE, weights=weights, commit_horizon=length)
    check_scorers(rule, scorers=scorers, card=critic.card, robot=robot)


def test_every_critic_has_those_that_need_no_fit(saved):
    """Without a file beside it, that is all; and every name is known."""
    directory, critic = saved

    assert load_scorers(directory, critic) is SCORERS
    assert set(NAMES) == {*SCORERS, "novelty"}


def test_a_novelty_beside_its_critic_is_found(saved):
    """It stays with the critic where its card alone was changed, as by `steer card --margin`."""
    directory, critic = saved
    fitted().save(directory / NOVELTY_FILE, critic=critic.card.weights_sha256)
    selection = replace(critic.card.selection, margin=3.0, weights={"novelty": 1.0})
    update_card(directory, replace(critic.card, selection=selection))

    for loaded in (critic, load_critic(directory)):
        found = load_scorers(directory, loaded)

        assert set(found) == set(NAMES)
        assert isinstance(found["novelty"], Novelty)
    assert loaded.digest != critic.digest


@pytest.mark.parametrize(
    ("critic", "features", "text"),
    [
        ("0" * 64, FEATURES, "expected a novelty fitted for the weights "),
        (None, FEATURES + 1, "expected 14 features, the critic's context and 3 actions, got 15"),
    ],
)
def test_a_novelty_of_another_critic_is_refused(saved, critic, features, text):
    """With the file, and the command that makes the right one."""
    directory, loaded = saved
    fitted(features).save(directory / NOVELTY_FILE, critic=critic or loaded.card.weights_sha256)

    with pytest.raises(ArtefactError) as caught:
        load_scorers(directory, loaded)

    assert text in str(caught.value)
    assert str(caught.value).startswith(str(directory / NOVELTY_FILE))
    assert str(caught.value).endswith("; make it anew: steer novelty --critic DIR --dataset DATA")


def test_a_card_that_weighs_what_is_not_there_is_warned_of(saved, caplog):
    """Else an operator would learn of it from robots that are refused."""
    directory, critic = saved
    weighed = replace(critic.card.selection, weights={"novelty": 1.0})
    critic.card = replace(critic.card, selection=weighed)

    load_scorers(directory, critic)

    assert "critic=reach: its card weighs novelty, and it has none" in caplog.text


def test_novelty_of_a_critic_without_it_is_refused(make_critic, robot):
    """The text has the command; weight 0 switches it off, and needs nothing."""
    with pytest.raises(ConfigError) as caught:
        check({"novelty": 0.5}, make_critic(), robot)

    assert str(caught.value) == (
        "selection.weights['novelty']: expected novelty.safetensors beside the critic, got none; "
        "its operator types: steer novelty --critic DIR --dataset DATA"
    )
    check({"novelty": 0.0}, make_critic(), robot)
    check({"novelty": 0.5}, make_critic(), robot, scorers={**SCORERS, "novelty": fitted()})


def test_novelty_judges_the_length_that_it_was_fitted_for(make_reader, robot):
    """Whoever runs less of a chunk cannot weigh it."""
    scorers = {**SCORERS, "novelty": fitted()}

    check({"novelty": 0.5}, make_reader(), robot, scorers, length=3)
    with pytest.raises(ConfigError) as caught:
        check({"novelty": 0.5}, make_reader(), robot, scorers, length=2)

    assert str(caught.value) == (
        "selection.weights['novelty']: expected a commit_horizon of 3, which it is fitted for, "
        "got 2"
    )


def test_progress_needs_a_critic_that_values_prefixes(make_critic, make_reader, robot):
    """And two of them at least: of one value nothing can be said."""
    text = (
        "selection.weights['progress']: expected a critic of --network.kind transformer and a "
        "commit_horizon >= 2, got {} and {}"
    )

    check({"progress": 0.5}, make_reader(), robot, length=2)
    for critic, length in [
        (make_critic(), 3),
        (make_critic(horizon=1), 1),
        (make_reader(), 1),
        (make_reader(horizon=1), 1),
    ]:
        with pytest.raises(ConfigError) as caught:
            check({"progress": 0.5}, critic, robot, length=length)
        assert str(caught.value) == text.format(critic.card.network.kind, length)
        check({"progress": 0.0}, critic, robot, length=length)


def test_a_robot_that_sends_what_voxel_cost_needs_may_weigh_it(make_critic, hand):
    """The cloud is the critic's own, or else the only one that the robot sends."""
    blind = make_critic()
    other = replace(POINTS, name="observation.points.wrist")
    seeing = make_critic(embodiment=replace(hand, observations=(POINTS,)))
    two = replace(hand, observations=(*hand.observations, other))

    check({"voxel_cost": 1.0}, blind, hand)
    check({"voxel_cost": 1.0}, seeing, two)

    assert points_field(blind.card, hand) == POINTS
    assert points_field(seeing.card, two) == POINTS
    with pytest.raises(ConfigError, match=r"\[P, 3\], got 'observation.points.front', 'observ"):
        check({"voxel_cost": 1.0}, blind, two)


@pytest.mark.parametrize(
    ("observations", "text"),
    [
        ((HAND,), "embodiment.observations: expected one of points, float32 of shape .* got none"),
        ((POINTS,), r"observations\['observation.effector_position'\]: .* in m, got nothing"),
        ((POINTS, replace(HAND, dtype="float64")), r"expected float32 .* got float64 of shape \[3"),
        ((POINTS, replace(HAND, shape=(7,))), r"expected float32 .* got float32 of shape \[7\]"),
        ((POINTS, replace(HAND, unit="mm")), r"position'\].unit: expected 'm', got 'mm'"),
        ((replace(POINTS, unit="mm"), HAND), r"front'\].unit: expected 'm', got 'mm'"),
        ((replace(POINTS, shape=(16, 6)), HAND), r"float32 of shape \[P, 3\], got none"),
    ],
)
def test_a_robot_that_does_not_send_it_is_refused(make_critic, robot, hand, observations, text):
    """By what is missing, and only where the weight counts."""
    body = replace(hand, observations=(*robot.observations, *observations))

    with pytest.raises(ConfigError, match=text) as caught:
        check({"voxel_cost": 1.0}, make_critic(), body)

    assert str(caught.value).startswith("selection.weights['voxel_cost']: ")
    check({"voxel_cost": 0.0}, make_critic(), body)


@pytest.mark.parametrize(
    ("changes", "dim"),
    [
        ({"mode": "absolute"}, {}),
        ({}, {"scale": 0.0}),
        ({}, {"unit": "mm"}),
        ({}, {"name": "x"}),
    ],
)
def test_a_robot_that_is_told_otherwise_is_refused(make_critic, hand, changes, dim):
    """Positions, joint angles, and commands whose size nobody knows give no path."""
    body = replace(hand, actions=(replace(hand.actions[0], **dim), *hand.actions[1:]), **changes)

    with pytest.raises(ConfigError, match="expected relative commands dx, dy, dz in m with a scal"):
        check({"voxel_cost": 1.0}, make_critic(), body)
