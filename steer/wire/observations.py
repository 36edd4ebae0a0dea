"""Observations: record <-> message."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError
from steer.types import MAX_IMAGES, MAX_TENSORS, EncodedImage, Observation
from steer.v1 import types_pb2
from steer.wire.tensors import (
    duration_to_seconds,
    fill_duration,
    fill_tensor,
    image_from_message,
    image_to_message,
    tensor_from_message,
)

__all__ = [
    "fill_observation",
    "observation_from_message",
    "observation_to_message",
]


def observation_to_message(observation: Observation) -> types_pb2.Observation:
    """Return the message of an observation."""
    message = types_pb2.Observation()
    fill_observation(message, observation)
    return message


def fill_observation(message: types_pb2.Observation, observation: Observation) -> None:
    """Write an observation into an empty message that stands in its place."""
    message.instruction = observation.instruction
    if observation.running is not None:
        fill_tensor(message.running, observation.running)
    for name, value in observation.arrays.items():
        if isinstance(value, EncodedImage):
            message.images[name].CopyFrom(image_to_message(value))
        else:
            fill_tensor(message.tensors[name], value)
    if observation.captured_at_s is not None:
        message.captured_at.SetInParent()
        fill_duration(message.captured_at, observation.captured_at_s)


def _check_entries(message: types_pb2.Observation) -> None:
    """Refuse more arrays or images than any robot has, before one of them is looked at."""
    for name, most in (("tensors", MAX_TENSORS), ("images", MAX_IMAGES)):
        count = len(getattr(message, name))
        if count > most:
            raise InvalidInputError.expected(f"observation.{name}", f"at most {most}", count)


def observation_from_message(message: types_pb2.Observation) -> Observation:
    """Return the observation of a message; its arrays are read-only views.

    Raises:
        InvalidInputError: A tensor breaks its contract, a name stands twice, or there are more
            than 64 tensors or 16 images.
    """
    _check_entries(message)
    arrays: dict[str, NDArray[np.generic] | EncodedImage] = {
        name: tensor_from_message(tensor, f"observation.tensors[{name!r}]")
        for name, tensor in message.tensors.items()
    }
    for name, image in message.images.items():
        if name in arrays:
            raise InvalidInputError.expected(
                f"observation.images[{name!r}]", "a name that is not in tensors", "one that is"
            )
        arrays[name] = image_from_message(image, f"observation.images[{name!r}]")
    captured = None
    if message.HasField("captured_at"):
        captured = duration_to_seconds(message.captured_at, "observation.captured_at")
    running = None
    if message.HasField("running"):
        running = cast(
            "NDArray[np.float32]", tensor_from_message(message.running, "observation.running")
        )
    return Observation(arrays, captured, message.instruction, running)
