"""Voxel cost: a wall, a hand that moves by so much, and the way around."""

from dataclasses import replace

import numpy as np
import pytest

from steer.embodiment import ActionDim
from steer.errors import ConfigError, InvalidInputError
from steer.rank.scorers.base import combine
from steer.rank.scorers.voxel_cost import DeltaPath, VoxelCost
from steer.rank.scorers.voxels import voxel_map

AXIS = np.linspace(-0.1, 0.1, 21)
WALL = np.array([[0.3, y, z] for y in AXIS for z in AXIS], np.float32)
"""In metres: 30 cm ahead, 20 cm wide and high."""
START = np.zeros(3, np.float32)


def chunk(*direction, length=10):
    """Return commands in one direction; 1.0 is 5 cm, so ten of them are half a metre."""
    return np.tile(np.float32([*direction, 1.0]), (length, 1))


def around():
    """Return commands to the left, and then ahead."""
    return np.concatenate([chunk(0, 1, 0, length=5), chunk(1, 0, 0, length=5)])


def test_the_way_around_a_wall_beats_the_way_through_it(situated, arm):
    """Straight ahead goes through the wall; away from it and around it cost nothing."""
    chunks = [chunk(1, 0, 0), around(), chunk(-1, 0, 0)]

    scores = VoxelCost()(situated(chunks, points_M3=WALL, path=DeltaPath(START, arm)))

    assert scores[0] < -1.0
    assert scores[1:].tolist() == [0.0, 0.0]


def test_to_pass_near_costs_less_than_to_pass_through(situated, arm):
    """Inside the safety distance the cost grows towards the points."""
    start = np.float32([0.0, 0.0, 0.0])
    past = [DeltaPath(start + np.float32([0, 0.1 + gap, 0]), arm) for gap in (0, 0.025, 0.045, 0.1)]

    scores = [
        float(VoxelCost()(situated([chunk(1, 0, 0)], points_M3=WALL, path=path))[0])
        for path in past
    ]

    assert scores == sorted(scores)
    assert len(set(scores)) == 4
    assert scores[-1] == 0.0


def test_a_thin_wall_is_not_jumped_over(situated, arm):
    """One action of 40 cm ends behind the wall, and costs as if it had touched it."""
    fast = replace(arm, actions=(replace(arm.actions[0], scale=0.4), *arm.actions[1:]))
    still, jump = np.float32([0, 0, 0, 0]), np.float32([1, 0, 0, 0])
    path = DeltaPath(np.float32([0.1, 0, 0]), fast)

    scores = VoxelCost()(situated([[still, jump]], embodiment=fast, points_M3=WALL, path=path))

    assert scores[0] == pytest.approx(-1.0)


def test_an_empty_scene_costs_nothing(situated, arm):
    """No points, or none near: every way is free."""
    path = DeltaPath(START, arm)

    for points in (np.zeros((0, 3)), WALL + 5.0, np.full((4, 3), np.nan)):
        scores = VoxelCost()(situated([chunk(1, 0, 0)], points_M3=points, path=path))

        assert scores.tolist() == [0.0]


def test_gaps_of_the_sensor_hide_no_wall(situated, arm):
    """Points that are not finite are dropped; the others stand."""
    path = DeltaPath(START, arm)
    gappy = np.concatenate([np.full((3, 3), np.nan), WALL, [[np.inf, 0, 0]]])

    whole = VoxelCost()(situated([chunk(1, 0, 0)], points_M3=WALL, path=path))
    found = VoxelCost()(situated([chunk(1, 0, 0)], points_M3=gappy, path=path))

    np.testing.assert_array_equal(found, whole)


def test_a_score_does_not_depend_on_the_other_candidates(situated, arm):
    """The map is laid on one grid, however far the others go."""
    path = DeltaPath(START, arm)
    ahead, far = chunk(1, 0, 0), chunk(-1, -1, -1, length=10)

    alone = VoxelCost()(situated([ahead], points_M3=WALL, path=path))
    together = VoxelCost()(situated([far, ahead], points_M3=WALL, path=path))

    assert together[1] == alone[0]


