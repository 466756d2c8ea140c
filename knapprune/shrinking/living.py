"""Which channels of a network must stay: those that its outputs need, and those that go only together with them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from knapprune.network.channels import (
    ChannelConcatenation,
    ChannelGraph,
    ChannelJoin,
    ChannelMix,
    ChannelSpread,
    Flags,
    Operation,
    Tensor,
    UnknownChannels,
)
from knapprune.shrinking.constants import Constants, foldable

Channels = dict[Tensor, Flags]


def kept_channels(graph: ChannelGraph, constants: Constants) -> Channels:
    """Find the channels that stay in each tensor.

    A channel whose value nobody needs goes, unless it is tied to one that stays: through a sum, say, both have as many
    channels. It then holds any value at all, and what it alone was made of goes as well.
    """
    kept = _needed(graph, constants)
    _tie(graph, kept)
    # A tensor without a channel cannot be built.
    for own in kept.values():
        if own.size and not own.any():
            own[0] = True
            _tie(graph, kept)
    return kept


def _needed(graph: ChannelGraph, constants: Constants) -> Channels:
    """Find the channels whose values count: from the outputs back, so that one pass finds whatever is dead."""
    needed: Channels = {tensor: np.zeros(width, bool) for tensor, width in graph.widths.items()}
    for operation in reversed(graph.operations):
        match operation:
            case ChannelMix():
                read = operation.reads[:, needed[operation.output]].any(axis=1)
                needed[operation.input] |= read & ~foldable(operation, constants)
            case ChannelSpread():
                wanted = needed[operation.output]
                if operation.reads is not None:
                    wanted = wanted & operation.reads
                needed[operation.input][operation.source[wanted]] = True
            case ChannelJoin():
                for tensor in operation.inputs:
                    needed[tensor] |= needed[operation.output]
            case ChannelConcatenation():
                for tensor, part in _parts(operation, graph):
                    needed[tensor] |= needed[operation.output][part]
            case UnknownChannels():
                for tensor in (*operation.inputs, *operation.outputs):
                    needed[tensor][:] = True
    return needed


def _tie(graph: ChannelGraph, kept: Channels) -> None:
    """Keep what is tied to channels that stay."""
    count = -1
    while count != (count := sum(int(own.sum()) for own in kept.values())):
        for operation in (*reversed(graph.operations), *graph.operations):
            _tie_one(operation, graph, kept)


def _tie_one(operation: Operation, graph: ChannelGraph, kept: Channels) -> None:
    match operation:
        case ChannelSpread():
            kept[operation.input][operation.source[kept[operation.output]]] = True
            kept[operation.output] |= kept[operation.input][operation.source]
        case ChannelJoin():
            together = np.any([kept[tensor] for tensor in (*operation.inputs, operation.output)], axis=0)
            for tensor in (*operation.inputs, operation.output):
                kept[tensor] |= together
        case ChannelConcatenation():
            for tensor, part in _parts(operation, graph):
                kept[tensor] |= kept[operation.output][part]
                kept[operation.output][part] |= kept[tensor]
        case _:
            pass


def _parts(operation: ChannelConcatenation, graph: ChannelGraph) -> Iterator[tuple[Tensor, slice]]:
    start = 0
    for tensor in operation.inputs:
        yield tensor, slice(start, start + graph.widths[tensor])
        start += graph.widths[tensor]
