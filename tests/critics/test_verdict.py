"""What an audit says of a critic that somebody wants to serve."""

from dataclasses import replace

import pytest

from steer.critics.verdict import audit_fault

NUMBERS = {
    "value_order": {"value": 0.9},
    "discrimination": {"0.25": {"value": 0.8}, "0.5": {"value": 0.5}},
    "explained": {"value": -0.25},
    "calibration": {"rank_correlation": 0.3},
    "expert_over_noise": {"value": 0.55},
}
THRESHOLDS = {"explained": 0.4, "rank_correlation": 0.4, "discrimination": 0.65}


@pytest.mark.parametrize(
    ("audit", "fault"),
    [
        (None, "none"),
        ({}, "one without a verdict"),
        ({"failed": [], "is_held_out": True}, ""),
        ({"failed": [], "is_held_out": False}, "one on episodes that it was trained on"),
        ({"failed": []}, "one on episodes that it was trained on"),
        ({"failed": ["explained"]}, "one that failed: explained"),
        (
            {**NUMBERS, "failed": ["explained", "expert_over_noise"]},
            "one that failed: explained -0.250, expert_over_noise 0.550",
        ),
        (
            {
                **NUMBERS,
                "failed": ["discrimination", "rank_correlation"],
                "thresholds": THRESHOLDS,
            },
            "one that failed: discrimination 0.500 (at least 0.65), "
            "rank_correlation 0.300 (at least 0.4)",
        ),
        ({"failed": ["explained"], "explained": "high"}, "one that failed: explained"),
    ],
)
def test_a_fault_is_told_with_the_numbers_that_the_card_has(card, audit, fault):
    """Cards of older audits hold no thresholds, and a card edited by hand may hold anything."""
    assert audit_fault(replace(card, audit=audit)) == fault
