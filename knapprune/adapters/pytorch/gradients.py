"""Derivatives of a PyTorch module's loss on one batch, taken at tensors of their own in place of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from knapprune.adapters.pytorch.kernels import Kernel, kernels
from knapprune.adapters.pytorch.model import trainable
from knapprune.adapters.pytorch.training import mode, tensors
from knapprune.network.batches import Batch

Arrays = dict[str, npt.NDArray[np.floating[Any]]]


def gradient(model: Any, batch: Batch) -> Arrays:
    """Differentiate the mean loss of a batch by each kernel."""
    found = kernels(_module(model))
    values, loss = _loss(model, batch, found)
    return _arrays(found, torch.autograd.grad(loss, values, allow_unused=True))


def hessian_product(model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]) -> Arrays:
    """Multiply the Hessian of the mean loss of a batch over all kernels with a vector."""
    found = kernels(_module(model))
    values, loss = _loss(model, batch, found)
    slopes = torch.autograd.grad(loss, values, create_graph=True, allow_unused=True)
    parts = [kernel.as_tensor(vectors[name]).to(kernel.tensor.dtype) for name, kernel in found.items()]
    # Where the loss is linear in a kernel, or does not depend on it, its slope is a constant.
    curved = [(slope, part) for slope, part in zip(slopes, parts, strict=True) if slope is not None]
    curved = [(slope, part) for slope, part in curved if slope.requires_grad]
    if not curved:
        return _arrays(found, [None] * len(values))
    targets, along = zip(*curved, strict=True)
    return _arrays(found, torch.autograd.grad(targets, values, grad_outputs=along, allow_unused=True))


def _module(model: Any) -> Any:
    return trainable(model)[0]


def _loss(model: Any, batch: Batch, found: Mapping[str, Kernel]) -> tuple[list[Any], Any]:
    """Return the kernels as new tensors, frozen ones too, and the loss that they give."""
    module, loss, _ = trainable(model)
    inputs, targets = tensors(module, batch)
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    values = {names[id(kernel.tensor)]: kernel.tensor.detach().clone().requires_grad_() for kernel in found.values()}
    with mode(module, training=False), torch.enable_grad():
        return list(values.values()), loss(torch.func.functional_call(module, values, tuple(inputs)), targets)


def _arrays(found: Mapping[str, Kernel], derivatives: Any) -> Arrays:
    """Copy the derivatives out; one that the loss does not depend on is zero."""
    return {
        name: np.zeros(kernel.shape, np.float32) if derivative is None else kernel.array(derivative)
        for (name, kernel), derivative in zip(found.items(), derivatives, strict=True)
    }
