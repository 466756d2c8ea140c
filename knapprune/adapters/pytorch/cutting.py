"""A copy of a PyTorch module with smaller layers."""

from __future__ import annotations

import io
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import nn

from knapprune.adapters.pytorch.grid import SUFFIXES as GRIDS
from knapprune.adapters.pytorch.grid import TYPE, settle
from knapprune.adapters.pytorch.mask import SUFFIX as MASK
from knapprune.network.channels import ChannelCut


def cut(module: Any, cuts: Mapping[str, ChannelCut]) -> Any:
    """Copy a module, with less of the parts named."""
    settle(module)
    copy = deepcopy(module)
    for name, own in cuts.items():
        part = copy.get_submodule(name)
        if isinstance(part, nn.Linear):
            part.in_features, part.out_features = _count(own)
        elif isinstance(part, nn.PReLU):
            part.num_parameters = min(part.num_parameters, _count(own)[1])
        elif hasattr(part, "num_features"):
            part.num_features = _count(own)[1]
        else:
            _cut_convolution(part, own)
        _cut_tensors(part, own)
    return copy


def size(module: Any) -> tuple[int, int]:
    """Count a module's parameters, running averages among them, and the bytes of its state in a file."""
    state = module.state_dict()
    names = {name for name, _ in module.named_parameters()}
    averages = {name for name in state if name.endswith(("running_mean", "running_var"))}
    file = io.BytesIO()
    torch.save(state, file)
    return sum(state[name].numel() for name in names | averages), file.tell()


def _count(cut: ChannelCut) -> tuple[int, int]:
    return int(cut.inputs.sum()), int(cut.outputs.sum())


def _cut_convolution(part: Any, cut: ChannelCut) -> None:
    if part.groups > 1:
        part.groups = _count(cut)[0]
    part.in_channels, part.out_channels = _count(cut)


def _cut_tensors(part: Any, cut: ChannelCut) -> None:
    """Cut a part's parameters and buffers, those of masks and grids included."""
    inputs, outputs = (torch.from_numpy(np.flatnonzero(own)) for own in (cut.inputs, cut.outputs))
    matrices = {"weight", *(f"weight{suffix}" for suffix in (MASK, *GRIDS) if suffix != TYPE)}

    def smaller(name: str, tensor: Any) -> Any:
        own = tensor.detach()
        if own.ndim == 0 or len(own) != len(cut.outputs):
            return own.clone()
        own = own[outputs.to(own.device)]
        # A depthwise kernel has one input for each output, which is cut with it.
        reads = name in matrices and own.ndim > 1 and own.shape[1] == len(cut.inputs)
        return own[:, inputs.to(own.device)] if reads else own

    for name, tensor in list(part._parameters.items()):
        if tensor is not None:
            part._parameters[name] = nn.Parameter(smaller(name, tensor), requires_grad=tensor.requires_grad)
    for name, tensor in list(part._buffers.items()):
        if tensor is not None:
            part._buffers[name] = smaller(name, tensor)
    if cut.bias is not None:
        weight = part.weight
        added = torch.tensor(cut.bias, dtype=torch.float64, device=weight.device)
        whole = added if part.bias is None else part.bias.detach().double() + added
        learns = weight.requires_grad if part.bias is None else part.bias.requires_grad
        part.bias = nn.Parameter(whole.to(weight.dtype), requires_grad=learns)
