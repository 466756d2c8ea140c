"""Exact solver for problems whose items fall into few types of equal weights, for any number of resources.

Of each type the most valuable items are taken first, so a solution is a count for each type. The dual bound says how
many to take up to a few; deviating from it costs a *loss*, and the optimum is the feasible deviation with the smallest
loss. The search tries loss budgets of growing size; within a budget only a window of counts is possible for each type,
and a dynamic programme over the residual capacities goes through all of them. The first budget that holds a feasible
deviation holds the optimum: nothing outside it loses less. No sort of all items, no mixed-integer solver.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.few_types.curves import Curve, common_step, curves
from knapsolve.exact.few_types.deviations import OutOfRoomError, Space, best_deviation
from knapsolve.exact.few_types.relaxation import Relaxation, relax
from knapsolve.exact.few_types.rounding import rounded
from knapsolve.exact.few_types.types import types_of
from knapsolve.limits import clock
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, refuse, relative_gap
from knapsolve.solver import Answer, Capabilities, Options, Progress

EXACT_FLOAT = 2**53
FIRST_CORE = 256
FIRST_LOOKS = (2**10, 2**14, 2**18)
"""Deviations to look at before all within a budget: where values tie, they are many, and a good one is near."""
STATES_GROWTH = 4.0
LEAST_STEP = 1e-6
TOO_NARROW = "few-types: the band is too narrow"
ROUNDING = 1e-6
"""Share of a step within which two totals count as one."""


@dataclass(frozen=True, eq=False)
class _Typed:
    """The problem by types: item types (n,), weights (m, T), and capacities (m,) to be kept strictly."""

    problem: Knapsack
    item_type: NDArray[Any]
    type_weights: NDArray[Any]
    limits: NDArray[Any]


@dataclass(frozen=True, eq=False)
class _Known:
    """A selection (n,), its value, and a bound on all others."""

    selected: NDArray[np.bool_]
    value: int | float
    bound: int | float


@dataclass
class _Search:
    """What is known while the budget grows. Losses and gains are relative to the relaxation's counts."""

    relaxation: Relaxation
    space: Space
    most: float
    """Dual bound minus the value of the relaxation's counts: a deviation's loss is `most` minus its gain."""
    size: int = 0
    core: list[Curve] = field(default_factory=list)
    radius: float = 0.0
    step: float = 0.0
    """Every gain within the core is a whole multiple of this; 0 where nothing is known."""
    deviations: NDArray[np.int64] | None = None
    """The incumbent: deviation from the relaxation's counts by type, (T,), or None."""
    gain: float = -np.inf
    proved_loss: float = 0.0
    optimal: bool = False
    before: _Known | None = None
    """What was known when a relaxation was given up."""
    refused: list[str] = field(default_factory=list)
    """A sentence on each deviation that was refused."""

    @property
    def incumbent_loss(self) -> float:
        return max(self.most - self.gain, 0.0)

    @property
    def decided(self) -> bool:
        """Whether no selection within the core is better: it would have to gain a whole step more."""
        return self.incumbent_loss - self.proved_loss < self.step * (1 - ROUNDING)

    @property
    def settled(self) -> bool:
        """Whether no selection is better: those beyond the core lose at least its radius."""
        return self.decided and self.incumbent_loss <= self.radius


