"""What a forward pass does with shapes: asks for the number of samples, flattens maps, takes their mean."""

from __future__ import annotations

import operator
from typing import Any

import torch


def asks_for_the_batch(node: Any) -> bool:
    """Say whether an operation asks for the number of samples, or for a shape of which only that is used."""
    if node.op == "call_method" and node.target == "size":
        return bool(node.args[1:] == (0,)) or (len(node.args) == 1 and all(map(_takes_the_first, node.users)))
    if node.op == "call_function" and node.target is getattr and node.args[1] == "shape":
        return all(map(_takes_the_first, node.users))
    return _takes_the_first(node) and asks_for_the_batch(node.args[0]) and node.args[0].target in ("size", getattr)


def _takes_the_first(node: Any) -> bool:
    return bool(node.op == "call_function" and node.target is operator.getitem and node.args[1] == 0)


def flattens(node: Any) -> bool:
    """Say whether an operation lays all axes of a sample out in one."""
    if node.target in (torch.flatten, "flatten"):
        return (node.args[1:], node.kwargs) in (((1,), {}), ((1, -1), {}), ((), {"start_dim": 1}))
    if node.op == "call_method" and node.target in ("view", "reshape") and len(node.args) == 3:
        first, last = node.args[1:]
        return bool(isinstance(first, torch.fx.Node) and asks_for_the_batch(first) and last == -1)
    return False


def averages_maps(node: Any) -> bool:
    """Say whether an operation takes the mean over both axes of an image."""
    if node.target not in (torch.mean, "mean") or node.kwargs.get("keepdim") or len(node.args) > 2:
        return False
    axes = node.args[1] if len(node.args) == 2 else node.kwargs.get("dim")
    return isinstance(axes, list | tuple) and sorted(axes) in ([2, 3], [-2, -1])
