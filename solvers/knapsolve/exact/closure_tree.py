"""Depth-first search over sets closed under requirements, bounded by priced closures.

At a node some items are in, with all that they need, and some out, with all that need them. Prices relax the
capacities; the free items' most profitable closure then bounds the node, from the flow and the prices of the node
before. Prices move only until the bound falls to the cutoff or cannot: one resource by cutting planes, which say so,
several by Polyak's step towards the cutoff (Introduction to Optimization, 1987). An excess larger than what the
bound is above the cutoff fixes its item. The branch is on an item that the closures at a node disagree on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.closure_core import Closures, Core
from knapsolve.exact.closure_fill import fill
from knapsolve.exact.closure_graph import spread
from knapsolve.exact.closure_record import Record

FILL_ARCS = 20_000
"""Arcs that filling up a node's selection may look at."""
LINE_STEPS = 20
"""Most prices tried at a node with one resource; with several, 8 and 2 a resource."""


@dataclass(frozen=True, eq=False)
class Decision:
    """An item taken whose dropping is still to be searched; the bound and prices of its node, and the trail's height."""

    item: int
    bound: float
    prices: NDArray[np.float64]
    mark: int


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
        self._residual, self._base = core.limits.copy(), 0.0
        self._trail: list[NDArray[np.int64]] = []
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
            bound, share = self._lower(record)
            if share is None:
                continue
            size = (self.core.weight @ self._prices + np.abs(self.core.worth)) * share
            size[self.closures.state != 0] = -1.0
            item = int(np.argmax(size))
            self._decisions.append(Decision(item, bound, self._prices, len(self._trail)))
            self._ready = self._fix(item, 1)
        return record.value > before

    def _lower(self, record: Record) -> tuple[float, NDArray[np.float64] | None]:
        """Lower the node's bound over the prices, which are kept.

        Returns
        -------
        bound, share
            The bound, and how much the closures disagree on each item, shape (n,); None where the node is done.
        """
        closures, cutoff = self.closures, record.cutoff - self.core.base
        prices, lowest = self._prices, np.inf
        search: Line | Polyak = Line() if len(prices) == 1 else Polyak()
        steps = 0
        while steps < self._most:
            steps += 1
            closures.close(prices)
            bound = self._base + float(prices @ self._residual) + closures.bound
            slack = self._residual - closures.used
            inside = closures.closure()
            if (slack >= 0.0).all():
                self._offer(inside, slack, record)
                cutoff = record.cutoff - self.core.base
            if bound <= cutoff or closures.largest == 0.0 and not (closures.state == 0).any():
                return bound, None
            if bound < lowest:
                lowest, self._prices = bound, prices
            if closures.largest >= bound - cutoff:
                if not self._fix_sure(inside, bound - cutoff):
                    return bound, None
                search = type(search)()  # a smaller node: what was seen of the larger no longer holds
                continue
            following = search.step(prices, bound, slack, inside, cutoff)
            if following is None:
                break
            prices = following
        return lowest, search.share(len(self.core.worth))

    def _offer(self, inside: NDArray[np.bool_], slack: NDArray[np.float64], record: Record) -> None:
        core, graph, state = self.core, self.core.graph, self.closures.state
        chosen = inside | (state == 1)
        gained = fill(
            core.worth, core.weight, graph.start, graph.needs, self._order, state, chosen, slack.copy(), FILL_ARCS,
            self._room,
        )  # fmt: skip
        if core.base + self._base + self.closures.worth + gained > float(record.value):
            record.offer(core.selection(chosen, record.problem.n))

    def _fix_sure(self, inside: NDArray[np.bool_], gap: float) -> bool:
        """Fix the items whose excess is at least `gap`; return whether what is in still fits."""
        for item in np.flatnonzero(np.abs(self.closures.excess) >= gap):
            if not self._fix(int(item), 1 if inside[item] else -1):
                return False
        return True

    def _fix(self, item: int, value: int) -> bool:
        """Take (1) an item with what it needs or drop (-1) it with what needs it; return whether what is in fits."""
        graph, room = self.core.graph, self._room[0]
        arcs = (graph.start, graph.needs) if value == 1 else (graph.back, graph.needed_by)
        fixed = room[: spread(item, value, *arcs, self.closures.state, room)].copy()
        self._trail.append(fixed)
        if value == 1:
            self._base += float(self.core.worth[fixed].sum())
            self._residual = self._residual - self.core.weight[fixed].sum(axis=0)
        return bool((self._residual >= 0.0).all())

    def _back_up(self, record: Record) -> bool:
        """Drop the item of the last decision that may hold something better; return whether there is one."""
        state = self.closures.state
        while self._decisions:
            decision = self._decisions.pop()
            while len(self._trail) > decision.mark:
                fixed = self._trail.pop()
                if len(fixed) and state[fixed[0]] == 1:
                    self._base -= float(self.core.worth[fixed].sum())
                    self._residual = self._residual + self.core.weight[fixed].sum(axis=0)
                state[fixed] = 0
            if decision.bound > record.cutoff - self.core.base:
                self._prices = decision.prices
                self._fix(decision.item, -1)
                return True
        return False


