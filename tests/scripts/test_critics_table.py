"""How the figures of critics read."""

from critics_table import draw_critics, draw_vision


def test_recipes_stand_in_order_of_their_gain(record):
    """With their rank correlation; what is stale says so."""
    text = draw_critics(
        [
            record("ablation/iql", 0.05, 0.01, 0.1),
            record("ablation/iql/rank", 0.15, 0.1, 0.2),
            record("ablation/sarsa", 0.11, 0.05, 0.2, stale=True),
        ]
    )

    first = "| `sarsa` | +0.11 [+0.05, +0.20]† | - |\n"
    assert f"{first}| `iql` | +0.05 [+0.01, +0.10] | +0.15 [+0.10, +0.20] |" in text
    assert "†: the code has changed since" in text


def test_what_else_was_measured_of_training_has_a_line_each(record):
    """Those of known worlds under the algorithm's name."""
    text = draw_critics([record("tabular_tau/qc", 0.99), record("core_hours", 30.0, n=12)])

    assert "| order of chunks in a known world, `qc` (tau) | 0.99 | 100 |" in text
    assert "| hours of one core that all figures of critics took | 30.00 | 12 |" in text
    assert "ablation" not in text


def test_senses_stand_under_each_other_and_tasks_side_by_side(record):
    """With a place for what was not measured; other records are not looked at."""
    text = draw_vision(
        [
            record("vision/blind/push", 0.2, 0.1, 0.3),
            record("vision/rgb/push", 0.4, 0.3, 0.5),
            record("vision/rgb/push/blank", 0.0, -0.1, 0.1),
            record("vision/rgb/scene", 0.3, 0.2, 0.4),
            record("core_hours", 30.0, commit="def5678"),
        ]
    )

    assert "| gain over the policy alone | `push` | `scene` |" in text
    assert "| never looked | +0.20 [+0.10, +0.30] | - |" in text
    assert "| images | +0.40 [+0.30, +0.50] | +0.30 [+0.20, +0.40] |" in text
    assert "| images, covered | +0.00 [-0.10, +0.10] | - |" in text
    assert "clouds" not in text
    assert "def5678" not in text


def test_nothing_measured_is_said():
    """In the place of empty tables."""
    assert draw_critics([]) == draw_vision([]) == "Not measured yet.\n"
