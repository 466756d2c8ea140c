"""Beam search over the tree of relaxations, every one of them rounded.

A level holds the nodes of best bound, of all cardinalities together; each is branched on a fractional item, and both
children are relaxed and rounded to a selection (beam search: Lowerre, 1976; LP-guided rounding: Fleszar, Hindi, "Fast,
effective heuristics for the 0-1 multi-dimensional knapsack problem", Computers & OR 36, 2009). Where many resources
bind, good selections are roundings of relaxations with ten or twenty items fixed, so a beam ends at that depth; the
next draws other items to branch on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from knapsolve.heuristics.rounding import add_all, exchange_all
from knapsolve.kernels.jit import njit
from knapsolve.kernels.parallel import each
from knapsolve.relaxation.fixing import Core, Relaxed, spread
from knapsolve.relaxation.hyperplane import Hyperplane
from knapsolve.relaxation.incumbent import Incumbent
from knapsolve.relaxation.lp import OPTIMAL, RELAXED, Basis, Room, reoptimise, start_from_basis

WIDTH, DEPTH = 50, 24
"""Nodes that a level keeps, and levels."""
ASPIRATION = 0.5
"""How far from the incumbent to the best bound a relaxation must reach to be kept."""
NEAR = 100
"""Items about the threshold that a rounding may exchange."""
CHUNK_WORK = 1e8
"""Arithmetic between two looks at the clock: some tens of milliseconds."""
ANCHORED = (0.3, 0.8)
"""Least and largest share of the items that an anchored beam keeps as the incumbent has them."""
NODE_PIVOTS = 15
"""Pivots that a node takes, about."""
ALONE_WORK = 1e7
"""Arithmetic of a level below which a second thread is not worth its start."""


class Nodes(NamedTuple):
    """The nodes of a level."""

    fixed: NDArray[np.int8]  # (q, n) 0 or 1 for fixed items, -1 for active ones; changed
    basic: NDArray[np.int64]  # (q, M) basic variables to start from; changed
    cardinality: NDArray[np.float64]  # (q,)
    branch: NDArray[np.int64]  # (q,) item to fix before, or -1; left at the item to branch on, or -1
    side: NDArray[np.int8]  # (q,) its value
    bound: NDArray[np.float64]  # (q,) written; minus infinity where a node is dropped


class Candidates(NamedTuple):
    """Items that a rounding adds or exchanges."""

    order: NDArray[np.int64]  # (n,) all, by decreasing reduced cost
    near: NDArray[np.int64]  # those to exchange


class Beam:
    """Beams through the open cardinalities of a core.

    Parameters
    ----------
    relaxed
        The problem with its dual.
    core
        Its core.
    planes
        The core's open hyperplanes, best bound first.
    incumbent
        The selection to improve; it is offered everything found.
    random
        Source of the random choice of items to branch on.
    out_of_time
        Whether to stop.
    """

    def __init__(
        self, relaxed: Relaxed, core: Core, planes: list[Hyperplane], incumbent: Incumbent, random: Generator,
        out_of_time: Callable[[], bool],
    ) -> None:  # fmt: skip
        self.relaxed, self.core, self.planes, self.incumbent = relaxed, core, planes, incumbent
        self.random, self.out_of_time = random, out_of_time
        self.pivots = 0
        reduced = relaxed.reduced[core.items]
        near = np.argsort(np.abs(reduced), kind="stable")[:NEAR]
        self.candidates = Candidates(np.argsort(-reduced, kind="stable"), near)

    def run(self, width: int = WIDTH, depth: int = DEPTH, *, anchored: bool = False) -> None:
        """Follow one beam of so many nodes a level, down to the given depth.

        Parameters
        ----------
        width, depth
            Nodes that a level keeps, and levels.
        anchored
            Whether a random share of the items stays as the incumbent has them.
        """
        planes = [plane for plane in self.planes if plane.root_bound + self.core.base > self.incumbent.cutoff][:width]
        if not planes:
            return
        size = len(self.core.items)
        fixed = np.full((len(planes), size), -1, np.int8)
        if anchored:
            kept = self.random.random(size) < self.random.uniform(*ANCHORED)
            fixed[:, kept] = self.incumbent.selected[self.relaxed.program.items[self.core.items[kept]]]
        nodes = Nodes(
            fixed, np.array([plane.root_basis for plane in planes]),
            np.array([float(plane.cardinality) for plane in planes]), np.full(len(planes), -1),
            np.zeros(len(planes), np.int8), np.empty(len(planes)),
        )  # fmt: skip
        for _ in range(depth):
            self._relax(nodes)
            cutoff = self._aspired - self.core.base
            open_nodes = np.flatnonzero((nodes.bound > cutoff) & (nodes.branch >= 0))
            if len(open_nodes) == 0 or self.out_of_time():
                return
            parents = open_nodes[np.argsort(-nodes.bound[open_nodes], kind="stable")[:width]].repeat(2)
            nodes = Nodes._make(array[parents] for array in nodes)
            nodes.side[:] = np.arange(len(parents)) % 2

    @property
    def _aspired(self) -> float:
        """Relaxations worth less round to nothing better; so high a cutoff decides many items at once."""
        return self.incumbent.cutoff + ASPIRATION * (self.planes[0].root_bound + self.core.base - self.incumbent.cutoff)

    def _relax(self, nodes: Nodes) -> None:
        """Relax and round the nodes of a level, until time is up."""
        nodes.bound[:] = -np.inf
        count, program = len(nodes.bound), self.planes[0].program
        size, rows = program.columns.shape
        noise = 1.0 + self.random.random((count, rows))
        incumbent, base = self.incumbent, self.core.base
        limits = np.append(self.core.limits, 0.0)
        cutoff = self._aspired - base

        def work(start: int, stop: int) -> tuple[float, int, NDArray[np.bool_]]:
            selected = np.zeros(size, np.bool_)
            best, pivots = relax_nodes(program, limits, nodes, start, stop, cutoff, noise, self.candidates, selected)
            return best, pivots, selected

        node_work = rows**3 + NODE_PIVOTS * (2.0 * size * rows + 4.0 * rows**2)
        chunk = max(1, int(CHUNK_WORK / node_work))
        for start in range(0, count, 2 * chunk):
            stop = min(start + 2 * chunk, count)
            middle = (start + stop) // 2 if (stop - start) * node_work > ALONE_WORK else stop
            halves = [(a, b) for a, b in ((start, middle), (middle, stop)) if b > a]
            for best, pivots, selected in each(work, halves):
                self.pivots += pivots
                if best + base > incumbent.value:
                    incumbent.offer(spread(self.relaxed.program, self.core, selected, incumbent.problem.n))
            if self.out_of_time():
                break


@njit(cache=True, nogil=True, fastmath=RELAXED, error_model="numpy")
def relax_nodes(program, limits, nodes, start, stop, cutoff, noise, candidates, selected):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0913
    """Relax the nodes from `start` to `stop`, fix what their reduced costs decide, and round them.

    Parameters
    ----------
    program, limits
        See `knapsolve.relaxation.lp.LinearProgram`; right-hand sides, shape (M,), of which the last is not read: that
        row is the cardinality, whose limit each node brings.
    nodes, candidates
        See these.
    start, stop
        Which nodes.
    cutoff
        Nodes whose bound is at or below it are dropped.
    noise
        Factor of each basic item's fractionality where an item to branch on is chosen, shape (q, M).
    selected
        Out: the best selection found, shape (n,).

    Returns
    -------
    best, pivots
        Value of `selected`, 0 where none was found, and pivots taken.
    """
    values, columns, resources = program
    order, near = candidates.order, candidates.near
    n, rows = columns.shape
    row_of, inverse, prices = np.empty(n + rows, np.int64), np.empty((rows, rows)), np.empty(rows)
    reduced, at_one, residual = np.empty(n), np.zeros(n, np.bool_), np.empty(rows)
    active, left = np.empty(n, np.int64), np.empty(rows)
    room = Room(np.empty(rows), np.empty(n), np.empty(n + rows), np.empty(n + rows, np.int64), np.empty((rows, rows)))
    levels, heap_ratio, heap_item = room.levels, room.ratio, room.item
    best, total = 0.0, 0
    for q in range(start, stop):
        fixed, basic = nodes.fixed[q], nodes.basic[q]
        if nodes.branch[q] >= 0:
            fixed[nodes.branch[q]] = nodes.side[q]
        for i in range(rows):
            left[i] = limits[i] if i < resources else nodes.cardinality[q]
        count, worth = np.int64(0), 0.0  # without the type, Numba compiles the simplex once more for a literal 0
        for j in range(n):
            at_one[j] = fixed[j] == 1
            if fixed[j] < 0:
                active[count] = j
                count += 1
            elif at_one[j]:
                worth += values[j]
                for i in range(rows):
                    left[i] -= columns[j, i]
        basis = Basis(basic, row_of, inverse, prices, reduced, at_one, residual)
        bound = np.nan
        while np.isnan(bound):
            bound = start_from_basis(program, basis, fixed, active, count, left, worth, room.matrix)
            if np.isnan(bound):
                for p in range(rows):
                    basic[p] = n + p
        status, bound, pivots = reoptimise(program, basis, fixed, active, count, bound, cutoff, room)
        total += pivots
        nodes.branch[q] = -1
        if status != OPTIMAL:
            continue
        nodes.bound[q] = bound
        for k in range(count):
            j = active[k]
            if row_of[j] < 0 and abs(reduced[j]) >= bound - cutoff:
                fixed[j] = 1 if at_one[j] else 0
        widest = 0.0
        fractional = 0
        for p in range(rows):
            j = basic[p]
            if j >= n:
                continue
            at_one[j] = fixed[j] == 1
            distance = min(levels[p], 1.0 - levels[p])
            if fixed[j] < 0 and distance > 1e-7 and distance * noise[q, p] > widest:
                widest = distance * noise[q, p]
                nodes.branch[q], nodes.side[q] = j, 0
            # Insertion by decreasing level: the order in which to round up.
            at = fractional
            while at > 0 and heap_ratio[at - 1] < levels[p]:
                heap_ratio[at], heap_item[at] = heap_ratio[at - 1], heap_item[at - 1]
                at -= 1
            heap_ratio[at], heap_item[at] = levels[p], j
            fractional += 1
        worth = 0.0
        for i in range(rows):
            left[i] = limits[i]
        for j in range(n):
            if at_one[j]:
                worth += values[j]
                for i in range(resources):
                    left[i] -= columns[j, i]
        fits = True
        for i in range(resources):
            fits = fits and left[i] >= 0.0
        if not fits:
            continue
        worth += add_all(columns, resources, heap_item, fractional, left, at_one, values)
        worth += add_all(columns, resources, order, n, left, at_one, values)
        gain = 1.0
        while gain > 0.0:
            gain = exchange_all(columns, resources, near, left, at_one, values)
            gain += add_all(columns, resources, near, len(near), left, at_one, values)
            worth += gain
        if worth > best:
            best = worth
            for j in range(n):
                selected[j] = at_one[j]
    return best, total
