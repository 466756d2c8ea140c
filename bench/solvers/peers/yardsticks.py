"""Physical yardsticks: what it costs merely to partition or to sort the values."""

from __future__ import annotations

import numpy as np

from bench.solvers.peers.contestant import Contestant, Outcome
from knapsolve import Knapsack


def partition(problem: Knapsack, limit: float) -> Outcome:
    """Find the better half of the values."""
    np.argpartition(problem.values, problem.n // 2)
    return Outcome("YARDSTICK")


def sort(problem: Knapsack, limit: float) -> Outcome:
    """Sort the values."""
    np.sort(problem.values)
    return Outcome("YARDSTICK")


ARGPARTITION = Contestant("numpy-argpartition", partition, "numpy")
SORT = Contestant("numpy-sort", sort, "numpy")
