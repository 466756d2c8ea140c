"""CVXPY's side of the pipe where SCIP is the only mixed-integer solver. Imported by worker processes only."""

import cvxpy

from knapsolve.backends.cvxpy_run import run

cvxpy.installed_solvers = lambda: ["CLARABEL", "SCIP"]

__all__ = ["run"]
