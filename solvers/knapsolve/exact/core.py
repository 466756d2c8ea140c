"""Exact solver for one resource: a primal-dual list dynamic programme over an expanding core.

The break solution takes items by efficiency until one does not fit. Pricing the capacity at the break item's
efficiency gives every other item a reduced cost: what the bound loses when the item's decision is flipped. The search
flips items in the order of their reduced costs, from both sides of the break item at once, and keeps the Pareto-optimal
partial selections whose loss leaves room for a better value (`core_list`). Items that cost more than the gap between
bound and best value are never looked at (Dembo and Hammer 1980), so that no sort of all items is needed (Balas and
Zemel 1980; Pisinger, "A minimal algorithm for the 0-1 knapsack problem", Oper. Res. 45, 1997).

Where the list grows long, constraints that every selection keeps (cardinality, Chvatal-Gomory) are priced into the
reduced costs (`core_cuts`), in the spirit of the surrogate relaxation of Martello, Pisinger and Toth ("Dynamic
programming and strong bounds for the 0-1 knapsack problem", Manag. Sci. 45, 1999).
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.core_base import Base, break_solution
from knapsolve.exact.core_cuts import strengthen
from knapsolve.exact.core_levels import search_levels
from knapsolve.exact.core_search import ListSearch
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate
from knapsolve.solver import Answer, Capabilities, Options, Progress

EXACT_FLOAT = 2**53
SHORT_LIST = 2**13
"""States of the first try; a longer list is cut to its best states, which still finds good selections."""
SHORT_WORK = 3 * 10**7
"""States touched by the first try at most."""
MOST_STATES = 2**23
"""Longest list kept: 72 bytes a state, both rows together."""


class Core:
    """List dynamic programme over an expanding core. See the module's text."""

    name = "core"
    capabilities = Capabilities(exact=True, dimensions=1, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the optimum; where time or memory runs out, the best selection and a valid bound."""
        started = time.perf_counter()
        values, weights, limit = _numbers(problem)
        useful = (values > 0) & (weights <= limit)
        weightless = weights == 0
        selected = useful & weightless
        useful &= ~weightless
        items = None if useful.all() else np.flatnonzero(useful)
        if items is not None:
            values, weights = values[items], weights[items]
        if not len(values) or weights.sum() <= limit:
            selected |= useful
            return Answer(selected, evaluate(problem, selected)[0], np.zeros(1), trace=("core: everything useful fits",))
        base = break_solution(values, weights, limit, problem.integer_values, options)
        offset = evaluate(problem, selected)[0]
        bound, trace = _close(base, options, started, float(offset))
        chosen = base.selection()
        if items is None:
            selected = chosen
        else:
            selected[items] = chosen
        value = evaluate(problem, selected)[0]
        if not problem.integer_weights:
            selected = _fitting(problem, selected)
        if bound is None:
            bound = 0.0 if not problem.integer_values else 0
            tolerance = 0.0 if problem.integer_values else base.unit / max(float(value), 1e-300)
            if options.gap > 0:
                bound = options.gap * float(value)
            return Answer(selected, value + bound, np.array([base.price]), tolerance, trace=trace)
        # The bound is relative to the break solution; what is left out of it is the same for the value.
        above = max(bound - float(base.best), 0.0)
        above = int(np.floor(above)) if problem.integer_values else above
        return Answer(selected, value + above, np.array([base.price]), trace=trace)


def _numbers(problem: Knapsack) -> tuple[NDArray[Any], NDArray[Any], Any]:
    """Return values, weights and limit: floats throughout if any of them is not whole, where that loses nothing."""
    values, weights = problem.values, problem.weights[0]
    limit = problem.limits[0]
    if problem.integer_weights:
        if not problem.integer_values and float(weights.sum()) < EXACT_FLOAT and limit < EXACT_FLOAT:
            weights, limit = weights.astype(np.float64), np.float64(limit)
        return values, weights, limit
    if problem.integer_values and float(np.abs(values).sum()) < EXACT_FLOAT:
        values = values.astype(np.float64)
    # Float weights are summed in another order by the final check: stay a rounding error below the limit.
    return values, weights, limit * (1 - 1e-13)


def _fitting(problem: Knapsack, selected: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Drop the least valuable items until float weights, as the final check adds them up, keep the limit."""
    while evaluate(problem, selected)[1][0] > problem.limits[0]:
        chosen = np.flatnonzero(selected)
        selected[chosen[np.argmin(problem.values[chosen])]] = False
    return selected


def _close(base: Base, options: Options, started: float, offset: float) -> tuple[float | None, tuple[str, ...]]:
    """Search until the gap is closed; return None, or the bound relative to the break solution where it is not."""
    deadline = None if options.time_limit is None else started + options.time_limit
    trace = []
    current = base
    bound = base.bound

    def report() -> None:
        if options.on_progress is not None:
            value = offset + float(base.value + base.best)
            above = max(bound - float(base.best), 0.0)
            above = float(np.floor(above)) if base.whole else above + base.unit
            options.on_progress(Progress(time.perf_counter() - started, value, value + above))

    report()
    for stage in ("short", "cuts", "long"):
        if stage == "cuts":
            current = strengthen(base, deadline)
            bound = min(bound, current.bound + float(current.value - base.value))
            trace.append(f"core: {len(current.rows)} cuts, gap {bound - float(base.best):.6g}")
        search = ListSearch(
            current.room,
            current.bound,
            base.best - (current.value - base.value),
            base.unit,
            current.price,
            SHORT_LIST if stage != "long" else MOST_STATES,
            deadline,
            beam=stage != "long",
            most_work=SHORT_WORK if stage != "long" else np.inf,
        )
        finished = search_levels(search, current)
        if search.flipped is not None:
            base.adopt(current, search)
        report()
        trace.append(
            f"core: {stage} list, {search.work} states touched, longest {search.longest}"
            + (f", stopped by {search.stopped}" if search.stopped else "")
        )
        if finished and search.exact:
            return None, tuple(trace)
        if search.exact:
            bound = min(bound, max(float(base.best), current_bound(current, search) + float(current.value - base.value)))
        if search.stopped == "time":
            break
    return bound, tuple(trace)


def current_bound(current: Base, search: ListSearch) -> float:
    """Return what a stopped search still allows: the bound less the smallest loss of a state that is left."""
    return current.bound - search.least_loss
