"""The state encoder: what it normalises, and what it refuses."""

import pytest
import torch

from steer.critics.encoders.state import StateEncoder, floored_std
from steer.embodiment import ObservationField
from steer.errors import InvalidInputError

FIELDS = (
    ObservationField(name="a", dtype="float32", shape=(2,)),
    ObservationField(name="b", dtype="float32", shape=(1,)),
)


def test_vectors_are_concatenated_in_the_order_of_the_card():
    """The order of the mapping does not matter, and further keys do no harm."""
    encoder = StateEncoder(FIELDS, hidden=4, context_dim=3)
    given = {"z": torch.ones(1, 9), "b": torch.tensor([[3.0]]), "a": torch.tensor([[1.0, 2.0]])}

    assert encoder.concatenate(given).tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    "given", [{"a": torch.ones(1, 2)}, {"a": torch.ones(1, 3), "b": torch.ones(1, 1)}]
)
def test_missing_or_misshapen_vector_is_named(given):
    """The text names the vector that is wrong."""
    encoder = StateEncoder(FIELDS, hidden=4, context_dim=3)

    with pytest.raises(InvalidInputError, match=r"observation '[ab]': expected shape"):
        encoder.concatenate(given)


def test_images_are_refused():
    """A state encoder for an image cannot be made."""
    image = ObservationField(name="camera", dtype="uint8", shape=(8, 8, 3))

    with pytest.raises(InvalidInputError, match="expected a vector"):
        StateEncoder((image,), hidden=4, context_dim=3)


def test_tiny_deviation_counts_as_one():
    """A column that hardly moves is not blown up."""
    x = torch.tensor([[0.0, 5.0], [2.0, 5.00001]])

    assert floored_std(x).tolist() == [1.0, 1.0]
    assert floored_std(10 * x)[0] == 10.0
