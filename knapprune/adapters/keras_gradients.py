"""Gradients of a Keras model's own loss, batch by batch; the one thing Keras leaves to its backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras_kernels import find_kernels

BatchGradients = Callable[[Any, list[Any], Any, Any], list[Any]]


def mean_absolute_gradients(model: Any, data: Any, batch_size: int) -> dict[str, npt.NDArray[np.floating[Any]]]:
    """Average ``|gradient|`` of the loss with respect to each kernel over batches.

    Parameters
    ----------
    model
        A compiled model.
    data
        ``(inputs, targets)`` with the samples on the first axis.
    batch_size
        Samples per batch; memory for one batch and for one array per kernel is used.

    Returns
    -------
    dict
        float64 arrays of the kernels' shapes, by kernel name. Batches count by their number of samples.

    Raises
    ------
    ValueError
        If the model is not compiled, or the data or the batch size cannot be used.
    """
    if not model.compiled:
        raise ValueError(f"model {model.name!r} is not compiled: gradients need its loss; call model.compile(loss=...)")
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ValueError(f"data: got {type(data).__name__}, expected a pair (inputs, targets)")
    if batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1")
    inputs, targets = (keras.tree.map_structure(np.asarray, part) for part in data)
    lengths = {len(array) for array in keras.tree.flatten((inputs, targets))}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"data: inputs and targets have {sorted(lengths)} samples, expected one number above 0")
    samples = lengths.pop()
    kernels = find_kernels(model)
    variables = [kernel.variable for kernel in kernels.values()]
    total = [np.zeros(tuple(variable.shape)) for variable in variables]
    gradients = _BACKENDS[keras.backend.backend()]
    for start in range(0, samples, batch_size):
        batch = slice(start, start + batch_size)
        x, y = (keras.tree.map_structure(lambda array, batch=batch: array[batch], part) for part in (inputs, targets))
        weight = (min(start + batch_size, samples) - start) / samples
        for position, gradient in enumerate(gradients(model, variables, x, y)):
            # A kernel that the loss does not depend on has no gradient at all.
            if gradient is not None:
                total[position] += weight * np.abs(keras.ops.convert_to_numpy(gradient))
    return dict(zip(kernels, total, strict=True))


def _tensorflow(model: Any, variables: list[Any], x: Any, y: Any) -> list[Any]:
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([variable.value for variable in variables])
        loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=False), training=False)
    return list(tape.gradient(loss, [variable.value for variable in variables]))


def _torch(model: Any, variables: list[Any], x: Any, y: Any) -> list[Any]:
    import torch

    with torch.enable_grad():
        loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=False), training=False)
        return list(torch.autograd.grad(loss, [variable.value for variable in variables], allow_unused=True))


def _jax(model: Any, variables: list[Any], x: Any, y: Any) -> list[Any]:
    import jax

    def loss(values: list[Any]) -> Any:
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return model.compute_loss(x=x, y=y, y_pred=model(x, training=False), training=False)

    return list(jax.grad(loss)([variable.value for variable in variables]))


_BACKENDS: dict[str, BatchGradients] = {"tensorflow": _tensorflow, "torch": _torch, "jax": _jax}
