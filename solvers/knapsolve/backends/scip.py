"""SCIP, the open-source constraint integer programming solver, through OR-Tools' MathOpt."""

from __future__ import annotations

from knapsolve.backends import external
from knapsolve.backends.scaling import for_floats
from knapsolve.problem import Knapsack
from knapsolve.solver import Answer, Capabilities, Options, ensure_installed


class Scip:
    """Branch, cut and price by SCIP in a process of its own, killed if it passes its time limit.

    Source: Bolusani et al., "The SCIP Optimization Suite 9.0", 2024; https://scipopt.org.
    """

    name = "scip"
    capabilities = Capabilities(exact=True, choices=True, requires=True, anytime=True)
    distribution = package = "ortools"
    remedy = 'pip install "knapprune[milp]"'

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Solve as a mixed-integer program.

        Parameters
        ----------
        problem
            The problem, without fixed items.
        options
            How to solve.

        Returns
        -------
        Answer
            The best selection and a bound that covers SCIP's tolerances.

        Raises
        ------
        MissingPackageError
            If OR-Tools is not installed; the message says how to install it.
        """
        ensure_installed(self)
        return external.solve(self.name, "knapsolve.backends.scip_run", for_floats, problem, options)
