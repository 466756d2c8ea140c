"""What is cut from each layer, and what its bias takes over."""

from __future__ import annotations

import numpy as np

from knapprune.network.channels import ChannelCut, ChannelGraph, ChannelMix, ChannelSpread, Numbers
from knapprune.shrinking.constants import Constants, constants_of, foldable
from knapprune.shrinking.living import Channels, kept_channels


def cuts_of(graph: ChannelGraph) -> dict[str, ChannelCut]:
    """Find what is left of each layer that is cut, by its name.

    Constants that go are folded; those that stay, because something is tied to them, still reach their readers as they
    are.
    """
    constants = constants_of(graph)
    kept = kept_channels(graph, constants)
    cuts = {}
    for operation in graph.operations:
        if not isinstance(operation, ChannelMix | ChannelSpread) or operation.layer is None:
            continue
        inputs, outputs = kept[operation.input], kept[operation.output]
        if not (inputs.all() and outputs.all()):
            bias = _folded(operation, constants, kept) if isinstance(operation, ChannelMix) else None
            cuts[operation.layer] = ChannelCut(inputs, outputs, bias)
    return cuts


def _folded(mix: ChannelMix, constants: Constants, kept: Channels) -> Numbers | None:
    """Sum up what the constants that go add to each result."""
    gone = foldable(mix, constants) & ~kept[mix.input]
    added = constants[mix.input][gone] @ mix.sums[np.ix_(gone, kept[mix.output])]
    return added if added.any() else None
