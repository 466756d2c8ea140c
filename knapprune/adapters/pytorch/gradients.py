"""Derivatives of a PyTorch module's loss on one batch, taken at tensors of their own in place of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from knapprune.adapters.pytorch.grid import settle
from knapprune.adapters.pytorch.kernels import kernels
from knapprune.adapters.pytorch.model import tensors_of, trainable
from knapprune.adapters.pytorch.training import mode, tensors
from knapprune.adapters.torch_derivatives import derivatives
from knapprune.network.batches import Batch

Arrays = dict[str, npt.NDArray[np.floating[Any]]]


def gradient(model: Any, batch: Batch) -> Arrays:
    """Differentiate the mean loss of a batch by each kernel."""
    return _derivatives(model, batch, None)


def hessian_product(model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]]) -> Arrays:
    """Multiply the Hessian of the mean loss of a batch over all kernels with a vector."""
    return _derivatives(model, batch, vectors)


def loss(model: Any, batch: Batch) -> float:
    """Compute the mean loss of a batch."""
    module, measure, _ = trainable(model)
    inputs, targets = tensors(module, batch)
    settle(module)
    with mode(module, training=False), torch.no_grad():
        return float(measure(tensors_of(module(*inputs)), targets))


def _derivatives(model: Any, batch: Batch, vectors: Mapping[str, npt.NDArray[np.generic]] | None) -> Arrays:
    """Take the derivatives at new tensors, so that those of frozen kernels can be had; zero where there are none."""
    module, loss, _ = trainable(model)
    inputs, targets = tensors(module, batch)
    settle(module)
    known = kernels(module)
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    values = {names[id(kernel.tensor)]: kernel.tensor.detach().clone().requires_grad_() for kernel in known.values()}
    along = None
    if vectors is not None:
        along = [kernel.as_tensor(vectors[name]).to(kernel.tensor.dtype) for name, kernel in known.items()]

    def reached() -> Any:
        return loss(tensors_of(torch.func.functional_call(module, values, tuple(inputs))), targets)

    with mode(module, training=False):
        slopes = derivatives(reached, list(values.values()), along)
    return {
        name: np.zeros(kernel.shape, np.float32) if slope is None else kernel.array(slope)
        for (name, kernel), slope in zip(known.items(), slopes, strict=True)
    }
