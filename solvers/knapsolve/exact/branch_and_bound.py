"""Exact solver for several resources and any weights: dual, core, hyperplanes of equal cardinality, depth-first trees.

The dual's reduced costs leave a core of items in doubt; each cardinality of the core that its relaxation does not
exclude is searched by a tree of its own (`knapsolve.exact.hyperplane`, `knapsolve.exact.tree`), the most promising
first. A local search supplies the incumbent.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.fixing import Relaxed, core_of, program_of, relax_program, spread
from knapsolve.exact.hyperplane import Hyperplane, open_hyperplanes
from knapsolve.heuristics.fill import fill
from knapsolve.problem import Knapsack
from knapsolve.solution import evaluate, violation
from knapsolve.solver import Answer, Capabilities, Options, Progress

FLOAT_PROOF = 1e-10
"""Relative margin within which real-valued selections count as equally good."""
EXACT_FLOAT = 2**53
SLICE_WORK = 2e7
"""Arithmetic of the simplex between two looks at the clock: some tens of milliseconds."""


class BranchAndBound:
    """Branch and bound over the core's hyperplanes. See the module's text."""

    name = "branch-and-bound"
    capabilities = Capabilities(exact=True, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the optimum, or, where time is up, the best selection and the largest bound of what is open."""
        clock = _Clock(options.time_limit)
        nothing = np.zeros(problem.n, np.bool_)
        heavy = float(problem.weights.max(initial=0)) * problem.n if problem.integer_weights else 0.0
        if heavy >= EXACT_FLOAT:
            positive = float(np.maximum(problem.values, 0).sum(dtype=np.float64)) * (1 + 1e-12)
            trace = ("branch-and-bound declined: integer weights whose sum passes 2**53",)
            return Answer(nothing if options.start is None else options.start, positive, trace=trace)
        program = program_of(problem)
        if len(program.items) == 0:
            return Answer(nothing, 0, prices=np.zeros(problem.m), trace=("branch-and-bound: nothing fits",))
        relaxed = relax_program(program)
        incumbent = _Incumbent(problem, options, relaxed, clock)
        incumbent.offer(_rounded(relaxed, problem.n))
        if options.start is not None:
            incumbent.offer(options.start)
        trace = _search(relaxed, incumbent, clock, problem.n)
        tolerance = 0.0 if problem.integer_values else FLOAT_PROOF
        return Answer(
            incumbent.selected, incumbent.bound, prices=relaxed.dual.prices / program.row_scale, tolerance=tolerance,
            trace=trace,
        )  # fmt: skip


class _Clock:
    """Wall-clock time since the start, and whether it is up."""

    def __init__(self, limit: float | None) -> None:
        self.started = time.perf_counter()
        self.limit = limit

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started

    def out(self) -> bool:
        return self.limit is not None and self.seconds >= self.limit


class _Incumbent:
    """The best selection, checked in the problem's own arithmetic, and what another must be worth to matter."""

    def __init__(self, problem: Knapsack, options: Options, relaxed: Relaxed, clock: _Clock) -> None:
        self.problem, self.options, self.clock = problem, options, clock
        self.selected = np.zeros(problem.n, np.bool_)
        self.value: int | float = 0
        positive = problem.values[relaxed.program.items]
        # Rounding of float bounds: far above what the sums of a few hundred terms lose.
        self.rounding = 1e-6 + 1e-12 * float(relaxed.program.values.sum()) if problem.integer_values else 0.0
        self.step = int(np.gcd.reduce(positive)) if problem.integer_values else 0
        self.open_bound = relaxed.bound
        self.bound: int | float = self._whole(relaxed.bound)
        self.report()

    @property
    def cutoff(self) -> float:
        """Bounds at or below this hold nothing of interest."""
        if not self.problem.integer_values:
            return float(self.value * (1 + max(FLOAT_PROOF, self.options.gap)))
        return max(float(self.value + self.step) - self.rounding, float(self.value) * (1 + self.options.gap))

    @property
    def settled(self) -> float:
        """How far below its relaxation's value a rounded selection may stay and still solve its node."""
        return self.step - self.rounding if self.step else FLOAT_PROOF * float(self.value)

    def offer(self, selected: NDArray[np.bool_]) -> None:
        """Adopt a selection if it keeps every constraint and is worth more."""
        value, usage = evaluate(self.problem, selected)
        if value > self.value and violation(self.problem, selected, usage) is None:
            self.selected, self.value = selected, value
            self.report()

    def open(self, bound: float) -> None:
        """State what the open part of the search may still hold."""
        whole = self._whole(max(bound, self.cutoff if self.options.gap > 0 else bound))
        if whole < self.bound:
            self.bound = whole
            self.report()

    def _whole(self, bound: float) -> int | float:
        if not self.problem.integer_values:
            return max(bound * (1 + 1e-12), self.value)
        if bound <= self.value:
            return self.value
        return max(int(np.floor(bound + self.rounding)) // self.step * self.step, self.value)

    def report(self) -> None:
        """Tell the caller how things stand."""
        if self.options.on_progress is not None:
            value, bound = float(self.value), float(max(self.bound, self.value))
            self.options.on_progress(Progress(self.clock.seconds, value, bound))


def _rounded(relaxed: Relaxed, n: int) -> NDArray[np.bool_]:
    """Take items by reduced cost, each that still fits."""
    order = np.argsort(-relaxed.reduced, kind="stable")
    program = relaxed.program
    selected = np.zeros(n, np.bool_)
    selected[program.items[order[fill(program.columns[order], program.limits)]]] = True
    return selected


def _search(relaxed: Relaxed, incumbent: _Incumbent, clock: _Clock, n: int) -> tuple[str, ...]:
    """Search every open hyperplane, the one with the largest bound first; return the trace."""
    core = core_of(relaxed, incumbent.cutoff)
    size, m = core.columns.shape
    near = int(relaxed.dual.at_one[core.items].sum())
    planes = open_hyperplanes(core, near, incumbent.cutoff - core.base, clock.out)
    trace = [f"branch-and-bound: core of {size} of {n} items"]
    if planes is None:
        return (*trace, "branch-and-bound: out of time before the search")
    trace.append(f"branch-and-bound: {len(planes)} cardinalities open")
    drop, tries = np.zeros((2, size + 1)), np.zeros((2, size + 1))
    statistics = np.zeros(2, np.int64)
    pivots = int(max(50, SLICE_WORK / (5 * max(size, 1) * (m + 1) + 2 * (m + 1) ** 2)))
    while True:
        planes = [plane for plane in planes if not plane.done and plane.bound + core.base > incumbent.cutoff]
        if not planes or clock.out():
            break
        plane: Hyperplane = max(planes, key=lambda plane: plane.bound)
        incumbent.open(plane.bound + core.base)
        found = plane.search(incumbent.cutoff - core.base, incumbent.settled, pivots, drop, tries, statistics)
        if found is not None:
            incumbent.offer(spread(relaxed.program, core, found, n))
    if not planes:
        incumbent.open(-np.inf)
    trace.append(f"branch-and-bound: {statistics[0]} nodes, {'stopped' if planes else 'proved'}")
    return tuple(trace)
