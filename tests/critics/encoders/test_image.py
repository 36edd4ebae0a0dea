"""Encoders of images: what they tell apart, how language reaches them, and what they refuse."""

from copy import deepcopy

import pytest
import torch
from safetensors.torch import save_file

from steer.critics.encoders.image import ResNetImageEncoder, SmallImageEncoder
from steer.errors import ArtefactError, InvalidInputError

LANGUAGE = 5


@pytest.fixture(scope="module", autouse=True)
def _torchvision():
    """Have torchvision loaded, which takes seconds, before the first test."""
    pytest.importorskip("torchvision")


@pytest.fixture(scope="module", params=[SmallImageEncoder, ResNetImageEncoder])
def made(request):
    """Return each of the encoders, with language."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return request.param(language_dim=LANGUAGE)


@pytest.fixture
def encoder(made):
    """Return a copy of it for a test alone."""
    return deepcopy(made)


@pytest.fixture
def small():
    """Return a small encoder without language."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SmallImageEncoder(features=8)


@pytest.fixture
def images():
    """Return two images of noise."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (2, 20, 24, 3), dtype=torch.uint8, generator=generator)


@pytest.fixture
def language():
    """Return a language vector for each of the images."""
    return torch.randn(2, LANGUAGE, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("shape", [(16, 16), (17, 31), (96, 48)])
def test_any_size_gives_the_same_number_of_features(encoder, shape):
    """From 16 pixels on, square or not."""
    images = torch.zeros(2, *shape, 3, dtype=torch.uint8)

    features = encoder(images, torch.zeros(2, LANGUAGE))

    assert features.shape == (2, encoder.features)
    assert features.isfinite().all()


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(1, 16, 16, 3),
        torch.zeros(1, 16, 16, 4, dtype=torch.uint8),
        torch.zeros(1, 3, 16, 16, dtype=torch.uint8),
        torch.zeros(16, 16, 3, dtype=torch.uint8),
        torch.zeros(1, 16, 15, 3, dtype=torch.uint8),
    ],
)
def test_what_is_no_rgb_image_is_refused(encoder, images):
    """Floats, another number or order of channels, no batch, fewer than 16 pixels."""
    with pytest.raises(InvalidInputError) as caught:
        encoder(images, torch.zeros(1, LANGUAGE))

    assert str(caught.value) == (
        "images: expected torch.uint8 of shape [B, h, w, 3] with h, w >= 16, "
        f"got {images.dtype} of shape {list(images.shape)}"
    )


def test_language_must_be_what_was_agreed(encoder, small, images):
    """Neither missing, nor of another length, nor given to an encoder without."""
    with pytest.raises(InvalidInputError, match=r"language: .* of shape \[2, 5\], got none"):
        encoder(images)
    with pytest.raises(InvalidInputError, match=r"shape \[2, 5\], got torch.float32 of shape \[1"):
        encoder(images, torch.zeros(1, LANGUAGE))
    with pytest.raises(InvalidInputError, match="language: expected none, got torch"):
        small(images, torch.zeros(2, LANGUAGE))


def test_language_has_no_effect_before_it_is_trained_and_one_after(encoder, images, language):
    """To the last bit before; one step of gradient descent is enough to change that."""
    other = language.flip(0)
    assert torch.equal(encoder(images, language), encoder(images, other))

    encoder(images, language).square().sum().backward()
    torch.optim.SGD(encoder.films.parameters(), lr=1e-3).step()

    assert not torch.allclose(encoder(images, language), encoder(images, other))


def test_every_weight_learns(encoder, images, language):
    """A gradient reaches all of them, once language has left its zeros."""
    for film in encoder.films:
        torch.nn.init.normal_(film.linear.weight, std=0.1)

    encoder(images, language).square().sum().backward()

    still = [name for name, value in encoder.named_parameters() if not value.grad.abs().sum() > 0]
    assert still == []


def test_images_do_not_see_each_other(encoder, images, language):
    """Batch or alone makes no difference: there is no batch norm."""
    with torch.no_grad():
        together = encoder(images, language)
        alone = torch.cat([encoder(images[k : k + 1], language[k : k + 1]) for k in range(2)])

    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_the_small_encoder_learns_where_a_thing_is(small):
    """A linear read-out of its features finds a square to a fraction of its own side."""
    generator = torch.Generator().manual_seed(3)
    place = torch.randint(0, 26, (64, 2), generator=generator)
    images = torch.zeros(64, 32, 32, 3, dtype=torch.uint8)
    for image, (row, column) in zip(images, place.tolist(), strict=True):
        image[row : row + 6, column : column + 6] = 255
    net = torch.nn.Sequential(small, torch.nn.Linear(8, 2))
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)

    for _ in range(60):
        loss = (net(images) - place / 16).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    assert loss.sqrt() * 16 < 1.5  # pixels


@pytest.mark.slow
def test_the_resnet_can_learn_eight_images_by_heart():
    """Of noise, where nothing but memory helps."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = torch.nn.Sequential(ResNetImageEncoder(), torch.nn.Linear(512, 1))
        images = torch.randint(0, 256, (8, 16, 16, 3), dtype=torch.uint8)
    target = torch.arange(8.0)[:, None] / 4 - 1
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-4)

    losses = []
    for _ in range(40):
        loss = (net(images) - target).square().mean()
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    assert min(losses) < 0.05  # of 0.33, which the mean of the targets would leave


