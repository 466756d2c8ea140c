"""knapsolve: exact multi-dimensional knapsacks.

Importing this package loads neither Numba nor any solver; they load when something is solved.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from knapsolve.plugins import MissingPackageError, PluginError, PluginWarning
from knapsolve.problem import Knapsack
from knapsolve.solution import Solution, Status
from knapsolve.solver import Answer, Capabilities, Options, Progress, Solver, solvers

if TYPE_CHECKING:
    from knapsolve.files.reading import read
    from knapsolve.files.tokens import FormatError
    from knapsolve.limits.clock import now
    from knapsolve.limits.interruption import late
    from knapsolve.portfolio.frontier.result import Frontier, FrontierPoint
    from knapsolve.portfolio.frontier.tracing import frontier
    from knapsolve.portfolio.solving import solve
    from knapsolve.solution import refuse, start_of, valued

__version__ = "0.2.0.dev0"

__all__ = [
    "Answer",
    "Capabilities",
    "FormatError",
    "Frontier",
    "FrontierPoint",
    "Knapsack",
    "MissingPackageError",
    "Options",
    "PluginError",
    "PluginWarning",
    "Progress",
    "Solution",
    "Solver",
    "Status",
    "__version__",
    "frontier",
    "late",
    "now",
    "read",
    "refuse",
    "solve",
    "solvers",
    "start_of",
    "valued",
]

_HOMES = {
    "FormatError": "knapsolve.files.tokens",
    "Frontier": "knapsolve.portfolio.frontier.result",
    "FrontierPoint": "knapsolve.portfolio.frontier.result",
    "frontier": "knapsolve.portfolio.frontier.tracing",
    "late": "knapsolve.limits.interruption",
    "now": "knapsolve.limits.clock",
    "read": "knapsolve.files.reading",
    "refuse": "knapsolve.solution",
    "solve": "knapsolve.portfolio.solving",
    "start_of": "knapsolve.solution",
    "valued": "knapsolve.solution",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
