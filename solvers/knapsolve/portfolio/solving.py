"""``solve``: check, presolve, choose, solve, and check the answer before it is returned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from knapsolve import validation
from knapsolve.limits import clock
from knapsolve.limits.compiling import compiling_watched
from knapsolve.portfolio.automatic import Automatic
from knapsolve.portfolio.checking import checked
from knapsolve.portfolio.presolve import Reduced, presolve
from knapsolve.portfolio.stand_in import solve_interruptibly
from knapsolve.problem import Knapsack
from knapsolve.solution import Solution, Status, evaluate
from knapsolve.solver import (
    AUTO,
    Answer,
    Options,
    Progress,
    Solver,
    ensure_capable,
    ensure_installed,
    load,
    unknown_solver,
)

LEAST_SECONDS = 1e-3
"""Time limit of a solver where presolving took all the time there was."""
SUM_ROUNDING = 1e-15
"""Relative difference of two sums of the same floats that counts as none: a few units in the last place."""


def solve(
    problem: Knapsack,
    solver: str | Solver = AUTO,
    *,
    time_limit: float | None = None,
    gap: float = 0.0,
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> Solution:
    """Solve a knapsack.

    Parameters
    ----------
    problem
        The problem.
    solver
        A name out of ``solvers()``, or any object that satisfies `knapsolve.solver.Solver`.
    time_limit
        Wall-clock seconds after which the best selection so far is returned with its bound; None for no limit. What
        Numba takes to compile a kernel, once, is not counted.
    gap
        Relative gap at which to stop; 0 asks for a proof.
    seed
        Seed of every random decision. The same seed gives the same answer where no time limit strikes.
    on_progress
        Called with a `Progress` whenever value or bound improves.

    Returns
    -------
    Solution
        The best selection, its value recomputed from it, and a valid bound. ``OPTIMAL`` is a proof.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, the solver is unknown (the message lists them) or cannot handle what the problem
        has (the message names those that can).
    MissingPackageError
        If the solver needs a package that is not installed; the message says how to install it.

    Warns
    -----
    RuntimeWarning
        If a solver returns a selection that breaks a constraint: a quick solver's stands in for it.

    Examples
    --------
    >>> from knapsolve import Knapsack, solve
    >>> solution = solve(Knapsack([10, 13, 7], [3, 4, 2], 6))
    >>> solution.value, solution.status.value, solution.selected.tolist()
    (20, 'OPTIMAL', [False, True, True])
    """
    started = clock.now()
    if not isinstance(problem, Knapsack):
        raise TypeError(f"problem must be a Knapsack; got {type(problem).__name__}")
    options = Options(
        time_limit=None if time_limit is None else validation.positive_number("time_limit", time_limit),
        gap=validation.positive_number("gap", gap, zero=True),
        seed=int(validation.positive_number("seed", seed, zero=True)),
        on_progress=on_progress,
    )
    return solved(problem, able(problem, solver), options, started)


def able(problem: Knapsack, solver: str | Solver) -> Solver:
    """Return the solver that a name stands for, or raise, unless it can take the problem here."""
    chosen = resolve(solver)
    ensure_capable(problem, chosen)
    ensure_installed(chosen)
    return chosen


def solved(problem: Knapsack, chosen: Solver, options: Options, started: float) -> Solution:
    """Solve what has been checked; a start among the options is a selection of all items."""
    with compiling_watched(needed=chosen.name == AUTO or problem.requires is not None) as watch:
        reduced = presolve(problem)
        answer = _answer(chosen, reduced, options, started)
        if watch.seconds > 0.0:
            compiled = f"kernels compiled in {watch.seconds:.2f} s, which no time here counts"
            answer = replace(answer, trace=(*answer.trace, compiled))
        left = None if isinstance(reduced, str) else reduced
        return _solution(problem, answer, left, chosen.name, started)


def _answer(solver: Solver, reduced: Reduced | str, options: Options, started: float) -> Answer:
    """Ask the solver for what presolving left; a string says why nothing is feasible."""
    if isinstance(reduced, str):
        return Answer(None, -np.inf, infeasible=True, trace=(f"presolve: {reduced}",))
    if reduced.problem.n == 0:
        return Answer(np.zeros(0, np.bool_), 0, trace=("presolve: every item is fixed",))
    if options.start is not None:
        options = replace(options, start=reduced.lower(options.start))
    if options.time_limit is not None:
        left = options.time_limit - (clock.now() - started)
        options = replace(options, time_limit=max(left, LEAST_SECONDS))
    return solve_interruptibly(solver, reduced.problem, options)


def resolve(solver: str | Solver) -> Solver:
    """Return the solver that a name stands for; any other object that is one is returned as it is."""
    if isinstance(solver, str):
        return Automatic() if solver == AUTO else load(solver)
    if isinstance(solver, Solver):
        return solver
    raise unknown_solver(solver)


def _solution(problem: Knapsack, answer: Answer, reduced: Reduced | None, name: str, started: float) -> Solution:
    """Build the solution from the selection alone, one that keeps every constraint."""
    answer, lifted = checked(problem, reduced, answer, name)
    value, bound = lifted.value, answer.bound
    forced: int | float = 0
    if reduced is not None and reduced.place is not None:
        forced = evaluate(problem, reduced.lift(np.zeros(reduced.problem.n, np.bool_)))[0]
    if answer.selected is None:
        status = Status.INFEASIBLE if answer.infeasible else Status.NO_SOLUTION
        bound = -np.inf if answer.infeasible else bound + forced
    else:
        # A proof states value and bound of the same selection: compare them as the solver saw it.
        seen = value if reduced is None or reduced.place is None else evaluate(reduced.problem, answer.selected)[0]
        bound, proved = _settle(seen, answer, problem.integer_values)
        status = Status.OPTIMAL if proved else Status.FEASIBLE
        bound = value if proved else bound + forced
    return Solution(
        selected=lifted.selected,
        value=value,
        bound=bound,
        status=status,
        usage=lifted.usage,
        slack=problem.capacities - lifted.usage,
        prices=answer.prices,
        solver=answer.solver or name,
        seconds=clock.now() - started,
        tolerance=0.0 if problem.integer_values else max(answer.tolerance, SUM_ROUNDING),
        trace=answer.trace,
    )


def _settle(value: int | float, answer: Answer, integer_values: bool) -> tuple[int | float, bool]:
    """Return the bound, rounded down where values are integers, and whether it proves the value optimal."""
    bound = answer.bound
    if not np.isfinite(bound):
        return bound, False
    if integer_values:
        if not isinstance(bound, int | np.integer):
            bound = int(np.floor(bound + answer.tolerance * max(abs(value), abs(bound))))
        # No float enters the comparison: beyond 2**53 it would not tell neighbours apart.
        return max(int(bound), value), bool(bound <= value)
    allowed = max(answer.tolerance, SUM_ROUNDING) * max(abs(value), abs(bound))
    return max(bound, value), bool(bound <= value + allowed)
