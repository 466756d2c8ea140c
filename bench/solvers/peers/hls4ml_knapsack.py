"""hls4ml's own ``solve_knapsack``, what a user of its pruning gets today.

It asks for a module of OR-Tools that no longer exists; the shim here gives today's solver the old names. Its file is
loaded by itself, since the package around it wants TensorFlow.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from ortools.algorithms.python import knapsack_solver

from bench.solvers.peers.contestant import Contestant, Outcome
from bench.solvers.peers.integers import plain_integers_only
from knapsolve import Knapsack

FILE = Path("optimization", "dsp_aware_pruning", "knapsack.py")


class _KnapsackSolver:
    """Today's KnapsackSolver under the names of OR-Tools before 9.10."""

    KNAPSACK_MULTIDIMENSION_CBC_MIP_SOLVER = knapsack_solver.SolverType.KNAPSACK_MULTIDIMENSION_CBC_MIP_SOLVER
    KNAPSACK_MULTIDIMENSION_BRANCH_AND_BOUND_SOLVER = (
        knapsack_solver.SolverType.KNAPSACK_MULTIDIMENSION_BRANCH_AND_BOUND_SOLVER
    )

    def __init__(self, kind: Any, name: str) -> None:
        self._solver = knapsack_solver.KnapsackSolver(kind, name)
        self.set_time_limit = self._solver.set_time_limit
        self.Init = self._solver.init
        self.Solve = self._solver.solve
        self.BestSolutionContains = self._solver.best_solution_contains


def run(problem: Knapsack, limit: float) -> Outcome:
    """Solve with its default, CBC, and its default scaling of values by 10^5; it says nothing of proof."""
    _, taken = _load().solve_knapsack(problem.values, problem.weights, problem.limits, time_limit=limit)
    selected = np.zeros(problem.n, np.bool_)
    selected[np.asarray(taken, dtype=np.int64)] = True
    return Outcome("FEASIBLE", selected, None, "values times 100,000, cut to integers; claims no proof")


def _load() -> ModuleType:
    shim = ModuleType("ortools.algorithms.pywrapknapsack_solver")
    shim.KnapsackSolver = _KnapsackSolver  # type: ignore[attr-defined]
    sys.modules[shim.__name__] = shim
    import ortools.algorithms

    ortools.algorithms.pywrapknapsack_solver = shim
    package = find_spec("hls4ml")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("hls4ml is not installed: pip install hls4ml")
    spec = spec_from_file_location("hls4ml_knapsack_file", Path(package.origin).parent / FILE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HLS4ML = Contestant("hls4ml-knapsack", run, "hls4ml", plain_integers_only, largest=10**5)
