"""A report: plain data that saves itself as JSON or as a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from knapprune.report.content import Content
from knapprune.report.files import write_json
from knapprune.writing import write_text


@dataclass(frozen=True)
class Report:
    """What happened, as plain values.

    Parameters
    ----------
    content
        Ready for JSON.
    """

    content: Content

    def save(self, path: str | Path) -> None:
        """Write the report, completely or not at all."""
        suffix = Path(path).suffix.lower()
        if suffix == ".json":
            write_json(Path(path), self.content)
        elif suffix == ".html":
            from knapprune.report.page import page

            write_text(path, page(self.content))
        else:
            raise ValueError(f"path: got {str(path)!r}, expected a name that ends in .json or .html")
