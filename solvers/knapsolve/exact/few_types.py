"""Exact solver for problems whose items fall into few types of equal weights, for any number of resources.

Of each type the most valuable items are taken first, so a solution is a count for each type. The dual bound says how
many to take up to a few; deviating from it costs a *loss*, and the optimum is the feasible deviation with the smallest
loss. The search tries loss budgets of growing size; within a budget only a window of counts is possible for each type,
and a dynamic programme over the residual capacities goes through all of them. The first budget that holds a feasible
deviation holds the optimum: nothing outside it loses less. No sort of all items, no mixed-integer solver.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.curves import Curve, curves
from knapsolve.exact.deviations import OutOfRoomError, best_deviation
from knapsolve.exact.relaxation import Relaxation, relax
from knapsolve.heuristics.fill import fill
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, relative_gap
from knapsolve.solver import Answer, Capabilities, Options, Progress
from knapsolve.types import types_of

EXACT_FLOAT = 2**53
FIRST_CORE = 256
STATES_GROWTH = 4.0
LEAST_STEP = 1e-6


@dataclass
class _Search:
    """What is known while the budget grows. Losses and gains are relative to the relaxation's rounded-up counts."""

    relaxation: Relaxation
    residual: NDArray[np.float64]
    most: float
    """Dual bound minus the value of the base counts: a deviation's loss is `most` minus its gain."""
    selected: NDArray[np.bool_]
    gain: float
    proved_loss: float = 0.0
    optimal: bool = False
    trace: list[str] = field(default_factory=list)

    @property
    def incumbent_loss(self) -> float:
        return max(self.most - self.gain, 0.0)


