"""A module's operations as PyTorch's tracer lists them; what it cannot follow is one operation."""

from __future__ import annotations

import operator
from typing import Any

import torch

# Their result is no view of what they read.
_NEW = (operator.add, operator.mul, torch.add, torch.mul, torch.cat, torch.relu, torch.tanh, torch.sigmoid)


class _Tracer(torch.fx.Tracer):
    """A tracer that does not enter parts which it cannot follow."""

    def __init__(self) -> None:
        super().__init__()
        self._followed: dict[int, bool] = {}

    def is_leaf_module(self, m: Any, module_qualified_name: str) -> bool:
        """Say whether a part is one operation."""
        if super().is_leaf_module(m, module_qualified_name):
            return True
        if id(m) not in self._followed:
            self._followed[id(m)] = _follows(m)
        return not self._followed[id(m)]


def trace(module: Any) -> Any:
    """List the operations of a module."""
    try:
        return _Tracer().trace(module)
    except Exception as error:  # the tracer runs the user's own forward, which may raise anything at all
        raise ValueError(
            f"model: the tracer of PyTorch cannot follow {type(module).__name__}.forward, expected one without control "
            f"flow that depends on data: {error}"
        ) from error


def _follows(module: Any) -> bool:
    try:
        _Tracer().trace(module)
    except Exception:
        return False
    return True


def is_writing(node: Any, module: Any) -> bool:
    """Say whether an operation may change a tensor that others read as well."""
    written = node.args and isinstance(node.args[0], torch.fx.Node) and _writes(node, module)
    return bool(written) and not _only_read_there(node.args[0], module)


def _writes(node: Any, module: Any) -> bool:
    if node.op == "call_module":
        return bool(getattr(module.get_submodule(node.target), "inplace", False))
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return bool(node.kwargs.get("inplace") or name.endswith("_") or name in ("iadd", "isub", "imul", "setitem"))


def _only_read_there(node: Any, module: Any) -> bool:
    """Say whether a tensor has one reader, and so have those that it may be a view of."""
    while len(node.users) == 1:
        if node.op == "placeholder":
            return False
        if node.op == "call_module":
            views = _may_be_a_view(module.get_submodule(node.target))
        else:
            views = node.target not in _NEW
        if not views or not node.args or not isinstance(node.args[0], torch.fx.Node):
            return True
        node = node.args[0]
    return False


def _may_be_a_view(part: Any) -> bool:
    return (
        isinstance(part, torch.nn.Flatten | torch.nn.Identity)
        or "Dropout" in type(part).__name__
        or bool(getattr(part, "inplace", False))
    )
