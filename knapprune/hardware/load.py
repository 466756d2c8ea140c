"""What a network makes an accelerator do, beyond the resources a budget can cap: how evenly, and how well packed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What one layer, or several, make the accelerator do.

    Parameters
    ----------
    cycles
        For one pass of the network's input through these layers.
    unsynchronised
        Cycles if PEs did not run in step, but each went on to the end of its tile by itself: what no buffering between
        activations and PEs can undercut.
    busy
        Cycles in which a PE multiplies, over all PEs.
    available
        Cycles times the PEs that have an output channel in the tile.
    products
        Multiplications by a weight that is not zero.
    places
        Multiplications that the busy and the waiting PEs could have done: ``available`` times M.
    words
        Words of the weight buffers, each group starting at a word of its own.
    packed_words
        Words if the weights of each PE were packed without gaps.
    misaligned
        Groups that would then begin in the middle of a word and reach into the next.
    groups
        Groups with a weight that is not zero.
    """

    cycles: int = 0
    unsynchronised: int = 0
    busy: int = 0
    available: int = 0
    products: int = 0
    places: int = 0
    words: int = 0
    packed_words: int = 0
    misaligned: int = 0
    groups: int = 0

    @property
    def balance(self) -> float:
        """Mean work of a PE over the work of the slowest, weighted by cycles: 1 where no PE waits."""
        return self.busy / self.available if self.available else 1.0

    @property
    def utilisation(self) -> float:
        """Share of the multipliers' places that hold a weight that is not zero."""
        return self.products / self.places if self.places else 1.0

    def __add__(self, other: Load) -> Load:
        return Load(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))
