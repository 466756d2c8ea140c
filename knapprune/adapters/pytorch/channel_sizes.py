"""Which parameters of a PyTorch module go with which channels, and how often each is multiplied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from math import prod
from typing import Any

import torch
from torch import nn

from knapprune.adapters.pytorch.channel_parts import CONVOLUTIONS, NORMALISATIONS
from knapprune.adapters.pytorch.channel_tracing import trace
from knapprune.adapters.pytorch.kernels import kernels, modules_in_use
from knapprune.network.channels import ChannelWeights

_MULTIPLYING = (nn.Linear, *CONVOLUTIONS)
_AVERAGES = ("running_mean", "running_var")


def channel_weights(module: Any, shapes: Sequence[tuple[int, ...]]) -> tuple[ChannelWeights, ...]:
    """List the parameters of a module; without the shapes of its inputs it is not known how often each is used."""
    called = {id(module.get_submodule(node.target)): node.target for node in trace(module).nodes if _calls(node)}
    masked = {id(kernel.module): name for name, kernel in kernels(module).items()}
    known = {id(part): name for name, part in modules_in_use(module).items()}
    times = _positions(module, shapes) if shapes else None
    seen: set[int] = set()
    found: list[ChannelWeights] = []
    for name, part in module.named_modules():
        positions = None if times is None else times[name]
        own = _of_part(called.get(id(part), name), part, masked.get(id(part), ""), positions, seen)
        found += (replace(weights, known_as=known.get(id(part), "")) for weights in own)
    return tuple(found)


def _of_part(name: str, part: Any, kernel: str, positions: int | None, seen: set[int]) -> Iterator[ChannelWeights]:
    tensors = {**part._parameters, **{key: part._buffers.get(key) for key in _AVERAGES}}
    for key, tensor in tensors.items():
        if tensor is None or id(tensor) in seen:
            continue
        seen.add(id(tensor))
        shape = tuple(tensor.shape)
        if type(part) in _MULTIPLYING and key == "weight":
            outputs, inputs, *moves = shape
            reads = -2 if getattr(part, "groups", 1) == 1 else None  # one input for each output goes with that
            yield ChannelWeights(name, (*moves, inputs, outputs), reads, -1, kernel, positions)
        else:
            alone = isinstance(part, nn.PReLU) and shape == (1,)
            known = type(part) in (*_MULTIPLYING, *NORMALISATIONS, nn.PReLU) and len(shape) == 1 and not alone
            yield ChannelWeights(name, shape, None, 0 if known else None)


def _positions(module: Any, shapes: Sequence[tuple[int, ...]]) -> Counter[str]:
    """Count the positions at which each part computes its outputs, for one sample."""
    copy = deepcopy(module).cpu().eval()
    times: Counter[str] = Counter()

    def counted(name: str) -> Any:
        def hook(part: Any, _: Any, output: Any) -> None:
            times[name] += prod(output.shape[1:-1] if isinstance(part, nn.Linear) else output.shape[2:])

        return hook

    for name, part in copy.named_modules():
        if isinstance(part, _MULTIPLYING):
            part.register_forward_hook(counted(name))
    kind = next((own.dtype for own in copy.parameters()), torch.float32)
    with torch.no_grad():
        copy(*(torch.zeros(1, *shape, dtype=kind) for shape in shapes))
    return times


def _calls(node: Any) -> bool:
    return bool(node.op == "call_module")
