"""Derivatives by PyTorch's autograd, for PyTorch's own modules and for Keras models that compute with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch


def derivatives(loss: Callable[[], Any], values: Sequence[Any], vectors: Sequence[Any] | None) -> list[Any]:
    """Return the gradient of a loss by some tensors or, with vectors, its Hessian times these; None where that is zero.

    Parameters
    ----------
    loss
        Computes it from the tensors, which must require a gradient.
    values
        The tensors.
    vectors
        A tensor in the shape of each.
    """
    with torch.enable_grad():
        slopes = torch.autograd.grad(loss(), values, create_graph=vectors is not None, allow_unused=True)
        if vectors is None:
            return list(slopes)
        # Where the loss is linear in a tensor, or does not depend on it, its slope is a constant.
        pairs = zip(slopes, vectors, strict=True)
        curved = [(slope, part) for slope, part in pairs if slope is not None and slope.requires_grad]
        if not curved:
            return [None] * len(values)
        targets, along = zip(*curved, strict=True)
        return list(torch.autograd.grad(targets, values, grad_outputs=along, allow_unused=True))
