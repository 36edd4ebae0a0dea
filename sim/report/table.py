"""A table that is HTML on the page and Markdown in the documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Table"]

_SAFE = str.maketrans({"|": "\\|", "<": "&lt;", "*": "\\*", "\n": " "})


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under a head.

    Attributes:
        head: Names of the columns.
        rows: Texts; on the page, equal ones in the first column are shown once.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_html(self) -> str:
        """Return it as HTML; empty without rows."""
        if not self.rows:
            return ""
        top = "".join(f"<th scope='col'>{escape(cell)}</th>" for cell in self.head)
        body, above = "", None
        for first, *rest in self.rows:
            is_new = first != above
            cells = "".join(f"<td>{escape(cell)}</td>" for cell in rest)
            shown = f"<th scope='row'>{escape(first) if is_new else ''}</th>"
            body += f"<tr{' class=first' if is_new else ''}>{shown}{cells}</tr>"
            above = first
        return (
            "<div class='scroll'><table><thead><tr>"
            f"{top}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def to_markdown(self) -> str:
        """Return it as Markdown, ending in a newline; empty without rows."""
        if not self.rows:
            return ""
        lines = [self.head, ("---",) * len(self.head), *self.rows]
        return "".join(_line(cells) for cells in lines)


def _line(cells: Sequence[str]) -> str:
    safe = (cell.translate(_SAFE) for cell in cells)
    return "| " + " | ".join(safe) + " |\n"
