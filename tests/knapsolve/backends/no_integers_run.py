"""CVXPY's side of the pipe where no mixed-integer solver is installed. Imported by worker processes only."""

import cvxpy

from knapsolve.backends.cvxpy_run import run

cvxpy.installed_solvers = lambda: ["CLARABEL", "OSQP", "SCS"]

__all__ = ["run"]
