"""Images of an observation: pixels out, or a refusal that names the image."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from steer.errors import InvalidInputError, TooLargeError
from steer.serve.images import decode_images
from steer.types import EncodedImage, Observation

NAME = "observation.images.top"
PIXELS = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


def encoded(pixels, file_format="PNG", **options):
    """Return the pixels as a file."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, file_format, **options)
    return file.getvalue()


def decoded(data, encoding="png", max_pixels=100):
    """Return what an observation with this one image holds after decoding."""
    observation = Observation({NAME: EncodedImage(encoding, data)})
    return decode_images(observation, max_pixels=max_pixels).arrays[NAME]


def png_header(height, width):
    """Return the start of a PNG that claims this size and holds no pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head
    return start + struct.pack(">II", zlib.crc32(head), 10) + b"IDAT"


def test_a_png_decodes_to_its_pixels():
    """PNG loses nothing: uint8 of shape [height, width, 3] comes back bit for bit."""
    np.testing.assert_array_equal(decoded(encoded(PIXELS)), PIXELS)


def test_a_jpeg_decodes_to_nearly_its_pixels():
    """JPEG loses a little; shape, type and order of the channels stay."""
    red = np.zeros((6, 8, 3), np.uint8)
    red[..., 0] = 200

    pixels = decoded(encoded(red, "JPEG", quality=95), "jpeg")

    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels.astype(int), red.astype(int), atol=5)


def test_a_grey_image_becomes_three_equal_channels():
    """A grey camera is a colour camera without colour."""
    pixels = decoded(encoded(PIXELS[..., 0]))

    np.testing.assert_array_equal(pixels, np.repeat(PIXELS[..., :1], 3, axis=2))


def test_other_parts_of_the_observation_are_kept():
    """Arrays, the instant and the instruction pass through."""
    state = np.ones(4, np.float32)
    raw = {"observation.state": state, NAME: PIXELS}
    observation = Observation(raw, captured_at_s=2.5, instruction="push")

    result = decode_images(observation, max_pixels=48)

    assert result.arrays["observation.state"] is state
    assert result.arrays[NAME] is PIXELS
    assert (result.captured_at_s, result.instruction) == (2.5, "push")


@pytest.mark.parametrize("size", [(7, 7), (20_000, 20_000), (10_000, 10_000), (65_000, 65_000)])
def test_an_image_over_the_cap_is_refused_unread(size):
    """The header is enough: no pixel of a decompression bomb is decoded."""
    with pytest.raises(TooLargeError, match=r"observation\.images\.top.*at most 48 pixels"):
        decoded(png_header(*size), max_pixels=48)


def test_an_image_that_nobody_needs_is_looked_at_and_left_out():
    """Its header alone is read: damage behind it goes unseen, and pixels over the cap do not."""
    noise = np.random.default_rng(0).integers(256, size=(9, 9, 3), dtype=np.uint8)
    whole = encoded(noise)
    observation = Observation({NAME: EncodedImage("png", whole[: len(whole) // 2])})

    assert NAME not in decode_images(observation, max_pixels=81, needed=()).arrays
    with pytest.raises(TooLargeError, match="at most 80 pixels"):
        decode_images(observation, max_pixels=80, needed=())
    with pytest.raises(InvalidInputError, match="a whole PNG file"):
        decode_images(observation, max_pixels=81, needed=(NAME,))


def test_a_raw_image_over_the_cap_is_refused():
    """The cap holds for raw pixels too."""
    observation = Observation({NAME: PIXELS})

    with pytest.raises(TooLargeError, match="expected at most 47 pixels, got 6 x 8"):
        decode_images(observation, max_pixels=47)


@pytest.mark.parametrize(
    ("pixels", "got"),
    [
        (PIXELS.astype(np.float32), r"float32 of shape \[6, 8, 3\]"),
        (PIXELS[..., :1], r"uint8 of shape \[6, 8, 1\]"),
        (PIXELS[0], r"uint8 of shape \[8, 3\]"),
        (PIXELS[:0], r"uint8 of shape \[0, 8, 3\]"),
    ],
)
def test_a_raw_image_of_another_layout_is_refused(pixels, got):
    """Raw images are uint8 of shape [height, width, 3] and nothing else."""
    with pytest.raises(InvalidInputError, match=rf"\[height, width, 3\], got {got}"):
        decode_images(Observation({NAME: pixels}), max_pixels=100)


@pytest.mark.parametrize("encoding", ["jpeg", "png"])
def test_a_truncated_image_is_refused(encoding):
    """A file that ends early is damaged wherever it ends."""
    noise = np.random.default_rng(0).integers(256, size=(9, 9, 3), dtype=np.uint8)
    whole = encoded(noise, encoding.upper())

    for size in (0, 1, len(whole) // 4, len(whole) // 2, 3 * len(whole) // 4):
        with pytest.raises(InvalidInputError, match=f"a whole {encoding.upper()} file"):
            decoded(whole[:size], encoding)


@pytest.mark.parametrize(
    ("file_format", "encoding"), [("BMP", "png"), ("GIF", "jpeg"), ("PNG", "jpeg")]
)
def test_an_image_of_another_format_is_refused(file_format, encoding):
    """Only the format that the message states is tried, of two that are allowed."""
    with pytest.raises(InvalidInputError, match=f"a whole {encoding.upper()} file"):
        decoded(encoded(PIXELS, file_format), encoding)


def test_an_encoding_outside_of_the_list_is_refused():
    """There are two encodings."""
    with pytest.raises(InvalidInputError, match="expected encoding jpeg or png, got 'gif'"):
        decoded(encoded(PIXELS, "GIF"), "gif")


def test_an_image_of_sixteen_bits_is_refused():
    """Deep grey (a depth camera) is not a colour image, and is not cut to one."""
    depth = np.full((6, 8), 3000, np.uint16)

    with pytest.raises(
        InvalidInputError, match="expected 8-bit colour or grey pixels, got mode I;16"
    ):
        decoded(encoded(depth))


@given(data=st.binary(max_size=200), encoding=st.sampled_from(["jpeg", "png"]))
def test_bytes_that_are_no_image_are_refused_whatever_they_are(data, encoding):
    """No input raises anything but our error."""
    with pytest.raises(InvalidInputError):
        decoded(data, encoding)


@given(position=st.integers(0, 200), value=st.integers(0, 255))
def test_a_damaged_image_decodes_or_is_refused(position, value):
    """One changed byte gives pixels of some kind, or our error."""
    data = bytearray(encoded(PIXELS))
    data[position % len(data)] = value

    try:
        pixels = decoded(bytes(data))
    except InvalidInputError:
        return

    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
