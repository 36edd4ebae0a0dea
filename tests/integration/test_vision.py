"""A critic that looks, from recorded episodes to a robot that it steers, as a user makes it."""

import json

import numpy as np
import pytest

from sim.evaluation.rows import read_rows
from steer.critics.artefact import load_critic
from steer.decision_log import read_decision_log

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("cameras")]

CAMERA = "external_camera_0"
IMAGES, POINTS = f"observation.images.{CAMERA}", f"observation.points.{CAMERA}"
POLICY = '''
import numpy as np


def policy(observation, *, num_candidates, seed):
    """Go anywhere."""
    moves = np.random.default_rng(seed).uniform(-1, 1, (num_candidates, 1, 4))
    return np.repeat(moves, 8, axis=1)
'''


@pytest.fixture(scope="module")
def home(tmp_path_factory, run):
    """Eight episodes of fetch-push, a policy of one's own, and what a camera saw of them."""
    home = tmp_path_factory.mktemp("vision")
    (home / "anywhere.py").write_text(POLICY)
    where = ("--task", "fetch-push", "--root", home / "data", "--episodes", 8)
    run("sim.collect", *where, "--noise", "0.3:1", "0.6:1")
    words = ("--root", home / "data", "--tasks", "fetch-push", "--camera", CAMERA, "--every", 8)
    run("sim.frames", *words, "--size", 32, "--output", home / "rgb")
    pytest.importorskip("open3d")
    run("sim.frames", *words, "--points", "--output", home / "points")
    return home


@pytest.fixture(scope="module")
def trained(home, run):
    """Train a critic of what a camera saw and the robot's own state; return its directory."""

    def train(kind):
        output = home / f"critic-{kind}"
        if not output.exists():
            words = ("--dataset", home / "data", "--frames", home / kind, "--output", output)
            options = ("--observation", "observation.state", "--algorithm", "sarsa")
            few = ("--steps", 12, "--batch-size", 16, "--num-members", 2)
            run("steer.cli", "train", *words, *options, *few)
        return output

    return train


@pytest.fixture(scope="module")
def evaluate(home, call):
    """Run an episode of each arm with a critic; return the exit code and what was said."""

    def evaluated(critic, output, *options):
        words = ("--cells", f"{home / 'anywhere.py'}:policy/fetch-push", "--arms", "steered")
        words += ("--critic", f"fetch-push={critic}", "--seeds", "user", "--episodes", 1)
        words += ("--candidates", 4, "--margin", 0, "--logs", 1, "--workers", 1)
        return call("sim.evaluate", *words, "--output", output, *options)

    return evaluated


def seen(output, key):
    """Return what the critic saw at each decision, [D, *shape]."""
    path = next((output / "decisions").iterdir())
    _, decisions = read_decision_log(path)
    return np.stack([item.observation.arrays[key] for item in decisions])


@pytest.mark.parametrize(("kind", "key"), [("rgb", IMAGES), ("points", POINTS)])
def test_a_robot_is_steered_by_a_critic_that_looks(home, trained, evaluate, kind, key):
    """It sends what the critic needs, and no object's pose is among it."""
    critic, output = trained(kind), home / f"run-{kind}"

    code, said = evaluate(critic, output)

    assert code == 0, said
    card = load_critic(critic).card
    assert [item.name for item in card.embodiment.observations] == ["observation.state", key]
    row = read_rows(output)[0]
    assert (row.num_scored, row.flag) == (4, "")
    shown = seen(output, key)
    assert len(shown) == len(row.indices) > 1
    assert list(shown.shape[1:]) == list(card.embodiment.observations[1].shape)
    assert shown.std() > 0
    assert (shown[0] != shown[-1]).any()


def test_what_the_robot_sees_is_what_the_critic_was_trained_on(home):
    """Recorded and live frames of the same seed are the same to the last bit."""
    from sim.frames import pictures_of, points_of
    from sim.policies.data import as_array
    from sim.policies.data import read_rows as recorded_rows
    from sim.tasks import make, spec_of
    from sim.tasks.views import view_of

    spec = spec_of("fetch-push")
    table, _ = recorded_rows(home / "data", [spec.instruction])
    env = make("fetch-push")
    env.reset(int(as_array(table, "steer.seed").reshape(-1)[0]))
    live = [view_of(item, spec).take(env) for item in (pictures_of(CAMERA, 32), points_of(CAMERA))]
    env.close()

    for kind, now in zip(("rgb", "points"), live, strict=True):
        np.testing.assert_array_equal(np.load(home / kind / "fetch-push.npy")[0], now)


def test_a_blanked_camera_is_sent_as_zeros_and_never_mixed_in(home, trained, evaluate):
    """The control is a run of its own, and its file says so."""
    critic, output = trained("rgb"), home / "run-blank"

    code, said = evaluate(critic, output, "--blank", IMAGES)
    again, mixed = evaluate(critic, output)

    assert code == 0, said
    assert not seen(output, IMAGES).any()
    assert json.loads((output / "run.json").read_text())["blank"] == IMAGES
    assert again == 2
    assert f"blank was '{IMAGES}', is ''" in mixed


def test_what_the_critic_does_not_look_at_cannot_be_blanked(home, trained, evaluate):
    """Nor what the policy looks at, too: that would be another policy."""
    critic = trained("rgb")

    output = home / "run-refused"

    code, said = evaluate(critic, output, "--blank", POINTS)
    is_written = output.exists()
    shared, told = evaluate(critic, output, "--blank", "observation.state")

    assert (code, shared, is_written) == (2, 2, False)
    assert f"looks at, of observation.state, {IMAGES}, got '{POINTS}'" in said
    assert "--blank: expected what the critic 'fetch-push' looks at and the policy" in told
    assert f"of {IMAGES}, got 'observation.state'" in told


def test_a_critic_of_other_clouds_is_refused(home, trained, evaluate):
    """As when the crop of the task has changed since."""
    critic = trained("points")
    card = json.loads((critic / "card.json").read_text())
    changed = home / "changed"
    changed.mkdir()
    card["training"]["seen"][POINTS][0]["cloud"]["voxel_m"] = 0.02
    (changed / "card.json").write_text(json.dumps(card))

    code, said = evaluate(changed, home / "run-changed")

    assert code == 2
    assert f"expected '{POINTS}' as the robots make them, got other voxel_m" in said
