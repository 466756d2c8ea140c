"""The site: what is public stands in its reference, and every page is in its table of contents."""

import inspect
import re
from pathlib import Path

import pytest

import knapprune
import knapsolve

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("package", [knapprune, knapsolve])
def test_all_that_is_called_is_listed_first(package):
    page = (DOCS / "reference" / f"{package.__name__}.md").read_text()
    listed = re.findall(r"^\.\. autofunction:: (\w+)$", page, re.MULTILINE)
    left_out = re.search(r":exclude-members: (.*)", page).group(1).split(", ")
    called = {
        name for name in package.__all__ if inspect.isfunction(getattr(package, name)) and name not in NOT_FOR_USERS
    }
    assert set(listed) == called
    assert called <= set(left_out)


NOT_FOR_USERS = {"late", "now", "refuse", "start_of", "valued"}
"""What solvers of one's own are made with."""


def test_every_page_is_in_the_table_of_contents():
    index = (DOCS / "index.md").read_text()
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.glob("**/*.md")} - {"index"}
    listed = {line.strip() for line in index.splitlines()}
    globbed = {page for page in pages if f"{page.rpartition('/')[0]}/*" in listed}
    assert pages - globbed <= listed
