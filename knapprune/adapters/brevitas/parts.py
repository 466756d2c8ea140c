"""The parts of a PyTorch module that has layers of Brevitas, by the names that its layers get."""

from __future__ import annotations

import re
from typing import Any

from knapprune.network.layers import Kind

_KINDS: dict[str, Kind] = {"QuantLinear": "dense", "QuantConv1d": "conv1d", "QuantConv2d": "conv2d"}


def of_brevitas(part: Any) -> bool:
    """Say whether a part is a layer of Brevitas, or of a class made from one."""
    return any(kind.__module__.startswith("brevitas.nn.") for kind in type(part).__mro__)


def has_brevitas(module: Any) -> bool:
    """Say whether a module has a layer of Brevitas, without importing it."""
    return any(of_brevitas(part) for part in module.modules())


def kind_of(part: Any) -> Kind | None:
    """Say what a layer of Brevitas computes with its weight; None where it is none that can be masked."""
    # Exact classes: a subclass may compute something else.
    own = type(part).__module__.startswith("brevitas.nn.")
    return _KINDS.get(type(part).__name__) if own else None


def named_parts(module: Any) -> dict[str, Any]:
    """Find the layers of Brevitas and the innermost parts beside them, by their names.

    Quantisers and what else is inside a layer of Brevitas are no parts of their own.
    """
    found: dict[str, Any] = {}
    paths: dict[str, str] = {}
    outer: list[str] = []
    for path, part in module.named_modules():
        if any(path.startswith(own) for own in outer):
            continue
        if of_brevitas(part):
            outer.append(f"{path}." if path else "")
        elif next(part.children(), None) is not None:
            continue
        name = layer_name(path)
        if name in found:
            raise ValueError(f"model: parts {paths[name]!r} and {path!r} are both layer {name!r}, expected other names")
        found[name], paths[name] = part, path
    return found


def layer_name(path: str) -> str:
    """Name a layer by the path of its part, as hls4ml does with those of PyTorch: ``_0``, ``head_1``."""
    name = re.sub(r"\W", "_", path, flags=re.ASCII) or "_"
    return f"_{name}" if name[0].isdigit() else name


def has_weights(part: Any) -> bool:
    """Say whether a part has parameters but for those of its quantisers."""
    return any(not name.partition(".")[0].endswith("_quant") for name, _ in part.named_parameters())
