"""Martello and Toth's MT2 in Fortran, from ``mknapsack``. Optional; it has no time limit of its own.

Its wheels need NumPy 1, so it lives in a folder of its own that ``BENCH_MKNAPSACK`` names::

    pip install --no-deps --target FOLDER mknapsack "numpy<2"
"""

from __future__ import annotations

import numpy as np

from bench.solvers.peers.contestant import Contestant, Outcome
from bench.solvers.peers.integers import plain_integers_only
from knapsolve import Knapsack

LARGEST_SUM = 2**31 - 1
"""Its Fortran computes in 32 bits."""


def run(problem: Knapsack, limit: float) -> Outcome:
    """Solve to proof; only the runner's hard deadline stops it."""
    from mknapsack import solve_single_knapsack  # type: ignore[import-not-found,unused-ignore]

    taken = solve_single_knapsack(
        problem.values, problem.weights[0], int(problem.limits[0]), method="mt2", method_kwargs={"require_exact": 1}
    )
    selected = np.asarray(taken) > 0
    return Outcome("OPTIMAL", selected, float(problem.values[selected].sum()))


def _refuses(problem: Knapsack) -> str:
    if problem.m != 1 or not problem.integer_values:
        return "more than one resource, or values that are not integers"
    if max(int(problem.values.sum()), int(problem.weights.sum())) > LARGEST_SUM:
        return "sums beyond 32 bits"
    return plain_integers_only(problem)


MKNAPSACK = Contestant("mknapsack", run, "mknapsack", _refuses)
