"""The grids in the state dict of a module."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from knapprune.adapters.pytorch.grid import SUFFIXES, grid_hook, put_buffers


def put_saved(module: Any, state: Mapping[str, Any]) -> None:
    """Put the grids of a state dict on the parameters that have none; what is in them is loaded after that."""
    for name in held_parameters(module, state):
        path, _, parameter = name.rpartition(".")
        part = module.get_submodule(path)
        if grid_hook(part, parameter) is None:
            device = getattr(part, parameter).device
            put_buffers(part, parameter, {suffix: state[name + suffix].clone().to(device) for suffix in SUFFIXES})


def held_parameters(module: Any, names: Container[str]) -> list[str]:
    """Name the parameters of a module that there is a grid for among the names of a state dict."""
    return [name for name, _ in module.named_parameters() if all(name + suffix in names for suffix in SUFFIXES)]
