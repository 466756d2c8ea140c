"""What training changes in a PyTorch module: weights, masks and grids, and the state of the optimiser that trains it.

PyTorch keeps no optimiser with a module. The one that fine-tunes a module is made when it is first needed and lives as
long as the module does.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch

from knapprune.adapters.mask_check import check_masks
from knapprune.adapters.pytorch.grid import SUFFIXES, release, settle
from knapprune.adapters.pytorch.kernels import kernels
from knapprune.adapters.pytorch.mask import mask_names, put_mask
from knapprune.adapters.pytorch.model import trainable
from knapprune.adapters.pytorch.saved_grids import held_parameters, put_saved

_OPTIMIZERS: WeakKeyDictionary[Any, tuple[Any, Any]] = WeakKeyDictionary()


def optimizer_of(model: Any) -> Any:
    """Find the optimiser that trains a model, or make it."""
    module, _, factory = trainable(model)
    known, optimizer = _OPTIMIZERS.get(module, (None, None))
    if known is not factory:
        optimizer = factory([parameter for parameter in module.parameters() if parameter.requires_grad])
        _OPTIMIZERS[module] = (factory, optimizer)
    return optimizer


def state(model: Any) -> dict[str, npt.NDArray[Any]]:
    """Copy out all that training changes."""
    arrays = {f"weight/{name}": _array(tensor) for name, tensor in _weights(trainable(model)[0]).items()}
    for number, entry in optimizer_of(model).state_dict()["state"].items():
        arrays |= {f"optimizer/{number}/{name}": _array(value) for name, value in entry.items() if value is not None}
    return arrays


def restore(model: Any, state: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put back what `state` returned, the grids of then included."""
    module, _, _ = trainable(model)
    own = {key.removeprefix("weight/"): array for key, array in state.items() if key.startswith("weight/")}
    weights = _weights(module)
    got, expected = (names - _of_grids(module, names) for names in (own.keys(), weights.keys()))
    if got != expected:
        raise ValueError(f"state: got the weights {sorted(got)}, expected {sorted(expected)}")
    release(module, keep=held_parameters(module, own))
    put_saved(module, {name: torch.tensor(own[name]) for name in _of_grids(module, own)})
    with torch.no_grad():
        for name, tensor in _weights(module).items():
            tensor.copy_(torch.tensor(own[name]))
    optimizer = optimizer_of(model)
    entries: dict[int, dict[str, Any]] = {}
    for key, array in state.items():
        if key.startswith("optimizer/"):
            _, number, name = key.split("/")
            entries.setdefault(int(number), {})[name] = torch.tensor(array)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": entries})


def remask(model: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> None:
    """Put masks on a model itself."""
    known = kernels(trainable(model)[0])
    optimizer = optimizer_of(model)
    for name, mask in check_masks(masks, {name: kernel.shape for name, kernel in known.items()}, "the model").items():
        kernel = known[name]
        keep = kernel.as_tensor(mask)
        put_mask(kernel.module, kernel.parameter, keep)
        for moment in optimizer.state.get(kernel.tensor, {}).values():
            if isinstance(moment, torch.Tensor) and moment.shape == keep.shape:
                moment.masked_fill_(~keep, 0)
    settle(trainable(model)[0])


def _weights(module: Any) -> dict[str, Any]:
    masks = mask_names(module)
    return {name: tensor for name, tensor in module.state_dict().items() if name not in masks}


def _of_grids(module: Any, names: Container[str]) -> set[str]:
    return {name + suffix for name in held_parameters(module, names) for suffix in SUFFIXES}


def _array(value: Any) -> npt.NDArray[Any]:
    return np.array(value.detach().cpu() if isinstance(value, torch.Tensor) else value)
