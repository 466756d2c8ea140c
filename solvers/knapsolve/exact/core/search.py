"""The search over a core: runs the list kernel over items, keeps what recovers a selection, and minds clock and memory.

The decisions of the last 64 steps are bits of a state. Whenever they are full, the list's bits and the positions in
the previous block go to an archive, and every state remembers its position there; a selection is read off by walking
back through the blocks. Entries that no living state leads to are dropped when the archive grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.exact.bellman import free_memory
from knapsolve.exact.core.list import BLOCK, Goal, States, Steps, grow, rests_of
from knapsolve.limits import clock
from knapsolve.limits.interruption import interrupted

FIRST_SIZE = 2**12
WORK = 4 * 10**6
"""States touched between two looks at the clock, a few hundredths of a second."""
LOOK_AHEAD = 1.5
"""Times that the last steps took for which time must be left to go on."""
WINDOW = 2.0
"""Weights of the heaviest item by which a state may miss the capacity when a list is cut."""
CUT_WORK = 20
"""Time that cutting a list takes, by state, in touches of a state."""
STATE_BYTES = 72
"""Memory of a state, both rows together."""
ARCHIVE_ENTRIES = 2**26
"""Archive entries (12 bytes each) beyond which unreachable ones are dropped."""


@dataclass
class ListSearch:
    """The list and what it has found. Values and weights are relative to the base selection.

    Parameters
    ----------
    room
        Capacity that the base selection leaves.
    bound
        Upper bound on the value of any selection.
    best
        Best known value.
    unit
        By how much a value must beat `best` to count.
    price
        Price of a unit of weight in the bound: what unused capacity costs.
    most_states
        Longest list kept.
    deadline
        Clock time to stop at, or None.
    beam
        Whether a list that grows too long is cut to its best states (no proof then) instead of ending the search.
    unused_share
        Share of the price at which unused or exceeded capacity counts when a list is cut.
    most_work
        States to touch at most.
    """

    room: Any
    bound: float
    best: Any
    unit: float
    price: float
    most_states: int
    deadline: float | None
    beam: bool = False
    unused_share: float = 0.01
    most_work: float = np.inf
    exact: bool = field(default=True, init=False)
    """Whether no state was cut."""
    stopped: str = field(default="", init=False)
    """Why the search ended early, if it did."""
    flipped: NDArray[np.int64] | None = field(default=None, init=False)
    """Items that the best selection found flips, or None if none better than the given one was found."""
    count: int = field(default=1, init=False)
    """States in the list."""
    work: int = field(default=0, init=False)
    """States touched so far."""
    longest: int = field(default=1, init=False)
    """States in the list when it was longest."""
    _heaviest: float = field(default=0.0, init=False)
    _side: int = field(default=0, init=False)
    _offset: int = field(default=0, init=False)
    _items: list[NDArray[np.int64]] = field(default_factory=list, init=False)
    _archive: list[tuple[NDArray[np.uint64], NDArray[np.int32]]] = field(default_factory=list, init=False)
    _states: States | None = field(default=None, init=False)

    def run(self, steps: Steps, rest_cost: float, rest_rate: float) -> bool:
        """Take steps; return whether the search may go on, or has ended: no state is left, or it was stopped.

        Parameters
        ----------
        steps
            The items.
        rest_cost, rest_rate
            Least loss, and least loss per unit of weight, of any flip of an item that comes after them; infinite where
            there is none.
        """
        if self._states is None:
            self._states = _allocate(FIRST_SIZE, steps.weight.dtype, steps.value.dtype)
        self._items.append(steps.items)
        self._heaviest = max(self._heaviest, float(np.abs(steps.weight).max(initial=0)))
        # As plain tuples: of named ones Numba reads the names of all fields at every call.
        arrays = tuple(steps), tuple(rests_of(steps.weight, steps.cost, rest_cost, rest_rate, self.price))
        goal = tuple(Goal(self.room, self.bound, self.unit))
        step, total = 0, len(steps.items)
        spent_until = clock.now()
        while step < total and self.count:
            if self._offset == BLOCK * (len(self._archive) + 1):
                self._file()
            last = min(total, step + BLOCK - (self._offset & (BLOCK - 1)))
            before = self._offset - step
            side, count, following, full, best, at, bits, parent = grow(
                tuple(self._states), self._side, self.count, *arrays, step, last, before, goal, self.best, WORK
            )
            self.work += (following - step) * (count + self.count) // 2
            self._side, self.count = side, count
            self._offset, step = before + following, following
            self.longest = max(self.longest, count)
            if at >= 0:
                self.best = best
                self.flipped = self._recover(int(bits), int(parent))
            if full and not self._enlarge(steps.cost[step]):
                return False
            if self.work > self.most_work:
                self.stopped = "work"
                return False
            now, spent = clock.now(), spent_until
            spent_until = now
            # The next steps take about as long as the last ones, or longer: leave before it is too late.
            if interrupted() or (self.deadline is not None and now + LOOK_AHEAD * (now - spent) > self.deadline):
                self.stopped = "time"
                return False
        return self.count > 0

    @property
    def least_loss(self) -> float:
        """Smallest loss of a state that is left: nothing still to be found is worth more than the bound less this."""
        if self._states is None:
            return 0.0
        return float(self._states.loss[self._side, : self.count].min(initial=np.inf))

    def current(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return weights and values of the states, by increasing weight."""
        states = self._begun
        return states.weight[self._side, : self.count], states.value[self._side, : self.count]

    def flips_of(self, state: int) -> NDArray[np.int64]:
        """Return the items that a state flips."""
        states = self._begun
        return self._recover(int(states.bits[self._side, state]), int(states.parent[self._side, state]))

    @property
    def _begun(self) -> States:
        """The states of a search that has begun."""
        assert self._states is not None
        return self._states

    def _file(self) -> None:
        """Move the decisions of a finished block to the archive."""
        bits, parent = self._begun.bits, self._begun.parent
        count, side = self.count, self._side
        self._archive.append((bits[side, :count].copy(), parent[side, :count].copy()))
        bits[side, :count] = 0
        parent[side, :count] = np.arange(count, dtype=np.int32)
        if sum(len(entry) for entry, _ in self._archive) > ARCHIVE_ENTRIES:
            self._tidy()

    def _tidy(self) -> None:
        """Drop archive entries that no living state leads to."""
        parent = self._begun.parent[self._side]
        used = parent[: self.count]
        target: NDArray[np.int32] = used
        for place in range(len(self._archive) - 1, -1, -1):
            bits, above = self._archive[place]
            needed = np.zeros(len(bits), np.bool_)
            needed[target] = True
            position = np.cumsum(needed, dtype=np.int32) - np.int32(1)
            target[:] = position[target]
            kept = above[needed]
            self._archive[place] = (bits[needed], kept)
            if place == 0:
                break
            target = kept
        if sum(len(entry) for entry, _ in self._archive) > ARCHIVE_ENTRIES // 2:
            self.most_states = min(self.most_states, max(self.count, FIRST_SIZE))

    def _recover(self, bits: int, parent: int) -> NDArray[np.int64]:
        """Return the items flipped by a state, from its bits and its archive position."""
        items = np.concatenate(self._items)
        # The bits are of the block after those in the archive, whatever step the search has come to: one that stops
        # where a block has just been filed has empty bits, and positions in the block filed last.
        block = len(self._archive)
        flips = [block * BLOCK + k for k in range(BLOCK) if bits >> k & 1]
        for place in range(block - 1, -1, -1):
            entry, above = self._archive[place]
            word = int(entry[parent])
            flips += [place * BLOCK + k for k in range(BLOCK) if word >> k & 1]
            parent = int(above[parent])
        return np.asarray(items[np.array(flips, np.int64)])

    def _enlarge(self, cost: float) -> bool:
        """Make room for more states, or cut the list where that is allowed; return False if neither is possible."""
        old = self._begun
        size = old.weight.shape[1]
        larger = min(4 * size, self.most_states)
        if size < self.most_states and larger * STATE_BYTES < free_memory() // 2:
            states = _allocate(larger, old.weight.dtype, old.value.dtype)
            for name in States._fields:
                getattr(states, name)[self._side, : self.count] = getattr(old, name)[self._side, : self.count]
            self._states = states
            return True
        if not self.beam:
            self.stopped = "memory"
            return False
        self._cut(size // 4)
        return True

    def _cut(self, number: int) -> None:
        """Keep about `number` states: those of the smallest losses, and the best one out of each stretch of weights."""
        states = self._begun
        unused = (self.room - states.weight[self._side, : self.count]).astype(np.float64)
        # A few flips away from a full capacity: the others have a long way to go.
        near = np.flatnonzero(np.abs(unused) <= WINDOW * self._heaviest)
        # Capacity unused or exceeded counts a little: of equal losses the fuller list is the better one.
        loss = states.loss[self._side, near] + np.abs(unused[near]) * (self.unused_share * self.price)
        self.work += CUT_WORK * self.count
        kept = near
        if len(near) > number:
            best = np.argpartition(loss, number // 2)[: number // 2]
            width = -(-2 * len(near) // number)
            groups = len(near) // width
            spread = np.arange(groups) * width + loss[: groups * width].reshape(groups, width).argmin(axis=1)
            kept = near[np.union1d(best, spread)]
        for array in states:
            array[self._side, : len(kept)] = array[self._side, kept]
        self.count = len(kept)
        self.exact = False


def _allocate(size: int, weight: Any, value: Any) -> States:
    """Return room for so many states, the first of row 0 being the base selection."""
    states = States(
        np.empty((2, size), weight),
        np.empty((2, size), value),
        np.empty((2, size)),
        np.empty((2, size), np.uint64),
        np.empty((2, size), np.int32),
    )
    for array in states:
        array[0, 0] = 0
    return states
