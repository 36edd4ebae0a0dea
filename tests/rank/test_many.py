"""What training bootstraps from is what the robot would run."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.rank.many import choose_many
from steer.rank.score import advantage
from steer.rank.select import Rule, decide

BODY = Embodiment(
    name="arm",
    control_hz=10.0,
    actions=(ActionDim(name="dx", low=-1.0, high=1.0),),
    observations=(ObservationField(name="observation.state", dtype="float32", shape=(1,)),),
)
VALUES = array_shapes(min_dims=3, max_dims=3, max_side=6).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.floats(-50, 0, width=32))
)


@given(values=VALUES, margin=st.floats(0, 10), beta=st.floats(0.1, 10))
def test_it_is_the_choice_of_the_robot(values, margin, beta):
    """State by state, whatever the values."""
    value_KBN = torch.from_numpy(values)
    chosen = choose_many(value_KBN, margin=margin, beta=beta)
    rule = Rule(
        selector="argmax",
        gated=True,
        margin=margin,
        beta=beta,
        temperature=1.0,
        tau=0.5,
        commit_horizon=2,
    )
    for index, scores in enumerate(advantage(value_KBN, beta=beta).numpy()):
        choice = decide(
            scores,
            np.ones(len(scores), np.bool_),
            np.zeros((len(scores), 1, 1), np.float32),
            rule=rule,
            embodiment=BODY,
            seed=0,
        )
        assert choice.index == chosen[index]


def test_values_that_are_not_finite_choose_the_policys_own():
    """As the robot does."""
    values = torch.tensor([[[0.0, 5.0], [0.0, float("nan")], [0.0, float("inf")]]])
    assert choose_many(values, margin=0.0, beta=1.0).tolist() == [1, 0, 0]
