"""Rounding the results of a PyTorch module's parts to fixed-point types, wherever the module computes.

A hook behind each part rounds to the nearest value of the type, the half upwards, and cuts off at the type's ends.
Gradients pass straight through, but for values beyond the ends. Inputs of the module are not among the results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from knapprune.adapters.pytorch.kernels import modules_in_use
from knapprune.adapters.pytorch.training import predict
from knapprune.network.batches import Batch
from knapprune.network.precision import FixedPoint
from knapprune.network.result_node import ResultNode

# Parts whose result has a type of its own in hls4ml; others pass their input's on.
_TYPED = (
    torch.nn.Linear,
    torch.nn.Conv1d,
    torch.nn.Conv2d,
    torch.nn.ReLU,
    torch.nn.LeakyReLU,
    torch.nn.Tanh,
    torch.nn.Sigmoid,
    torch.nn.MaxPool1d,
    torch.nn.MaxPool2d,
    torch.nn.AvgPool1d,
    torch.nn.AvgPool2d,
)


class RoundingHook:
    """A forward hook that rounds what a part returns.

    Parameters
    ----------
    kind
        The type.
    """

    def __init__(self, kind: FixedPoint) -> None:
        self.kind = kind

    def __call__(self, part: Any, inputs: Any, output: Any) -> Any:
        """Round the output."""
        step = 2.0**-self.kind.fraction
        inside = torch.clamp(output, self.kind.low * step, self.kind.high * step)
        # Exact: the sum takes a number to zero, or to another that is within a factor of two.
        return inside + (torch.floor(inside / step + 0.5) * step - inside).detach()


def results(module: Any) -> dict[str, ResultNode]:
    """Name the parts whose result has a type of its own, in the data's order."""
    return {name: ResultNode(name) for name in _parts(module)}


def round_data(module: Any, types: Mapping[str, FixedPoint]) -> None:
    """Round the results named to their types from now on, and no others."""
    known = _parts(module)
    if unknown := types.keys() - known.keys():
        raise ValueError(f"types: no layers {sorted(unknown)} in the model, expected some of {list(known)}")
    for name, part in known.items():
        for number, hook in list(part._forward_hooks.items()):
            if isinstance(hook, RoundingHook):
                del part._forward_hooks[number]
        if name in types:
            part.register_forward_hook(RoundingHook(types[name]))


def data_types(module: Any) -> dict[str, FixedPoint]:
    """Read the types of `round_data` back."""
    hooks = {name: part._forward_hooks.values() for name, part in _parts(module).items()}
    return {name: hook.kind for name, own in hooks.items() for hook in own if isinstance(hook, RoundingHook)}


def values(module: Any, batch: Batch) -> dict[str, npt.NDArray[np.floating[Any]]]:
    """Compute each result on a batch, nothing rounded."""
    types = data_types(module)
    round_data(module, {})
    seen: dict[str, list[npt.NDArray[np.floating[Any]]]] = {}

    def watch(name: str) -> Callable[[Any, Any, Any], None]:
        def watching(part: Any, inputs: Any, output: Any) -> None:
            seen.setdefault(name, []).append(output.detach().cpu().numpy())

        return watching

    handles = [part.register_forward_hook(watch(name)) for name, part in _parts(module).items()]
    try:
        predict(module, batch.inputs)
    finally:
        for handle in handles:
            handle.remove()
        round_data(module, types)
    return {name: np.concatenate(parts) for name, parts in seen.items()}


def _parts(module: Any) -> dict[str, Any]:
    used = modules_in_use(module)
    times = Counter(id(part) for part in used.values())
    return {name: part for name, part in used.items() if isinstance(part, _TYPED) and times[id(part)] == 1}
