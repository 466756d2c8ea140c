"""knapsolve: exact multi-dimensional knapsacks.

Importing this package loads neither Numba nor any solver; they load when something is solved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from knapsolve.problem import Knapsack
from knapsolve.solution import Solution, Status
from knapsolve.solver import Answer, Capabilities, Options, Progress, Solver, solvers
from knapsolve.version import __version__

if TYPE_CHECKING:
    from knapsolve.files.reading import read
    from knapsolve.portfolio.solving import solve

__all__ = [
    "Answer",
    "Capabilities",
    "Knapsack",
    "Options",
    "Progress",
    "Solution",
    "Solver",
    "Status",
    "__version__",
    "read",
    "solve",
    "solvers",
]

_LAZY = {"read": "knapsolve.files.reading", "solve": "knapsolve.portfolio.solving"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
