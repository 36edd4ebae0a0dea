"""What server and robot tell each other before they work, there and back."""

import pytest

from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import InvalidInputError
from steer.types import Selection
from steer.v1 import steering_pb2
from steer.wire.records import selection_to_message
from steer.wire.session import (
    CriticInfo,
    Limits,
    PolicyInfo,
    critic_from_message,
    critic_to_message,
    description_from_message,
    embodiment_from_message,
    embodiment_to_message,
    limits_from_message,
    limits_to_message,
    policy_from_message,
    policy_to_message,
    session_from_message,
)

ROBOT = Embodiment(
    name="arm",
    control_hz=20.0,
    actions=(
        ActionDim(name="dx", unit="m", scale=0.05, low=-1.0, high=1.0, max_step=0.5),
        ActionDim(name="gripper"),
    ),
    observations=(
        ObservationField(name="observation.state", dtype="float32", shape=(3,), unit="rad"),
    ),
    mode="delta",
    frame="world",
    rotation="none",
    gripper="opens",
    out_of_range="reject",
)
CRITIC = CriticInfo(
    name="push",
    digest="sha256:1",
    embodiment=ROBOT,
    horizon=8,
    num_members=4,
    algorithm="iql",
    selection=Selection(margin=0.5, beta=1.0),
    expected_rank_s=0.002,
)
POLICY = PolicyInfo(
    name="push",
    type="diffusion",
    embodiment=ROBOT,
    horizon=8,
    num_observations=2,
    is_stochastic=True,
    expected_steer_s=0.05,
    digest="sha256:2",
)
LIMITS = Limits(
    max_candidates=256,
    max_horizon=64,
    max_message_bytes=1 << 22,
    max_image_pixels=1 << 20,
    session_idle_s=600.0,
    max_budget_s=60.0,
    expected_candidates=16,
    selectors=("argmax", "random"),
    min_margin=0.1,
    is_gate_required=True,
)


@pytest.mark.parametrize(
    ("record", "to_message", "from_message"),
    [
        (ROBOT, embodiment_to_message, embodiment_from_message),
        (CRITIC, critic_to_message, critic_from_message),
        (POLICY, policy_to_message, policy_from_message),
        (LIMITS, limits_to_message, limits_from_message),
    ],
    ids=["embodiment", "critic", "policy", "limits"],
)
def test_a_record_comes_back(record, to_message, from_message):
    """Every field, through bytes."""
    message = to_message(record)

    found = from_message(type(message).FromString(message.SerializeToString()))

    assert found == record


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("mode", "'', 'delta', 'absolute'"),
        ("gripper", "'', 'closes', 'opens', 'none'"),
        ("out_of_range", "'', 'clip', 'reject'"),
    ],
)
def test_a_word_that_is_not_of_the_contract_is_refused(field, text):
    """The text has the words that are."""
    message = embodiment_to_message(ROBOT)
    setattr(message, field, "sideways")

    with pytest.raises(InvalidInputError) as caught:
        embodiment_from_message(message)

    assert str(caught.value) == f"embodiment.{field}: expected one of {text}, got 'sideways'"


def test_what_happens_out_of_range_is_clip_where_unset():
    """The contract's default."""
    message = embodiment_to_message(ROBOT)
    message.out_of_range = ""

    assert embodiment_from_message(message).out_of_range == "clip"


def test_a_description_comes_back():
    """With all critics and policies in order."""
    message = steering_pb2.DescribeResponse(
        server_version="0.1.0",
        server_epoch="e",
        critics=[critic_to_message(CRITIC)],
        policies=[policy_to_message(POLICY)],
        limits=limits_to_message(LIMITS),
        device="cpu",
    )

    found = description_from_message(message)

    assert (found.critics, found.policies, found.limits) == ((CRITIC,), (POLICY,), LIMITS)
    assert (found.server_version, found.server_epoch, found.device) == ("0.1.0", "e", "cpu")


@pytest.mark.parametrize(("asked", "expected"), [(2, 2), (None, CRITIC.horizon)])
def test_a_session_runs_what_it_agreed_on(asked, expected):
    """A server that knows no lengths serves the critic's horizon."""
    selection = Selection(margin=0.5, beta=1.0, commit_horizon=asked)
    message = steering_pb2.OpenSessionResponse(
        critic=critic_to_message(CRITIC),
        selection=selection_to_message(selection),
        limits=limits_to_message(LIMITS),
    )

    assert session_from_message(message).commit_horizon == expected


@pytest.mark.parametrize("policy", [POLICY, None])
def test_a_session_comes_back_with_and_without_a_policy(policy):
    """A server that only ranks has none."""
    message = steering_pb2.OpenSessionResponse(
        session="s",
        server_epoch="e",
        critic=critic_to_message(CRITIC),
        policy=None if policy is None else policy_to_message(policy),
        selection=selection_to_message(CRITIC.selection),
        limits=limits_to_message(LIMITS),
        warnings=["embodiment.frame: not compared"],
    )

    found = session_from_message(message)

    assert (found.critic, found.policy, found.limits) == (CRITIC, policy, LIMITS)
    assert found.selection == CRITIC.selection
    assert found.warnings == ("embodiment.frame: not compared",)
