"""The weights of a layer by the input that they multiply, and beside them the multipliers that its inputs may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knapprune.hardware.resources import LUT
from knapprune.selection.budget import Cap
from knapprune.selection.values.options import PARTS, Flags, Floats, Integers, Options, codes_of, decoded
from knapsolve.kernels.parallel import each

INPUTS = 64
"""Inputs of one slice, of which several are looked at at once."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What the inputs of a layer, or another layer, choose at some prices.

    Parameters
    ----------
    gains
        Shape (rows,): what no choice exceeds, less prices.
    worth, use
        Shapes (rows,) and (rows, caps): of what is chosen.
    chosen
        By weight, as :func:`knapprune.selection.values.sharing_loops.respond` writes it; or the items of a layer.
    """

    gains: Floats
    worth: Floats
    use: Floats
    chosen: npt.NDArray[np.int32] | Flags


@dataclass(frozen=True, eq=False)
class Sites:
    """The weights of a layer, input by input, rising, and the values with multipliers that any of an input's lists.

    Parameters
    ----------
    options
        What was listed.
    weight
        Shape (n,): the place in the layer of each.
    first
        Shape (inputs + 1,): where those of each input begin.
    private, private_value
        Shape (n,): its best value without a multiplier, zero without any, and what that is worth.
    place
        Shape (n,): its place among the sites of its input, as :func:`knapprune.selection.values.sharing_loops.respond`
        takes it.
    first_site
        Shape (inputs + 1,): where the sites of each input begin.
    value, block
        Shape (k,): the sites' values, and their DSP blocks in parts.
    """

    options: Options
    weight: Integers
    first: Integers
    private: Floats
    private_value: Integers
    place: Integers
    first_site: Integers
    value: Integers
    block: Integers

    @property
    def rows(self) -> int:
        """Inputs."""
        return len(self.first) - 1

    def answer(self, caps: Sequence[Cap], prices: Floats, step: int, bids: int) -> Answer:
        """Choose the values of each input at prices of the caps, and bound what they can gain.

        With a step above 1, only some inputs answer, each for several; `bids` as for `respond`.
        """
        from knapprune.selection.values.sharing_loops import respond  # the compiler takes its time to load

        weights = self.options.weights
        of_values = weights.prices
        covers = np.array(
            [[cap.covers(weights.layer.name) and cap.counted == name for name in PARTS] for cap in caps], dtype=float
        ).reshape(len(caps), len(PARTS))
        chosen = np.full(len(self.weight), -2, np.int32)
        gains, worth, use = np.zeros(self.rows), np.zeros(self.rows), np.zeros((self.rows, len(PARTS)))
        inputs = (self.first, weights.exact[self.weight] / weights.step, weights.saliency[self.weight],
                  self.private, self.place)  # fmt: skip
        sites = (self.first_site, self.value.astype(np.float64), self.block.astype(np.float64))
        base = float((of_values.addition + of_values.shifts) * of_values.whole_copies)
        beside = float((of_values.multiplication - of_values.shifts) * of_values.whole_copies)
        price = prices @ covers

        def respond_all(start: int, stop: int) -> None:
            rows = (-(-start // step) * step, stop, step)
            respond(inputs, sites, base, beside, price, weights.moves, rows, bids, chosen, gains, worth, use)

        each(respond_all, [(start, min(start + INPUTS, self.rows)) for start in range(0, self.rows, INPUTS)])
        share = self.rows / max(-(-self.rows // step), 1)
        return Answer(gains * share, worth * share, use @ covers.T * share, chosen)

    def values(self, chosen: npt.NDArray[np.int32]) -> Integers:
        """Write a choice as the value of each weight of the layer."""
        values = np.zeros(self.options.weights.layer.size, np.int64)
        held = np.where(chosen == -1, self.private_value, 0)
        held[chosen >= 0] = self.value[chosen[chosen >= 0]]
        values[self.weight] = held
        return values


assert tuple(PARTS) == ("dsp", LUT)


def sites_of(options: Options) -> Sites:
    """Sort what was listed by inputs."""
    weights = options.weights
    inputs = len(weights.prices.copies)
    plain = np.flatnonzero(~options.multiplied)
    private, private_value = np.zeros(len(weights.exact)), np.zeros(len(weights.exact), np.int64)
    np.maximum.at(private, options.weight[plain], options.worth[plain])
    best = plain[options.worth[plain] == private[options.weight[plain]]]
    private_value[options.weight[best]] = options.value[best]

    multiplied = np.flatnonzero(options.multiplied)
    codes = options.multipliers(multiplied)
    sites = np.sort(codes)
    sites = sites[np.append(np.ones(min(len(sites), 1), bool), sites[1:] != sites[:-1])]
    of_input, value = decoded(weights, sites)
    first_site = np.searchsorted(of_input, np.arange(inputs + 1))

    weight = np.flatnonzero((weights.exact != 0) & (weights.saliency > 0))
    weight = weight[np.lexsort((weights.exact[weight], weights.inputs[weight]))]
    own = weights.inputs[weight]
    if weights.moves:
        above = np.ceil(weights.exact[weight] / weights.step)
        above = np.clip(above, weights.low, weights.high + 1).astype(np.int64)
        place = np.searchsorted(sites, codes_of(weights, own, above)) - first_site[own]
    else:
        known = np.full(len(weights.exact), -1)
        known[options.weight[multiplied]] = np.searchsorted(sites, codes)
        place = np.where(known[weight] >= 0, known[weight] - first_site[own], -1)
    return Sites(
        options,
        weight,
        np.searchsorted(own, np.arange(inputs + 1)),
        private[weight],
        private_value[weight],
        place,
        first_site,
        value,
        weights.prices.dsp(value, of_input) * PARTS["dsp"],
    )
