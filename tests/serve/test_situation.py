"""What scorers are told of a request: the scene in metres, or nothing where it was not sent."""

from dataclasses import replace

import numpy as np
import pytest

from steer.embodiment import ActionDim, ObservationField
from steer.errors import InvalidInputError
from steer.rank.select import Rule
from steer.serve.engine import Scored
from steer.serve.scorers import EFFECTOR
from steer.serve.sessions import Session
from steer.serve.situation import situation_of
from steer.types import Candidates, Observation, Provenance

CLOUD = "observation.points.front"
RULE = Rule(
    selector="argmax", gated=True, margin=0.5, beta=1.0, temperature=1.0, tau=0.7, commit_horizon=3
)


@pytest.fixture
def hand(robot):
    """A robot that sends a cloud and where its hand is."""
    dims = tuple(ActionDim(name=n, unit="m", scale=0.05) for n in ("dx", "dy", "dz"))
    fields = (
        ObservationField(name=CLOUD, dtype="float32", shape=(2, 3)),
        ObservationField(name=EFFECTOR, dtype="float32", shape=(3,)),
    )
    return replace(robot, actions=dims, observations=(*robot.observations, *fields))


@pytest.fixture
def situated(hand, make_critic):
    """Make the situation of a request."""

    def situated(arrays, *, weight=1.0, **known):
        rule = replace(RULE, weights={"voxel_cost": weight})
        session = Session("t", hand, "reach", "", rule, "r", 0.0)
        scored = Scored(np.zeros((2, 2), np.float32), np.zeros(2, np.float32), 0.0, 0.0, 0.0)
        how = (Provenance.POLICY, Provenance.FITTED)
        chunks = np.ones((2, 3, 3), np.float32)
        card = make_critic().card
        observation = Observation(arrays)
        return situation_of(
            replace(scored, **known), Candidates(chunks, how), observation, session, card
        )

    return situated


def scene(**changes):
    points = np.float32([[0.1, 0.2, 0.3], [1e6, 1e6, 1e6]])
    return {CLOUD: points, EFFECTOR: np.float32([1, 2, 3]), **changes}


def test_the_path_begins_where_the_robot_says_that_its_hand_is(situated):
    """Each 1.0 moves it by its scale; the points come as they were sent."""
    arrays = scene()

    found = situated(arrays)

    np.testing.assert_array_equal(found.points_M3, arrays[CLOUD])
    np.testing.assert_allclose(
        found.path(found.chunks_NHA[0]), [[1.05, 2.05, 3.05], [1.1, 2.1, 3.1], [1.15, 2.15, 3.15]]
    )
    assert found.is_drawn_N.tolist() == [True, False]


@pytest.mark.parametrize("missing", [CLOUD, EFFECTOR])
def test_a_request_without_the_scene_is_no_error(situated, missing):
    """The scorer skips it."""
    arrays = scene()
    del arrays[missing]

    found = situated(arrays)

    assert (found.points_M3 is None) == (missing == CLOUD)
    assert (found.path is None) == (missing == EFFECTOR)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {CLOUD: np.zeros((3, 3), np.float32)},
            r"front'\]: expected float32 of shape \[2, 3\], go",
        ),
        ({EFFECTOR: np.zeros(3, np.float64)}, r"position'\]: expected float32 of shape \[3\], got"),
    ],
)
def test_a_scene_of_another_shape_is_refused(situated, changes, text):
    """As the session's embodiment says it, by name."""
    with pytest.raises(InvalidInputError, match=text):
        situated(scene(**changes))


def test_whoever_does_not_weigh_the_scene_is_not_asked_for_it(situated):
    """Nothing of it is looked at."""
    found = situated({CLOUD: np.zeros(1, np.float32)}, weight=0.0, context=np.ones(4, np.float32))

    assert (found.points_M3, found.path) == (None, None)
    assert found.context_D.tolist() == [1, 1, 1, 1]
