"""How the figures of the loop read."""

from realtime_table import draw_realtime, draw_realtime_in_short


def test_each_method_has_a_line_and_ours_stands_last(record):
    """With a place for a delay that was not played; what is stale says so."""
    text = draw_realtime(
        [
            record("success/ours/d5", 0.8, 0.7, 0.9),
            record("success/naive/d5", 0.3, 0.2, 0.4, stale=True),
            record("success/naive/d0", 0.5, 0.4, 0.6),
            record("limit_breaks/naive/d5", 687),
        ]
    )

    assert "Success, mean over dit/push:" in text
    assert "| method | 0 ticks | 5 ticks | n |" in text
    naive = "| `naive` | 0.50 [0.40, 0.60] | 0.30 [0.20, 0.40]† | 100 |\n"
    assert f"{naive}| `ours` | - | 0.80 [0.70, 0.90] | 100 |" in text
    assert "| `naive` | - | 687 | - | - | - |" in text
    assert "†: the code has changed since" in text


def test_single_figures_and_monitors_have_tables_of_their_own(record):
    """Those that nobody measured are left out."""
    text = draw_realtime(
        [
            record("lost_ticks", 0.0, n=5),
            record("monitor/stac/auc", 0.56, 0.46, 0.66),
            record("monitor/stac/auc/dit/push", 0.6, 0.5, 0.7),
        ]
    )

    assert (
        "| ticks lost at 200 Hz beside a server that is ranking, median of the runs | 0 | 5 |"
        in text
    )
    assert "| `stac` | 0.56 [0.46, 0.66] | - | - |" in text
    assert "recover" not in text
    assert "SERVING" not in text


def test_other_networks_have_a_table_of_their_own(record):
    """With what the robot did meanwhile."""
    text = draw_realtime(
        [
            record("success_under/wifi/ours/d5", 0.6, 0.5, 0.7, n=40),
            record("standing_under/wifi/ours/d5", 0.25, n=40),
            record("limit_breaks_under/wifi/ours/d5", 3, n=40),
        ]
    )

    assert "| `wifi` | `ours` | 5 | 0.60 [0.50, 0.70] | 0.25 | 3 | 40 |" in text


def test_nothing_is_said_where_nothing_was_measured():
    """Instead of an empty table."""
    assert draw_realtime([]) == "Not measured yet.\n"
    assert draw_realtime_in_short([]) == "Not measured yet.\n"


def test_in_short_only_three_methods_and_the_figures_that_were_promised_are_shown(record):
    """And the origin is that of what is shown."""
    text = draw_realtime_in_short(
        [
            record("success/ours/d5", 0.8, 0.7, 0.9),
            record("success/wait/d5", 0.6, 0.5, 0.7),
            record("success/freeze/d5", 0.4, 0.3, 0.5, stale=True),
            record("lost_ticks", 11, n=5),
            record("drift_ms/ours", -0.02, n=5),
            record("monitor/stac/auc", 0.56, 0.46, 0.66),
        ]
    )

    assert "| `wait` | 0.60 [0.50, 0.70] | 100 |\n| `ours` | 0.80 [0.70, 0.90] | 100 |" in text
    assert "median of the runs | 11 | 5 |" in text
    for absent in ("freeze", "drift", "stac", "†"):
        assert absent not in text
