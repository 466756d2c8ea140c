"""Find the channels worth most within a budget: linear knapsacks, counted after each, around the selection so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from knapprune.hardware.resources import SIZES
from knapprune.network.channels import Flags
from knapprune.selection.budget import Cap
from knapprune.selection.channels.problem import ChannelProblem, Floats
from knapprune.selection.masks import solve_knapsack
from knapsolve.limits.clock import now

if TYPE_CHECKING:
    from knapsolve import Solution

Used = Callable[[Flags], tuple[npt.NDArray[np.int64], bool]]
ROUNDS = 5
"""Knapsacks around the selection so far; most searches end after three or four."""
_PARTS = 24
"""In how many parts all channels come or go where a selection is made without a knapsack."""
_EXCHANGES = 32
"""Single channels that are given up, or taken in, for others at the end."""
_TRIES = 12
"""Channels that are tried one by one where the next does not fit any more."""
_GAP = 1e-3
"""Of knapsacks whose costs are right only near a selection: more would be wasted on them."""
_FINE = 256
"""Shares of a block are counted in so many parts of it."""


@dataclass(frozen=True, eq=False)
class ChannelSearch:
    """A search for the channels to keep.

    Parameters
    ----------
    problem
        What there is to choose.
    caps
        The budget.
    capacities
        Of each cap: how much may be used in this search; the bound is that of the caps.
    used
        Counts what the network that is left uses of each cap, and says whether it can be built.
    solver, time_limit
        As for :func:`knapsolve.solve`; the time is that of all knapsacks together.
    """

    problem: ChannelProblem
    caps: Sequence[Cap]
    capacities: Sequence[int]
    used: Used
    solver: str
    time_limit: float

    def run(self) -> tuple[Flags, Solution] | None:
        """Return the groups that are kept, and what is known of them; None where none was found that can be built."""
        started = now()
        deadline = started + self.time_limit
        known = [cap for cap in self.caps if self.problem.proves and cap.counted in SIZES]
        relaxed = self._relaxed(known)
        best: Flags | None = None
        for start in (self._kept(self.problem.groups.free, relaxed.selected), self._shrunk(), self._grown()):
            kept = self._converged(start)
            if self._fits(kept) and (best is None or self._value(kept) > self._value(best)):
                best = kept
        if best is None:
            return None
        best = self._exchanged(best, deadline)
        prices = relaxed.prices if len(known) == len(self.caps) else None
        return best, self._answer(best, replace(relaxed, prices=prices, seconds=now() - started))

    def _converged(self, kept: Flags) -> Flags:
        """Solve around a selection, and around what comes out, for as long as that gains anything."""
        best = self._improved(kept)
        for _ in range(ROUNDS if self._open.any() else 0):
            kept = self._improved(self._kept(self._open, self._around(best).selected))
            if not self._fits(kept) or (self._fits(best) and self._value(kept) <= self._value(best)):
                break
            best = kept
        return best

    def _shrunk(self) -> Flags:
        """Let the least dense channels go, a few at a time, until the budget is kept."""
        kept = self.problem.groups.alive
        while not self._fits(kept) and (going := np.flatnonzero(kept & self._open)).size:
            density = self._density(kept)
            kept = _without(kept, going[np.argsort(density[going], kind="stable")[: self._few]])
        return kept

    def _grown(self) -> Flags:
        """Add the densest channels to the least that there can be, a few at a time, as long as the budget is kept."""
        kept = self.problem.least
        while (coming := np.flatnonzero(self._open & ~kept)).size:
            density = self._density(kept)
            more = _with(kept, coming[np.argsort(-density[coming], kind="stable")[: self._few]])
            if not self._fits(more):
                break
            kept = more
        return kept

    def _exchanged(self, kept: Flags, deadline: float) -> Flags:
        """Give a channel of one family up for others, or take one in for others, for as long as that gains anything."""
        families = [self._open & (self.problem.groups.family == own) for own in np.unique(self._families)]
        since, tries = 0, 0
        while families and since < 2 * len(families) and tries < _EXCHANGES and now() < deadline:
            own = families[tries // 2 % len(families)]
            swap = (
                _extreme(self.problem.values, kept & own) if tries % 2 else _extreme(-self.problem.values, own & ~kept)
            )
            since, tries = since + 1, tries + 1
            if swap is None:
                continue
            changed = kept.copy()
            changed[swap] = ~changed[swap]
            changed = self._improved(changed, stays=swap)
            if self._value(changed) > self._value(kept) * (1 + 1e-9) and self._fits(changed):
                kept, since = changed, 0
        return kept

    @property
    def _families(self) -> npt.NDArray[np.intp]:
        return self.problem.groups.family[self._open]

    @property
    def _few(self) -> int:
        return max(1, int(self._open.sum()) // _PARTS)

    @property
    def _open(self) -> Flags:
        return np.asarray(self.problem.groups.free & ~self.problem.pinned)

    def _kept(self, of: Flags, selected: Flags) -> Flags:
        kept = self.problem.least.copy()
        kept[of] |= selected
        return kept

    def _value(self, kept: Flags) -> float:
        return float(self.problem.values[kept & self.problem.groups.free].sum())

    def _fits(self, kept: Flags) -> bool:
        use, built = self.used(kept)
        return built and bool((use <= self.capacities).all())

    def _relaxed(self, caps: Sequence[Cap]) -> Solution:
        """Solve with what each channel saves alone: no selection that keeps these caps is worth more than the bound."""
        problem, free = self.problem, self.problem.groups.free
        if not caps:
            return self._solved(free, np.zeros((1, int(free.sum()))), np.zeros(1), self.time_limit / 2, gap=0.0)
        costs = np.array([problem.costs(cap, problem.groups.alive)[free] for cap in caps])
        before, _ = self.used(problem.groups.alive)
        spare = {cap: cap.capacity - use for cap, use in zip(self.caps, before, strict=True)}
        room = costs.sum(axis=1) + [spare[cap] for cap in caps]
        # Costs rounded down and room rounded up leave it a relaxation.
        weights = np.floor(costs * _FINE + 1e-6)
        return self._solved(free, weights, np.floor(room * _FINE + 1e-3), self.time_limit / 2, gap=0.0)

    def _around(self, kept: Flags) -> Solution:
        """Solve with costs and room as they are at a selection."""
        problem, free = self.problem, self._open
        costs = np.array([problem.costs(cap, kept)[free] for cap in self.caps])
        room = costs @ kept[free] + self.capacities - self.used(kept)[0]
        return self._solved(free, np.rint(costs * _FINE), np.floor(room * _FINE), self.time_limit / 10, gap=_GAP)

    def _solved(self, free: Flags, weights: Floats, room: Floats, seconds: float, gap: float) -> Solution:
        from knapsolve import Knapsack

        kinds, item_type = np.unique(weights, axis=1, return_inverse=True)
        problem = Knapsack.from_types(
            self.problem.values[free],
            item_type.ravel().astype(np.int64),
            kinds.astype(np.int64),
            np.maximum(room, 0).astype(np.int64).tolist(),
        )
        return solve_knapsack(problem, self.solver, seconds, gap)

    def _improved(self, kept: Flags, stays: int | None = None) -> Flags:
        """Bring a selection within the budget, then up to it; one group may have to stay as it is."""
        density, changing = self._density(kept), self._open
        if stays is not None:
            changing[stays] = False
        if not self._fits(kept):
            order = np.flatnonzero(kept & changing)
            order = order[np.argsort(density[order], kind="stable")]
            gone = _smallest(len(order), lambda count: self._fits(_without(kept, order[:count])))
            if not self._fits(_without(kept, order[:gone])):  # what is left of that cannot be built
                tries = np.linspace(gone, 0, _TRIES).astype(int)
                gone = next((own for own in tries if self._fits(_without(kept, order[:own]))), gone)
            kept = _without(kept, order[:gone])
            if not self._fits(kept):
                return kept
        order = np.flatnonzero(changing & ~kept)
        order = order[np.argsort(-density[order], kind="stable")]
        added = _smallest(len(order) + 1, lambda count: not self._fits(_with(kept, order[:count]))) - 1
        kept = _with(kept, order[:added])
        for number in order[added + 1 : added + 1 + _TRIES]:
            if self._fits(_with(kept, number)):
                kept = _with(kept, number)
        return kept

    def _density(self, kept: Flags) -> Floats:
        """Say what each group is worth beside what it takes of the budget."""
        parts = [
            self.problem.costs(cap, kept) / max(room, 1) for cap, room in zip(self.caps, self.capacities, strict=True)
        ]
        return np.asarray(self.problem.values / np.maximum(np.sum(parts, axis=0), 1e-12))

    def _answer(self, kept: Flags, relaxed: Solution) -> Solution:
        from knapsolve import Status
        from knapsolve.solution import relative_gap

        value, usage = self._value(kept), self.used(kept)[0]
        bound = max(float(relaxed.bound), value)
        proved = relative_gap(value, bound) <= max(relaxed.tolerance, 1e-12)
        return replace(
            relaxed,
            selected=kept[self.problem.groups.free],
            value=value,
            bound=bound,
            status=Status.OPTIMAL if proved else Status.FEASIBLE,
            usage=usage,
            slack=np.array(self.capacities) - usage,
            trace=(*relaxed.trace, "channels: the bound is that of a knapsack in which each saves what it saves alone"),
        )


def _smallest(count: int, holds: Callable[[int], bool]) -> int:
    """Find the smallest number from 0 to `count` of which something holds that holds of all larger ones."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _extreme(values: Floats, among: Flags) -> int | None:
    """Find the smallest of some values."""
    numbers = np.flatnonzero(among)
    return int(numbers[np.argmin(values[numbers])]) if numbers.size else None


def _with(kept: Flags, more: npt.NDArray[np.intp]) -> Flags:
    changed = kept.copy()
    changed[more] = True
    return changed


def _without(kept: Flags, less: npt.NDArray[np.intp]) -> Flags:
    changed = kept.copy()
    changed[less] = False
    return changed
