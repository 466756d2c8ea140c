"""A bound that knows what is shared, and a choice close to it: prices of the caps by column generation.

At prices of the caps the inputs part, and the best values of an input, multipliers shared, are found exactly or nearly
(:mod:`knapprune.selection.values.sharing_loops`). What they gain, and the price of all capacities, bounds every choice,
whatever the prices: any weight may hold any value with a multiplier that a weight of its input lists. The next prices
are those of the best mix of what the inputs chose so far, and one choice for each input of these, the best that keeps
the budget, is the selection (Dantzig, Wolfe, "Decomposition principle for linear programs", Operations Research 8,
1960).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knapprune.selection.masks import solve_knapsack
from knapprune.selection.values.choice import GAP, Choice, Chosen
from knapprune.selection.values.options import NOTHING_PAID, Floats
from knapprune.selection.values.sites import Answer, Sites, sites_of
from knapsolve import Knapsack
from knapsolve.exact.choice.classes import Classes
from knapsolve.limits.clock import now
from knapsolve.nested.items import Items
from knapsolve.nested.master import best_mix

MOST_PRICES = 40
"""How often the inputs are asked."""
NEAR = 3e-7
"""Distance from the bound to the best mix, relative, at which other prices cannot lower it by anything of note."""
NEAR_OF_SAMPLE = 1e-5
"""The same where only a sample of the inputs is asked."""
LEFT, PATIENCE = 0.9, 3
"""What other prices are to leave of that distance, and how often they may leave more."""
MANY, SAMPLE = 100_000, 10
"""From how many weights on every so many inputs find prices first."""
FEW_BIDS, MANY_BIDS, ALL_BIDS = 16, 256, 2_000_000
"""In how many steps the price of what a multiplier saves may rise to all of that: of many weights in few."""
AROUND, APART = 0.01, 0.002
"""How far around prices of a sample all inputs are asked first, so that what they need is bracketed."""
SECONDS_ASKED = 6.0
"""Time in which all inputs are asked for more than the prices that they begin with."""
SECONDS = 1.0
"""Time to find the best of the choices that are known for each input, of which most are good."""
ROUNDING = 1e-11
"""What rounding may hide of a bound, relative to it."""


@dataclass(frozen=True, eq=False)
class _Asked:
    """Prices, what was answered to each, the best bound of any, and the prices that the best mix comes to."""

    prices: list[Floats]
    answers: list[list[Answer]]
    bound: float
    last: Floats


@dataclass(frozen=True, eq=False)
class Shared:
    """A bound, and the selection that was found beside it.

    Parameters
    ----------
    bound
        What no selection is worth more than.
    chosen
        The best found; None where the rounding of what is used leaves no room.
    line
        For the trace.
    """

    bound: float
    chosen: Chosen | None
    line: str


def bound_shared(choice: Choice, prices: Floats) -> Shared:
    """Bound all choices of values with what is shared paid once, beginning at some prices, and find a good one."""
    sites = [sites_of(own) for own in choice.options]
    others = choice.items("own", choice.options, [NOTHING_PAID] * len(sites))[len(sites) :]
    begin = [prices]
    weights = sum(len(own.weight) for own in sites)
    bids = int(np.clip(ALL_BIDS // max(weights, 1), FEW_BIDS, MANY_BIDS))
    if weights > MANY:
        begin = _around(_ask(choice, sites, others, begin, FEW_BIDS, SAMPLE).last)
    asked = _ask(choice, sites, others, begin, bids)
    line = f"values: {len(asked.prices)} prices with what is shared paid once, bound {asked.bound:.10g}"
    return Shared(asked.bound, _best_of(choice, sites, asked.answers), line)


def _ask(
    choice: Choice,
    sites: Sequence[Sites],
    others: Sequence[Items],
    begin: list[Floats],
    bids: int,
    step: int = 1,
) -> _Asked:
    """Ask at some prices, and from there on at those of the best mix of all answers, until the bound is close to it."""
    caps = choice.request.caps
    capacities = np.array(choice.capacities("split"), dtype=np.float64)
    known: list[Floats] = []
    answers: list[list[Answer]] = []
    bound, left, since, waiting = np.inf, np.inf, 0, list(begin)
    until = now() + min(choice.request.method.time_limit, SECONDS_ASKED)
    while len(known) < MOST_PRICES and since < PATIENCE:
        prices = waiting.pop(0)
        answer = [own.answer(caps, prices, step, bids) for own in sites] + [_answer(own, prices) for own in others]
        own_bound = sum(float(own.gains.sum()) for own in answer) + float(prices @ capacities)
        bound = min(bound, own_bound)
        known.append(prices)
        answers.append(answer)
        if waiting:
            continue
        mix = best_mix(_answers_of(answers, capacities))
        left, before = bound - mix.value, left
        since = 0 if left < LEFT * before else since + 1
        waiting = [mix.prices]
        if left <= (NEAR if step == 1 else NEAR_OF_SAMPLE) * bound or (step == 1 and now() > until):
            break
    return _Asked(known, answers, bound * (1 + ROUNDING), mix.prices)


def _around(prices: Floats) -> list[Floats]:
    """List prices around some: all a little higher or lower together, and each by itself, by less."""
    alone = APART * np.eye(len(prices)) if len(prices) > 1 else np.zeros((0, len(prices)))
    factors = np.concatenate([np.full((1, len(prices)), AROUND), alone])
    return [prices, *(prices * (1 + factors)), *(prices * (1 - factors))]


def _answer(items: Items, prices: Floats) -> Answer:
    """Choose the items of a layer whose structures are kept."""
    reduced = items.values - (prices @ items.type_weights)[items.item_type]
    taken = reduced > 0
    if items.choice is not None:
        best = np.zeros(int(items.choice.max(initial=-1)) + 1)
        labelled = items.choice >= 0
        np.maximum.at(best, items.choice[labelled], reduced[labelled])
        taken[labelled] &= reduced[labelled] == best[items.choice[labelled]]
        # Of equals the first is taken.
        where = np.flatnonzero(taken & labelled)
        taken[where] = False
        taken[where[np.unique(items.choice[where], return_index=True)[1]]] = True
    counts = np.bincount(items.item_type[taken], minlength=items.type_weights.shape[1])
    return Answer(
        reduced[taken].sum(keepdims=True),
        items.values[taken].sum(keepdims=True),
        (items.type_weights @ counts).astype(np.float64)[None, :],
        taken,
    )


def _answers_of(answers: Sequence[Sequence[Answer]], capacities: Floats) -> Classes:
    """List, input by input, what was chosen at each prices, and nothing."""
    worth = np.array([np.concatenate([own.worth for own in asked]) for asked in answers])
    use = np.array([np.concatenate([own.use for own in asked]) for asked in answers])
    rows, columns = worth.shape[1], len(answers) + 1
    worth = np.concatenate([np.zeros((1, rows)), worth])
    use = np.concatenate([np.zeros((1, rows, len(capacities))), use])
    return Classes(
        np.arange(rows + 1) * columns,
        np.arange(rows * columns),
        np.ascontiguousarray(worth.T).ravel(),
        np.ascontiguousarray(use.transpose(1, 0, 2)).reshape(-1, len(capacities)),
        capacities,
    )


def _best_of(choice: Choice, sites: Sequence[Sites], answers: Sequence[Sequence[Answer]]) -> Chosen | None:
    """Take one of its choices for each input so that all are within the budget."""
    capacities = choice.capacities("own")
    known = _answers_of(answers, np.array(capacities, dtype=np.float64))
    columns = len(answers) + 1
    problem = Knapsack(
        known.value,
        np.rint(known.weight.T).astype(np.int64),
        capacities,
        choices=known.item // columns,
        exactly_one=True,
    )
    method = choice.request.method
    solution = solve_knapsack(problem, method.solver, min(method.time_limit, SECONDS), GAP)
    taken = np.flatnonzero(solution.selected) % columns - 1
    values, start = [], 0
    for number, own in enumerate(sites):
        which = taken[start : start + own.rows].repeat(np.diff(own.first))
        chosen = np.full(len(own.weight), -2, np.int32)
        for column in np.unique(which[which >= 0]):
            here = which == column
            chosen[here] = answers[column][number].chosen[here]
        values.append(own.values(chosen))
        start += own.rows
    selected = [
        np.zeros_like(answers[0][number].chosen, bool) if column < 0 else answers[column][number].chosen.astype(bool)
        for number, column in enumerate(taken[start:].tolist(), len(sites))
    ]
    found = choice.chosen(values, selected, solution)
    return found if choice.keeps(found) else None