@pytest.mark.slow
def test_frozen_weights_are_read_and_stay(images, language, tmp_path):
    """With those of the classifier left out; FiLM stays free."""
    first = ResNetImageEncoder()
    weights = {**first.backbone.state_dict(), "fc.bias": torch.zeros(1000)}
    save_file(weights, tmp_path / "resnet.safetensors")

    second = ResNetImageEncoder(language_dim=LANGUAGE, weights=tmp_path / "resnet.safetensors")

    assert torch.equal(second(images, language), first(images))
    free = {name.split(".")[0] for name, value in second.named_parameters() if value.requires_grad}
    assert free == {"films"}


@pytest.mark.slow
def test_weights_that_are_not_finite_are_refused(tmp_path):
    """They would make every score NaN."""
    path = tmp_path / "resnet.safetensors"
    nan = {"bn1.bias": torch.full((64,), float("nan"))}
    save_file(ResNetImageEncoder().backbone.state_dict() | nan, path)

    with pytest.raises(ArtefactError, match=r"bn1.bias: expected finite values, got NaN or Inf"):
        ResNetImageEncoder(weights=path)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        (
            "conv1.weight",
            torch.zeros(64, 5, 7, 7),
            r"conv1.weight: expected F32 of shape \[64, 3, 7, 7\], got F32 of shape \[64, 5",
        ),
        ("bn1.bias", torch.zeros(64).half(), r"bn1.bias: expected F32 of .*, got F16 of"),
        ("bn1.running_mean", torch.zeros(64), "expected a ResNet-34 with group norm, got one with"),
        ("head", torch.zeros(1), "expected the tensors of a ResNet-34, wrong: 1, first 'head'"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path, name, value, text):
    """With the shape that would have fitted."""
    path = tmp_path / "resnet.safetensors"
    weights = ResNetImageEncoder().backbone.state_dict()
    first = dict(list(weights.items())[:3])  # the others are never read
    rest = {key: torch.zeros(1) for key in weights}
    save_file(rest | first | {name: value}, path)

    with pytest.raises(ArtefactError, match=rf"resnet.safetensors: {text}"):
        ResNetImageEncoder(weights=path)


@pytest.mark.parametrize("name", ["none", "resnet.pth", "."])
def test_a_file_that_is_missing_or_no_safetensors_is_refused(tmp_path, name):
    """Nothing else is tried with it."""
    (tmp_path / "resnet.pth").write_bytes(b"\x80\x04" * 99)

    with pytest.raises(ArtefactError, match="expected weights as safetensors, got"):
        ResNetImageEncoder(weights=tmp_path / name)


def test_sizes_that_make_no_sense_are_refused():
    """By name."""
    with pytest.raises(InvalidInputError, match="features: expected >= 1, got 0"):
        SmallImageEncoder(features=0)
    with pytest.raises(InvalidInputError, match="language_dim: expected >= 0, got -1"):
        SmallImageEncoder(language_dim=-1)
