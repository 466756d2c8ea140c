"""Exact solver for one resource: a primal-dual list dynamic programme over an expanding core.

The break solution takes items by efficiency until one does not fit. Pricing the capacity at the break item's
efficiency gives every other item a reduced cost: what the bound loses when the item's decision is flipped. The search
flips items in the order of their reduced costs, from both sides of the break item at once, and keeps the Pareto-optimal
partial selections whose loss leaves room for a better value (`list`). Items that cost more than the gap between
bound and best value are never looked at (Dembo and Hammer 1980), so that no sort of all items is needed (Balas and
Zemel 1980; Pisinger, "A minimal algorithm for the 0-1 knapsack problem", Oper. Res. 45, 1997).

Where the list grows long, constraints that every selection keeps (cardinality, Chvatal-Gomory) are priced into the
reduced costs (`cuts`), in the spirit of the surrogate relaxation of Martello, Pisinger and Toth ("Dynamic
programming and strong bounds for the 0-1 knapsack problem", Manag. Sci. 45, 1999).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.core.base import Base, break_solution
from knapsolve.exact.core.cuts import DIVISORS, strengthen
from knapsolve.exact.core.deepening import deepen
from knapsolve.exact.core.enumeration import enumerate_selections
from knapsolve.exact.core.levels import search_levels
from knapsolve.exact.core.pairs import match_halves, match_samples
from knapsolve.exact.core.residues import search_residues
from knapsolve.exact.core.search import ListSearch
from knapsolve.limits import clock
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, refuse
from knapsolve.solver import Answer, Capabilities, Options, Progress

EXACT_FLOAT = 2**53
SHORT_LIST = 2**13
"""States of the first try; a longer list is cut to its best states, which still finds good selections."""
MEDIUM_LIST = 2**16
"""States up to which a list is grown before better selections are looked for."""
MOST_STATES = 2**23
"""Longest list kept: 72 bytes a state, both rows together."""

ITEM_SECONDS = 1e-6
"""Time that must be left, by item, to look for constraints: one look cannot be interrupted."""


@dataclass(frozen=True)
class Stage:
    """One try: by which method, how long a list, how many states to touch, which constraints to look for first.

    A plain list of `SHORT_LIST` is cut when it is full. `divisors` of None keeps the constraints there are.
    """

    name: str
    states: int
    work: float = np.inf
    divisors: tuple[int, ...] | None = None
    method: Literal["list", "residues", "samples", "halves", "deepening"] = "list"


STAGES = (
    Stage("short list", SHORT_LIST, 2 * 10**6),
    Stage("residues", 0, method="residues"),
    Stage("samples", 2**12, 4 * 10**6, divisors=(), method="samples"),
    Stage("short list with cardinality", SHORT_LIST, 2 * 10**7),
    Stage("short list with cuts", SHORT_LIST, 2 * 10**7, divisors=DIVISORS),
    Stage("deepening list", 2**20, 5 * 10**7, method="deepening"),
    Stage("medium list", MEDIUM_LIST, 10**8),
    Stage("two halves", 2**15, 3 * 10**8, method="halves"),
    Stage("long samples", 2**15, 4 * 10**7, method="samples"),
    Stage("two long halves", 2**17, 2 * 10**8, method="halves"),
    Stage("longest samples", 2**17, 5 * 10**7, method="samples"),
    Stage("long list", MOST_STATES, divisors=DIVISORS),
)
"""What is tried in turn until there is a proof; every stage starts from the best selection of those before."""


class Core:
    """List dynamic programme over an expanding core. See the module's text."""

    name = "core"
    capabilities = Capabilities(exact=True, dimensions=1, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the optimum; where time or memory runs out, the best selection and a valid bound."""
        started = clock.now()
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
            return Answer(
                selected, evaluate(problem, selected)[0], np.zeros(1), trace=("core: everything useful fits",)
            )
        quick = enumerate_selections(values, weights, limit)
        if quick is not None and (used := weights[quick[0]].sum()) > limit:
            refuse("core, enumeration", f"it weighs {used} of {limit}")
        elif quick is not None:
            selected[slice(None) if items is None else items] |= quick[0]
            value = evaluate(problem, selected)[0]
            return Answer(selected, value, np.array([quick[1]]), trace=("core: enumerated",))
        base = break_solution(values, weights, limit, problem.integer_values, options)
        offset = evaluate(problem, selected)[0]
        bound, trace = _close(base, options, started, float(offset))
        trace = (*trace, *base.refused)
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
    closing = _Closing(base, options, started, offset, base.bound, base)
    for stage in STAGES:
        if closing.take(stage):
            break
    return (None if closing.proved else closing.bound), tuple(closing.trace)


@dataclass(eq=False)
class _Closing:
    """The gap while it is closed, stage by stage; bounds and values are relative to the break solution."""

    base: Base
    options: Options
    started: float
    offset: float
    bound: float
    current: Base
    """The base with the cuts found so far."""
    tried: int = -1
    """How many cuts were there when the current list was searched."""
    proved: bool = False
    trace: list[str] = field(default_factory=list)

    @property
    def deadline(self) -> float | None:
        """When to stop, on the clock of `knapsolve.limits.clock.now`."""
        return None if self.options.time_limit is None else self.started + self.options.time_limit

    def take(self, stage: Stage) -> bool:
        """Take one stage; return whether it is the last."""
        if stage.method == "residues":
            return self._residues(stage)
        if stage.divisors is not None:
            if self.deadline is not None and clock.now() + ITEM_SECONDS * len(self.base.values) > self.deadline:
                return True
            if not self._cut(stage, stage.divisors):
                return False
        return self._deepen(stage) if stage.method == "deepening" else self._search(stage)

    def _residues(self, stage: Stage) -> bool:
        base = self.base
        answer = search_residues(base, self.deadline)
        if answer is None:
            return False
        if answer.flipped is not None and not base.adopt(base, answer.flipped, answer.best, stage.name):
            return False
        self.trace.append(f"core: residues, {answer.cells} looked at, {_best(base, self.offset)}")
        self.bound = min(self.bound, max(float(base.best), answer.bound))
        self.proved = self.bound < float(base.best) + base.unit
        return self.proved

    def _cut(self, stage: Stage, divisors: tuple[int, ...]) -> bool:
        """Look for cuts; return whether there is anything new to search."""
        base = self.base
        self.current = strengthen(base, self.deadline, divisors)
        self.bound = min(self.bound, self.current.bound + float(self.current.value - base.value))
        if len(self.current.rows) == self.tried and stage.states == SHORT_LIST:
            return False
        self.tried = len(self.current.rows)
        gap = self.bound - float(base.best)
        self.trace.append(f"core: {self.tried} cuts, {_size(self.current)} items, gap {gap:.6g}")
        return True

    def _deepen(self, stage: Stage) -> bool:
        base = self.base
        deep = deepen(base, self.current, self.deadline, stage.states, stage.work)
        self.trace.append(
            f"core: deepening list, {deep.parts} parts, longest list {deep.longest}, {_best(base, self.offset)}"
        )
        self.bound = min(self.bound, max(deep.bound, float(base.best)))
        self.proved = deep.proved
        return self.proved

    def _search(self, stage: Stage) -> bool:
        """Search a list, or its halves, or samples of it."""
        base = self.base
        if self.current is not base:
            # What was found since its constraints were looked for counts here too.
            self.current = replace(self.current, best=base.best - (self.current.value - base.value))
        current = self.current
        search, finished = self._searched(stage)
        held = search.flipped is None or base.adopt(current, search.flipped, search.best, stage.name)
        self.proved = finished and held
        self.trace.append(
            f"core: {stage.name}, {search.work} states touched, longest list {search.longest}, "
            f"{_best(base, self.offset)}{search.stopped and ', stopped by ' + search.stopped}"
        )
        if held and not self.proved and search.exact and stage.method == "list":
            left = current.bound - search.least_loss + float(current.value - base.value)
            self.bound = min(self.bound, max(float(base.best), left))
        self._report()
        return self.proved or search.stopped == "time"

    def _searched(self, stage: Stage) -> tuple[ListSearch, bool]:
        """Search, and say whether that closed the gap."""
        current, deadline = self.current, self.deadline
        if stage.method == "samples":
            samples = match_samples(current, deadline, stage.states, stage.work, self.options.seed)
            return samples, float(samples.best) + current.unit > current.bound
        if stage.method == "halves":
            return match_halves(current, deadline, stage.states, stage.work), False
        search = ListSearch(
            current.room, current.bound, current.best, self.base.unit, current.price, stage.states, deadline,
            beam=stage.states == SHORT_LIST, most_work=stage.work,
        )  # fmt: skip
        return search, search_levels(search, current) and search.exact

    def _report(self) -> None:
        base = self.base
        if self.options.on_progress is not None:
            value = self.offset + float(base.value + base.best)
            above = 0.0 if self.proved else max(self.bound - float(base.best), 0.0)
            above = float(np.floor(above)) if base.whole else above + base.unit
            self.options.on_progress(Progress(clock.now() - self.started, value, value + above))


def _size(base: Base) -> int:
    return len(base.values) if base.items is None else len(base.items)


def _best(base: Base, offset: float) -> str:
    return f"best {offset + float(base.value + base.best):.16g}"
