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

from knapprune.layers import Layer

#: Words of a memory up to which nothing stays, and from which all does.
NOTHING_STAYS, ALL_STAYS = 15, 36


def share_that_stays(words: int) -> float:
    """Estimate which share of a weight memory stays in block RAM after logic synthesis.

    Parameters
    ----------
    words
        Depth of the memory: the reuse factor.

    Returns
    -------
    float
        0 to 1.
    """
    return min(1.0, max(0.0, (words - NOTHING_STAYS) / (ALL_STAYS - NOTHING_STAYS)))


def shallow_memory(layer: Layer, use: Mapping[str, int]) -> str | None:
    """Say what logic synthesis will do to a layer's weight memory.

    Parameters
    ----------
    layer
        The layer.
    use
        What it uses: halves of block RAMs as ``bram18``.

    Returns
    -------
    str or None
        A sentence without a full stop; None where the memory stays as it is, or there is none.
    """
    halves = use.get("bram18", use.get("bram", 0))
    share = share_that_stays(layer.reuse_factor)
    if not halves or share == 1 or not layer.strategy.startswith("resource"):
        return None
    return (
        f"memories of {layer.name} are {layer.reuse_factor} deep: logic synthesis will move them to look-up tables "
        f"(about {round(halves * share)} of {halves} halves stay, estimated)"
    )


def shallow_memories(layers: Iterable[Layer], use: Mapping[str, Mapping[str, int]]) -> list[str]:
    """List what :func:`shallow_memory` says of some layers.

    Parameters
    ----------
    layers
        The layers.
    use
        What they use, by name.

    Returns
    -------
    list of str
        In the order of `layers`.
    """
    found = (shallow_memory(layer, use[layer.name]) for layer in layers)
    return [sentence for sentence in found if sentence is not None]
