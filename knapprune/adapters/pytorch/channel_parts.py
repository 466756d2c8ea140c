"""What PyTorch's modules and functions do with channels. Exact classes: a subclass may compute something else."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from knapprune.network.channels import Flags, Numbers, through, unchanged, zero_alone

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
Constant = Callable[[Numbers], Numbers]

# Of single numbers: what they make of a channel depends on nothing but that channel.
_NUMBERS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Tanh, nn.Sigmoid),
    *(nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Softplus, nn.Softsign, nn.LogSigmoid),
)
_NUMBERS_BY_FUNCTION = (
    *(torch.relu, torch.tanh, torch.sigmoid, torch.abs, torch.neg, functional.relu, functional.relu6),
    *(functional.leaky_relu, functional.elu, functional.selu, functional.celu, functional.gelu, functional.silu),
    *(functional.mish, functional.tanh, functional.sigmoid, functional.hardtanh, functional.hardsigmoid),
    *(functional.hardswish, functional.softplus, functional.softsign, functional.logsigmoid),
)
_NUMBERS_BY_METHOD = ("relu", "relu_", "tanh", "sigmoid", "abs")
_SAME = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_SAME_BY_METHOD = ("contiguous", "clone")
# Of a map of one value, another map of that value.
_MAPS = (
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
)
_AVERAGES = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
_PADDING = (nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d)
_MAPS_BY_FUNCTION = (
    *(functional.max_pool1d, functional.max_pool2d, functional.adaptive_avg_pool1d, functional.adaptive_avg_pool2d),
    *(functional.adaptive_max_pool1d, functional.adaptive_max_pool2d),
)


def part_constant(part: Any) -> tuple[Constant, bool] | None:
    """Say what constants become in a part without weights, and whether it works on maps; None where it is not known."""
    kind = type(part)
    if kind in _NUMBERS:
        return through(_numbers(deepcopy(part))), False
    if kind in _SAME:
        return unchanged, False
    if kind in _MAPS and not getattr(part, "return_indices", False):
        return unchanged, True
    if kind in _AVERAGES and getattr(part, "divisor_override", None) is None:
        return (zero_alone if _counts_padding(part) else unchanged), True
    if kind in _PADDING:
        return zero_alone, True
    if kind is nn.Upsample and part.mode == "nearest":
        return unchanged, True
    return None


def function_constant(node: Any) -> tuple[Constant, bool] | None:
    """Say the same of a call of a function or a method."""
    others = [*node.args[1:], *node.kwargs.values()]
    if not node.args or any(isinstance(own, torch.fx.Node) for own in others):
        return None
    if node.op == "call_method":
        if node.target in _NUMBERS_BY_METHOD and not others:
            return through(_numbers(lambda tensor: getattr(tensor, node.target)())), False
        return (unchanged, False) if node.target in _SAME_BY_METHOD and not others else None
    if any(node.target is own for own in _NUMBERS_BY_FUNCTION):
        return through(_numbers(lambda tensor: node.target(tensor, *node.args[1:], **node.kwargs))), False
    if any(node.target is own for own in _MAPS_BY_FUNCTION) and not node.kwargs.get("return_indices"):
        return unchanged, True
    if node.target is functional.avg_pool2d and set(node.kwargs) <= {"kernel_size", "stride"} and len(node.args) <= 3:
        return unchanged, True
    # Where it drops in inference too, its two other settings say so.
    if node.target in (functional.dropout, functional.dropout2d) and node.kwargs.get("training") is False:
        return unchanged, False
    return None


def pads(part: Any) -> bool:
    """Say whether a convolution adds zeros at an edge."""
    if part.padding_mode != "zeros":  # it repeats what is there, and a constant goes on as it is
        return False
    reach = [(size - 1) * step for size, step in zip(part.kernel_size, part.dilation, strict=True)]
    if isinstance(part.padding, str):
        return part.padding == "same" and any(reach)
    return any(part.padding)


def reads_of(kernel: Any) -> tuple[Flags, Numbers]:
    """Return which weights of a kernel, inputs by outputs, are not zero, and their sums over its window."""
    weights = kernel.detach().cpu().float().numpy()
    window = weights.reshape(*weights.shape[:2], -1)
    return (window != 0).any(axis=-1).T, window.sum(axis=-1).T


def numbers(tensor: Any, width: int, fill: float = 0.0) -> Numbers:
    """Return a vector of parameters, or what stands for none."""
    return np.full(width, fill) if tensor is None else tensor.detach().cpu().double().numpy()


def _counts_padding(part: Any) -> bool:
    padding = part.padding if isinstance(part.padding, tuple) else (part.padding,)
    return any(padding) and part.count_include_pad


def _numbers(function: Callable[[Any], Any]) -> Callable[[Numbers], Numbers]:
    """Call a function of tensors on an array."""

    def called(values: Numbers) -> Numbers:
        with torch.no_grad():
            return np.asarray(function(torch.tensor(values, dtype=torch.float32)).double().numpy())

    return called
