"""The options of weights, listed: the nearest values of few digits, and those that an input multiplies by already."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from knapprune.network.digits import nearest, signed_digits
from knapprune.selection.values.options import Flags, Integers, Options, Paid, Weights, codes_of, decoded


def options_of(weights: Weights, digits: Collection[int] | None, held: Integers) -> Options:
    """List the values that weights may hold: the nearest of each number of digits, or, of None, what they hold."""
    if digits is None:
        return _listed(weights, held[:, None])
    rounded = _nearest_value(weights)
    # Few different values, so each is looked up once.
    distinct, place = _distinct(rounded, weights.low, weights.high)
    # Of two values that are as near the rounded weight, the weight itself is nearer to one.
    above = np.abs(weights.exact) > np.abs(rounded) * weights.step
    asked = sorted(set(digits) - {0})
    known = np.zeros((2, len(distinct), len(asked)), np.int64)
    for side in (0, 1):
        for column, most in enumerate(asked):
            value = nearest(distinct, most, weights.low, weights.high, away=bool(side))
            known[side, :, column] = np.where(signed_digits(value) == most, value, 0)
    return _listed(weights, known.reshape(-1, len(asked))[place + above * len(distinct)])


def _distinct(values: Integers, low: int, high: int) -> tuple[Integers, Integers]:
    """Find the different values, or all of the type where there are fewer, and the place of each value among them."""
    if high - low < len(values):
        return np.arange(low, high + 1), values - low
    distinct, place = np.unique(values, return_inverse=True)
    return distinct, place


def _listed(weights: Weights, values: Integers) -> Options:
    """List options weight by weight, from shape (n, options), where zeros and what was there before are no options."""
    from knapprune.selection.values.loops import list_different  # the compiler takes its time to load

    weight, value = list_different(values)
    multiplied = weights.prices.multiplied(value)
    own = weights.prices.dsp(value, weights.inputs[weight])
    sharing = np.ones(len(weight), np.int64)
    codes = codes_of(weights, weights.inputs[weight[multiplied]], value[multiplied])
    sharing[multiplied] = _equal(codes)
    options = Options(weights, weight, value, weights.worth(weight, value), own, multiplied, sharing)
    keep = (options.worth > 0) & ~_beaten(options)
    return options.only(keep)


def _equal(codes: Integers) -> Integers:
    from knapprune.selection.values.loops import count_equal  # the compiler takes its time to load

    counts: Integers = count_equal(codes)
    return counts


def _beaten(options: Options) -> Flags:
    """Find options that are worth no more than another of the same weight that costs no more whatever is shared."""
    from knapprune.selection.values.loops import mark_beaten  # the compiler takes its time to load

    prices, shared = options.weights.prices, options.sharing > 1
    first, others = prices.multiplication, prices.shifts
    most = np.where(options.multiplied, np.where(shared, max(first, others), first), others)
    least = np.where(options.multiplied, np.where(shared, min(first, others), first), others)
    beaten = np.zeros(len(options), bool)
    if prices.digit:
        of_digits = options.digits * prices.digit
        most, least = most + of_digits, least + of_digits
    dearest, cheapest = (options.own, most), (np.where(shared, 0, options.own), least)
    mark_beaten(options.weight, options.worth, dearest, cheapest, beaten)
    return beaten


def _nearest_value(weights: Weights) -> Integers:
    """Round to the nearest value of the type, and not as the type would: what is chosen is held exactly."""
    return np.clip(np.rint(weights.exact / weights.step), weights.low, weights.high).astype(np.int64)


def with_any_value(options: Options) -> Options:
    """Let each weight have its best value for the least that its part of any multiplier at its input can cost."""
    if not options.weights.moves:
        return options
    weights = options.weights
    last = np.flatnonzero(np.append(options.weight[1:] != options.weight[:-1], len(options) > 0))
    weight = options.weight[last]
    fan = np.bincount(weights.inputs[weight], minlength=len(weights.prices.copies))
    own = weights.prices.least_multiplier * weights.prices.copies[weights.inputs[weight]]
    plain = ~options.multiplied
    parts = (
        (options.weight[plain], weight),
        (options.value[plain], options.value[last]),
        (options.worth[plain], options.best),
        (options.own[plain], own),
        (options.multiplied[plain], np.ones(len(weight), bool)),
        (options.sharing[plain], np.maximum(fan[weights.inputs[weight]], 1)),
    )
    order = np.argsort(np.concatenate(parts[0]), kind="stable")
    return Options(weights, *(np.concatenate(pair)[order] for pair in parts))


def with_values_of(options: Options, paid: Paid) -> Options:
    """Offer each weight the nearest value that its input multiplies by already."""
    if not len(paid) or not options.weights.moves:
        return options
    weights = options.weights
    here = codes_of(weights, weights.inputs, _nearest_value(weights))
    after = np.minimum(np.searchsorted(paid.multipliers, here), len(paid) - 1)
    place = np.arange(len(options)) - np.searchsorted(options.weight, options.weight)
    values = np.zeros((len(here), int(place.max(initial=-1)) + 3), np.int64)
    values[options.weight, place] = options.value
    for column, paid_for in ((-2, after), (-1, np.maximum(after - 1, 0))):
        inputs, value = decoded(weights, paid.multipliers[paid_for])
        values[:, column] = np.where((inputs == weights.inputs) & (weights.exact != 0), value, 0)
    return _listed(weights, values)
