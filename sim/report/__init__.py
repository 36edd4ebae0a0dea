"""Figures of an evaluation as a page to look at, as Markdown, and as a recording."""
