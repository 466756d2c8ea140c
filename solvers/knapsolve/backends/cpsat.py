"""CP-SAT, OR-Tools' constraint solver."""

from __future__ import annotations

from knapsolve.backends import external
from knapsolve.backends.scaling import for_integers
from knapsolve.problem import Knapsack
from knapsolve.solver import Answer, Capabilities, Options, ensure_installed


class CpSat:
    """Clause learning over integers by CP-SAT in a process of its own, killed if it passes its time limit.

    Source: Perron and Didier, CP-SAT, https://developers.google.com/optimization/cp.
    """

    name = "cpsat"
    capabilities = Capabilities(exact=True, choices=True, requires=True, anytime=True)
    distribution = package = "ortools"
    remedy = 'pip install "knapprune[milp]"'

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Solve as an integer program.

        Parameters
        ----------
        problem
            The problem, without fixed items.
        options
            How to solve.

        Returns
        -------
        Answer
            The best selection and a bound that covers the rounding of values to integers.

        Raises
        ------
        MissingPackageError
            If OR-Tools is not installed; the message says how to install it.
        """
        ensure_installed(self)
        return external.solve(self.name, "knapsolve.backends.cpsat_run", for_integers, problem, options)
