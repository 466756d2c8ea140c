"""The conformance suite: what every solver must do, run by ours and by plugins alike.

A plugin's test is two lines::

    from knapsolve.testing import check_solver
    check_solver(MySolver())
"""

from knapsolve.testing.brute_force import best_value
from knapsolve.testing.checks import ConformanceError, check_answer, check_family, check_solver, check_time_limit
from knapsolve.testing.families import FAMILIES
from knapsolve.testing.mixed import mixed_and_forced

__all__ = [
    "FAMILIES",
    "ConformanceError",
    "best_value",
    "check_answer",
    "check_family",
    "check_solver",
    "check_time_limit",
    "mixed_and_forced",
]
