"""Solvers as parameters of tests."""

from collections.abc import Iterable
from typing import Any

import pytest

SEARCHES = {"branch-and-bound", "choice", "core", "local-search"}
"""Those whose searches take too many steps for plain Python."""


def by_name(names: Iterable[str]) -> list[Any]:
    """Return the names, before any comma those of solvers, as parameters; searches are marked as compiled."""
    return [
        pytest.param(name, marks=pytest.mark.compiled) if name.partition(",")[0] in SEARCHES else name for name in names
    ]
