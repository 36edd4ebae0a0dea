"""What robots did with a critic, in its card and in words."""

import json
from dataclasses import replace

import pytest

from steer.critics.card import CriticCard
from steer.critics.measured import measured_text, read_measured
from steer.critics.model_card import model_card
from steer.errors import ConfigError

GAIN = {
    "task": "push",
    "policy": "diffusion",
    "alone": 0.31,
    "steered": 0.64,
    "difference": 0.33,
    "interval": [0.22, 0.44],
    "n": 100,
}
LOSS = {**GAIN, "policy": "act", "steered": 0.1, "difference": -0.21, "interval": [-0.3, -0.1]}
NOISE = {**GAIN, "policy": "dit", "steered": 0.3, "difference": -0.01, "interval": [-0.1, 0.08]}


def test_rows_are_read_with_what_stands_beside_them(tmp_path):
    """For example the commit that they were measured at."""
    path = tmp_path / "measured.json"
    path.write_text(json.dumps({"rows": [GAIN], "commit": "abc"}))

    assert read_measured(path) == {"rows": [GAIN], "commit": "abc"}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", "expected JSON, got "),
        ("[]", "expected an object with rows, got none in "),
        ('{"rows": []}', "expected an object with rows, got none in "),
        (json.dumps({"rows": [GAIN, {"task": "push"}]}), r"rows\[1\]: expected the fields task, "),
        *(
            (json.dumps({"rows": [{**GAIN, **change}]}), r"rows\[0\]: expected the fields task, ")
            for change in (
                {"n": 0},
                {"interval": [0.4, 0.5]},
                {"interval": [0.1]},
                {"alone": None},
                {"task": ""},
                {"extra": 1},
                {"difference": float("nan")},
            )
        ),
    ],
)
def test_what_are_no_rows_is_refused(tmp_path, text, error):
    """With the number of the row."""
    path = tmp_path / "measured.json"
    path.write_text(text)

    with pytest.raises(ConfigError, match=f"--measured: {error}"):
        read_measured(path)


def test_the_model_card_says_where_it_got_worse(card):
    """And where it only may have."""
    text = model_card(replace(card, measured={"rows": [GAIN, LOSS, NOISE]}))

    assert "\n## With robots\n" in text
    assert "| push | diffusion | 0.31 | 0.64 | +0.33 [+0.22, +0.44] | 100 |" in text
    assert "It got worse: act on push. Lower, but within the interval: dit on push.\n" in text


def test_without_rows_nothing_is_said(card):
    """A critic that no robot has run has no such section."""
    assert measured_text({}) == ""
    assert "With robots" not in model_card(card)
    assert "It got worse nowhere, beyond chance." in measured_text({"rows": [GAIN]})


def test_a_card_of_before_there_were_measurements_is_read(card):
    """And what was measured is no part of a critic's identity."""
    tree = json.loads(card.to_json())
    del tree["measured"]
    full = replace(card, measured={"rows": [GAIN]})

    assert CriticCard.from_json(json.dumps(tree)) == card
    assert CriticCard.from_json(full.to_json()) == full
    assert full.decision_fields() == card.decision_fields()


def test_the_reward_in_words_is_the_card_s(card):
    """By the chunk of eight, a tick costs an eighth or so."""
    head = replace(card.head, v_min=-50.0)

    assert "(-1 a tick until success" in model_card(card)
    slow = replace(card, head=head, discount=0.98 ** (1 / 8))
    assert "(-0.126 a tick until success" in model_card(slow)
