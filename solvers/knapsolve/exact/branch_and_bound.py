"""Exact solver for several resources and any weights: dual, core, hyperplanes of equal cardinality, depth-first trees.

The dual's reduced costs leave a core of items in doubt; each cardinality of the core that its relaxation does not
exclude is searched by a tree of its own (`hyperplane`, `tree`), the most promising first. A local search supplies the
incumbent.
"""

from __future__ import annotations

import numpy as np

from knapsolve.heuristics.improvement import Improvement
from knapsolve.heuristics.local_search import rounded
from knapsolve.problem import Knapsack
from knapsolve.relaxation.fixing import Relaxed, core_of, program_of, relax_program, spread
from knapsolve.relaxation.hyperplane import Hyperplane, open_hyperplanes
from knapsolve.relaxation.incumbent import FLOAT_PROOF, Clock, Incumbent
from knapsolve.relaxation.tree import no_costs
from knapsolve.solution import start_of
from knapsolve.solver import Answer, Capabilities, Options

EXACT_FLOAT = 2**53
SLICE_WORK = 1e8
"""Arithmetic of the simplex between two looks at the clock: some tens of milliseconds."""
TINY_PIVOTS = 2000
"""Pivots that prove most small problems, before anything else is worth its start."""
QUICK_WIDTH, QUICK_DEPTH = 8, 12
"""The first beam: a good cutoff for the trees in a few milliseconds."""
EASY_PIVOTS, EASY_WORK = 200_000, 1e9
"""Pivots, and arithmetic, that the trees take alone: easy problems are proved before a local search pays."""
HARD_WORK = 5e9
"""Arithmetic after which a proof is far and a better selection worth more."""
LARGE_CORE = 50_000
"""Entries of the core's weights above which a time limit leaves all time to the local search."""
WARM_ROUNDS = 40
"""Rounds without improvement after which the local search hands over to the trees."""
STALE_ROUNDS = 400
"""Rounds without improvement after which the local search leaves most of the time to the trees."""


class BranchAndBound:
    """Branch and bound over the core's hyperplanes. See the module's text."""

    name = "branch-and-bound"
    capabilities = Capabilities(exact=True, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the optimum, or, where time is up, the best selection and the largest bound of what is open."""
        clock = Clock(options.time_limit)
        nothing = np.zeros(problem.n, np.bool_)
        heavy = float(problem.weights.max(initial=0)) * problem.n if problem.integer_weights else 0.0
        if heavy >= EXACT_FLOAT:
            positive = float(np.maximum(problem.values, 0).sum(dtype=np.float64)) * (1 + 1e-12)
            declined = "branch-and-bound declined: integer weights whose sum passes 2**53"
            start = start_of(problem, options)
            return Answer(nothing if start is None else start, positive, trace=(declined,))
        program = program_of(problem)
        if len(program.items) == 0:
            return Answer(nothing, 0, prices=np.zeros(problem.m), trace=("branch-and-bound: nothing fits",))
        relaxed = relax_program(program)
        incumbent = Incumbent(problem, options, relaxed, clock, self.name)
        incumbent.offer(rounded(relaxed, problem.n))
        start = start_of(problem, options)
        if start is not None:
            incumbent.offer(start)
        trace = _search(relaxed, incumbent, clock, problem.n, options.seed)
        tolerance = 0.0 if problem.integer_values else FLOAT_PROOF
        return Answer(
            incumbent.selected, incumbent.bound, prices=relaxed.dual.prices / program.row_scale, tolerance=tolerance,
            trace=(*trace, *incumbent.refused),
        )  # fmt: skip


def _search(relaxed: Relaxed, incumbent: Incumbent, clock: Clock, n: int, seed: int) -> tuple[str, ...]:
    """Search the trees briefly; where that is no proof, improve the incumbent first and start on a smaller core."""
    forest = _Forest(relaxed, incumbent, clock, n)
    # A descent into a large core cannot be stopped half way: with a deadline, improve the incumbent instead.
    large = clock.limit is not None and len(forest.core.items) * relaxed.program.columns.shape[1] > LARGE_CORE
    if not large:
        forest.grow(TINY_PIVOTS, None)
        if forest.open and not clock.out():
            improvement = Improvement(relaxed, incumbent, np.random.default_rng(seed), clock.out)
            improvement.beam.run(QUICK_WIDTH, QUICK_DEPTH)
            forest = _Forest(relaxed, incumbent, clock, n)
            forest.grow(min(EASY_PIVOTS, int(EASY_WORK / forest.pivot_work)), None)
    if forest.open and not clock.out():
        local = Improvement(relaxed, incumbent, np.random.default_rng(seed), clock.out)
        while (large or local.stale < WARM_ROUNDS) and local.open and not clock.out():
            local.round()
        forest = _Forest(relaxed, incumbent, clock, n)
        forest.grow(None, local)
        forest.trace.append(f"branch-and-bound: {local.rounds} rounds of local search")
    if not forest.open:
        incumbent.open(-np.inf)
    forest.trace.append(f"branch-and-bound: {forest.statistics[0]} nodes, {'stopped' if forest.open else 'proved'}")
    return tuple(forest.trace)


class _Forest:
    """The trees of all open cardinalities of a core; `open` tells whether any is left."""

    def __init__(self, relaxed: Relaxed, incumbent: Incumbent, clock: Clock, n: int) -> None:
        self.relaxed, self.incumbent, self.clock, self.n = relaxed, incumbent, clock, n
        self.core = core_of(relaxed, incumbent.cutoff)
        planes = open_hyperplanes(relaxed, self.core, incumbent.cutoff - self.core.base, clock.out)
        self.planes = planes or []
        self.open = planes is None or len(planes) > 0
        if self.planes:
            incumbent.open(self.planes[0].root_bound + self.core.base)
        self.statistics = np.zeros(2, np.int64)
        size, m = self.core.columns.shape
        self.pivot_work = 5.0 * max(size, 1) * (m + 1) + 2.0 * (m + 1) ** 2
        self.trace = [
            f"branch-and-bound: core of {len(self.core.items)} of {n} items, {len(self.planes)} cardinalities open"
        ]

    def grow(self, most_pivots: int | None, local: Improvement | None) -> None:
        """Search the tree with the largest bound, slice by slice, until all are done, or time or pivots are up.

        Parameters
        ----------
        most_pivots
            Pivots after which to stop, or None.
        local
            A local search that takes its share between slices, or None.
        """
        size = len(self.core.items)
        incumbent, base = self.incumbent, self.core.base
        costs = no_costs(size)
        pivots = int(max(50, SLICE_WORK / self.pivot_work))
        while self.planes and not self.clock.out():
            self.planes = [p for p in self.planes if not p.done and p.bound + base > incumbent.cutoff]
            if not self.planes:
                self.open = False
                return
            if most_pivots is not None and self.statistics[1] > most_pivots:
                return
            plane: Hyperplane = max(self.planes, key=lambda plane: plane.bound)
            incumbent.open(plane.bound + base)
            selected = plane.search(incumbent.cutoff - base, incumbent.settled, pivots, costs, self.statistics)
            if selected is not None:
                incumbent.offer(spread(self.relaxed.program, self.core, selected, self.n))
            if local is not None:
                allowed = _share(self.pivot_work * self.statistics[1], local.stale) * self.statistics[1]
                while local.pivots < allowed and local.open and not self.clock.out():
                    local.round()


def _share(work: float, stale: int) -> float:
    """Return the local search's pivots per pivot of the trees; counted, not timed, so that runs repeat."""
    if stale > STALE_ROUNDS:
        return 0.5
    return 0.25 if work < HARD_WORK else 6.0