class FewTypes:
    """Dual, loss budget, window dynamic programme. See the module's text."""

    name = "few-types"
    capabilities = Capabilities(exact=True, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the optimum, or, where the windows explode or time is up, the best selection and its bound."""
        start = time.perf_counter()
        values = problem.values
        types = types_of(problem)
        if types is None or not _exact_in_floats(problem):
            reason = "too many types" if types is None else "integer sums beyond 2**53"
            positive = values[values > 0].sum()
            trivial = int(positive) if problem.integer_values else float(positive) * (1 + 1e-12)
            return Answer(np.zeros(problem.n, np.bool_), trivial, trace=(f"few-types declined: {reason}",))
        item_type, type_weights = types
        # Float residuals are summed in another order by the final check: stay a rounding error below the limits.
        limits = problem.limits if problem.integer_weights else problem.limits * (1 - 1e-13)
        relaxation = relax(values, item_type, type_weights, limits, options.seed)
        search = _begin(relaxation, type_weights, limits)
        _deepen(search, problem, item_type, type_weights, limits, options, start)
        value, _ = evaluate(problem, search.selected)
        bound: int | float = value
        if not search.optimal:
            bound = value + max(search.incumbent_loss - search.proved_loss, 0.0)
        return Answer(search.selected, bound, prices=relaxation.prices, trace=tuple(search.trace))


def _exact_in_floats(problem: Knapsack) -> bool:
    """Whether sums of integer values and weights are exact in double precision."""
    table = problem.dense_weights if problem.type_weights is None else problem.type_weights
    assert table is not None
    heaviest = float(table.max(initial=0)) if problem.integer_weights else 0.0
    largest = 0.0
    if problem.integer_values and problem.n:
        largest = max(float(problem.values.max()), -float(problem.values.min()))
    return max(heaviest, largest) * problem.n < EXACT_FLOAT


def _begin(relaxation: Relaxation, type_weights: NDArray[Any], limits: NDArray[Any]) -> _Search:
    residual = (limits - type_weights @ relaxation.counts).astype(np.float64)
    nothing = np.zeros_like(relaxation.selected)
    return _Search(relaxation, residual, float(relaxation.prices @ residual), nothing, -np.inf)


def _deepen(
    search: _Search,
    problem: Knapsack,
    item_type: NDArray[Any],
    type_weights: NDArray[Any],
    limits: NDArray[Any],
    options: Options,
    start: float,
) -> None:
    """Grow the loss budget until it holds the optimum, the room runs out or time is up."""
    values = problem.values
    size = max(FIRST_CORE, 16 * min(type_weights.shape[1], problem.n))
    core, radius = curves(values, item_type, search.relaxation, size)
    _round(search, values, core, type_weights, limits)
    budget = _first_budget(core)
    while True:
        if options.on_progress is not None:
            value = float(evaluate(problem, search.selected)[0])
            bound = value + search.incumbent_loss - search.proved_loss
            options.on_progress(Progress(time.perf_counter() - start, value, bound))
        budget = min(_whole_step(budget, search, problem.integer_values), search.incumbent_loss * (1 + 1e-12))
        while budget > radius and radius < search.relaxation.radius and size < len(search.relaxation.band):
            size *= 8
            core, radius = curves(values, item_type, search.relaxation, size)
            _round(search, values, core, type_weights, limits)
        if budget > radius and np.isfinite(search.relaxation.radius) and budget > search.relaxation.radius:
            # The band itself is too narrow for this budget: take every item.
            search.trace.append("few-types: band widened to all items")
            search.relaxation = _everything(search, values, item_type, type_weights, limits, options.seed)
            fresh = _begin(search.relaxation, type_weights, limits)
            search.residual, search.most, search.gain = fresh.residual, fresh.most, fresh.gain
            size = max(size, FIRST_CORE)
            core, radius = curves(values, item_type, search.relaxation, size)
            _round(search, values, core, type_weights, limits)
            continue
        deadline = None if options.time_limit is None else start + options.time_limit
        try:
            deviation = best_deviation(
                search.relaxation, core, type_weights, search.residual, budget, deadline, problem.integer_weights
            )
        except OutOfRoomError:
            search.trace.append(f"few-types: stopped at loss budget {budget:.6g}")
            return
        if deviation is not None:
            _adopt(search, core, deviation)
        # A selection found on the way may lose more than the budget, in unused capacity: it is then no proof.
        if budget >= search.incumbent_loss:
            search.optimal = True
            search.trace.append(f"few-types: proved within loss budget {budget:.6g}")
            return
        search.proved_loss = budget
        value = float(evaluate(problem, search.selected)[0]) if options.gap > 0 else 0.0
        if options.gap > 0 and relative_gap(value, value + search.incumbent_loss - budget) <= options.gap:
            return
        budget = max(budget * _growth(core, budget), min(search.incumbent_loss, search.most) * LEAST_STEP)


def _everything(
    search: _Search,
    values: NDArray[Any],
    item_type: NDArray[Any],
    type_weights: NDArray[Any],
    limits: NDArray[Any],
    seed: int,
) -> Relaxation:
    return relax(values, item_type, type_weights, limits, seed, spread=np.inf)


def _growth(core: list[Curve], budget: float) -> float:
    """Return a factor that multiplies the number of states by about the same, however many types are in doubt.

    The loss of a deviation grows with its square, so a half's states grow with the budget to a quarter of the types.
    """
    types = sum(curve.window(budget)[0] < curve.window(budget)[1] for curve in core)
    return float(np.clip(STATES_GROWTH ** (4 / max(types, 1)), 1.05, 2.0))


def _first_budget(core: list[Curve]) -> float:
    """Return a loss small enough that few deviations fit: a handful of the cheapest single steps."""
    steps = [curve.loss[k] for curve in core for k in (curve.base - 1, curve.base + 1) if 0 <= k < len(curve.loss)]
    return float(np.sort(steps)[min(len(steps) - 1, len(core))]) if steps else 0.0


def _whole_step(budget: float, search: _Search, integer_values: bool) -> float:
    """With integer values a loss is the bound's fraction plus a whole number: place the budget between two of them."""
    if not integer_values:
        return budget
    fraction = search.most - np.floor(search.most + 1e-9)
    return float(fraction + np.ceil(max(budget - fraction, 0.0)) + 0.5)


def _round(
    search: _Search, values: NDArray[Any], core: list[Curve], type_weights: NDArray[Any], limits: NDArray[Any]
) -> None:
    """Improve the incumbent: keep what lies outside the core, add core items by reduced cost while they fit."""
    items = np.concatenate([curve.items for curve in core]) if core else np.empty(0, np.int64)
    kinds = np.repeat([curve.type for curve in core], [len(curve.items) for curve in core]).astype(np.int64)
    counts = search.relaxation.counts.copy()
    for curve in core:
        counts[curve.type] -= curve.base
    left = limits - type_weights @ counts
    if (left < 0).any():
        return
    value = values[items].astype(np.float64)
    order = np.argsort(search.relaxation.thresholds[kinds] - value, kind="stable")
    taken = fill(np.ascontiguousarray(type_weights[:, kinds[order]].T), left)
    base = sum(-float(curve.gain[0]) for curve in core)
    gain = float(value[order][taken].sum()) - base
    if gain > search.gain:
        search.gain = gain
        search.selected = search.relaxation.selected.copy()
        search.selected[items] = False
        search.selected[items[order][taken]] = True


def _adopt(search: _Search, core: list[Curve], deviation: dict[int, int]) -> None:
    """Make the found deviation the incumbent."""
    selected = search.relaxation.selected.copy()
    gain = 0.0
    for c, curve in enumerate(core):
        count = curve.base + deviation.get(c, 0)
        selected[curve.items] = False
        selected[curve.items[:count]] = True
        gain += float(curve.gain[count])
    if gain > search.gain:
        search.selected, search.gain = selected, gain