class FewTypes:
    """Dual, loss budget, window dynamic programme. See the module's text."""

    name = "few-types"
    capabilities = Capabilities(exact=True, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the optimum, or, where the windows explode or time is up, the best selection and its bound."""
        start = clock.now()
        types = types_of(problem)
        if types is None or not exact_in_floats(problem):
            reason = "too many types" if types is None else "integer sums beyond 2**53"
            return Answer(np.zeros(problem.n, np.bool_), _trivial(problem), trace=(f"few-types declined: {reason}",))
        limits = strict_limits(problem)
        typed = _Typed(problem, *types, limits)
        search, trace = _searched(typed, relax(problem.values, *types, limits, options.seed), options, start)
        known = _known(search, typed)
        if search.before is not None:
            better = known if known.value >= search.before.value else search.before
            known = replace(better, bound=max(min(known.bound, search.before.bound), better.value))
        trace += search.refused
        return Answer(known.selected, known.bound, prices=search.relaxation.prices, trace=tuple(trace))


def strict_limits(problem: Knapsack) -> NDArray[Any]:
    """Return the limits to search under, shape (m,).

    Float residuals are summed in another order by the final check: stay a rounding error below.
    """
    return problem.limits if problem.integer_weights else problem.limits * (1 - 1e-13)


@dataclass(frozen=True, eq=False)
class Counted:
    """An answer by type.

    Parameters
    ----------
    counts
        Number of items taken of each type, the most valuable ones, shape (T,).
    short
        How much more than theirs the best value may be; 0 is a proof.
    prices
        Dual prices, shape (m,).
    narrow
        Whether it is no proof because too few items were near.
    """

    counts: NDArray[np.int64]
    short: float
    prices: NDArray[np.float64]
    narrow: bool


def counted(
    problem: Knapsack,
    types: tuple[NDArray[Any], NDArray[Any]],
    relaxation: Relaxation,
    options: Options,
) -> Counted | None:
    """Solve from a relaxation that is known, and look at no item: only at what is near its threshold.

    Parameters
    ----------
    problem
        The problem.
    types
        Type of each item (n,) and weights by type (m, T).
    relaxation
        Its relaxation.
    options
        Time limit and seed; the others are not looked at.

    Returns
    -------
    Counted or None
        None where that does not do: no selection was found, or one that was is refused, or the relaxation had to
        be given up for one of all items.
    """
    start = clock.now()
    typed = _Typed(problem, *types, strict_limits(problem))
    plain = Options(time_limit=options.time_limit, seed=options.seed)
    search, trace = _searched(typed, relaxation, plain, start, widen=False)
    if search.deviations is None or search.refused:
        return None
    counts = search.relaxation.counts + search.deviations
    short = 0.0 if search.optimal else max(search.incumbent_loss - search.proved_loss, 0.0)
    return Counted(counts, short, search.relaxation.prices, TOO_NARROW in trace)


def _searched(
    typed: _Typed, relaxation: Relaxation, options: Options, start: float, widen: bool = True
) -> tuple[_Search, list[str]]:
    """Search from a relaxation to the end; return what is known, and the trace."""
    deadline = None if options.time_limit is None else start + options.time_limit
    search = _begin(typed, relaxation, deadline)
    return search, _deepen(search, typed, options, start, widen)


def _trivial(problem: Knapsack) -> int | float:
    """Return what all items are worth that are worth anything."""
    positive = problem.values[problem.values > 0].sum()
    return int(positive) if problem.integer_values else float(positive) * (1 + 1e-12)


def exact_in_floats(problem: Knapsack) -> bool:
    """Whether sums of integer values and weights are exact in double precision."""
    table = problem.dense_weights if problem.type_weights is None else problem.type_weights
    assert table is not None
    heaviest = float(table.max(initial=0)) if problem.integer_weights else 0.0
    largest = 0.0
    if problem.integer_values and problem.n:
        largest = max(float(problem.values.max()), -float(problem.values.min()))
    return max(heaviest, largest) * problem.n < EXACT_FLOAT


def _begin(typed: _Typed, relaxation: Relaxation, deadline: float | None) -> _Search:
    residual = (typed.limits - typed.type_weights @ relaxation.counts).astype(np.float64)
    space = Space(relaxation, typed.type_weights, residual, typed.problem.integer_weights, deadline)
    search = _Search(relaxation, space, float(relaxation.prices @ residual))
    _take_core(search, typed, max(FIRST_CORE, 16 * min(typed.type_weights.shape[1], typed.problem.n)))
    return search


def _take_core(search: _Search, typed: _Typed, size: int) -> None:
    """Put the `size` runs nearest to their thresholds into the core, and round within it."""
    search.size = size
    search.core, search.radius = curves(search.relaxation, size)
    search.step = common_step(search.core, typed.problem.integer_values)
    found = rounded(search.core, search.relaxation.counts, typed.type_weights, typed.limits)
    if found is not None:
        _adopt(search, typed, found, "rounding")


def _adopt(search: _Search, typed: _Typed, deviations: NDArray[np.int64], finder: str) -> bool:
    """Make a deviation by type the incumbent if it is better; return False where it breaks a constraint."""
    usage = typed.type_weights @ (search.relaxation.counts + deviations)
    over = np.flatnonzero(usage > typed.problem.limits)
    if len(over):
        i = over[0]
        reason = f"resource {i} is over its capacity: {usage[i]} > {typed.problem.capacities[i]}"
        search.refused.append(refuse(f"few-types, {finder}", reason))
        return False
    gain = sum(curve.gain(int(deviations[curve.type])) for curve in search.core)
    if gain > search.gain:
        search.deviations, search.gain = deviations, gain
    return True


def _selection(search: _Search, typed: _Typed) -> NDArray[np.bool_]:
    """Return the incumbent as a selection of items, bool, (n,)."""
    if search.deviations is None:
        return np.zeros(typed.problem.n, np.bool_)
    cut = search.relaxation.thresholds.copy()
    quota = np.zeros(len(cut), np.int64)
    for curve in search.core:
        cut[curve.type], quota[curve.type] = curve.cut(int(search.deviations[curve.type]))
    return search.relaxation.select(typed.problem.values, typed.item_type, cut, quota)


def _known(search: _Search, typed: _Typed) -> _Known:
    """Return the incumbent with the bound that the search has proved."""
    selected = _selection(search, typed)
    value, _ = evaluate(typed.problem, selected)
    if search.optimal:
        return _Known(selected, value, value)
    if search.deviations is None:
        return _Known(selected, value, _trivial(typed.problem))
    return _Known(selected, value, value + max(search.incumbent_loss - search.proved_loss, 0.0))


def _deepen(search: _Search, typed: _Typed, options: Options, start: float, widen: bool) -> list[str]:
    """Grow the loss budget until it holds the optimum, the room runs out or time is up; return the trace."""
    trace = []
    budget = _first_budget(search.core)
    while True:
        # A better selection loses less than the incumbent, by a step where gains move in steps.
        most = search.incumbent_loss * (1 + 1e-12) - search.step / 2
        budget = max(min(_whole_step(budget, search), most), 0.0)
        reach = search.incumbent_loss if search.decided else budget
        if reach > search.radius:
            if search.radius < search.relaxation.radius and search.size < len(search.relaxation.values):
                _take_core(search, typed, search.size * 8)
            elif not widen:
                trace.append(TOO_NARROW)
                return trace
            else:
                trace.append("few-types: band widened to all items")
                everything = relax(
                    typed.problem.values, typed.item_type, typed.type_weights, typed.limits, options.seed, np.inf
                )
                before, refused = _known(search, typed), search.refused
                search.__dict__.update(_begin(typed, everything, search.space.deadline).__dict__)
                search.before, search.refused = before, refused + search.refused
            continue
        if search.settled:
            search.optimal = True
            trace.append(f"few-types: proved, since gains move in steps of {search.step:.6g}")
            return trace
        if options.on_progress is not None:
            value = _value(search, typed)
            bound = value + search.incumbent_loss - search.proved_loss
            options.on_progress(Progress(clock.now() - start, value, bound))
        try:
            believed = _look(search, typed, budget)
        except OutOfRoomError:
            trace.append(f"few-types: stopped at loss budget {budget:.6g}")
            return trace
        if not believed:
            return trace
        # A selection found on the way may lose more than the budget, in unused capacity: it is then no proof.
        if budget >= search.incumbent_loss or search.settled:
            search.optimal = True
            trace.append(f"few-types: proved within loss budget {budget:.6g}")
            return trace
        search.proved_loss = budget
        if options.gap > 0:
            value = _value(search, typed)
            if relative_gap(value, value + search.incumbent_loss - budget) <= options.gap:
                return trace
        budget = max(budget * _growth(search.core, budget), min(search.incumbent_loss, search.most) * LEAST_STEP)


def _look(search: _Search, typed: _Typed, budget: float) -> bool:
    """Go through all deviations within the budget; where values tie, through a few first that may settle it.

    Returns False where what was found is refused.
    """
    for combinations in (*FIRST_LOOKS, None) if search.step > 0.0 else (None,):
        found = best_deviation(search.space, search.core, budget, combinations)
        if found is not None:
            deviations = np.zeros(len(search.relaxation.counts), np.int64)
            for c, deviation in found.items():
                deviations[search.core[c].type] = deviation
            if not _adopt(search, typed, deviations, "the search"):
                return False
        if search.settled:
            break
    return True


def _value(search: _Search, typed: _Typed) -> float:
    return float(evaluate(typed.problem, _selection(search, typed))[0])


def _growth(core: list[Curve], budget: float) -> float:
    """Return a factor that multiplies the number of states by about the same, however many types are in doubt.

    The loss of a deviation grows with its square, so a half's states grow with the budget to a quarter of the types.
    """
    windows = [curve.window(budget) for curve in core]
    return float(np.clip(STATES_GROWTH ** (4 / max(sum(low < high for low, high in windows), 1)), 1.05, 2.0))


def _first_budget(core: list[Curve]) -> float:
    """Return a loss small enough that few deviations fit: a handful of the cheapest single steps."""
    costs = np.abs(np.concatenate([curve.costs for curve in core])) if core else np.empty(0)
    costs = np.sort(costs[costs > 0])
    return float(costs[min(len(costs) - 1, len(core))]) if len(costs) else 0.0


def _whole_step(budget: float, search: _Search) -> float:
    """Where gains move in steps, a loss is the bound's fraction plus whole steps: place the budget between two."""
    if search.step == 0.0:
        return budget
    steps = search.most / search.step
    fraction = steps - np.floor(steps + ROUNDING)
    return float(fraction + np.ceil(max(budget / search.step - fraction, 0.0)) + 0.5) * search.step
