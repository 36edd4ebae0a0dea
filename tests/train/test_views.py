"""Critics that look: which chunks they learn from, what their card says, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from steer.clouds import MISSING_M
from steer.critics.artefact import load_critic
from steer.critics.card import DatasetSummary, NetworkConfig
from steer.errors import ConfigError, DatasetError, InvalidInputError
from steer.frames import FrameCard, FrameWriter, data_digest, decision_rows
from steer.train.algorithms.base import Learner
from steer.train.algorithms.dqc import DqcConfig
from steer.train.algorithms.sarsa import SarsaConfig
from steer.train.audit import run as audit
from steer.train.audit_config import AuditConfig, Thresholds
from steer.train.batches import Batches
from steer.train.fit import _build_critic
from steer.train.joined import load_datasets
from steer.train.run import train
from steer.train.targets import build_chunks
from steer.train.visible import seen_chunks

LENGTHS, SUCCESS = [9, 7, 8, 6] * 3, [True, False, True, False] * 3
NETWORK = NetworkConfig(encoder_hidden=16, context_dim=8, member_hidden=(16, 16))
RGB, POINTS = "observation.images.front", "observation.points.front"


@pytest.fixture
def walks(make_episodes):
    return make_episodes(LENGTHS, SUCCESS)


@pytest.fixture
def write_frames(tmp_path):
    """Return a writer of frames beside a dataset; each shows the number of its recorded row."""

    def write(episodes, name="rgb", *, key=RGB, every=2, size=16, task=None, digest=None):
        lengths = episodes.end - episodes.start
        owner = np.repeat(episodes.episode, lengths)
        rows = decision_rows(owner, every=every)
        is_cloud = key.startswith("observation.points")
        card = FrameCard(
            key=key,
            shape=(8, 3) if is_cloud else (size, size, 3),
            dtype="float32" if is_cloud else "uint8",
            camera="front",
            every=every,
            rows=len(owner),
            data_sha256=digest or data_digest(episodes.actions, np.repeat(episodes.seed, lengths)),
            cloud={"num_points": 8} if is_cloud else None,
        )
        writer = FrameWriter(tmp_path / name, task or episodes.instruction, card, rows)
        frames = np.stack([np.full(card.shape, row, card.dtype) for row in rows])
        if is_cloud:
            frames[:, 5:] = MISSING_M
        writer.put(0, card.rows, frames)
        writer.keep(card.rows)
        return tmp_path / name

    return write


@pytest.fixture
def config(walks, write_dataset, write_frames, small_config):
    """Options of a short training on pictures of every second row."""
    dataset, frames = (str(write_dataset(walks)),), (write_frames(walks),)
    return lambda **changes: small_config(
        **{"dataset": dataset, "frames": frames, "network": NETWORK, **changes}
    )


def load(config):
    """Return the episodes of a training."""
    return load_datasets(config.dataset, frames=config.frames)


def chunks_of(config, *, horizon=2, looks_ahead=True):
    """Return the episodes of a training, and its chunks that have frames."""
    episodes = load(config)
    chunks = build_chunks(episodes, horizon=horizon, discount=0.8)
    return episodes, seen_chunks(chunks, episodes, looks_ahead=looks_ahead)


def test_every_row_keeps_its_frame(config, walks):
    """In an episode that was picked out as well; rows without one are known."""
    episodes = load(config())

    picked = episodes.select([2, 0])

    first = np.array([0, 2, 8])  # the third episode has 8 rows, the first one begins behind it
    shown = picked.frames[RGB].take(first)[:, 0, 0, 0]
    assert shown.tolist() == [walks.start[2], walks.start[2] + 2, walks.start[0]]
    assert picked.has_frames(np.array([0, 1, 8, 9])).tolist() == [True, False, True, False]
    assert set(picked.at(first)) == {"observation.state", RGB}
    assert picked.fingerprint() == walks.select([2, 0]).fingerprint()


def test_frames_of_another_size_are_other_frames(config, write_frames, walks):
    """A run that was stopped does not go on with them."""
    small, large = load(config()), load(config(frames=(write_frames(walks, "large", size=32),)))

    assert small.views()[RGB][0]["shape"] == [16, 16, 3]
    assert small.views() != large.views()
    assert small.fingerprint() == large.fingerprint()


def test_rows_after_the_first_success_do_not_shift_frames(
    walks, write_dataset, write_frames, small_config
):
    """Frames are counted in what was recorded, before an episode is cut."""

    def early(columns):
        columns["next.success"][2] = True

    root = write_dataset(walks, name="early", change=early)
    episodes = load(small_config(dataset=(str(root),), frames=(write_frames(walks),)))

    rows = np.array([0, 2, 3, 5])
    assert episodes.end[0] == 3
    assert episodes.frames[RGB].take(rows)[:, 0, 0, 0].tolist() == [0, 2, 9, 11]


def test_chunks_begin_where_there_are_frames_and_lead_where_there_are_some(config):
    """Unless success comes within them: then nobody looks at what follows."""
    episodes, chunks = chunks_of(config())

    assert episodes.has_frames(chunks.row).all()
    assert episodes.has_frames(chunks.next_row).all()
    ticks = chunks.row - episodes.start[np.searchsorted(episodes.end, chunks.row, side="right")]
    assert set(ticks) == {0, 2, 4, 6, 8}


def test_monte_carlo_needs_the_first_row_alone(config, write_frames, walks):
    """Frames of every third row do for chunks of two actions; the batch shows no others."""
    third = config(frames=(write_frames(walks, "third", every=3),), algorithm="sarsa", steps=4)
    episodes, chunks = chunks_of(third, looks_ahead=third.looks_ahead)
    learner = Learner(_build_critic(third, episodes, DatasetSummary()), target_rate=0.1)

    batch = Batches(chunks, episodes, third, learner).of(0)

    assert not third.looks_ahead
    assert batch.observations[RGB].dtype == torch.uint8
    assert batch.observations[RGB].shape == (16, 16, 16, 3)
    assert RGB not in batch.next_observations
    picked = np.random.default_rng((third.seed, 0)).integers(len(chunks), size=16)
    shown = batch.observations[RGB][:, 0, 0, 0]
    assert shown.tolist() == chunks.row[picked].tolist()


def test_frames_that_never_follow_a_chunk_say_which_would(config, write_frames, walks):
    """Every third row is no row after two actions."""
    third = config(frames=(write_frames(walks, "third", every=3),))

    with pytest.raises(DatasetError) as caught:
        chunks_of(third)

    assert str(caught.value) == (
        "--frames: expected one in the row that follows a chunk of 2 actions, got none with "
        "--every 3; make them anew with --every 1, 2, or learn with --algorithm sarsa, which needs "
        "the first row alone"
    )


@pytest.mark.parametrize("algorithm", ["iql", "sarsa", "preference"])
def test_which_algorithms_look_ahead_is_known(small_config, algorithm):
    """Those that bootstrap."""
    assert small_config(algorithm=algorithm).looks_ahead == (algorithm == "iql")
    assert small_config(algorithm="sarsa", sarsa=SarsaConfig(target="td")).looks_ahead


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["iql", "sarsa", "dqc", "qc"])
def test_a_critic_of_pictures_and_clouds_is_trained(config, write_frames, walks, algorithm):
    """Its card lists all keys, as the wire sends them; clouds are normalised, pictures are not."""
    points = write_frames(walks, "points", key=POINTS)
    options = config(algorithm=algorithm, dqc=DqcConfig(long_horizon=4))

    card = train(replace(options, frames=(*options.frames, points)))

    fields = {item.name: item for item in card.embodiment.observations}
    assert list(fields) == ["observation.state", RGB, POINTS]
    assert (fields[RGB].dtype, fields[RGB].shape) == ("uint8", (16, 16, 3))
    assert (fields[POINTS].dtype, fields[POINTS].shape) == ("float32", (8, 3))
    assert card.training["seen"][POINTS][0]["cloud"] == {"num_points": 8}
    assert card.training["seen"][RGB][0]["every"] == 2
    critic = load_critic(options.output)
    assert critic.card == card
    clouds = next(part for part in critic.encoder.encoders if hasattr(part, "centre_3"))
    assert 0 < float(clouds.centre_3[0]) < sum(LENGTHS)
    assert card.dataset.num_chunks < sum(LENGTHS) / 2


@pytest.mark.slow
def test_vectors_that_were_not_asked_for_are_not_learnt_from(
    walks, write_dataset, write_frames, small_config
):
    """Object poses are left out by naming what stays."""
    walks.observations["observation.environment_state"] = walks.actions.repeat(3, axis=1)
    root = write_dataset(walks, name="poses")
    frames = (write_frames(walks),)

    card = train(
        small_config(dataset=(str(root),), frames=frames, observation=("observation.state",))
    )

    assert [item.name for item in card.embodiment.observations] == ["observation.state", RGB]


def test_frames_of_several_datasets_stay_apart(
    walks, make_episodes, write_dataset, write_frames, small_config
):
    """Given in the order of the datasets, one of each key for each."""
    other = make_episodes([5, 6], [True, False])
    roots = tuple(
        str(write_dataset(item, name=name)) for item, name in ((walks, "a"), (other, "b"))
    )
    frames = (write_frames(walks, "fa"), write_frames(other, "fb"))

    episodes = load(small_config(dataset=roots, frames=frames))

    rows = np.array([0, sum(LENGTHS), 2, sum(LENGTHS) + 7])
    assert episodes.frames[RGB].take(rows)[:, 0, 0, 0].tolist() == [0, 0, 2, 7]
    assert len(episodes.views()[RGB]) == 2
    with pytest.raises(DatasetError, match="fb: expected frames of the 90 rows that the dataset"):
        load(small_config(dataset=roots, frames=frames[::-1]))
    with pytest.raises(ConfigError) as caught:
        load(small_config(dataset=roots, frames=frames[:1]))
    assert str(caught.value) == (
        "--frames: expected one of each key for each of 2 --dataset, in their order, got 1"
    )


def test_datasets_whose_cameras_differ_are_refused(
    walks, make_episodes, write_dataset, write_frames, small_config
):
    """Pictures of two sizes cannot be learnt from as one."""
    other = make_episodes([5, 6], [True, False])
    roots = tuple(
        str(write_dataset(item, name=name)) for item, name in ((walks, "a"), (other, "b"))
    )
    frames = (write_frames(walks, "fa"), write_frames(other, "fb", size=20))

    with pytest.raises(DatasetError, match=r"front'\]: expected uint8 of shape \[16, 16, 3\], got"):
        load(small_config(dataset=roots, frames=frames))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"task": "another"},
            r"frames of 'walk to the right' in .*: expected all of them, got none",
        ),
        ({"digest": "0" * 64}, "those of 90 rows of other data, or of these before they were"),
    ],
)
def test_frames_of_other_data_are_refused(config, write_frames, walks, options, text):
    """Of another task, or of the same rows with other actions."""
    with pytest.raises(DatasetError, match=text):
        load(config(frames=(write_frames(walks, "other", **options),)))


def test_one_key_is_given_once(config):
    """The second one would be passed over without a word."""
    with pytest.raises(DatasetError, match=f"expected another key, got '{RGB}' again"):
        load_datasets(config().dataset, frames=config().frames * 2)


@pytest.mark.slow
def test_pictures_too_small_to_look_at_are_refused(config, write_frames, walks):
    """At the first step, with the least that the encoder takes."""
    with pytest.raises(InvalidInputError, match=r"with h, w >= 16, got .* shape .*8, 8, 3"):
        train(config(frames=(write_frames(walks, "tiny", size=8),)))


@pytest.mark.slow
def test_a_run_is_not_gone_on_with_on_other_frames(config, write_frames, walks, monkeypatch):
    """Of the same data: their rows belong to what the run is."""
    train(config(save_every=4))
    output = config().output
    (output / "card.json").unlink()
    (output / "critic.safetensors").unlink()
    for path in (output / "README.md", output):
        path.unlink(missing_ok=True) if path.is_file() else path.rmdir()
    root = config().frames[0]
    for path in root.iterdir():
        path.unlink()
    write_frames(walks, every=1)

    with pytest.raises(ConfigError, match="--resume: expected the options and data of the stopped"):
        train(config(save_every=4, resume=True))


def lenient(critic, **options):
    """Options of an audit that passes whatever it finds."""
    least = Thresholds(
        value_order=-1.0,
        discrimination=0.0,
        explained=-1e9,
        rank_correlation=-1.0,
        expert_over_noise=0.0,
    )
    return AuditConfig(critic=critic, num_states=8, num_candidates=3, thresholds=least, **options)


@pytest.mark.slow
def test_a_critic_that_looks_is_audited_on_held_out_frames(config, write_frames, walks):
    """And refused to data that do not show what it sees, with the camera's name."""
    options = config(algorithm="sarsa", holdout=0.5)
    card = train(options)
    dataset = options.dataset

    assert audit(lenient(options.output, dataset=dataset, frames=options.frames))

    found = load_critic(options.output).card.audit
    assert found["is_held_out"]
    assert found["num_episodes"] == len(card.dataset.held_out)
    with pytest.raises(DatasetError) as caught:
        audit(lenient(options.output, dataset=dataset))
    assert str(caught.value) == (
        f"--frames: expected {RGB!r}, uint8 of shape [16, 16, 3], as the critic sees it, got none"
    )
    larger = write_frames(walks, "larger", size=24)
    with pytest.raises(DatasetError, match=r"as the critic sees it, got uint8 of shape \[24, 24"):
        audit(lenient(options.output, dataset=dataset, frames=(larger,)))
