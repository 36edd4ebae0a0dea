"""Arguments that break their contract are told to the caller, and never sent."""

import numpy as np
import pytest

from steer.errors import InvalidInputError, TooLargeError
from steer.types import Candidates, Observation

STATE = {"observation.state": np.zeros(3, np.float32)}


def chunks(*shape):
    """Zeros as candidates."""
    return Candidates(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"budget_s": float("nan")}, InvalidInputError, "budget_s: expected a finite number"),
        ({"epoch": -1}, InvalidInputError, "epoch: expected an integer in 0..2**64-1, got -1"),
        ({"noise_seed": 2**64}, InvalidInputError, "noise_seed: expected an integer in 0..2**64-1"),
        (
            {"candidates": chunks(2, 4, 3)},
            InvalidInputError,
            "candidates.actions: expected 2 values an action, as the embodiment has, got 3",
        ),
        (
            {"candidates": chunks(9, 4, 2)},
            InvalidInputError,
            "candidates.actions: expected at most 8 candidates, got 9",
        ),
        (
            {"candidates": chunks(2, 2, 2)},
            InvalidInputError,
            "candidates.actions: expected 3..16 actions a chunk, got 2",
        ),
        (
            {"observation": Observation({})},
            InvalidInputError,
            "observation 'observation.state': expected float32 of shape [3], got nothing",
        ),
        (
            {"observation": Observation({"observation.state": np.zeros(4, np.float32)})},
            InvalidInputError,
            "observation 'observation.state': expected float32 of shape [3], got float32 of "
            "shape [4]",
        ),
        (
            {"observation": Observation({**STATE, "more": np.zeros(5000, np.float32)})},
            TooLargeError,
            "request: expected at most 19872 bytes, got ",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_rank_refuses_an_argument_that_breaks_its_contract_before_it_is_sent(
    client, script, observation, candidates, arguments, kind, text
):
    """The caller's mistake is raised, not answered with candidate 0."""
    given = {"observation": observation, "candidates": candidates, "budget_s": 5.0, **arguments}

    with pytest.raises(kind) as caught:
        client.rank(**given)

    assert str(caught.value).startswith(text)
    assert script.requests == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"observations": []}, "observations: expected at least one, got none"),
        ({"num_candidates": 9}, "num_candidates: expected 0..8, got 9"),
        ({"observations": Observation(STATE)}, "observation 'observation.images.top': expected"),
        ({"budget_s": -1.0}, "budget_s: expected a finite number > 0, got -1.0"),
        ({"frozen": 2**32}, "frozen: expected an integer in 0..2**32-1, got 4294967296"),
    ],
    ids=str,
)
def test_steer_refuses_an_argument_that_breaks_its_contract_before_it_is_sent(
    client, script, observation, arguments, text
):
    """What the policy needs is known from the session."""
    with pytest.raises(InvalidInputError) as caught:
        client.steer(**{"observations": observation, **arguments})

    assert str(caught.value).startswith(text)
    assert script.requests == []
