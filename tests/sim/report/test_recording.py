"""The recording: where chunks would go, in which colours, and of which episodes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sim.report import recording
from sim.report.recording import (
    check_rerun,
    chosen_logs,
    colours_of,
    effector_paths,
    effector_position,
    write_recording,
)
from sim.tasks import TASKS
from steer.decision_log import DecisionLog
from steer.embodiment import ActionDim, Embodiment
from steer.errors import ConfigError, InvalidInputError
from steer.types import (
    Candidates,
    Decision,
    Observation,
    Provenance,
    Reason,
    Selection,
    Timings,
)
from steer.wire.session import CriticInfo, Limits, SessionInfo

SAWYER, UR5E = TASKS["push"].embodiment, TASKS["cube-single"].embodiment


LIMITS = Limits(
    max_candidates=8,
    max_horizon=16,
    max_message_bytes=20_000,
    max_image_pixels=1000,
    session_idle_s=60.0,
    max_budget_s=10.0,
    expected_candidates=4,
    selectors=("argmax",),
    min_margin=0.0,
    is_gate_required=False,
)


def seen(state):
    """Return an observation of a robot's own state."""
    return Observation({"observation.state": np.asarray(state, np.float32)})


def test_the_effector_is_where_the_observation_says():
    """In metres, whatever the package's own scale."""
    state = np.zeros(19)
    state[12:15] = (1.0, 2.0, 3.0)

    assert effector_position(SAWYER, seen([0.1, 0.6, 0.2, 1.0])) == pytest.approx([0.1, 0.6, 0.2])
    assert effector_position(UR5E, seen(state)) == pytest.approx([0.525, 0.2, 0.3])


def test_a_robot_that_is_not_known_is_refused():
    """A picture of a guess would mislead."""
    other = replace(SAWYER, name="so101")

    with pytest.raises(
        InvalidInputError, match=r"end effector: expected a robot of .*, got 'so101'"
    ):
        effector_position(other, seen([0.0] * 6))


def test_commands_are_clipped_and_summed_in_metres():
    """Two ticks: the first beyond the range, the second back by half."""
    actions = np.array([[[2.0, 0.0, -1.0, 0.3], [-0.5, 0.0, 0.0, 0.3]]], np.float32)

    paths = effector_paths(SAWYER, np.array([0.0, 0.6, 0.2]), actions)

    assert paths.shape == (1, 3, 3)
    assert paths[0] == pytest.approx(
        np.array([[0.0, 0.6, 0.2], [0.01, 0.6, 0.19], [0.005, 0.6, 0.19]])
    )


def test_joint_commands_have_no_such_path():
    """Kinematics are not known here."""
    other = Embodiment(
        name="so101",
        control_hz=30,
        actions=(ActionDim(name="j0"),),
        observations=(),
        mode="absolute",
    )

    with pytest.raises(
        InvalidInputError, match="mode 'delta' with dx, dy, dz, got mode 'absolute'"
    ):
        effector_paths(other, np.zeros(3), np.zeros((1, 2, 1), np.float32))


def test_colours_run_from_the_lowest_score_to_the_highest():
    """Without scores all are grey."""
    low, middle, high = colours_of(np.array([-2.0, 0.0, 2.0]), 3).tolist()

    assert (low, high) == ([70, 110, 200], [217, 90, 18])
    assert middle == [144, 100, 109]
    assert np.ptp(colours_of(np.array([]), 2)) == 0
    assert colours_of(np.zeros(2), 2).tolist() == [low, low]


def test_lost_seeds_are_shown_first(make_row, tmp_path):
    """Then those that steering won, then the rest."""
    (tmp_path / "decisions").mkdir()
    rows = [make_row("alone", seed, is_success=seed == 3) for seed in (1, 2, 3)]
    rows += [make_row("steered", seed, is_success=seed == 2) for seed in (1, 2, 3)]
    for seed in (1, 2, 3):
        (tmp_path / "decisions" / f"diffusion-push-steered-n16-task-{seed}.decisions").touch()

    found = chosen_logs([tmp_path], rows)

    assert [path.stem[-1] for path in found] == ["3", "2", "1"]


def test_a_run_without_logs_says_how_to_have_them(make_row, tmp_path):
    """Logs are kept for the seeds that were asked for."""
    with pytest.raises(ConfigError, match=r"--rerun: expected decision logs in .*--logs 2"):
        chosen_logs([tmp_path], [make_row()])


def test_a_missing_viewer_is_named_with_its_extra(monkeypatch):
    """It is no dependency of ours."""

    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(recording.importlib, "import_module", missing)

    with pytest.raises(
        ConfigError, match=r"expected the package rerun-sdk, got none; .*lerobot\[viz\]"
    ):
        check_rerun()


class Viewer:
    """Stands in for the package rerun: notes what is logged."""

    def __init__(self):
        self.logged, self.files = [], []

    def __getattr__(self, kind):
        return lambda *args, **more: SimpleNamespace(kind=kind, args=args, **more)

    def RecordingStream(self, name):
        """Return a stream that notes."""
        del name  # Unused.
        return SimpleNamespace(
            save=self.files.append,
            set_time=lambda name, sequence: None,
            log=lambda place, what: self.logged.append((place, what)),
            disconnect=lambda: None,
        )


@pytest.fixture
def log(tmp_path):
    """Return a decision log of two decisions of a Sawyer."""
    critic = CriticInfo(
        name="push",
        digest="sha256:1",
        embodiment=SAWYER,
        horizon=3,
        num_members=2,
        algorithm="iql",
        selection=Selection(margin=0.5, beta=1.0),
        expected_rank_s=0.1,
    )
    session = SessionInfo(
        session="s",
        server_epoch="e",
        critic=critic,
        policy=None,
        limits=LIMITS,
        selection=Selection(margin=0.5, beta=1.0),
        warnings=(),
    )
    chunks = np.full((2, 3, 4), 0.5, np.float32)
    decision = Decision(
        index=1,
        chunk=chunks[1],
        commit_horizon=3,
        reason=Reason.ADVANTAGE,
        overrode=True,
        scores=np.array([0.0, 2.0], np.float32),
        values=np.zeros((2, 2), np.float32),
        provenance=(Provenance.POLICY,) * 2,
        feasible=(True, True),
        num_scored=2,
        timings=Timings(),
        critic_digest="sha256:1",
        policy="p",
        candidates=Candidates(chunks),
    )
    path = tmp_path / "x.decisions"
    with DecisionLog(path, session, SAWYER) as opened:
        for number in range(2):
            opened.append(seen([0.0, 0.6 + 0.01 * number, 0.2, 1.0]), number, decision)
    return path


def test_an_episode_is_drawn_decision_by_decision(monkeypatch, tmp_path, log):
    """The chosen candidate is thicker, and the way behind the robot is drawn too."""
    viewer = Viewer()
    monkeypatch.setattr(recording, "check_rerun", lambda: viewer)

    assert write_recording([log], tmp_path / "episodes.rrd") == 1

    assert viewer.files == [str(tmp_path / "episodes.rrd")]
    places = [place for place, _ in viewer.logged]
    assert places == [
        *("x/candidates", "x/effector", "x/decision"),
        *("x/candidates", "x/effector", "x/path", "x/decision"),
    ]
    strips = viewer.logged[0][1]
    assert np.shape(strips.args[0]) == (2, 4, 3)
    assert strips.args[0][0][-1] == pytest.approx([0.015, 0.615, 0.215])
    assert strips.radii[1] > strips.radii[0]
