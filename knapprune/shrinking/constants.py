"""Which channels of a network are constant, and where a constant can be folded into a bias."""

from __future__ import annotations

import numpy as np

from knapprune.network.channels import (
    ChannelConcatenation,
    ChannelGraph,
    ChannelJoin,
    ChannelMix,
    ChannelSpread,
    Flags,
    Numbers,
    Operation,
    Tensor,
    UnknownChannels,
)

Constants = dict[Tensor, Numbers]


def constants_of(graph: ChannelGraph) -> Constants:
    """Find the value of each channel that is the same for every input and position; NaN for the others.

    What an unknown operation reads counts as varying: it might write into it.
    """
    read = {tensor for own in graph.operations if isinstance(own, UnknownChannels) for tensor in own.inputs}
    found: Constants = {}
    for operation in graph.operations:
        for tensor, values in _results(operation, found, graph):
            found[tensor] = np.full(graph.widths[tensor], np.nan) if tensor in read else values
    return found


def foldable(mix: ChannelMix, constants: Constants) -> Flags:
    """Say which channels that a layer reads add to its results what a bias can add as well."""
    own = constants[mix.input]
    return np.asarray(np.isfinite(own) if mix.exact else own == 0)


def _results(operation: Operation, found: Constants, graph: ChannelGraph) -> list[tuple[Tensor, Numbers]]:
    match operation:
        case ChannelMix():
            return [(operation.output, _sum(operation, found))]
        case ChannelSpread():
            return [(operation.output, operation.constant(found[operation.input][operation.source]))]
        case ChannelJoin():
            return [(operation.output, operation.constant([found[tensor] for tensor in operation.inputs]))]
        case ChannelConcatenation():
            return [(operation.output, np.concatenate([found[tensor] for tensor in operation.inputs]))]
        case UnknownChannels():
            return [(tensor, np.full(graph.widths[tensor], np.nan)) for tensor in operation.outputs]


def _sum(mix: ChannelMix, found: Constants) -> Numbers:
    """Return the bias and what constants add to it, where nothing else does."""
    fixed = foldable(mix, found)
    varies = mix.reads[~fixed].any(axis=0)
    return np.where(varies, np.nan, mix.bias + found[mix.input][fixed] @ mix.sums[fixed])
