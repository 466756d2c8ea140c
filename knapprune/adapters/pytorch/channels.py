"""A PyTorch module as tensors with channels: the second axis of maps, the last one of vectors.

Shapes are not known without data, so what enters the module, and what nothing says the size of, is unknown. Of the
other tensors it is known how many axes of maps follow the channels: none in a vector a sample, `SEQUENCE` where there
may be axes before them.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from knapprune.adapters.pytorch.channel_parts import (
    CONVOLUTIONS,
    NORMALISATIONS,
    Constant,
    function_constant,
    numbers,
    pads,
    part_constant,
    reads_of,
)
from knapprune.adapters.pytorch.channel_shapes import asks_for_the_batch, averages_maps, flattens
from knapprune.adapters.pytorch.channel_tracing import is_writing, trace
from knapprune.adapters.pytorch.grid import KernelGrid, settle
from knapprune.adapters.pytorch.mask import KernelMask
from knapprune.adapters.pytorch.rounding import RoundingHook
from knapprune.adapters.pytorch.training import mode
from knapprune.network.channels import (
    ChannelConcatenation,
    ChannelGraph,
    ChannelJoin,
    ChannelMix,
    ChannelSpread,
    Operation,
    UnknownChannels,
    product,
    scaled,
    through,
    unchanged,
)

SEQUENCE = -1
_SUMS = (operator.add, operator.iadd, torch.add)
_PRODUCTS = (operator.mul, torch.mul)


def channels(module: Any) -> ChannelGraph:
    """Describe a module by its channels."""
    settle(module)
    with mode(module, training=False):
        return _Reading(module).graph()


class _Reading:
    """Goes through a module's operations.

    Parameters
    ----------
    module
        The module.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        self._nodes = trace(module).nodes
        called = [node.target for node in self._nodes if node.op == "call_module"]
        self._calls = Counter(id(module.get_submodule(name)) for name in called)
        owners = {id(part): part for part in module.modules()}.values()
        self._owners = Counter(id(own) for part in owners for own in part._parameters.values() if own is not None)
        # What the forward pass takes out of a module by itself.
        self._taken = {str(node.target).rpartition(".")[0] for node in self._nodes if node.op == "get_attr"}
        self._widths: dict[Any, int] = {}
        self._maps: dict[Any, int] = {}

    def graph(self) -> ChannelGraph:
        """List the operations."""
        operations: list[Operation] = []
        for node in self._nodes:
            found = None if is_writing(node, self._module) else self._known(node)
            operations += [self._unknown(node)] if found is None else self._rounded(node, found)
        for operation in operations:
            ends = operation.outputs if isinstance(operation, UnknownChannels) else (operation.output,)
            for tensor in ends:
                self._widths.setdefault(tensor, 0)
        return ChannelGraph(tuple(operations), self._widths)

    def _known(self, node: Any) -> Operation | list[Operation] | None:
        if not node.args or node.op in ("placeholder", "get_attr", "output"):
            return None
        if asks_for_the_batch(node):
            return []
        if node.op == "call_module":
            return self._part(node, self._module.get_submodule(node.target))
        if node.target in _SUMS and not node.kwargs:
            return self._join(node, partial(np.sum, axis=0))
        if node.target in _PRODUCTS:
            return self._join(node, product)
        if node.target in (torch.cat, torch.concat):
            return self._concatenation(node)
        if flattens(node):
            return self._flatten(node)
        if averages_maps(node) and self._maps.get(node.args[0]) == 2:
            return self._spread(node, unchanged, maps=0)
        known = function_constant(node)
        return None if known is None else self._one_to_one(node, *known)

    def _part(self, node: Any, part: Any) -> Operation | None:
        hooks = [*part._forward_hooks.values(), *part._forward_pre_hooks.values()]
        if len(node.args) != 1 or not all(isinstance(own, KernelMask | KernelGrid | RoundingHook) for own in hooks):
            return None
        if _is_flatten(part):
            return self._flatten(node)
        if next(part.parameters(), None) is None and type(part) not in NORMALISATIONS:
            known = part_constant(part)
            return None if known is None else self._one_to_one(node, *known)
        own = list(part._parameters.values())
        shared = self._calls[id(part)] > 1 or any(self._owners[id(one)] > 1 for one in own if one is not None)
        if shared or node.target in self._taken or (own and "weight" not in part._parameters):
            return None
        if type(part) is nn.Linear:
            return self._mix(node, part, part.in_features, self._maps.get(node.args[0], self._assumed(node.args[0])))
        if type(part) in CONVOLUTIONS:
            return self._convolution(node, part)
        if type(part) in NORMALISATIONS and part.running_mean is not None:
            return self._normalisation(node, part)
        if type(part) is nn.PReLU:
            return self._parametric(node, part)
        return None

    def _assumed(self, node: Any) -> int:
        """Say what a Linear layer reads that nothing is known of: what enters the module is a vector a sample."""
        if node.op == "call_module":
            return 0 if _is_flatten(self._module.get_submodule(node.target)) else SEQUENCE
        return 0 if node.op == "placeholder" or flattens(node) else SEQUENCE

    def _mix(self, node: Any, part: Any, inputs: int, maps: int) -> ChannelMix | None:
        before, of_maps = node.args[0], type(part) in CONVOLUTIONS
        if of_maps is not (maps > 0) or self._maps.get(before, maps) != maps:
            return None
        if self._widths.setdefault(before, inputs) != inputs:
            return None
        reads, sums = reads_of(part.weight)
        bias = numbers(part.bias, reads.shape[1])
        self._widths[node], self._maps[node] = reads.shape[1], maps
        return ChannelMix(node.target, before, node, reads, sums, bias, exact=not of_maps or not pads(part))

    def _convolution(self, node: Any, part: Any) -> ChannelMix | ChannelSpread | None:
        if part.groups == 1:
            return self._mix(node, part, part.in_channels, len(part.kernel_size))
        if part.groups != part.in_channels or self._widths.get(node.args[0]) != part.in_channels:
            return None
        if self._maps.get(node.args[0]) != len(part.kernel_size):
            return None
        reads, sums = reads_of(part.weight)
        constant = scaled(reads[0], sums[0], numbers(part.bias, part.out_channels), exact=not pads(part))
        source = np.repeat(np.arange(part.in_channels), part.out_channels // part.in_channels)
        return self._spread(node, constant, layer=node.target, source=source, reads=reads[0])

    def _normalisation(self, node: Any, part: Any) -> ChannelSpread | None:
        width = part.num_features
        if self._widths.get(node.args[0]) != width or self._maps.get(node.args[0]) == SEQUENCE:
            return None
        mean, variance = numbers(part.running_mean, width), numbers(part.running_var, width)
        gamma = numbers(part.weight, width, 1.0)
        factor = gamma / np.sqrt(variance + part.eps)
        shift = numbers(part.bias, width) - np.where(gamma != 0, mean * factor, 0.0)
        return self._spread(node, scaled(gamma != 0, factor, shift), layer=node.target, reads=gamma != 0)

    def _parametric(self, node: Any, part: Any) -> ChannelSpread | None:
        width = self._widths.get(node.args[0], 0)
        if part.num_parameters not in (1, width) or self._maps.get(node.args[0]) == SEQUENCE:
            return None
        slopes = np.broadcast_to(numbers(part.weight, width), width)
        return self._spread(node, lambda own: np.where(own >= 0, own, own * slopes), layer=node.target)

    def _one_to_one(self, node: Any, constant: Constant, of_maps: bool) -> ChannelSpread | None:
        if of_maps and self._maps.get(node.args[0], 0) <= 0:
            return None
        return self._spread(node, constant)

    def _spread(
        self,
        node: Any,
        constant: Constant,
        layer: str | None = None,
        source: Any = None,
        reads: Any = None,
        maps: int | None = None,
    ) -> ChannelSpread | None:
        before = node.args[0]
        if before not in self._maps:
            return None
        source = np.arange(self._widths[before]) if source is None else source
        self._widths[node], self._maps[node] = len(source), self._maps[before] if maps is None else maps
        return ChannelSpread(layer, before, node, source, constant, reads)

    def _flatten(self, node: Any) -> ChannelSpread | None:
        """Spread each channel to its positions; how many these are, the layer says that reads them."""
        width, after = self._widths.get(node.args[0]), self._width_after(node)
        if node.args[0] not in self._maps or not width or not after or after % width:
            return None
        same = np.arange(width)
        source = np.repeat(same, after // width) if self._maps[node.args[0]] > 0 else np.tile(same, after // width)
        return self._spread(node, unchanged, source=source, maps=0)

    def _width_after(self, node: Any) -> int | None:
        waiting = list(node.users)
        while waiting:
            user = waiting.pop(0)
            if user.op == "call_module":
                part = self._module.get_submodule(user.target)
                if type(part) is nn.Linear:
                    return int(part.in_features)
                if type(part) is nn.BatchNorm1d:
                    return int(part.num_features)
                known = part_constant(part)
            else:
                known = function_constant(user)
            if known is not None and not known[1]:
                waiting += user.users
        return None

    def _join(self, node: Any, constant: Any) -> ChannelJoin | None:
        tensors = node.args
        if node.kwargs or not self._alike(tensors) or len({self._widths[own] for own in tensors}) != 1:
            return None
        self._widths[node], self._maps[node] = self._widths[tensors[0]], self._maps[tensors[0]]
        return ChannelJoin(tuple(tensors), node, constant)

    def _concatenation(self, node: Any) -> ChannelConcatenation | None:
        axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        tensors = node.args[0]
        if not isinstance(tensors, list | tuple) or not self._alike(tensors):
            return None
        maps = self._maps[tensors[0]]
        if not (axis == 1 and maps >= 0) and not (axis == -1 and maps <= 0):
            return None
        self._widths[node], self._maps[node] = sum(self._widths[own] for own in tensors), maps
        return ChannelConcatenation(tuple(tensors), node)

    def _alike(self, tensors: Any) -> bool:
        known = all(isinstance(own, torch.fx.Node) and own in self._maps for own in tensors)
        return known and len({self._maps[own] for own in tensors}) == 1

    def _unknown(self, node: Any) -> UnknownChannels:
        read = tuple(own for own in node.all_input_nodes if not asks_for_the_batch(own))
        layer = None if node.op in ("placeholder", "output") else str(node.target if _calls(node) else node.name)
        return UnknownChannels(read, () if node.op == "output" else (node,), layer)

    def _rounded(self, node: Any, found: Operation | list[Operation]) -> list[Operation]:
        """Have an operation followed by the rounding of its result."""
        if isinstance(found, list):
            return found
        part = self._module.get_submodule(node.target) if node.op == "call_module" else None
        hooks = [] if part is None else [own for own in part._forward_hooks.values() if isinstance(own, RoundingHook)]
        if not hooks or isinstance(found, UnknownChannels):
            return [found]

        def rounded(values: Any) -> Any:
            return hooks[0](part, None, torch.tensor(values, dtype=torch.float32)).double().numpy()

        width = self._widths[node]
        self._widths["sum", node] = width
        first = replace(found, output=("sum", node))
        return [first, ChannelSpread(None, ("sum", node), node, np.arange(width), through(rounded))]


def _calls(node: Any) -> bool:
    return bool(node.op == "call_module")


def _is_flatten(part: Any) -> bool:
    return type(part) is nn.Flatten and (part.start_dim, part.end_dim) == (1, -1)
