"""Depth-first search over sets closed under requirements, bounded by priced closures.

At a node some items are in, with all that they need, and some out, with all that need them. Prices relax the
capacities; the free items' most profitable closure then bounds the node, from the flow and the prices of the node
before. Prices move only until the bound falls to the cutoff or cannot: one resource by cutting planes, which say so,
several by Polyak's step towards the cutoff (Introduction to Optimization, 1987). An excess larger than what the
bound is above the cutoff fixes its item. The branch is on an item that the closures at a node disagree on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.closure.core import Closures, Core
from knapsolve.exact.closure.fill import fill
from knapsolve.exact.closure.flow import OPEN, PRUNED, STOPPED, SURE, named
from knapsolve.exact.closure.record import Record
from knapsolve.kernels.jit import njit

FILL_ARCS = 20_000
"""Arcs that filling up a node's selection may look at."""
NODE_ARCS = 1_000_000
"""Arcs between two looks at the clock within a node: some tens of milliseconds."""
LINE_STEPS = 20
"""Most prices tried at a node with one resource; with several, 8 and 2 a resource."""


class Decision(NamedTuple):
    """An item taken whose dropping is still to be searched, and its node as it was."""

    item: int
    bound: float
    prices: NDArray[np.float64]  # (m,)
    height: int  # how many items were decided
    base: float  # value of those in
    residual: NDArray[np.float64]  # (m,) what these leave of the capacities


class Tree:
    """A depth-first search that stops after any node and goes on.

    Parameters
    ----------
    core
        What to search.
    prices
        Prices to begin with, shape (m,).
    excess
        What the items of the core are worth at these prices, shape (n,); the surest are filled in first.
    """

    def __init__(self, core: Core, prices: NDArray[np.float64], excess: NDArray[np.float64]) -> None:
        n, m = core.weight.shape
        self.core, self.closures = core, Closures(core)
        self.nodes = 0
        self._prices = prices
        self._decisions: list[Decision] = []
        self._order = np.argsort(-excess, kind="stable")
        self._room = np.empty((2, n), np.int64)
        self._most = LINE_STEPS if m == 1 else 8 + 2 * m
        self._ready = not (core.limits < 0.0).any()

    @property
    def done(self) -> bool:
        """Whether nothing is left to search."""
        return not self._ready and not self._decisions

    @property
    def work(self) -> int:
        """Arcs looked at."""
        return self.closures.work

    @property
    def bound(self) -> float:
        """Bound on what is still open, infinite before the first node."""
        if self._ready:
            return np.inf
        return self.core.base + max((decision.bound for decision in self._decisions), default=-np.inf)

    def run(self, record: Record, work: int) -> bool:
        """Go on for about `work` arcs, offering what is found; return whether something better was."""
        end, before = self.work + work, record.value
        while self.work < end and not record.out() and (self._ready or self._back_up(record)):
            self._ready = False
            self.nodes += 1
            bound = self._bound(record)
            if bound is not None:
                size = (self.core.weight @ self._prices + np.abs(self.core.worth)) * self.closures.seen.share
                item, node = int(np.argmax(size)), self.closures.decided
                self._decisions.append(Decision(
                    item, bound, self._prices, int(node.height[0]), self.closures.base, node.residual.copy()
                ))  # fmt: skip
                self._ready = self._fix(item, 1, 0.0)
        return record.value > before

    def _bound(self, record: Record) -> float | None:
        """Return the node's bound, None where nothing of interest is left of it; its prices are kept."""
        closures, lowest = self.closures, np.inf
        prices = self._prices.copy()
        while True:
            cutoff = record.cutoff - self.core.base
            status = closures.lower(prices, cutoff, self._most, NODE_ARCS)
            if status == STOPPED and record.out():
                self._ready = True  # the node is as open as before
                return None
            if closures.lowest < lowest:
                lowest, self._prices = closures.lowest, prices.copy()
            if closures.fitting_worth > -np.inf:
                self._offer(record)
                cutoff = record.cutoff - self.core.base
            if status == PRUNED or lowest <= cutoff:
                return None
            if status == OPEN:
                return lowest
            if status == SURE and not self._fix(-1, 0, closures.bound - cutoff):
                return None

    def _offer(self, record: Record) -> None:
        """Fill up the closure that fits, and offer it."""
        core, closures = self.core, self.closures
        state, seen = closures.decided.state, closures.seen
        chosen = seen.fitting | (state == 1)
        left = closures.decided.residual - seen.fitting_used
        gained = fill(closures.arrays[0], self._order, state, chosen, left, FILL_ARCS, self._room)
        if core.base + closures.base + closures.fitting_worth + gained > float(record.value):
            record.offer(core.selection(chosen, record.problem.n))

    def _fix(self, item: int, value: int, gap: float) -> bool:
        """Take (1) or drop (-1) an item, or all whose excess is at least `gap`; return whether what is in fits."""
        return bool(decide(self.closures.arrays, item, value, gap))

    def _back_up(self, record: Record) -> bool:
        """Drop the item of the last decision that may hold something better; return whether there is one."""
        decided = self.closures.decided
        while self._decisions:
            decision = self._decisions.pop()
            decided.state[decided.trail[decision.height : decided.height[0]]] = 0
            decided.height[0], decided.base[0] = decision.height, decision.base
            decided.residual[:] = decision.residual
            if decision.bound > record.cutoff - self.core.base:
                self._prices = decision.prices
                self._fix(decision.item, -1, 0.0)
                return True
        return False


@njit(cache=True, nogil=True)
def decide(arrays, item, value, gap):  # type: ignore[no-untyped-def]  # noqa: C901
    """Decide items and all that follows; return whether those in fit.

    Parameters
    ----------
    arrays
        See `knapsolve.exact.closure.flow.named`.
    item
        The item, or -1 for every free one whose excess is at least `gap`: in where the levels say it is in the closure.
    value
        1 to take the item, -1 to drop it.
    gap
        Least excess of the items to decide.
    """
    program, decided, flow = named(arrays)
    worth, weight, graph = program.worth, program.weight, program.graph
    start, needs, back, needed_by = graph.start, graph.needs, graph.back, graph.needed_by
    state, trail, residual = decided.state, decided.trail, decided.residual
    height, base = decided.height[0], decided.base[0]
    excess, level = flow.excess, flow.level
    n, m = weight.shape
    for j in range(n if item < 0 else 1):
        first, side = j, value
        if item >= 0:
            first = item
        elif abs(excess[j]) < gap:
            continue
        elif level[j] < 0:
            side = 1
        else:
            side = -1
        if state[first] != 0:
            continue
        done = height
        trail[height] = first
        state[first] = side
        height += 1
        while done < height:
            here = trail[done]
            done += 1
            if side == 1:
                base += worth[here]
                for i in range(m):
                    residual[i] -= weight[here, i]
                for k in range(start[here], start[here + 1]):
                    if state[needs[k]] == 0:
                        state[needs[k]] = 1
                        trail[height] = needs[k]
                        height += 1
            else:
                for k in range(back[here], back[here + 1]):
                    if state[needed_by[k]] == 0:
                        state[needed_by[k]] = -1
                        trail[height] = needed_by[k]
                        height += 1
    decided.height[0], decided.base[0] = height, base
    fits = True
    for i in range(m):
        fits = fits and residual[i] >= 0.0
    return fits
