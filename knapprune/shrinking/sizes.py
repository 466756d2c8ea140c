"""How large a network is once what is dead in it is removed: its parameters, and the multiplications of a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.shrinking_adapter import ListsWeights
from knapprune.hardware.resources import MACS, PARAMETERS, SIZES, Resources
from knapprune.network.channels import (
    ChannelCut,
    ChannelGraph,
    ChannelMix,
    ChannelSpread,
    ChannelWeights,
    Flags,
    Operation,
    Tensor,
)
from knapprune.network.hls_config import HlsConfig
from knapprune.shrinking.cuts import cuts_of

Kernels = Mapping[str, npt.NDArray[np.generic]]
Layered = ChannelMix | ChannelSpread


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A network by its channels, and the parameters that go with them.

    Parameters
    ----------
    graph
        Its operations.
    weights
        All of its parameters.
    """

    graph: ChannelGraph
    weights: tuple[ChannelWeights, ...]

    @classmethod
    def of(cls, framework: ListsWeights, model: Any, config: HlsConfig) -> Anatomy:
        """Read a model."""
        return cls(framework.channels(model), framework.channel_weights(model, config))

    @property
    def operations(self) -> dict[str, Layered]:
        """The operations that can be cut, by the names of their layers."""
        known = (own for own in self.graph.operations if isinstance(own, ChannelMix | ChannelSpread))
        return {own.layer: own for own in known if own.layer is not None}

    def counts_as(self) -> list[str]:
        """Say which layer each array counts towards, as the rest of knapprune names layers: by their last kernels."""
        last = {own.layer: own.kernel for own in self.weights if own.kernel}
        return [own.kernel or last.get(own.layer, own.known_as or own.layer) for own in self.weights]

    def without(self, removed: Mapping[Tensor, Flags]) -> Anatomy:
        """Describe the network without the weights of channels that are removed, by tensor."""
        masked = {own.layer for own in self.weights if own.kernel}
        alive = {
            name: (~removed[own.input], ~removed[own.output]) for name, own in self.operations.items() if name in masked
        }
        changed = tuple(_masked(own, alive) for own in self.graph.operations)
        return Anatomy(ChannelGraph(changed, self.graph.widths), self.weights)

    def sizes(self, cuts: Mapping[str, ChannelCut] | None = None) -> dict[str, dict[str, int]]:
        """Count parameters and multiplications by layer; no multiplications where how often is not known of a layer.

        Normalisations, biases and activations multiply nothing: they fold into kernels, or only add.
        """
        cuts, operations = cuts_of(self.graph) if cuts is None else cuts, self.operations
        biased = {own.layer for own in self.weights if len(own.shape) == 1 and own.output_axis is not None}
        counts: dict[str, dict[str, int]] = {}
        resources = (PARAMETERS,) if self.not_multiplied() else SIZES
        for own, name in zip(self.weights, self.counts_as(), strict=True):
            numbers, cut = prod(own.shape), cuts.get(own.layer)
            added = 0
            if cut is not None:
                for axis, kept in ((own.input_axis, cut.inputs), (own.output_axis, cut.outputs)):
                    if axis is not None:
                        numbers = numbers // len(kept) * int(kept.sum())
                folded = cut.bias is not None and own.layer not in biased and own.output_axis is not None
                added = int(cut.outputs.sum()) if folded and isinstance(operations[own.layer], ChannelMix) else 0
            count = counts.setdefault(name, dict.fromkeys(resources, 0))
            count[PARAMETERS] += numbers + added
            if MACS in count:
                count[MACS] += numbers * (own.positions or 0)
        return counts

    def not_multiplied(self) -> list[str]:
        """Name the layers of which it is not known how often their weights are multiplied."""
        return list(dict.fromkeys(own.layer for own in self.weights if own.positions is None))


def with_sizes(resources: Resources, anatomy: Anatomy) -> Resources:
    """Add parameters and multiplications to what layers use; layers without a kernel are added as well."""
    sizes, none = anatomy.sizes(), dict.fromkeys(resources.counted, 0)
    nothing = dict.fromkeys((PARAMETERS,) if anatomy.not_multiplied() else SIZES, 0)
    own = {name: {**use, **sizes.pop(name, nothing)} for name, use in resources.by_layer.items()}
    own |= {name: {**none, **size} for name, size in sizes.items() if size[PARAMETERS]}
    return replace(resources, by_layer=own)


def _masked(operation: Operation, alive: Mapping[str, Sequence[Flags]]) -> Operation:
    layer = getattr(operation, "layer", None)
    if layer is None or layer not in alive:
        return operation
    reads, made = alive[layer]
    if isinstance(operation, ChannelMix):
        both = np.outer(reads, made)
        return replace(operation, reads=operation.reads & both, sums=np.where(both, operation.sums, 0.0))
    if isinstance(operation, ChannelSpread):
        living = reads[operation.source] & made
        return replace(operation, reads=living if operation.reads is None else operation.reads & living)
    return operation
