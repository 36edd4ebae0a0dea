"""Turns the images of an observation into pixels, and refuses bad ones before decoding them.

The header is read first; a file of another format, or with more pixels than the cap, is never
decoded. Orientation marks in a file are ignored: a camera's pixels are what the policy was trained
on.
"""

import struct
import zlib
from collections.abc import Collection
from dataclasses import replace
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from steer.errors import InvalidInputError, TooLargeError
from steer.types import EncodedImage, Observation

__all__ = ["decode_images"]

_FORMATS = {"jpeg": "JPEG", "png": "PNG"}
_MODES = ("RGB", "L", "P", "RGBA")
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
"""What Pillow raises on damaged files, besides its own errors."""


def decode_images(
    observation: Observation, *, max_pixels: int, needed: Collection[str] | None = None
) -> Observation:
    """Return the observation with its images as uint8 of shape [height, width, 3], RGB.

    Args:
        observation: With raw or encoded images, or none.
        max_pixels: Largest height * width of one image.
        needed: Names of what somebody looks at; None for all. The header of another encoded image
            is checked, and the image is left out: a camera that nobody needs costs no decoding.

    Returns:
        A new observation; arrays that are not images, and raw images, are not copied.

    Raises:
        InvalidInputError: An image is damaged, of another format than it says, or not colour.
        TooLargeError: An image has more pixels than `max_pixels`; it was not decoded.
    """
    arrays: dict[str, NDArray[np.generic] | EncodedImage] = {}
    for name, value in observation.arrays.items():
        what = f"observation {name!r}"
        if isinstance(value, EncodedImage):
            is_needed = needed is None or name in needed
            pixels = _decode(what, value, max_pixels, is_needed=is_needed)
            if pixels is not None:
                arrays[name] = pixels
        else:
            if name.startswith("observation.image"):
                _check_raw(what, value, max_pixels)
            arrays[name] = value
    return replace(observation, arrays=arrays)


def _decode(
    what: str, image: EncodedImage, max_pixels: int, *, is_needed: bool
) -> NDArray[np.uint8] | None:
    expected = _FORMATS.get(image.encoding)
    if expected is None:
        contract = "encoding " + " or ".join(_FORMATS)
        raise InvalidInputError.expected(what, contract, repr(image.encoding))
    try:
        with Image.open(BytesIO(image.data), formats=(expected,)) as file:
            _check_pixels(what, file.height, file.width, max_pixels)
            if file.mode not in _MODES:
                contract = "8-bit colour or grey pixels"
                raise InvalidInputError.expected(what, contract, f"mode {file.mode}")
            return np.array(file.convert("RGB")) if is_needed else None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLargeError.expected(what, f"at most {max_pixels} pixels", str(error)) from error
    except _DAMAGE as error:
        got = f"{len(image.data)} bytes that are not ({type(error).__name__})"
        raise InvalidInputError.expected(what, f"a whole {expected} file", got) from error


def _check_raw(what: str, value: NDArray[np.generic], max_pixels: int) -> None:
    if value.dtype != np.uint8 or value.ndim != 3 or value.shape[2] != 3 or 0 in value.shape:
        got = f"{value.dtype} of shape {list(value.shape)}"
        raise InvalidInputError.expected(what, "uint8 of shape [height, width, 3]", got)
    _check_pixels(what, value.shape[0], value.shape[1], max_pixels)


def _check_pixels(what: str, height: int, width: int, max_pixels: int) -> None:
    if height * width > max_pixels:
        contract = f"at most {max_pixels} pixels"
        raise TooLargeError.expected(what, contract, f"{height} x {width}")
