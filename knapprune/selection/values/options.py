"""What each weight of a layer may hold, where weights are constants: its value, or a near one of fewer signed digits.

An option is worth the share of the weight's saliency that its squared relative error leaves, ``s * (1 - ((q - w) / w)
** 2)``: what the second order of the loss says of moving the weight from w to q, so that zero, which is always among
the options, is worth nothing. What it costs are :class:`knapprune.hardware.value_prices.ValuePrices`. Multipliers are
shared by the weights of one input that hold one value, so a price is one of three:

- ``own``: the multiplier is the weight's alone. No selection costs more than the sum of these.
- ``split``: each of the weights that could share a multiplier pays its part of it. No selection costs less.
- ``paid``: the multiplier is there already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knapprune.hardware.value_prices import PARTS_OF_A_TABLE, ValuePrices
from knapprune.network.digits import signed_digits
from knapprune.network.layers import Layer
from knapprune.selection.budget import Cap

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: Parts that a DSP block is split into; divisible by the number of weights that share it, up to ten.
PARTS_OF_A_BLOCK = 2520
#: Weights that share a multiplier: where more do, a part of it is nothing.
MOST_SHARING = 1 << 20
#: Parts in which each resource is priced.
PARTS = {"dsp": PARTS_OF_A_BLOCK, "lut": PARTS_OF_A_TABLE}


@dataclass(frozen=True, eq=False)
class Weights:
    """The weights of one layer, flat, and what their values cost.

    Parameters
    ----------
    layer
        The layer.
    exact
        Shape (n,): the weights.
    saliency
        Shape (n,): what each is worth as it is.
    inputs
        Shape (n,): the input that each multiplies.
    prices
        What values cost.
    step
        What the last bit of the type stands for.
    low, high
        The least and the largest value of the type, in multiples of that.
    moves
        Whether a weight may hold another value than its own, beside zero.
    """

    layer: Layer
    exact: Floats
    saliency: Floats
    inputs: Integers
    prices: ValuePrices
    step: float
    low: int
    high: int
    moves: bool

    def worth(self, weight: Integers, values: Integers) -> Floats:
        """Say what weights are worth with other values."""
        from knapprune.selection.values.loops import worth_of  # the compiler takes its time to load

        worth: Floats = worth_of(weight, values, self.exact, self.saliency, self.step)
        return worth


@dataclass(frozen=True, eq=False)
class Paid:
    """Multipliers that are there already.

    Parameters
    ----------
    multipliers
        Shape (paid,), rising: their numbers, as :meth:`Options.multipliers` has them.
    owners
        Shape (paid,): a weight that holds the value of each.
    """

    multipliers: Integers
    owners: Integers

    def __len__(self) -> int:
        return len(self.multipliers)

    def place(self, multipliers: Integers) -> tuple[Integers, npt.NDArray[np.bool_]]:
        """Find multipliers among those that are paid: where, and whether at all."""
        if not len(self):
            return np.zeros(len(multipliers), np.int64), np.zeros(len(multipliers), bool)
        place = np.minimum(np.searchsorted(self.multipliers, multipliers), len(self) - 1)
        return place, self.multipliers[place] == multipliers


NOTHING_PAID = Paid(np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class Options:
    """The options of a layer's weights but zero, which each of them has, weight by weight.

    Parameters
    ----------
    weights
        The layer.
    weight
        Shape (options,), not falling: the weight that each is an option of.
    value
        Shape (options,): what it would hold, in multiples of the last bit.
    worth
        Shape (options,).
    own
        Shape (options,): DSP blocks of its multiplier.
    multiplied
        Shape (options,): whether it has one.
    sharing
        Shape (options,): how many weights have the same multiplier among their options, itself one of them.
    """

    weights: Weights
    weight: Integers
    value: Integers
    worth: Floats
    own: Integers
    multiplied: npt.NDArray[np.bool_]
    sharing: Integers

    def __len__(self) -> int:
        return len(self.weight)

    def only(self, which: Flags) -> Options:
        """Leave options out."""
        return Options(
            self.weights,
            self.weight[which],
            self.value[which],
            self.worth[which],
            self.own[which],
            self.multiplied[which],
            self.sharing[which],
        )

    @property
    def best(self) -> Floats:
        """Shape (weights with options,): what each is worth at most."""
        first = np.flatnonzero(np.append(True, self.weight[1:] != self.weight[:-1])) if len(self) else self.weight
        return np.maximum.reduceat(self.worth, first) if len(self) else self.worth

    def multipliers(self, which: Integers | slice = slice(None)) -> Integers:
        """Number the multiplier of each option, by input and value."""
        weights = self.weights
        return codes_of(weights, weights.inputs[self.weight[which]], self.value[which])

    def paid_by(self, values: Integers) -> Paid:
        """List the multipliers that a choice of values needs; shape (n,), of all weights of the layer."""
        held = np.flatnonzero(self.multiplied & (values[self.weight] == self.value))
        multipliers, first = np.unique(self.multipliers(held), return_index=True)
        return Paid(multipliers, self.weight[held[first]])

    def holds_listed(self, kernel: npt.NDArray[np.generic]) -> bool:
        """Say whether each weight of a kernel that is not zero holds one of its options."""
        values = np.rint(kernel.astype(np.float64).ravel() / self.weights.step).astype(np.int64)
        return int(np.count_nonzero(self.value == values[self.weight])) == int(np.count_nonzero(values))

    def types(self, price: str, caps: Sequence[Cap], paid: Paid) -> tuple[Integers, Integers]:
        """Sort the options by what they cost: the type of each, and shape (caps, types) what one costs, in `PARTS`."""
        there, owns = np.zeros(len(self), bool), np.zeros(len(self), bool)
        if price == "paid" and len(paid):
            place, known = paid.place(self.multipliers())
            there = known & self.multiplied
            owns = there & (paid.owners[place] == self.weight)
        sharing = np.minimum(self.sharing, MOST_SHARING)
        flags = (self.multiplied.astype(np.int64) * 2 + there) * 2 + owns
        kinds, item_type = _ranked(((self.own * (MOST_SHARING + 1) + sharing) * 8 + flags) * 64 + self.digits)
        own, sharing = np.divmod(kinds >> 9, MOST_SHARING + 1)
        multiplied, there, owns = ((kinds >> bit & 1).astype(bool) for bit in (8, 7, 6))
        costs = {
            "dsp": _blocks(price, own, sharing, there),
            "lut": self._tables(price, sharing, multiplied, there, owns) + self._of_digits(kinds & 63),
        }
        nothing = np.zeros(len(kinds), dtype=np.int64)
        name = self.weights.layer.name
        rows = [costs.get(cap.counted, nothing) if cap.covers(name) else nothing for cap in caps]
        return item_type, np.array(rows, dtype=np.int64).reshape(len(caps), len(kinds))

    @property
    def digits(self) -> Integers:
        """Signed digits of each option, where they have a price."""
        return (
            signed_digits(self.value).astype(np.int64) if self.weights.prices.digit else np.zeros(len(self), np.int64)
        )

    def _of_digits(self, digits: Integers) -> Integers:
        return digits * self.weights.prices.digit * self.weights.prices.whole_copies

    def _tables(self, price: str, sharing: Integers, multiplied: Flags, paid: Flags, owns: Flags) -> Integers:
        """Look-up tables by type: of weights that share a multiplier, all but one have shifts beside in its place."""
        prices = self.weights.prices
        first, others = prices.multiplication, prices.shifts
        pick = min if price == "split" else max
        beside = np.where(sharing > 1, pick(first, others), first)
        beside = np.where(owns, first, np.where(multiplied & ~paid, beside, others))
        return (prices.addition + beside) * prices.whole_copies

    def upfront(self, cap: Cap, paid: Paid) -> int:
        """Say what multipliers cost that are there already, whoever uses them, in `PARTS`."""
        prices, layer = self.weights.prices, self.weights.layer
        if not cap.covers(layer.name) or cap.counted != "dsp":
            return 0
        inputs, values = decoded(self.weights, paid.multipliers)
        return int(prices.dsp(values, inputs).sum()) * PARTS_OF_A_BLOCK


def codes_of(weights: Weights, inputs: Integers, values: Integers) -> Integers:
    """Number pairs of an input and a value."""
    return inputs * (weights.high - weights.low + 1) + (values - weights.low)


def decoded(weights: Weights, codes: Integers) -> tuple[Integers, Integers]:
    """Find the input and the value of such numbers."""
    inputs, values = np.divmod(codes, weights.high - weights.low + 1)
    return inputs, values + weights.low


def _blocks(price: str, own: Integers, sharing: Integers, paid: Flags) -> Integers:
    blocks = own * PARTS_OF_A_BLOCK
    return blocks // np.maximum(sharing, 1) if price == "split" else np.where(paid, 0, blocks)


def _ranked(code: Integers) -> tuple[Integers, Integers]:
    """Number the different codes from 0; there are few of them."""
    kinds = np.zeros(0, np.int64)
    rest = code
    while len(rest):
        kinds = np.append(kinds, rest[0])
        rest = rest[rest != rest[0]]
    kinds = np.sort(kinds)
    return kinds, np.searchsorted(kinds, code)
