"""Tables of summaries: plain text, and HTML for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

MOST_ROWS = 20
"""Rows that a table in HTML has."""


def plain_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay rows out in columns: text to the left, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    numeric = [bool(rows) and all(isinstance(row[i], (int, float)) for row in rows) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(header), "  ".join("-" * width for width in widths), *map(line, cells)])


def html_table(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    total: Sequence[object] = (),
    notes: Sequence[str] = (),
) -> str:
    """Lay rows out as a table for a page, whatever the texts hold: the first `MOST_ROWS`, the total, notes below."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(_line(row) for row in rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        body += f'<tr><td colspan="{len(header)}">and {len(rows) - MOST_ROWS} more</td></tr>'
    foot = f"<tfoot>{_line(total)}</tfoot>" if total else ""
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        f"<div><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}"
        f"</table>{below}</div>"
    )


def _line(row: Sequence[object]) -> str:
    first, *others = (escape(str(cell)) for cell in row)
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'
