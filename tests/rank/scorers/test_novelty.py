"""Novelty: a network that counts, by guessing coins."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from steer.errors import ArtefactError, ConfigError, InvalidInputError
from steer.rank.scorers.novelty import Novelty, NoveltyConfig, pair_features

SMALL = NoveltyConfig(num_coins=64, hidden=64, num_steps=400, batch=256)
TINY = NoveltyConfig(num_coins=4, hidden=8, num_steps=3, batch=4)
COUNTS = np.array([4, 4, 16, 16, 64, 64])


@pytest.fixture(scope="module")
def places():
    """Six places, and how often the data visited each."""
    return np.random.default_rng(0).normal(size=(len(COUNTS), 3)).astype(np.float32)


@pytest.fixture(scope="module")
def counted(places):
    """The novelty of those places."""
    return Novelty.fit(np.repeat(places, COUNTS, axis=0), seed=0, config=SMALL)


@pytest.fixture
def tiny():
    """A novelty that has learnt next to nothing."""
    features = np.random.default_rng(1).normal(size=(8, 5)).astype(np.float32)
    return Novelty.fit(features, seed=0, config=TINY)


def test_the_novelty_of_a_place_is_one_over_its_count(counted, places):
    """Seen 4, 16 or 64 times is a novelty of about 1/4, 1/16 and 1/64."""
    estimate = 1 / counted.novelty(places)

    np.testing.assert_allclose(np.log2(estimate), np.log2(COUNTS), atol=1.0)


def test_where_the_data_never_were_all_is_new(counted, places):
    """Far from every place the count is below one."""
    away = places + np.float32(3.0)

    assert counted.novelty(away).min() > 0.5
    assert counted.novelty(places).max() < 0.5


def test_the_chunk_that_the_data_know_beats_the_one_that_they_do_not(situated, arm):
    """Demonstrations go right in this state; going left there is new."""
    rng = np.random.default_rng(2)
    right = np.tile(np.float32([0.6, 0.0, 0.0, 1.0]), (300, 4, 1))
    right += rng.normal(scale=0.1, size=right.shape).astype(np.float32)
    context = rng.normal(size=(300, 2)).astype(np.float32)
    novelty = Novelty.fit(pair_features(context, right, arm), seed=0, config=SMALL)
    left = right[:1] * np.float32([-1, 1, 1, 1])

    scores = novelty(situated(np.concatenate([left, right[:5]]), context_D=context[0]))

    assert scores.shape == (6,)
    assert scores[0] < 3 * scores[1:].min()


def test_without_a_context_there_is_no_score(tiny, situated):
    """A chunk alone is neither known nor new."""
    assert tiny(situated(np.zeros((2, 1, 4)))) is None


def test_features_are_what_the_robot_runs(arm):
    """Context first; commands beyond the range are those at its end."""
    context, chunk = np.float32([[7.0]]), np.float32([[[5.0, -5.0, 0.5, 0.0]]])

    features = pair_features(context, chunk, arm)

    np.testing.assert_array_equal(features, [[7.0, 1.0, -1.0, 0.5, 0.0]])


def test_the_same_seed_gives_the_same_novelty(places):
    """Fitting is a function of features, seed and options."""
    first, again, other = (
        Novelty.fit(places, seed=seed, config=TINY).novelty(places) for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_fitting_leaves_the_generator_of_the_process_alone(places):
    """Who else draws in this process draws the same."""
    before = torch.random.get_rng_state()

    Novelty.fit(places, seed=1, config=TINY)

    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_is_read_is_what_was_written(tiny, tmp_path):
    """A round trip over the disk changes no bit, and leaves one file."""
    features = np.random.default_rng(3).normal(size=(20, 5)).astype(np.float32)

    tiny.save(tmp_path / "novelty.safetensors")
    found = Novelty.load(tmp_path / "novelty.safetensors")

    np.testing.assert_array_equal(found.novelty(features), tiny.novelty(features))
    assert [path.name for path in tmp_path.iterdir()] == ["novelty.safetensors"]


def test_a_missing_or_damaged_file_is_refused(tiny, tmp_path):
    """The text says which file."""
    path = tmp_path / "novelty.safetensors"
    with pytest.raises(ArtefactError, match=r"novelty.safetensors: cannot be read"):
        Novelty.load(path)

    tiny.save(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ArtefactError, match=r"novelty.safetensors: cannot be read"):
        Novelty.load(path)


def test_a_file_of_something_else_is_refused(tmp_path):
    """Safetensors alone does not make a novelty."""
    path = tmp_path / "critic.safetensors"
    save_file({"weight": torch.zeros(1)}, path)

    with pytest.raises(ArtefactError, match="expected format 'steer-novelty-1', got None"):
        Novelty.load(path)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("learnt.2.weight", torch.zeros(9, 8), "expected the tensors of a novelty, got layers"),
        ("prior.0.bias", torch.zeros(3), "expected the tensors of a novelty"),
        ("learnt.0.bias", torch.full((8,), torch.nan), "learnt.0.bias: expected finite float32"),
        ("mean_J", torch.zeros(5, dtype=torch.float64), "mean_J: expected finite float32"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(tiny, tmp_path, name, value, text):
    """Before anything is scored with them."""
    path = tmp_path / "novelty.safetensors"
    tiny.save(path)
    tensors = {**load_file(path), name: value}
    save_file(tensors, path, metadata={"steer": '{"format": "steer-novelty-1"}'})

    with pytest.raises(ArtefactError, match=text):
        Novelty.load(path)


def test_a_novelty_of_other_weights_is_refused(tiny, tmp_path):
    """Both digests are said; whoever does not ask gets it, with what it was fitted on."""
    path = tmp_path / "novelty.safetensors"
    tiny.about = {"num_pairs": 8}
    tiny.save(path, critic="aa")

    with pytest.raises(ArtefactError, match=r"fitted for the weights bb, got one for aa$"):
        Novelty.load(path, critic="bb")
    assert Novelty.load(path, critic="aa").about == Novelty.load(path).about == {"num_pairs": 8}

    tiny.save(path)
    with pytest.raises(ArtefactError, match=r"fitted for the weights bb, got one for none$"):
        Novelty.load(path, critic="bb")


@pytest.mark.parametrize("said", ["[1]", "{", "[" * 5000])
def test_what_a_file_says_of_itself_must_be_json(tmp_path, said):
    """A damaged or hostile header is an error with the file's name."""
    path = tmp_path / "novelty.safetensors"
    save_file({"weight": torch.zeros(1)}, path, metadata={"steer": said})

    with pytest.raises(ArtefactError, match=r"novelty.safetensors: steer: expected"):
        Novelty.load(path)


