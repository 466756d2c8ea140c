"""Weight memories of few words, which logic synthesis takes out of the blocks again.

C synthesis binds every weight memory of a resource strategy to block RAM. Vivado's logic synthesis then moves memories
of few words to look-up tables. Four published designs (Vivado HLS 2019.2) say how much is left; what is not a weight
(the tables of their activations, 1024 words each) is taken to stay, and of the first no more is known than all that is
left:

=============  ===============  ==================  ====================
design         words            halves of weights   stay after synthesis
=============  ===============  ==================  ====================
neutrino       12 and 16        588                 6% at most
flavour tags   25 and 30        195                 51%
sketches       24 and 32        1626                60%
top quarks     20, 30 and 32    63                  76%
=============  ===============  ==================  ====================

So little is known that a straight line has to do: nothing below 15 words, everything from 36. In 93 other designs
(Vitis HLS 2023.2) of 700 words and more, 447 of 897 halves stay, and depth says nothing about which; no note is made of
those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from knapprune.network.layers import Layer

#: Words of a memory up to which nothing stays, and from which all does.
NOTHING_STAYS, ALL_STAYS = 15, 36


def share_that_stays(words: int) -> float:
    """Estimate which share of a weight memory stays in block RAM after logic synthesis."""
    return min(1.0, max(0.0, (words - NOTHING_STAYS) / (ALL_STAYS - NOTHING_STAYS)))


def shallow_memories(layers: Iterable[Layer], use: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Say what logic synthesis will do to the weight memories of some layers."""
    halves: dict[int, dict[str, int]] = {}
    for layer in layers:
        own = use[layer.name].get("bram18", use[layer.name].get("bram", 0))
        if own and layer.strategy.startswith("resource") and share_that_stays(layer.reuse_factor) < 1:
            halves.setdefault(layer.reuse_factor, {})[layer.name] = own
    return [_sentence(words, layers) for words, layers in halves.items()]


def _sentence(words: int, halves: Mapping[str, int]) -> str:
    total = sum(halves.values())
    return (
        f"memories of {', '.join(halves)} are {words} deep: logic synthesis will move them to look-up tables "
        f"(about {round(total * share_that_stays(words))} of {total} halves stay, estimated)"
    )
