"""The same tables as Markdown."""

from sim.figures import suite_figures, verdict
from sim.report.markdown import markdown
from sim.report.tables import cells_table, controls_table


def test_it_has_the_verdict_and_every_table(suite):
    """With the numbers of the page."""
    text = markdown(suite)

    assert text.startswith(f"**{verdict(suite)}**\n")
    assert cells_table(suite).to_markdown() in text
    assert controls_table(suite).to_markdown() in text
    assert "### What is left to gain" in text
    assert "hung: &lt;b>the episode&lt;/b> did not end" in text


def test_what_got_worse_is_said(suite, make_row):
    """By name, or that nothing did and where it could have shown."""
    assert "No cell is worse after Holm's correction (in " in markdown(suite)
    assert "### The cells that gained least" in markdown(suite)
    rows = [
        make_row(arm, seed, is_success=(arm == "alone") == (seed % 10 < 8))
        for arm in ("alone", "steered")
        for seed in range(200_000, 200_040)
    ]
    assert "Worse after Holm's correction: `diffusion/push` (in 1 of 1" in markdown(
        suite_figures(rows)
    )


def test_the_short_one_has_the_means_alone(suite):
    """For README."""
    text = markdown(suite, is_short=True)

    assert controls_table(suite).to_markdown() in text
    assert "###" not in text


def test_what_did_not_run_has_no_table(make_row):
    """A heading over nothing says nothing."""
    text = markdown(suite_figures([make_row("alone")]))

    assert "Nothing to compare" in text
    assert "###" not in text
