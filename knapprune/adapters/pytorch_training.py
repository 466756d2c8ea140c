"""Prediction, gradients and fine-tuning of a PyTorch module; masks are hooks of its own, so nothing here knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from knapprune.adapters.pytorch_kernels import kernels
from knapprune.adapters.pytorch_mask import hold, unmask
from knapprune.adapters.pytorch_model import trainable

_PREDICTED_AT_ONCE = 1024


def predict(module: Any, inputs: Any) -> Any:
    """Return the module's outputs.

    Parameters
    ----------
    module
        The module; its mode is put back.
    inputs
        Array or tensor, samples first, or a list of them for a module with several inputs.

    Returns
    -------
    ndarray
        Or a list of them, where the module has several outputs.
    """
    given = _arrays(inputs)
    samples = len(given[0])
    parts = []
    with _mode(module, training=False), torch.no_grad():
        for start in range(0, max(samples, 1), _PREDICTED_AT_ONCE):
            places = torch.arange(start, min(start + _PREDICTED_AT_ONCE, samples))
            parts.append(module(*(_like(module, _take(array, places)) for array in given)))
    if isinstance(parts[0], tuple | list):
        return [_joined(part) for part in zip(*parts, strict=True)]
    return _joined(parts)


def mean_absolute_gradients(model: Any, data: Any, batch_size: int) -> dict[str, npt.NDArray[np.floating[Any]]]:
    """Average ``|gradient|`` of the loss with respect to each kernel over batches.

    Parameters
    ----------
    model
        A module or a `TorchModel`.
    data
        ``(inputs, targets)`` or a loader of such pairs.
    batch_size
        Samples per batch, where the data is no loader.

    Returns
    -------
    dict
        float64 arrays of the kernels' shapes, by layer name. Batches count by their number of samples.

    Raises
    ------
    ValueError
        If the data cannot be used.
    """
    module, loss, _ = trainable(model)
    # A copy, so that frozen kernels can have a gradient and nothing of the module is touched.
    copy = deepcopy(module).eval()
    unmask(copy)
    found = kernels(copy)
    weights = [kernel.tensor.requires_grad_() for kernel in found.values()]
    total = [np.zeros(kernel.shape) for kernel in found.values()]
    samples = 0
    for x, y in _batches(copy, data, batch_size, shuffle=False):
        with torch.enable_grad():
            gradients = torch.autograd.grad(loss(copy(*x), y), weights, allow_unused=True)
        for sums, kernel, gradient in zip(total, found.values(), gradients, strict=True):
            # A kernel that the loss does not depend on has no gradient at all.
            if gradient is not None:
                sums += len(x[0]) * np.abs(kernel.array(gradient))
        samples += len(x[0])
    return {name: sums / samples for name, sums in zip(found, total, strict=True)}


def fit(model: Any, train: Any, *, epochs: int, batch_size: int, after_epoch: Callable[[], None]) -> None:
    """Train a module in place.

    Parameters
    ----------
    model
        A module or a `TorchModel`; its mode is put back.
    train
        ``(inputs, targets)``, shuffled anew in each epoch by PyTorch's own generator, or a loader of such pairs.
    epochs, batch_size
        How often, and how many samples at a time at most, where the data is no loader.
    after_epoch
        Called after each epoch.

    Raises
    ------
    ValueError
        If the data cannot be used, or the loss is NaN or infinite.
    """
    module, loss, optimizer_of = trainable(model)
    optimizer = optimizer_of([parameter for parameter in module.parameters() if parameter.requires_grad])
    for epoch in range(epochs):
        with _mode(module, training=True), torch.enable_grad():
            for x, y in _batches(module, train, batch_size, shuffle=True):
                optimizer.zero_grad()
                reached = loss(module(*x), y)
                if not torch.isfinite(reached):
                    raise ValueError(
                        f"train: the loss is {reached.item()} in epoch {epoch + 1}; lower the learning rate or check "
                        "the data"
                    )
                reached.backward()
                optimizer.step()
        hold(module)
        after_epoch()


@contextmanager
def _mode(module: Any, training: bool) -> Iterator[None]:
    """Put a module in training or evaluation mode, and each part of it back into its own."""
    before = [(part, part.training) for part in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for part, was in before:
            part.training = was


def _batches(module: Any, data: Any, batch_size: int, shuffle: bool) -> Iterator[tuple[list[Any], Any]]:
    """Yield inputs and targets as tensors on the module's device."""
    for x, y in _pairs(data, batch_size, shuffle):
        inputs = [_like(module, part) for part in (x if isinstance(x, tuple | list) else [x])]
        targets = torch.as_tensor(y).to(inputs[0].device)
        yield inputs, targets.to(inputs[0].dtype) if targets.is_floating_point() else targets.long()


def _pairs(data: Any, batch_size: int, shuffle: bool) -> Iterator[Any]:
    if not isinstance(data, tuple | list):
        empty = True
        for batch in data:
            if not isinstance(batch, tuple | list) or len(batch) != 2:
                raise ValueError(f"data: the loader gives {type(batch).__name__}, expected pairs (inputs, targets)")
            empty = False
            yield batch
        if empty:
            raise ValueError("data: the loader gives no batch, expected at least one")
        return
    if len(data) != 2:
        raise ValueError(f"data: got {len(data)} parts, expected a pair (inputs, targets)")
    if batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1")
    inputs, (targets,) = _arrays(data[0]), _arrays([data[1]])
    lengths = {len(array) for array in (*inputs, targets)}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"data: inputs and targets have {sorted(lengths)} samples, expected one number above 0")
    samples = lengths.pop()
    order = torch.randperm(samples) if shuffle else torch.arange(samples)
    # Of about one size: a last batch of a single sample would be the end of a batch normalisation.
    for places in torch.tensor_split(order, ceil(samples / batch_size)):
        yield [_take(array, places) for array in inputs], _take(targets, places)


def _arrays(given: Any) -> list[Any]:
    """List one array or several; tensors stay where they are."""
    parts: Sequence[Any] = given if isinstance(given, tuple | list) else [given]
    return [part if isinstance(part, torch.Tensor) else np.asarray(part) for part in parts]


def _take(array: Any, places: Any) -> Any:
    if isinstance(array, torch.Tensor):
        return array[places.to(array.device)]
    return torch.from_numpy(array[places.numpy()])


def _like(module: Any, tensor: Any) -> Any:
    """Bring inputs to the device and the type of the module's parameters."""
    parameter = next(module.parameters(), None)
    return tensor if parameter is None else torch.as_tensor(tensor).to(parameter.device, parameter.dtype)


def _joined(parts: Any) -> npt.NDArray[Any]:
    joined: npt.NDArray[Any] = torch.cat([part.cpu() for part in parts]).numpy()
    return joined
