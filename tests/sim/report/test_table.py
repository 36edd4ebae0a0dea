"""One table, two ways of writing it."""

from sim.report.table import Table

TABLE = Table(("cell", "value"), (("a<b", "1"), ("a<b", "2|3"), ("c*", "")))


def test_a_group_is_named_once_on_the_page():
    """And its first row has a line above."""
    html = TABLE.to_html()

    assert html.count("a&lt;b") == 1
    assert html.count("<tr class=first>") == 2
    assert "<td>2|3</td>" in html


def test_markdown_names_every_row_and_breaks_no_column():
    """A stroke within a cell is escaped."""
    assert TABLE.to_markdown() == (
        "| cell | value |\n| --- | --- |\n| a&lt;b | 1 |\n| a&lt;b | 2\\|3 |\n| c\\* |  |\n"
    )


def test_a_table_without_rows_is_nothing():
    """Its place says why instead."""
    assert (Table(("cell",), ()).to_html(), Table(("cell",), ()).to_markdown()) == ("", "")
