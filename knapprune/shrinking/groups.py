"""Which channels go only together: those that sums, concatenations, depthwise layers and flattening tie."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

import networkx as nx
import numpy as np
import numpy.typing as npt

from knapprune.network.channels import (
    ChannelConcatenation,
    ChannelCut,
    ChannelGraph,
    ChannelJoin,
    ChannelMix,
    ChannelSpread,
    Flags,
    Tensor,
    UnknownChannels,
)
from knapprune.shrinking.constants import constants_of
from knapprune.shrinking.living import kept_channels

Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ChannelGroups:
    """The channels of a network, in groups that go only together.

    Parameters
    ----------
    of
        By tensor, the group of each channel.
    alive
        Shape (groups,): False for what is dead already.
    free
        Shape (groups,): True for a living group that can go: nothing unknown reads or makes it.
    family
        Shape (groups,): a number that groups share whose channels one layer makes, directly or through others.
    """

    of: Mapping[Tensor, Numbers]
    alive: Flags
    free: Flags
    family: Numbers

    def removed(self, kept: Flags) -> dict[Tensor, Flags]:
        """Say of each tensor which channels belong to groups that are not kept."""
        return {tensor: ~kept[own] for tensor, own in self.of.items()}

    def cuts(self, operations: Mapping[str, ChannelMix | ChannelSpread], kept: Flags) -> dict[str, ChannelCut]:
        """Say what is left of each layer, by name, where only whole groups go and nothing dies with them."""
        ends = {name: (kept[self.of[own.input]], kept[self.of[own.output]]) for name, own in operations.items()}
        return {name: ChannelCut(*own) for name, own in ends.items() if not (own[0].all() and own[1].all())}


def channel_groups(graph: ChannelGraph, whole: Collection[str] = ()) -> ChannelGroups:
    """Find the groups of a network.

    Parameters
    ----------
    graph
        The network.
    whole
        Layers that must stay whole, by name: neither their inputs nor their outputs go.
    """
    starts = dict(zip(graph.widths, np.cumsum([0, *graph.widths.values()]), strict=False))
    places = {tensor: starts[tensor] + np.arange(width) for tensor, width in graph.widths.items()}
    count = sum(graph.widths.values())
    ties = nx.Graph()
    ties.add_nodes_from(range(count))
    ties.add_edges_from(_ties(graph, places))
    number = np.empty(count, np.intp)
    groups = 0
    for groups, together in enumerate(nx.connected_components(ties), 1):
        number[list(together)] = groups - 1
    of = {tensor: number[own] for tensor, own in places.items()}

    kept = kept_channels(graph, constants_of(graph))
    alive, held = np.zeros(groups, bool), np.zeros(groups, bool)
    for tensor, own in of.items():
        alive[own[kept[tensor]]] = True
    for tensor in _held(graph, whole):
        held[of[tensor]] = True
    return ChannelGroups(of, alive, alive & ~held, _families(graph, of, groups))


def _ties(graph: ChannelGraph, places: Mapping[Tensor, Numbers]) -> Iterable[tuple[int, int]]:
    """List pairs of channels that go together."""
    pairs: list[Iterable[tuple[int, int]]] = []
    for own in graph.operations:
        match own:
            case ChannelSpread():
                pairs.append(zip(places[own.input][own.source].tolist(), places[own.output].tolist(), strict=True))
            case ChannelJoin():
                made = places[own.output].tolist()
                pairs += [zip(places[tensor].tolist(), made, strict=True) for tensor in own.inputs]
            case ChannelConcatenation():
                read = np.concatenate([places[tensor] for tensor in own.inputs])
                pairs.append(zip(read.tolist(), places[own.output].tolist(), strict=True))
            case _:
                pass
    return chain.from_iterable(pairs)


def _held(graph: ChannelGraph, whole: Collection[str]) -> Iterable[Tensor]:
    """List the tensors that stay whole."""
    for own in graph.operations:
        if isinstance(own, UnknownChannels):
            yield from (*own.inputs, *own.outputs)
        elif isinstance(own, ChannelMix | ChannelSpread) and own.layer in whole:
            yield from (own.input, own.output)


def _families(graph: ChannelGraph, of: Mapping[Tensor, Numbers], groups: int) -> Numbers:
    """Number the families."""
    kin = nx.Graph()
    kin.add_nodes_from(range(groups))
    for own in graph.operations:
        if isinstance(own, ChannelMix) and of[own.output].size:
            made = of[own.output].tolist()
            kin.add_edges_from((made[0], other) for other in made[1:])
    family = np.empty(groups, np.intp)
    for number, together in enumerate(nx.connected_components(kin)):
        family[list(together)] = number
    return family
