"""CVXPY's side of the pipe where SciPy's is the only mixed-integer solver. Imported by worker processes only."""

import cvxpy

from knapsolve.backends.cvxpy_run import run

cvxpy.installed_solvers = lambda: ["CLARABEL", "SCIPY"]

__all__ = ["run"]
