"""Two thousand small problems in which every feature meets every other: all solvers against brute force.

Run as a script it prints the answers of our own solvers as JSON, so that the compiled kernels and the same kernels as
plain Python can be compared from two processes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from knapsolve import Knapsack, Solution, Status, solve
from knapsolve.solution import violation
from knapsolve.solver import AUTO, installed, load, missing_capabilities, solvers
from knapsolve.testing import best_value, mixed_and_forced

PROBLEMS, CHUNK = 2_000, 250
OF_BACKENDS, OF_TWINS = 300, 600
AGAIN = 5
"""Every how many problems the same seed is tried twice."""
ROUNDING = 1e-12
TOLERANCES = 1e-9
"""What the tolerances of an external solver may hide of an optimum, relative to it."""
LARGE = 10**9

BACKENDS = [n for n in solvers() if n not in (AUTO, "cvxpy") and load(n).__module__.startswith("knapsolve.backends")]
BACKENDS = [name for name in BACKENDS if installed(load(name))]
OURS = [n for n in solvers() if n == AUTO or load(n).__module__.startswith(("knapsolve.exact", "knapsolve.heuristics"))]
pytestmark = pytest.mark.slow


def numbered(i: int) -> Knapsack:
    return mixed_and_forced(np.random.default_rng([2026, i]))


def takes(name: str, problem: Knapsack) -> bool:
    return name == AUTO or not missing_capabilities(problem, load(name).capabilities)


def solved(problem: Knapsack, name: str) -> Solution | None:
    """Return the solution, or None from a table that does not fit into memory."""
    try:
        return solve(problem, name)
    except MemoryError:
        assert name == "bellman"
        assert problem.capacities.max() > LARGE
        return None


def check(problem: Knapsack, name: str, solution: Solution, best: int | float | None) -> None:
    exact = name == AUTO or load(name).capabilities.exact
    said = f"{name} on problem {problem}: {solution}"
    if best is None:
        assert solution.status is Status.INFEASIBLE or not exact, said
        assert solution.status in (Status.INFEASIBLE, Status.NO_SOLUTION), said
        return
    slack = 0.0 if problem.integer_values else ROUNDING * float(np.abs(problem.values).sum())
    slack += solution.tolerance * abs(best)
    assert solution.bound >= best - slack, said
    if not exact and solution.status is Status.NO_SOLUTION:
        return
    assert violation(problem, solution.selected, solution.usage) is None, said
    assert solution.value <= best + slack, said
    if not exact:
        return
    assert solution.value >= best - slack, said
    if solution.status is not Status.OPTIMAL:
        # Of whole numbers beyond a float's grasp an external solver has the optimum, but no proof to the last unit.
        assert name in BACKENDS or "highs" in solution.solver, said
        assert problem.integer_values, said
        assert problem.values.max() > LARGE, said
        assert solution.gap <= TOLERANCES, said


@pytest.mark.parametrize("first", range(0, PROBLEMS, CHUNK))
def test_every_solver_of_ours_equals_brute_force_and_repeats_itself(first: int) -> None:
    for i in range(first, first + CHUNK):
        problem = numbered(i)
        best = best_value(problem)
        for name in OURS:
            if not takes(name, problem) or (solution := solved(problem, name)) is None:
                continue
            check(problem, name, solution, best)
            if i % AGAIN == 0:
                again = solve(numbered(i), name)
                assert np.array_equal(solution.selected, again.selected), f"{name} on problem {i}"


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_equals_brute_force(name: str) -> None:
    for i in range(OF_BACKENDS):
        problem = numbered(i)
        check(problem, name, solve(problem, name), best_value(problem))


def test_kernels_and_their_plain_python_give_the_same_selections() -> None:
    """Status, value and selection of every solver of ours, with Numba and without."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "ignore", "PYTHONPATH": _import_path()}
    plain = subprocess.run(
        [sys.executable, str(Path(__file__)), str(OF_TWINS)], env=environment, capture_output=True, text=True
    )
    assert plain.returncode == 0, plain.stderr
    pairs = zip(answers(OF_TWINS), json.loads(plain.stdout), strict=True)
    differ = [(compiled, interpreted) for compiled, interpreted in pairs if compiled != interpreted]
    assert not differ, f"{len(differ)} differ; the first: {differ[0]}"


def answers(count: int) -> list[list[object]]:
    """Return problem, solver, status, value and chosen items of our own solvers on the first problems."""
    found: list[list[object]] = []
    for i in range(count):
        problem = numbered(i)
        for name in OURS:
            if name != AUTO and takes(name, problem) and (solution := solved(problem, name)) is not None:
                record = solution.to_dict()
                found.append([i, name, record["status"], record["value"], record["selected"]])
    return found


def _import_path() -> str:
    return os.pathsep.join(entry for entry in sys.path if entry)


if __name__ == "__main__":
    json.dump(answers(int(sys.argv[1])), sys.stdout)
