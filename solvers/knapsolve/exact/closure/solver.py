"""Exact solver for requirements under any number of resources.

At prices for the resources the best selection is a maximum-weight closure, a minimum cut (Picard 1976). What is not in
the closure at prices of zero, the ultimate pit, is in no best selection. The prices that bound best
(`closure_prices`) decide the items whose excess there is large; those in doubt are searched depth first
(`closure_tree`), each node bounded by priced closures again, in turn with neighbourhoods of the best selection. The
problem is the precedence-constrained knapsack (Johnson, Niemi, "On knapsacks, partitions, and a new dynamic programming
technique for trees", MOR 8, 1983; branch and bound over its Lagrangian: Samphaiboon, Yamada 2000).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.closure.core import Core, core_of
from knapsolve.exact.closure.fill import fill
from knapsolve.exact.closure.neighbourhood import Neighbourhoods, decided
from knapsolve.exact.closure.prices import Priced, minimise
from knapsolve.exact.closure.record import FLOAT_PROOF, Record
from knapsolve.exact.closure.tree import Tree
from knapsolve.problem import Knapsack
from knapsolve.solver import Answer, Capabilities, Options

EXACT_FLOAT = 2**53
MOST_PRICES = 100
"""Closures computed for the root's prices."""
FILL_ARCS = 1_000_000
"""Arcs, beside one for each item, that filling up one of the root's closures may look at."""
SLICE_WORK = 1_000_000
"""Arcs of the tree between two looks at the clock: some tens of milliseconds."""
EASY_WORK = 5_000_000
"""Arcs that the tree takes alone, before neighbourhoods take their share."""
LARGE = 400_000
"""Items and arcs of a core above which a time limit leaves all time to neighbourhoods: a node takes too long."""
SHRUNK = 0.7
"""The tree starts again where a better selection leaves less than this share of its items in doubt."""


class Closure:
    """Priced closures, fixing, branch and bound. See the module's text."""

    name = "closure"
    capabilities = Capabilities(exact=True, requires=True, anytime=True)

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        """Return the optimum, or, where time is up, the best selection and the largest bound of what is open."""
        record = Record(problem, options)
        if _too_large(problem):
            declined = "closure declined: integers whose sum passes 2**53"
            return Answer(record.selected, record.bound, trace=(declined,))
        trace: list[str] = []
        prices = _solve(problem, record, trace)
        tolerance = 0.0 if problem.integer_values else FLOAT_PROOF
        return Answer(
            record.selected, record.final_bound(), prices=prices, tolerance=tolerance, trace=(*trace, *record.refused)
        )


def _solve(problem: Knapsack, record: Record, trace: list[str]) -> NDArray[np.float64]:
    """Fill the record and the trace; return the prices of the capacities, shape (m,)."""
    core, scale = core_of(problem)
    prices = np.zeros(problem.m)
    offer = _offering(record, core)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Before any closure, so that there is a selection wherever time ends: by value per share of the capacities.
        offer(np.zeros(problem.n, np.bool_), core.worth / (core.weight / core.limits).sum(axis=1), np.inf)
    pit = minimise(core, prices, 1, record.out, offer)
    if not record.done and not record.out():
        trace.append(f"closure: {int(pit.inside.sum())} of {problem.n} items would be chosen were nothing limited")
        core = core.reduced(np.where(pit.inside, 0, -1).astype(np.int8))
        priced = minimise(core, prices, MOST_PRICES, record.out, _offering(record, core))
        prices = priced.prices
        trace.append(f"closure: bound {record.bound:.12g}, value {record.value:.12g} after {priced.steps} prices")
        if not record.done and not record.out():
            trace.append(_search(core, priced, record))
    trace.append(
        f"closure: {'stopped' if record.refused or not record.done else 'proved'} after {record.seconds:.2f} s"
    )
    return prices / scale


def _too_large(problem: Knapsack) -> bool:
    """Whether integers might not be exact as floats."""
    whole = [problem.values] if problem.integer_values else []
    whole += [*problem.weights] if problem.integer_weights else []
    return any(float(np.abs(row.astype(np.float64)).sum()) >= EXACT_FLOAT for row in whole)


def _offering(record: Record, core: Core) -> Callable[[NDArray[np.bool_], NDArray[np.float64], float], bool]:
    """Return what is told of each priced closure: fills up and offers those that fit; says whether to stop."""
    n = len(core.items)
    state, room = np.zeros(n, np.int8), np.empty((2, n), np.int64)

    def seen(inside: NDArray[np.bool_], excess: NDArray[np.float64], bound: float) -> bool:
        left = core.limits - core.weight[inside].sum(axis=0)
        chosen = inside.copy()
        if (left < 0.0).any():
            chosen = record.selected[core.items]
            left = core.limits - core.weight[chosen].sum(axis=0)
        fill(core.program, np.argsort(-excess, kind="stable"), state, chosen, left, FILL_ARCS + n, room)
        record.offer(core.selection(chosen, record.problem.n))
        record.lower(bound)
        return record.done

    return seen


def _search(root: Core, priced: Priced, record: Record) -> str:
    """Search the items in doubt until nothing is left or time is up; return what happened."""
    local = Neighbourhoods(root, priced, record, record.options.seed)
    nodes = work = 0
    in_doubt = len(root.items)
    while not record.done and not record.out():
        state = decided(root, priced, record.cutoff)
        core = root.reduced(state)
        tree = Tree(core, priced.prices, priced.excess[state == 0])
        in_doubt = len(core.items)
        large = record.options.time_limit is not None and in_doubt + len(core.graph.needs) > LARGE
        few = SHRUNK * in_doubt
        better = False
        while not record.out() and not (better and _in_doubt(priced, record) < few):
            if not large:
                better = tree.run(record, SLICE_WORK)
                if tree.done:
                    record.exhausted()
                    break
                record.lower(tree.bound)
            spent = work + tree.work
            while (large or (spent > EASY_WORK and local.work < local.share * spent)) and not record.out():
                better = local.round() or better
                if better and large:
                    break
        nodes, work = nodes + tree.nodes, work + tree.work
    return f"closure: {in_doubt} items in doubt, {nodes} nodes, {local.rounds} neighbourhoods"


def _in_doubt(priced: Priced, record: Record) -> int:
    """Return how many items the root leaves in doubt, what follows from the decided ones left aside."""
    return int((np.abs(priced.excess) < priced.bound - record.cutoff).sum())
