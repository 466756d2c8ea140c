"""Choose the widths of the data between layers together with the values of the weights.

A digit costs as many bits of an adder as its data have, so what a width is worth depends on the weights that are kept,
and they on it: a nested knapsack, a group for each result and an option for each of its widths, whose items are the
options of the weights that read it. What a width loses is measured, and in the unit of the weights' saliency: the loss.
Where adder graphs share what no price of a digit knows, the widths and the values are chosen again at corrected prices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.hardware.resources import LUT
from knapprune.network.precision import FixedPoint
from knapprune.selection.budget import Cap
from knapprune.selection.minimum import check_choice, contradiction
from knapprune.selection.request import Outcome, Request
from knapprune.selection.values.choice import Choice, parts_of
from knapprune.selection.values.data_types import Result, Width, results_of
from knapprune.selection.values.options import NOTHING_PAID
from knapprune.selection.values.selecting import Digits, list_choice, select_values
from knapsolve import Status
from knapsolve.nested.items import joined
from knapsolve.nested.problem import NestedKnapsack, Option
from knapsolve.nested.search import solve_nested

MOST_ROUNDS = 4
"""How often widths are chosen at corrected prices."""


@dataclass(frozen=True)
class _Way:
    """One width of a result, with what the layers that read it may hold then."""

    width: Width
    choice: Choice


@dataclass(frozen=True)
class _Widths:
    """All results whose widths are chosen, and beside them the layers that read none."""

    request: Request
    results: Sequence[Result]
    ways: Sequence[Sequence[_Way]]
    rest: Choice

    def choose(self, share: float) -> tuple[tuple[int, ...], float]:
        """Choose a width for each result; `share` is the part of the look-up tables that digits are to fill."""
        price, caps = "own" if self.of_adders else "split", self.request.caps
        groups = [[self._option(way.choice, price, share, -way.width.loss) for way in own] for own in self.ways]
        groups.append([self._option(self.rest, price, share, 0.0)])
        limits = [
            int(cap.capacity * part * _share_of(cap, share)) + self._rounding(position, price)
            for position, (cap, part) in enumerate(zip(caps, parts_of(caps), strict=True))
        ]
        method = self.request.method
        answer = solve_nested(
            NestedKnapsack(groups, np.maximum(limits, 0)), method.solver, time_limit=method.time_limit
        )
        if answer.solution.status is Status.INFEASIBLE:
            raise contradiction(self.least(), caps)
        if answer.solution.status is Status.NO_SOLUTION:
            raise RuntimeError(
                f"no choice that keeps the budget was found in {method.time_limit:g} s; allow more time or take "
                "another solver"
            )
        return tuple(answer.taken.tolist()[:-1]), float(answer.solution.bound)

    def lost(self, taken: Sequence[int]) -> float:
        """Say what rounding results to the widths chosen loses."""
        return sum(own[place].width.loss for own, place in zip(self.ways, taken, strict=True))

    def types(self, taken: Sequence[int]) -> dict[str, FixedPoint]:
        """Say which types were chosen."""
        chosen = zip(self.results, self.ways, taken, strict=True)
        return {result.layer: own[place].width.type for result, own, place in chosen}

    @property
    def of_adders(self) -> bool:
        """Whether look-up tables are budgeted that only adder graphs say."""
        return any(choice.of_adders for choice in self._choices())

    @property
    def most(self) -> float:
        """What all weights are worth."""
        return self.rest.most + sum(max(way.choice.most for way in own) for own in self.ways)

    def lists(self, taken: Sequence[int], values: Mapping[str, npt.NDArray[np.generic]]) -> bool:
        """Say whether no weight holds a value that only others of its input list."""
        choices = [self.rest, *(own[place].choice for own, place in zip(self.ways, taken, strict=True))]
        return all(own.holds_listed(values[own.weights.layer.name]) for choice in choices for own in choice.options)

    def _choices(self) -> list[Choice]:
        return [self.rest, *(way.choice for own in self.ways for way in own)]

    def _option(self, choice: Choice, price: str, share: float, value: float) -> Option:
        caps = self.request.caps
        items = choice.items(price, choice.options, [NOTHING_PAID] * len(choice.options))
        fixed = [
            ceil(gone * part * _share_of(cap, share))
            for cap, gone, part in zip(caps, choice.fixed, parts_of(caps), strict=True)
        ]
        return Option(value, np.array(fixed, dtype=np.int64), joined(items, len(caps)) if items else None)

    def _rounding(self, position: int, price: str) -> int:
        """Add up what a capacity gains or loses because look-up tables are rounded layer by layer."""
        cap = self.request.caps[position]
        return sum(choice.rounding(cap, price) for choice in [self.rest, *(own[0].choice for own in self.ways)])

    def least(self) -> list[npt.NDArray[np.int64]]:
        """List what each option uses without any of its items; for :func:`check_choice`."""
        return [np.array([way.choice.fixed for way in own], dtype=np.int64) for own in self.ways] + [
            np.array([self.rest.fixed], dtype=np.int64)
        ]


def _share_of(cap: Cap, share: float) -> float:
    return share if cap.counted == LUT else 1.0


def select_with_data(request: Request, digits: Digits, given: Any) -> Outcome:
    """Choose what constants hold, which structures are kept, and how wide the data between layers are."""
    widths = _widths(request, digits, results_of(request, given))
    check_choice(widths.least(), request.caps, request.before)
    best, share = None, 1.0
    tried: set[tuple[int, ...]] = set()
    for _ in range(MOST_ROUNDS):
        taken, bound = widths.choose(share)
        if taken in tried:
            break
        tried.add(taken)
        types = widths.types(taken)
        outcome, share = select_values(request.at_types(types), digits, share)
        outcome = _with_losses(outcome, widths, taken, bound)
        if best is None or outcome.solution.value > best.solution.value:
            best = replace(outcome, data_types=types)
        if not widths.of_adders:
            break
    assert best is not None
    return best


def _with_losses(outcome: Outcome, widths: _Widths, taken: Sequence[int], bound: float) -> Outcome:
    """Take off what the widths lose; `bound` holds for values of the list alone, and not where inputs share others."""
    solution, lost = outcome.solution, widths.lost(taken)
    value = solution.value - lost
    shares_beyond = widths.of_adders or not widths.lists(taken, outcome.values)
    most = widths.most if shares_beyond else max(bound, value)
    proved = value >= most - solution.tolerance * abs(most)
    line = f"data: {', '.join(f'{name} {kind}' for name, kind in widths.types(taken).items())}, {lost:.3g} lost"
    return replace(
        outcome,
        solution=replace(
            solution,
            value=value,
            bound=most,
            status=Status.OPTIMAL if proved else Status.FEASIBLE,
            trace=(*solution.trace, line),
        ),
    )


def _widths(request: Request, digits: Digits, results: Sequence[Result]) -> _Widths:
    """List what the readers of each result may hold at each of its widths."""
    ways = [
        [
            _Way(width, list_choice(request.at_types({result.layer: width.type}), digits, result.readers))
            for width in result.widths
        ]
        for result in results
    ]
    read = {name for result in results for name in result.readers}
    others = [layer.name for layer in request.layers if layer.name not in read]
    return _Widths(request, results, ways, list_choice(request, digits, others))
