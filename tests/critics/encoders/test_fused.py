"""Several modalities as one context."""

import pytest
import torch

from steer.critics.encoders.fused import FusedEncoder
from steer.critics.encoders.image import SmallImageEncoder
from steer.critics.encoders.points import PointEncoder
from steer.critics.encoders.state import StateEncoder
from steer.embodiment import ObservationField
from steer.errors import InvalidInputError

STATE = (
    ObservationField(name="observation.state", dtype="float32", shape=(3,)),
    ObservationField(name="observation.force", dtype="float32", shape=(1,)),
)
TOP, SIDE, CLOUD = "observation.images.top", "observation.images.side", "observation.cloud"
LANGUAGE = 5


def _make(**options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoders = {
            "state": StateEncoder(STATE, hidden=8, context_dim=6),
            TOP: SmallImageEncoder(features=7, language_dim=LANGUAGE),
            SIDE: SmallImageEncoder(features=7),
            CLOUD: PointEncoder(features=4),
        }
        return FusedEncoder(encoders, context_dim=9, language_dim=LANGUAGE, **options)


@pytest.fixture
def fused():
    """Return an encoder of everything, with random weights."""
    return _make()


@pytest.fixture
def observations():
    """Return four observations; one has an empty cloud."""
    generator = torch.Generator().manual_seed(1)
    cloud = torch.randn(4, 6, 3, generator=generator)
    cloud[1] = float("nan")
    sizes = {TOP: (16, 20), SIDE: (24, 16)}
    images = {
        name: torch.randint(0, 256, (4, *size, 3), dtype=torch.uint8, generator=generator)
        for name, size in sizes.items()
    }
    state = torch.randn(4, 3, generator=generator)
    return {"observation.state": state, "observation.force": state[:, :1], CLOUD: cloud, **images}


@pytest.fixture
def language():
    """Return a language vector for each observation."""
    return torch.randn(4, LANGUAGE, generator=torch.Generator().manual_seed(2))


def test_everything_is_in_the_context(fused, observations, language):
    """Another value of any modality is another context; more keys do no harm."""
    context = fused({**observations, "other": torch.ones(1)}, language)

    assert context.shape == (4, fused.features) == (4, 9)
    for name, value in observations.items():
        changed = {**observations, name: value.flip(0)}
        assert not torch.allclose(fused(changed, language), context), name
    assert not torch.allclose(fused(observations, -language), context)


def test_the_state_is_normalised(fused, observations, language):
    """Vectors come in robot units, as they come to a state encoder."""
    before = fused(observations, language)
    state = fused.encoders[0]

    state.mean_S += 1.0
    shifted = {
        name: observations[name] + 1.0 for name in ("observation.state", "observation.force")
    }

    torch.testing.assert_close(fused({**observations, **shifted}, language), before)


def test_every_weight_learns(fused, observations, language):
    """A gradient reaches each encoder, and language through both of its ways."""
    fused(observations, language).square().sum().backward()

    still = [name for name, value in fused.named_parameters() if not value.grad.abs().sum() > 0]
    # Behind the zeros that FiLM starts with is nothing; the zeros themselves learn.
    assert still == []


def test_nothing_is_dropped_unless_asked_for(fused, observations, language):
    """Nor ever outside of training."""
    dropping = _make(dropout=0.5)

    assert torch.equal(fused(observations, language), fused(observations, language))
    assert torch.equal(dropping.eval()(observations, language), fused(observations, language))


def test_one_modality_always_stays(observations, language):
    """However many are dropped, and for each observation by itself."""
    dropping = _make(dropout=0.9)
    seen = []
    dropping.join[0].register_forward_hook(lambda module, given, out: seen.append(given[0]))

    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(20):
            dropping(observations, language)

    joined = torch.cat(seen)
    parts = joined.split((6, 7, 7, 4, 9), dim=1)
    spoken = (parts[4] - dropping.language.bias).abs().sum(1, keepdim=True) > 1e-6
    stays = torch.cat([*((part != 0).any(1, keepdim=True) for part in parts[:4]), spoken], dim=1)
    assert stays.any(1).all()
    assert 0.15 < stays.float().mean() < 0.45  # one in five, and a tenth of the others


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({TOP: None}, rf"observation '{TOP}': expected shape \[4, ...\], got nothing"),
        ({CLOUD: torch.zeros(3, 6, 3)}, rf"'{CLOUD}': expected shape \[4, ...\], got shape \[3, 6"),
        ({"observation.state": torch.zeros(())}, r"expected shape \[B, ...\], got shape \[\]"),
        ({"observation.force": torch.zeros(4, 2)}, r"force': expected shape \[B, 1\], got shape"),
        ({SIDE: torch.zeros(4, 16, 16, 3)}, "images: expected torch.uint8"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_named(fused, observations, language, change, text):
    """By its name as an observation."""
    given = {name: value for name, value in (observations | change).items() if value is not None}

    with pytest.raises(InvalidInputError, match=text):
        fused(given, language)


def test_language_must_be_what_was_agreed(fused, observations, language):
    """Without it there is no context, and no encoder of images may want another."""
    with pytest.raises(InvalidInputError, match=r"language: expected .* \[4, 5\], got none"):
        fused(observations)
    with pytest.raises(InvalidInputError, match="encoder 'a': expected language_dim 0 or 3, got 5"):
        FusedEncoder({"a": SmallImageEncoder(language_dim=5)}, context_dim=2, language_dim=3)


def test_one_modality_without_language_is_enough(observations):
    """And it is never dropped."""
    alone = FusedEncoder({CLOUD: PointEncoder(features=4)}, context_dim=3, dropout=0.9)

    assert torch.equal(alone(observations), alone.eval()(observations))


@pytest.mark.parametrize(
    ("encoders", "options", "text"),
    [
        ({}, {}, "encoders: expected one or more, got none"),
        (
            {CLOUD: PointEncoder()},
            {"dropout": 1.0},
            "dropout: expected in 0..1, without 1, got 1.0",
        ),
        ({CLOUD: PointEncoder()}, {"context_dim": 0}, "context_dim: expected >= 1, got 0"),
        ({CLOUD: PointEncoder()}, {"language_dim": -1}, "language_dim: expected >= 0, got -1"),
    ],
)
def test_options_that_make_no_sense_are_refused(encoders, options, text):
    """By name."""
    with pytest.raises(InvalidInputError, match=text):
        FusedEncoder(encoders, **{"context_dim": 3, **options})