class Line:
    """Prices of one resource: a closure too heavy and one that fits close in on the lowest bound."""

    def __init__(self) -> None:
        self._over: tuple[float, float, float, NDArray[np.bool_]] | None = None
        self._under: tuple[float, float, float, NDArray[np.bool_]] | None = None

    def step(
        self, prices: NDArray[np.float64], bound: float, slack: NDArray[np.float64], inside: NDArray[np.bool_],
        cutoff: float,
    ) -> NDArray[np.float64] | None:  # fmt: skip
        """Return the prices to try next, None where the bound cannot fall to the cutoff."""
        price, slope = float(prices[0]), float(slack[0])
        if slope >= 0.0:
            self._under = price, bound, slope, inside
        else:
            self._over = price, bound, slope, inside
        if self._over is None or self._under is None:
            if slope == 0.0 or (slope > 0.0 and price == 0.0):
                return None
            return np.array([max(price - (bound - cutoff) / slope, 0.0)])
        at, high, fall, _ = self._over
        other, height, rise, _ = self._under
        # No bound is below the lines through both points, so none is below where they meet.
        step = (height - high - rise * (other - at)) / (fall - rise)
        meet = high + fall * step
        if meet > cutoff or meet >= min(high, height) * (1 - 1e-12):
            return None
        return np.array([max(at + step, 0.0)])

    def share(self, n: int) -> NDArray[np.float64]:
        """Return 1 for items that only the heavy closure holds, near 0 for others, shape (n,)."""
        if self._over is None or self._under is None:
            return np.full(n, 1e-6)
        return np.where(self._over[3] & ~self._under[3], 1.0, 1e-6)


class Polyak:
    """Prices of several resources: steps down the slope, as long as the cutoff is away."""

    def __init__(self) -> None:
        self._lowest, self._steps = np.inf, 0
        self._seen: list[NDArray[np.bool_]] = []

    def step(
        self, prices: NDArray[np.float64], bound: float, slack: NDArray[np.float64], inside: NDArray[np.bool_],
        cutoff: float,
    ) -> NDArray[np.float64] | None:  # fmt: skip
        """Return the prices to try next, None where there is no going down."""
        self._seen.append(inside)
        self._lowest = min(self._lowest, bound)
        norm = float(slack @ slack)
        if norm == 0.0 or bound > self._lowest + 4.0 * (self._lowest - cutoff):
            return None
        following = np.maximum(prices - (bound - cutoff) / norm * slack, 0.0)
        return None if (following == prices).all() else following

    def share(self, n: int) -> NDArray[np.float64]:
        """Return how much the closures disagree on each item, shape (n,)."""
        if not self._seen:
            return np.full(n, 1e-6)
        mean = np.mean(self._seen, axis=0)
        disagreement: NDArray[np.float64] = np.minimum(mean, 1.0 - mean) + 1e-6
        return disagreement
