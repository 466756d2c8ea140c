"""What an answer must satisfy, checked against the judge."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator, default_rng

from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, violation
from knapsolve.solver import Answer, Options, Progress, Solver, missing_capabilities
from knapsolve.testing.brute_force import best_value
from knapsolve.testing.families import FAMILIES, Family

ROUNDING = 1e-12
"""Relative error that adding up a handful of floats in another order may cause."""

PROOF = 1e-9
"""Relative gap within which a proof for real values counts."""


class ConformanceError(AssertionError):
    """A solver broke a rule; the message says which, and on what problem."""


def check_solver(solver: Solver, *, count: int = 20, seed: int = 0) -> None:
    """Run the whole suite.

    Parameters
    ----------
    solver
        The solver. Problems that it does not declare itself capable of are passed over.
    count
        Number of random problems of each family.
    seed
        Seed of the problems.

    Raises
    ------
    ConformanceError
        At the first rule that is broken.
    """
    for name in FAMILIES:
        check_family(solver, name, count=count, seed=seed)
    check_time_limit(solver, seed=seed)


def check_family(solver: Solver, name: str, *, count: int = 20, seed: int = 0) -> int:
    """Check a solver on one family of small problems.

    Parameters
    ----------
    solver
        The solver.
    name
        A key of `FAMILIES`.
    count
        Number of random problems.
    seed
        Seed of the problems.

    Returns
    -------
    checked
        How many of the problems were within the solver's declared capabilities.

    Raises
    ------
    ConformanceError
        At the first rule that is broken.
    """
    random = default_rng([seed, *name.encode()])
    checked = 0
    for _ in range(count):
        checked += _check_one(solver, FAMILIES[name], random)
    return checked


def check_answer(problem: Knapsack, answer: Answer, *, exact: bool) -> None:
    """Check one answer against the best of all selections.

    Parameters
    ----------
    problem
        A problem of at most 16 items.
    answer
        What the solver returned, without a time limit.
    exact
        Whether it must be proved optimal.

    Raises
    ------
    ConformanceError
        If the selection breaks a constraint, the bound does not hold, or optimality is missed.
    """
    best = best_value(problem)
    _check_shape(problem, answer)
    if best is None:
        _require(answer.selected is None, problem, "a selection was returned where none keeps every constraint")
        _require(answer.infeasible or not exact, problem, "an exact solver must say that the problem is infeasible")
        return
    _require(not answer.infeasible, problem, "the problem is feasible but was called infeasible")
    slack = _slack(problem, answer.tolerance)
    _require(answer.bound >= best - slack, problem, f"the bound {answer.bound} is below the optimum {best}")
    if answer.selected is None:
        _require(not exact and problem.exactly_one, problem, "no selection was returned; the empty one is feasible")
        return
    value = _checked_value(problem, answer)
    if exact:
        _require(value >= best - slack, problem, f"the value {value} is below the optimum {best}")
        proved = answer.bound - value < 1 if problem.integer_values else answer.bound - value <= PROOF * abs(value)
        _require(proved, problem, f"value {value} and bound {answer.bound} of an exact solver must meet")


def check_time_limit(solver: Solver, *, seed: int = 0, time_limit: float = 0.2) -> None:
    """Check that a solver that is stopped still answers with a feasible selection and a bound that holds.

    Parameters
    ----------
    solver
        The solver. One that is not `anytime` is passed over.
    seed
        Seed of the problem.
    time_limit
        Seconds it is given.

    Raises
    ------
    ConformanceError
        If the answer breaks a constraint or its bound does not hold.
    """
    random = default_rng(seed)
    weights = random.integers(1, 1000, (1 if solver.capabilities.dimensions == 1 else 3, 300))
    problem = Knapsack(weights.sum(axis=0) + random.integers(0, 100, 300), weights, weights.sum(axis=1) // 3)
    if not solver.capabilities.anytime or missing_capabilities(problem, solver.capabilities):
        return
    answer = solver.solve(problem, Options(time_limit=time_limit))
    _check_shape(problem, answer)
    _require(not answer.infeasible, problem, "the problem is feasible but was called infeasible")
    greedy = _greedy_value(problem)
    _require(answer.bound >= greedy, problem, f"the bound {answer.bound} is below a selection's value {greedy}")
    if answer.selected is not None:
        _checked_value(problem, answer)


def _check_one(solver: Solver, family: Family, random: Generator) -> bool:
    problem = family(random)
    if missing_capabilities(problem, solver.capabilities):
        return False
    reports: list[Progress] = []
    answer = solver.solve(problem, Options(seed=1, on_progress=reports.append))
    check_answer(problem, answer, exact=solver.capabilities.exact)
    again = solver.solve(problem, Options(seed=1))
    _require(_same(answer, again), problem, "the same seed gave two different selections")
    best = best_value(problem)
    if best is None:
        return True
    slack = _slack(problem, answer.tolerance)
    for report in reports:
        _require(report.bound >= best - slack, problem, f"a reported bound {report.bound} is below the optimum {best}")
        _require(report.value <= best + slack, problem, f"a reported value {report.value} is above the optimum {best}")
    return True


def _same(one: Answer, other: Answer) -> bool:
    if one.selected is None or other.selected is None:
        return one.selected is other.selected
    return np.array_equal(one.selected, other.selected)


def _check_shape(problem: Knapsack, answer: Answer) -> None:
    _require(isinstance(answer, Answer), problem, f"solve must return an Answer; got {type(answer).__name__}")
    if answer.selected is not None:
        got = f"{answer.selected.dtype} {answer.selected.shape}"
        right = answer.selected.dtype == np.bool_ and answer.selected.shape == (problem.n,)
        _require(right, problem, f"selected must be a bool array of shape ({problem.n},); got {got}")
    if answer.prices is not None:
        right = answer.prices.shape == (problem.m,) and bool((answer.prices >= 0).all())
        _require(right, problem, f"prices must be {problem.m} numbers, 0 or more; got {answer.prices}")
    _require(all(isinstance(line, str) for line in answer.trace), problem, "trace must hold strings")
    _require(not np.isnan(answer.bound), problem, "bound must be a number; got NaN")


def _checked_value(problem: Knapsack, answer: Answer) -> int | float:
    assert answer.selected is not None
    value, usage = evaluate(problem, answer.selected)
    broken = violation(problem, answer.selected, usage)
    _require(broken is None, problem, f"the selection breaks a constraint: {broken}")
    slack = _slack(problem, answer.tolerance)
    _require(value <= answer.bound + slack, problem, f"the bound {answer.bound} is below the value {value}")
    return value


def _slack(problem: Knapsack, tolerance: float) -> float:
    if problem.integer_values:
        return 0.0
    return (tolerance + ROUNDING) * float(np.abs(problem.values).sum())


def _greedy_value(problem: Knapsack) -> int | float:
    left = problem.limits.copy()
    value = 0
    for item in np.argsort(-problem.values / problem.weights.sum(axis=0)):
        if (problem.weights[:, item] <= left).all():
            left -= problem.weights[:, item]
            value += problem.values[item]
    return value


def _require(kept: bool, problem: Knapsack, sentence: str) -> None:
    if not kept:
        raise ConformanceError(f"{sentence}\n{_described(problem)}")


def _described(problem: Knapsack) -> str:
    """Return code that makes the problem again, if it is small."""
    if problem.n > 20:
        return repr(problem)
    arguments = [f"{problem.values.tolist()}, {problem.weights.tolist()}, {problem.capacities.tolist()}"]
    arguments += ["exactly_one=True"] if problem.exactly_one else []
    for key in ("choices", "requires"):
        if getattr(problem, key) is not None:
            arguments.append(f"{key}={getattr(problem, key).tolist()}")
    return f"Knapsack({', '.join(arguments)})"
