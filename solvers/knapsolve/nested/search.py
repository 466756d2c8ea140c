"""Branch and bound over the options of all groups, with exact selections of items at the leaves.

A node is a set of options that each group may still take. Its bound is Lagrangian (`bound`); an option that loses more
at those prices than the bound is above the best known choice is taken out. What is left is split by a group that the
relaxation mixes from several options: the largest share, or any other. Where one option is left for every group, the
items are selected exactly, as a knapsack.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from knapsolve import validation
from knapsolve.limits import clock
from knapsolve.limits.compiling import compiling_watched
from knapsolve.limits.interruption import OverdueError, interrupted, leaving, listening, overdue, stopped
from knapsolve.nested.bound import Allowed, Relaxation
from knapsolve.nested.leaf import combination_of, leaf_bound
from knapsolve.nested.node import split, tune
from knapsolve.nested.problem import NestedKnapsack
from knapsolve.nested.state import Search
from knapsolve.portfolio.solving import resolve
from knapsolve.solution import Solution, Status
from knapsolve.solver import AUTO, Solver


@dataclass(frozen=True, eq=False)
class NestedSolution:
    """A choice with everything that is known of it.

    Parameters
    ----------
    taken
        Option that each group takes, numbered within the group, shape (G,); empty where there is no choice.
    solution
        Value, bound, status and usage of the whole choice. Its ``selected`` is of the items of the options taken, side
        by side, group after group; its ``prices`` are those of the last selection of items.
    """

    taken: NDArray[np.int64]
    solution: Solution


def solve_nested(
    problem: NestedKnapsack, solver: str | Solver = AUTO, *, time_limit: float | None = None
) -> NestedSolution:
    """Choose one option for each group, and the best items of the options chosen.

    Ctrl-C, or the end of the time limit, returns the best choice so far with its bound.

    Parameters
    ----------
    problem
        The problem: G groups of options under m capacities.
    solver
        Who selects the items once the options are chosen, as for `knapsolve.solve`. The choice is proved to be the best
        only where that proves its selections.
    time_limit
        Wall-clock seconds, or None for no limit. A first choice may take a second more.

    Returns
    -------
    NestedSolution
        The best choice, which keeps every capacity, and a valid bound. ``OPTIMAL`` is a proof up to a relative
        1e-9, ``INFEASIBLE`` one that no choice keeps the capacities.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, the solver is unknown or cannot handle what the items have.
    KeyboardInterrupt
        On a second Ctrl-C.

    Examples
    --------
    >>> import numpy as np
    >>> from knapsolve.nested.items import Items
    >>> from knapsolve.nested.problem import Option
    >>> items = Items(np.array([5.0, 3.0]), np.array([0, 0]), np.array([[2]]))
    >>> groups = [[Option(4, [3]), Option(0, [1], items)], [Option(1, [0]), Option(2, [4])]]
    >>> choice = solve_nested(NestedKnapsack(groups, [5]))
    >>> choice.taken.tolist(), choice.solution.selected.tolist(), choice.solution.value, choice.solution.status.value
    ([1, 0], [True, True], 9.0, 'OPTIMAL')
    """
    if not isinstance(problem, NestedKnapsack):
        raise TypeError(f"problem must be a NestedKnapsack; got {type(problem).__name__}")
    limit = None if time_limit is None else validation.positive_number("time_limit", time_limit)
    chosen = resolve(solver)
    with compiling_watched(needed=True), listening():
        started = clock.now()
        state = Search(problem, Relaxation(problem), chosen, None if limit is None else started + limit)
        try:
            with leaving():
                _explore(state)
        except OverdueError:
            state.trace.append(overdue(chosen.name))
        if interrupted():
            state.trace.append(stopped())
        return _solution(state, started)


def _explore(state: Search) -> None:
    """Search until the best choice is proved or time is up; the root is looked at in any case."""
    relaxation = state.relaxation
    every = np.ones(len(relaxation.group), dtype=bool)
    relaxation.evaluate(np.zeros(state.problem.m), every)
    worth = np.abs(relaxation.worth[: len(every)])
    state.magnitude = float((relaxation.best(every) + 2 * np.maximum.reduceat(worth, state.problem.start[:-1])).sum())
    state.bound = relaxation.bound(every)[0]
    order = count()
    heap: list[tuple[float, int, Allowed]] = [(-state.bound, next(order), every)]
    left_open = -np.inf
    while heap and not (state.nodes and state.late):
        above, _, allowed = heapq.heappop(heap)
        if -above <= state.cut:
            heap.clear()  # the best of the open nodes is no better than what is known
            break
        state.bound = max(left_open, -above)
        state.nodes += 1
        for bound, child in _branch(state, allowed):
            if bound > state.cut:
                if child is None:
                    left_open = max(left_open, bound)
                else:
                    heapq.heappush(heap, (-bound, next(order), child))
    state.bound = max([left_open, *(-node[0] for node in heap)])


def _branch(state: Search, allowed: Allowed) -> list[tuple[float, Allowed | None]]:
    """Bound a node and split it: what is left of it, with bounds; None stands for a leaf that is not proved."""
    relaxation = state.relaxation
    shares = tune(state, allowed)
    if shares is None:
        return []
    bound, row = relaxation.bound(allowed)
    # The first choices matter most: looked for at the 1st, 2nd, 4th, 8th node.
    if state.best is None or (state.nodes.bit_count() == 1 and not state.late):
        combination = combination_of(state, allowed, row)
        if combination and combination not in state.known:
            leaf_bound(state, combination)
    if allowed.sum() == relaxation.groups:
        own = tuple(np.flatnonzero(allowed).tolist())
        return [(min(leaf_bound(state, own), bound), None)]
    return split(state, allowed, shares, bound)


def _solution(state: Search, started: float) -> NestedSolution:
    """State value, bound and status of the whole choice."""
    proved, problem, best = state.bound <= state.cut, state.problem, state.best
    trace = (*state.trace, f"nested: {state.nodes} nodes, {state.leaves} selections")
    if best is None:
        solution = Solution(
            selected=np.zeros(0, np.bool_),
            value=-np.inf,
            bound=-np.inf if proved else state.bound,
            status=Status.INFEASIBLE if proved else Status.NO_SOLUTION,
            usage=np.zeros(problem.m, np.int64),
            slack=problem.capacities,
            prices=None,
            solver=state.solver.name,
            seconds=clock.now() - started,
            tolerance=state.tolerance,
            trace=trace,
        )
        return NestedSolution(np.zeros(0, np.int64), solution)
    usage = best.items.usage + np.sum([problem.options[number].fixed for number in best.options], axis=0)
    solution = replace(
        best.items,
        value=best.value,
        bound=best.value if proved else max(state.bound, best.value),
        status=Status.OPTIMAL if proved else Status.FEASIBLE,
        usage=usage,
        slack=problem.capacities - usage,
        seconds=clock.now() - started,
        tolerance=state.tolerance,
        trace=(*best.items.trace, *trace),
    )
    return NestedSolution(np.array(best.options, dtype=np.int64) - problem.start[:-1], solution)
