"""Which critic and policy serve a robot."""

from dataclasses import replace

import pytest

from steer.errors import ConfigError, EmbodimentMismatchError
from steer.serve.catalogue import Catalogue
from steer.serve.matching import Match, doubts, match


@pytest.fixture
def catalogue(make_critic, make_source):
    def catalogue(critics=("reach",), sources=()):
        return Catalogue(
            critics={
                name: make_critic(audit={"failed": [], "is_held_out": True}) for name in critics
            },
            sources={name: make_source(name) for name in sources},
        )

    return catalogue


@pytest.fixture
def make_source(robot, source):
    def make(name, **changes):
        return type(source)(replace(robot, **changes), name)

    return make


def test_the_only_one_that_fits_needs_no_name(catalogue, robot):
    """Critic and policy are found by the embodiment."""
    found = match(catalogue(sources=["noise"]), robot, critic="", policy="")

    assert found == Match("reach", "noise", ())


def test_a_name_decides_among_several(catalogue, robot):
    """Two critics of one robot are told apart by name."""
    found = match(catalogue(["a", "b"], ["p", "q"]), robot, critic="b", policy="q")

    assert (found.critic, found.policy) == ("b", "q")


def test_several_critics_that_fit_are_listed(catalogue, robot):
    """The text says what to choose from."""
    with pytest.raises(ConfigError, match="critic: expected a name, for several fit: 'a', 'b'"):
        match(catalogue(["a", "b"]), robot, critic="", policy="")


def test_several_policies_that_fit_are_a_warning_for_who_only_ranks(catalogue, robot):
    """A robot that only ranks need not name a policy that it does not use."""
    found = match(catalogue(sources=["p", "q"]), robot, critic="", policy="")

    assert found.policy == ""
    assert found.warnings == ("policy: none, for several fit and none is named: 'p', 'q'",)


@pytest.mark.parametrize("kind", ["critic", "policy"])
def test_an_unknown_name_is_refused_with_the_known_ones(catalogue, robot, kind):
    """The text has what there is."""
    names = {"critic": "", "policy": "", kind: "nope"}

    with pytest.raises(ConfigError, match=f"{kind}: expected one of '.*', got 'nope'"):
        match(catalogue(sources=["noise"]), robot, **names)


@pytest.mark.parametrize("kind", ["critic", "policy"])
def test_a_named_one_that_does_not_fit_says_which_field(catalogue, robot, kind):
    """The robot's rate is not the one that critic and policy were made for."""
    other = replace(robot, control_hz=20.0)
    everything = catalogue(sources=["noise"])

    with pytest.raises(
        EmbodimentMismatchError, match=r"does not fit: embodiment.control_hz: expected 10, got 20"
    ):
        match(everything, other, critic="reach", policy="noise")


def test_a_policy_of_another_robot_says_which_field(catalogue, robot, make_source):
    """The critic fits, the named policy does not."""
    sources = {"noise": make_source("noise", frame="base")}
    everything = replace(catalogue(), sources=sources)

    with pytest.raises(EmbodimentMismatchError, match=r"policy 'noise' does not fit: .*frame"):
        match(everything, robot, critic="", policy="noise")
    assert match(everything, robot, critic="", policy="").policy == ""


def test_where_none_fits_the_nearest_says_what_differs(make_critic, robot):
    """Of several wrong critics, the one with the fewest differences."""
    far = make_critic(embodiment=replace(robot, name="hand", frame="base", control_hz=50.0))
    near = make_critic(embodiment=replace(robot, gripper="opens"))
    everything = Catalogue(critics={"far": far, "near": near})

    with pytest.raises(
        EmbodimentMismatchError, match=r"no critic fits; nearest is 'near': embodiment.gripper"
    ):
        match(everything, robot, critic="", policy="")


def test_a_policy_of_shorter_chunks_than_the_critic_scores_does_not_fit(make_critic, robot, source):
    """The commit horizon is the prefix that the critic scored."""
    everything = Catalogue(critics={"reach": make_critic(horizon=5)}, sources={"noise": source})

    with pytest.raises(
        EmbodimentMismatchError, match="horizon: expected at least 5 actions for critic 'reach'"
    ):
        match(everything, robot, critic="", policy="noise")


def test_a_policy_needs_chunks_no_longer_than_the_robot_runs(make_critic, robot, source):
    """A session that runs four actions has four of them judged, whatever the critic learnt."""
    everything = Catalogue(critics={"reach": make_critic(horizon=5)}, sources={"noise": source})

    found = match(everything, robot, critic="", policy="noise", commit_horizon=4)

    assert found.policy == "noise"
    with pytest.raises(EmbodimentMismatchError, match="expected at least 5 actions"):
        match(everything, robot, critic="", policy="noise", commit_horizon=6)


def test_what_one_side_leaves_unknown_is_a_warning(catalogue, robot):
    """Nothing is compared in silence."""
    found = match(catalogue(), replace(robot, frame="", control_hz=0.0), critic="", policy="")

    assert found.warnings == (
        "critic 'reach': not compared, for one side leaves it unknown: control_hz, frame",
    )


def test_two_sides_without_a_unit_agree(catalogue, robot):
    """A gripper has none; one side alone without is not compared."""
    bare = replace(robot, actions=tuple(replace(dim, unit="") for dim in robot.actions))
    offered = catalogue(sources=["noise"])
    offered.critics["reach"].card = replace(offered.critics["reach"].card, embodiment=bare)

    found = match(offered, bare, critic="reach", policy="")

    assert not any(text.startswith("critic") for text in found.warnings)
    one_sided = match(offered, robot, critic="reach", policy="").warnings
    assert any("critic 'reach': not compared" in text for text in one_sided) == any(
        dim.unit for dim in robot.actions
    )


def test_the_operator_is_told_what_will_not_serve(catalogue, make_source):
    """A critic that failed its audit, a policy of another body; both are served all the same."""
    offered = catalogue()
    critic = offered.critics["reach"]
    critic.card = replace(critic.card, audit={"failed": ["explained", "value_order"]})
    fits, other = make_source("fits"), make_source("other", control_hz=99.0)
    offered = replace(offered, sources={"fits": fits, "other": other})

    found = doubts(offered)

    assert found[0] == (
        "critic=reach: expected an audit that it passed, got one that failed: explained, "
        "value_order"
    )
    assert found[1].startswith("policy=other drives a body that no critic knows: embodiment.c")
    assert len(found) == 2


def test_nothing_is_said_of_what_serves(catalogue):
    """No line in the log."""
    assert doubts(catalogue(sources=["noise"])) == []