def test_the_cost_of_a_place_falls_with_the_distance(rng):
    """One point: (1 - distance / safety)^2, to the precision of a voxel's diagonal."""
    corner = np.full(3, 0.2)
    field = voxel_map(
        np.zeros((1, 3), np.float32), low_3=-corner, high_3=corner, voxel_m=0.01, safety_m=0.1
    )
    places = rng.uniform(-0.2, 0.2, size=(2000, 3))

    costs = field.at(places)

    expected = np.maximum(1 - np.linalg.norm(places, axis=1) / 0.1, 0.0)
    np.testing.assert_allclose(np.sqrt(costs), expected, atol=0.01 * np.sqrt(3) / 0.1)


def test_a_path_that_is_not_finite_has_no_score(situated, arm):
    """The candidate is marked; the others are scored."""

    def path(chunk_HA):
        end = np.nan if chunk_HA[0, 0] < 0 else 0.0
        return np.full((len(chunk_HA), 3), end, np.float32)

    chunks = [chunk(1, 0, 0), chunk(-1, 0, 0)]

    scores = VoxelCost()(situated(chunks, points_M3=WALL, path=path))
    broken = VoxelCost()(situated(chunks[1:], points_M3=WALL, path=path))

    assert np.isnan(scores).tolist() == [False, True]
    assert np.isnan(broken).tolist() == [True]


def test_a_path_of_the_wrong_shape_is_refused(situated):
    """The text says how many places there should be."""
    situation = situated([chunk(1, 0, 0)], points_M3=WALL, path=lambda chunk_HA: np.zeros((2, 3)))

    with pytest.raises(InvalidInputError, match=r"expected positions of shape \[10, 3\], got \[2"):
        VoxelCost()(situation)


@pytest.mark.parametrize("speed", [1e3, 1e30])
def test_a_path_that_runs_away_is_a_fault_and_not_a_crash(situated, speed):
    """A map of cubic kilometres, or of light-years, is refused before it is made."""
    situation = situated(
        [chunk(1, 0, 0), chunk(0, 1, 0)],
        points_M3=WALL,
        path=lambda chunk_HA: speed * chunk_HA[:, :3].cumsum(axis=0),
    )

    combined = combine(situation, {"voxel_cost": 1.0}, scorers={"voxel_cost": VoxelCost()})

    assert combined.faults["voxel_cost"].startswith(
        "voxel map: expected a box of at most 16777216 voxels of 0.02 m, got "
    )


def test_a_path_integrates_what_the_robot_moves(arm):
    """5 cm for a command of 1.0, and no more for 9.0: the robot clips."""
    commands = np.float32([[1, 0, 0, 0], [9, -0.5, 0, 0], [0, 0, -1, 1]])

    path = DeltaPath(np.float32([1, 2, 3]), arm)(commands)

    np.testing.assert_allclose(path, [[1.05, 2, 3], [1.1, 1.975, 3], [1.1, 1.975, 2.95]], rtol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "absolute"},
        {"actions": tuple(ActionDim(name=f"joint{n}", unit="rad", scale=1.0) for n in range(4))},
        {"actions": tuple(ActionDim(name=name, unit="m") for name in ("dx", "dy", "dz"))},
    ],
)
def test_a_robot_that_does_not_move_so_is_refused(arm, change):
    """Joint angles, absolute poses and unknown scales are no path."""
    with pytest.raises(InvalidInputError, match=r"expected relative commands dx, dy, dz in m"):
        DeltaPath(START, replace(arm, **change))


def test_a_start_that_is_no_position_is_refused(arm):
    """A tracker that lost the hand does not put it somewhere."""
    with pytest.raises(InvalidInputError, match=r"path.start: expected 3 finite numbers"):
        DeltaPath(np.full(3, np.nan, np.float32), arm)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"voxel_m": 0.0}, "voxel_m: expected a finite number > 0 m, got 0.0"),
        ({"safety_m": 0.01}, r"safety_m: expected 0.02 to 0.32 m, got 0.01"),
        ({"safety_m": 1.0}, r"safety_m: expected 0.02 to 0.32 m, got 1.0"),
    ],
)
def test_options_out_of_range_are_refused(options, text):
    """A safety distance of very many voxels would take too long."""
    with pytest.raises(ConfigError, match=text):
        VoxelCost(**options)
