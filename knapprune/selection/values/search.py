"""Choose the values that constants hold: the knapsack of their options, and what sharing multipliers saves beyond it.

A multiplier is paid once for all weights of an input that hold its value, which no price of a single weight says. With
``split`` prices the knapsack's optimum bounds every selection of the values listed, and is the best one where it keeps
the budget and no weight gains by a value that its input pays for already. Else inputs are looked at one by one, with
what is shared paid once, for a bound and a selection close to it (:mod:`knapprune.selection.values.sharing`). Where
these are not close enough, capacities are lowered until the knapsack's optimum keeps the budget, and each weight is
offered what its input pays for already, at no cost, for as long as that finds more.
"""

from __future__ import annotations

import numpy as np

from knapprune.hardware.resources import LUT
from knapprune.selection.minimum import Need, refuse_below
from knapprune.selection.values.choice import GAP, Choice, Chosen
from knapprune.selection.values.listing import with_any_value, with_values_of
from knapprune.selection.values.sharing import bound_shared

MOST_ROUNDS = 8
"""How often capacities are lowered, and how often values are offered that are paid already."""
NEARLY, AIM = 0.96, 0.985
"""Share of the look-up tables from which adder graphs fill their budget, and the share that is aimed at."""
MANY, GAP_OF_MANY = 100_000, 1e-6
"""Options from which the gap to a bound need not be smaller than this: the last part of it takes most of the time."""
NEAR_ENOUGH = 1e-4
"""Distance to the bound, relative, at which nothing further is tried."""
MOST_GRAPHS = 12
"""How often adder graphs are built."""


def bracketed(choice: Choice) -> tuple[Chosen, float, list[str]]:
    """Find a selection and a bound by prices that bracket what it costs."""
    many = sum(map(len, choice.options)) > MANY
    relaxed = choice.solve("split", gap=GAP_OF_MANY if many else 0.0)
    assert relaxed is not None
    known = []
    if choice.keeps(relaxed):
        further = _with_values_of_the_input(choice, relaxed)
        if further.worth <= relaxed.worth:
            return relaxed, relaxed.solution.bound, []
        known = [further]
    prices = relaxed.solution.prices
    shared = bound_shared(choice, np.zeros(len(choice.request.caps)) if prices is None else prices)
    bound = shared.bound
    if shared.chosen is not None:
        known.append(shared.chosen)
    if max((each.worth for each in known), default=-np.inf) < bound * (1 - NEAR_ENOUGH):
        known += [_with_values_of_the_input(choice, each) for each in known]
        if not choice.keeps(relaxed):
            known.append(_with_values_of_the_input(choice, _within_budget(choice, relaxed)))
        in_parts = choice.solve("split", [with_any_value(own) for own in choice.options], gap=GAP)
        bound = bound if in_parts is None else min(bound, in_parts.solution.bound)
    return max(known, key=lambda each: each.worth), bound, [shared.line]


def fitted(choice: Choice, share: float) -> tuple[Chosen, float, list[str], float]:
    """Lower or raise what digits may cost until the adder graphs that are built of them nearly fill the budget.

    `share` is what they begin with, and is returned as it was for what was found.

    Adders are shared in ways that no price of a digit knows, so nothing is bounded but by all that there is. Other
    layers pay for multipliers as if nothing were shared.
    """
    caps, best, low, high = choice.request.caps, None, 0.0, np.inf
    found, built = share, 0
    while built < MOST_GRAPHS:
        built += 1
        chosen = choice.solve("own", scale=[share if cap.counted == LUT else 1.0 for cap in caps], gap=GAP)
        assert chosen is not None
        filled = max(cap.counted_use(chosen.used) / max(cap.capacity, 1) for cap in caps if cap.counted == LUT)
        if choice.keeps(chosen):
            if best is None or chosen.worth > best.worth:
                best, found = chosen, share
            low = max(low, share)
            if filled >= NEARLY or choice.holds_all(chosen):
                break
        else:
            high = min(high, share)
        aimed = share * AIM / max(filled, 1e-3)
        inside = low < aimed < high
        share = aimed if inside else (low + high) / 2 if np.isfinite(high) else 2 * share
    if best is None:
        best = choice.solve("own", scale=[0.0 if cap.counted == LUT else 1.0 for cap in caps])
        assert best is not None
        needs = [Need(cap, cap.use(best.used), cap.use(choice.request.before)) for cap in caps]
        refuse_below(needs, "where every weight is zero")
    return best, choice.most, [f"values: adder graphs built {built} times"], found


def _within_budget(choice: Choice, relaxed: Chosen) -> Chosen:
    """Find a selection within the budget, sharing and all, by lower capacities for split prices, or by own prices."""
    caps = choice.request.caps
    scale = [1.0] * len(caps)
    for _ in range(MOST_ROUNDS):
        scale = [
            share * min(1.0, max(cap.capacity - gone, 0) / max(cap.counted_use(relaxed.used) - gone, 1))
            for share, cap, gone in zip(scale, caps, choice.fixed, strict=True)
        ]
        lowered = choice.solve("split", scale=scale, gap=GAP)
        if lowered is None:
            break
        if choice.keeps(lowered):
            return lowered
        relaxed = lowered
    alone = choice.solve("own", gap=GAP)
    assert alone is not None
    assert choice.keeps(alone)
    return alone


def _with_values_of_the_input(choice: Choice, best: Chosen) -> Chosen:
    """Offer each weight the values that its input multiplies by already, until that finds no more."""
    for _ in range(MOST_ROUNDS):
        paid = [own.paid_by(value) for own, value in zip(choice.options, best.values, strict=True)]
        if not any(map(len, paid)):
            break
        offered = [with_values_of(own, there) for own, there in zip(choice.options, paid, strict=True)]
        better = choice.solve("paid", offered, paid, gap=GAP)
        if better is None or not choice.keeps(better) or better.worth <= best.worth * (1 + GAP):
            break
        best = better
    return best