def test_equal_novelties_are_equal_files(tiny, tmp_path):
    """Readable by whoever may read the critic, whatever else the file says."""
    for name in ("a", "b"):
        tiny.about = {"task": "push", "seed": 0}
        tiny.save(tmp_path / name, critic="aa")
    (tmp_path / "plain").write_bytes(b"")

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_each_step_of_a_fit_is_told(places):
    """So that a command can show how far it is."""
    steps = []

    Novelty.fit(places, seed=1, config=TINY, on_step=lambda: steps.append(1))

    assert len(steps) == TINY.num_steps


def test_a_folder_that_is_not_there_is_refused(tiny, tmp_path):
    """The disk's refusal is told, with the path."""
    with pytest.raises(ArtefactError, match=r"no/novelty.safetensors: cannot be written"):
        tiny.save(tmp_path / "no" / "novelty.safetensors")


def test_features_that_cannot_be_learnt_from_are_refused():
    """None at all, or numbers that are not."""
    with pytest.raises(InvalidInputError, match=r"novelty features: .* got shape \[0, 3\]$"):
        Novelty.fit(np.zeros((0, 3), np.float32), seed=0)
    with pytest.raises(InvalidInputError, match=r"got shape \[2, 3\], not all finite"):
        Novelty.fit(np.full((2, 3), np.nan, np.float32), seed=0)


def test_chunks_of_another_length_are_refused(tiny, situated):
    """The fit was on 5 features a pair; these have 2 + 2 x 4."""
    with pytest.raises(InvalidInputError, match="novelty features: expected 5 a pair, got 10"):
        tiny(situated(np.zeros((3, 2, 4)), context_D=np.zeros(2)))


def test_options_out_of_range_are_refused():
    """They are checked when they are made."""
    with pytest.raises(ConfigError, match=r"novelty.hidden: expected at least 1, got 0"):
        NoveltyConfig(hidden=0)
    with pytest.raises(ConfigError, match=r"novelty.learning_rate: expected a finite number > 0"):
        NoveltyConfig(learning_rate=float("nan"))
