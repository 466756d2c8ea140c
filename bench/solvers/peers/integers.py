"""Values as integers, for peers that know nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.solvers.peers.contestant import plain_only
from knapsolve import Knapsack

SCALE = 10**6
"""Float values are multiplied by this and rounded; the peer then proves its optimum for those, not for ours."""


def integer_values(problem: Knapsack) -> tuple[NDArray[np.int64], int, str]:
    """Return integer values, their scale, and the note that says so (empty where nothing was rounded)."""
    if problem.integer_values:
        return problem.values, 1, ""
    if (problem.values == np.floor(problem.values)).all():
        return problem.values.astype(np.int64), 1, ""
    scaled = np.rint(problem.values * SCALE).astype(np.int64)
    return scaled, SCALE, f"optimal means: for the values times {SCALE:,}, rounded"


def integer_weights_only(problem: Knapsack) -> str:
    """Refuse fractional weights."""
    return "" if problem.integer_weights else "weights that are not integers"


def plain_integers_only(problem: Knapsack) -> str:
    """Refuse choices, requirements and fractional weights."""
    return plain_only(problem) or integer_weights_only(problem)
