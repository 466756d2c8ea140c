"""Exact solver for requirements under any number of resources.

At prices for the resources the best selection is a maximum-weight closure, a minimum cut (Picard 1976). The prices
that bound best (`closure_prices`) fix the items that a better selection must have or leave (`closure_fixing`); those in
doubt are searched depth first (`closure_tree`), each node bounded by a closure again.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.closure_core import ROUNDING, Core, core_of
from knapsolve.exact.closure_fill import fill
from knapsolve.exact.closure_prices import Priced, minimise
from knapsolve.exact.closure_tree import DONE, FIXED, FOUND, NODES, READY, WORK, search
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, violation
from knapsolve.solver import Answer, Capabilities, Options, Progress

EXACT_FLOAT = 2**53
FLOAT_PROOF = 1e-10
"""Relative margin within which real-valued selections count as equally good."""


class Record:
    """The best selection, checked in the problem's own arithmetic, and the bound."""

    def __init__(self, problem: Knapsack, options: Options) -> None:
        self.problem, self.options, self.started = problem, options, time.perf_counter()
        self.selected = np.zeros(problem.n, np.bool_)
        self.value: int | float = 0
        magnitude = float(np.abs(problem.values.astype(np.float64)).sum())
        self.step = max(int(np.gcd.reduce(problem.values)), 1) if problem.integer_values and problem.n else 0
        self.rounding = ROUNDING * magnitude + (1e-6 if self.step else 0.0)
        self.bound: int | float = np.inf
        self.lower(float(np.maximum(problem.values, 0).sum(dtype=np.float64)) + self.rounding)
        if options.start is not None:
            self.offer(options.start)

    @property
    def cutoff(self) -> float:
        """Bounds at or below this hold nothing of interest."""
        gap = abs(self.value) * self.options.gap
        if self.step:
            return max(float(self.value + self.step) - self.rounding, float(self.value) + gap)
        return float(self.value) + max(FLOAT_PROOF * abs(self.value), self.rounding, gap)

    def out(self) -> bool:
        """Return whether time is up."""
        limit = self.options.time_limit
        return limit is not None and time.perf_counter() - self.started >= limit

    def offer(self, selected: NDArray[np.bool_]) -> None:
        """Adopt a selection if it keeps every constraint and is worth more."""
        value, usage = evaluate(self.problem, selected)
        if value > self.value and violation(self.problem, selected, usage) is None:
            self.selected, self.value = selected, value
            self.bound = max(self.bound, value)
            self.report()

    def lower(self, bound: float) -> None:
        """State a bound on all selections, or on all that are not searched yet."""
        lowered: int | float = max(bound, self.value)
        if self.step and np.isfinite(bound):
            lowered = max(int(np.floor(bound)) // self.step * self.step, self.value)
        if lowered < self.bound:
            self.bound = lowered
            self.report()

    @property
    def done(self) -> bool:
        """Whether the bound leaves nothing of interest."""
        return self.bound <= self.cutoff

    def report(self) -> None:
        """Tell the caller how things stand."""
        if self.options.on_progress is not None:
            seconds = time.perf_counter() - self.started
            self.options.on_progress(Progress(seconds, float(self.value), float(self.bound)))


class Closure:
    """Priced closures, fixing, branch and bound. See the module's text."""

    name = "closure"
    capabilities = Capabilities(exact=True, requires=True, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        record = Record(problem, options)
        core, scale = core_of(problem)
        zero = np.zeros(problem.m)
        pit = minimise(core, zero, 1, record.out, _offering(record, core))
        trace = [f"{time.perf_counter()-record.started:.3f} s pit {pit.inside.sum()} of {problem.n}"]
        record.lower(pit.bound)
        if record.done: return Answer(record.selected, record.bound, trace=tuple(trace))
        core = core.reduced(np.where(pit.inside, 0, -1).astype(np.int8))
        priced = minimise(core, zero, 100, record.out, _offering(record, core))
        record.lower(priced.bound)
        trace.append(f"{time.perf_counter()-record.started:.3f} s {priced.steps} prices: bound {record.bound} value {record.value}")
        state = np.zeros(len(core.items), np.int8)
        gap = priced.bound - record.cutoff
        state[priced.inside & (priced.excess >= gap)] = 1
        state[~priced.inside & (-priced.excess >= gap)] = -1
        # closure under needs
        from knapsolve.exact.closure_graph import spread
        g = core.graph
        f = np.empty(len(state), np.int64)
        for v, a, b in ((1, g.start, g.needs), (-1, g.back, g.needed_by)):
            for j in np.flatnonzero(state == v):
                state[j] = 0
                spread(j, v, a, b, state, f)
        core = core.reduced(state)
        trace.append(f"{time.perf_counter()-record.started:.3f} s core {len(core.items)}")
        self.tree(core, priced, record, trace, problem.n)
        trace.append(f"{time.perf_counter()-record.started:.3f} s value {record.value} bound {record.bound}")
        return Answer(record.selected, record.bound, prices=priced.prices / scale, trace=tuple(trace))

    def tree(self, core, priced, record, trace, n):
        size, m = core.weight.shape
        excess = core.worth - core.weight @ priced.prices
        order = np.argsort(-excess, kind="stable")
        counters = np.zeros(5, np.int64)
        counters[READY] = 1
        best = np.array([float(record.value) - core.base])
        state = np.zeros(size, np.int8); trail = np.empty(size, np.int64)
        residual = core.limits.copy(); base = np.zeros(1); prices = priced.prices.copy()
        flow = np.zeros(len(core.graph.needs)); chosen = np.zeros(size, np.bool_)
        di, dv, dm = (np.empty(size + 1, np.int64) for _ in range(3)); db = np.empty(size + 1); dp = np.empty((size + 1, m))
        status = -1
        while status != DONE and not record.out():
            status = search(core.worth, core.weight, *core.graph.arrays, order, record.cutoff - core.base, best, core.tolerance, 10_000_000,
                counters, state, trail, residual, base, prices, flow, chosen, di, dv, db, dm, dp)
            if status == FOUND:
                record.offer(core.selection(chosen, n))
            if status == DONE:
                record.lower(-np.inf)
            else:
                pass
        trace.append(f"{time.perf_counter()-record.started:.3f} s tree {status} nodes {counters[NODES]} work {counters[WORK]}")


def _offering(record: Record, core: Core):
    def seen(inside, excess, bound) -> bool:
        left = core.limits - core.weight[inside].sum(axis=0)
        if (left >= 0).all():
            chosen = inside.copy()
            order = np.argsort(-excess, kind="stable")
            n = len(inside)
            fill(core.worth, core.weight, core.graph.start, core.graph.needs, order, np.zeros(n, np.int8), chosen, left, np.empty(n, np.int64), np.empty(n, np.int64))
            record.offer(core.selection(chosen, record.problem.n))
        record.lower(bound)
        return record.done
    return seen
