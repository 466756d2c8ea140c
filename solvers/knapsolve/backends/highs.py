"""HiGHS, the open-source MILP solver, through its own package, highspy."""

from __future__ import annotations

from knapsolve.backends import external
from knapsolve.backends.scaling import for_floats
from knapsolve.problem import Knapsack
from knapsolve.solver import Answer, Capabilities, Options


class Highs:
    """Branch and cut by HiGHS in a process of its own, killed if it passes its time limit.

    Source: Huangfu and Hall, "Parallelizing the dual revised simplex method", 2018; https://highs.dev.
    """

    name = "highs"
    capabilities = Capabilities(exact=True, choices=True, requires=True, anytime=True)
    distribution = "highspy"

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
            The best selection and a bound that covers HiGHS' tolerances.
        """
        return external.solve(self.name, "knapsolve.backends.highs_run", for_floats, problem, options)
