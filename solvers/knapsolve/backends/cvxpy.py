"""CVXPY, a modelling language, with the mixed-integer solver that it finds installed."""

from __future__ import annotations

from knapsolve.backends import external
from knapsolve.backends.scaling import for_floats
from knapsolve.problem import Knapsack
from knapsolve.solver import Answer, Capabilities, Options, ensure_installed


class Cvxpy:
    """A mixed-integer program through CVXPY, in a process of its own, killed if it passes its time limit.

    It is solved by the first of `knapsolve.backends.cvxpy_options.PREFERENCE` that is installed; the trace says which.

    Source: Diamond and Boyd, "CVXPY: a Python-embedded modeling language for convex optimization", 2016;
    https://www.cvxpy.org.
    """

    name = "cvxpy"
    capabilities = Capabilities(exact=True, choices=True, requires=True, anytime=True)
    distribution = package = "cvxpy"
    remedy = 'pip install "knapprune[cvxpy]"'

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
            The best selection and a bound that covers the solver's tolerances.

        Raises
        ------
        MissingPackageError
            If CVXPY is not installed; the message says how to install it.
        """
        ensure_installed(self)
        return external.solve(self.name, "knapsolve.backends.cvxpy_run", for_floats, problem, options)
