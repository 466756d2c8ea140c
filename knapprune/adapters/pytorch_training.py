"""Prediction and fine-tuning of a PyTorch module; masks are hooks of its own, so nothing here knows them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from knapprune.adapters.pytorch_mask import hold
from knapprune.adapters.pytorch_model import trainable
from knapprune.batches import Batch, batches, is_arrays

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
    with mode(module, training=False), torch.no_grad():
        for start in range(0, max(samples, 1), _PREDICTED_AT_ONCE):
            places = torch.arange(start, min(start + _PREDICTED_AT_ONCE, samples))
            parts.append(module(*(_like(module, _take(array, places)) for array in given)))
    if isinstance(parts[0], tuple | list):
        return [_joined(part) for part in zip(*parts, strict=True)]
    return _joined(parts)


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
    if batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1")
    optimizer = optimizer_of([parameter for parameter in module.parameters() if parameter.requires_grad])
    for epoch in range(epochs):
        with mode(module, training=True), torch.enable_grad():
            for x, y in (tensors(module, batch) for batch in _shuffled(train, batch_size)):
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
def mode(module: Any, training: bool) -> Iterator[None]:
    """Put a module in training or evaluation mode, and each part of it back into its own.

    Parameters
    ----------
    module
        The module.
    training
        Which of the two.

    Yields
    ------
    None
        While it is in that mode.
    """
    before = [(part, part.training) for part in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for part, was in before:
            part.training = was


def tensors(module: Any, batch: Batch) -> tuple[list[Any], Any]:
    """Bring a batch to the device of a module's weights.

    Parameters
    ----------
    module
        The module.
    batch
        The samples.

    Returns
    -------
    tuple
        A list of inputs and the targets: floating point as the weights are, or class numbers.

    Raises
    ------
    ValueError
        If the batch has sample weights.
    """
    if batch.sample_weight is not None:
        raise ValueError("data: got sample weights, expected (inputs, targets): a PyTorch loss takes no weights")
    parts = batch.inputs if isinstance(batch.inputs, tuple | list) else [batch.inputs]
    inputs = [_like(module, torch.tensor(part)) for part in parts]
    targets = torch.tensor(batch.targets, device=inputs[0].device)
    return inputs, targets.to(inputs[0].dtype) if targets.is_floating_point() else targets.long()


def _shuffled(data: Any, batch_size: int) -> Iterator[Batch]:
    """Yield batches of whole arrays in a new order, and those of a loader in its own."""
    if not is_arrays(data):
        yield from batches(data, batch_size, "train")
        return
    (whole,) = batches(data, sys.maxsize, "train")
    order = torch.randperm(whole.size).numpy()
    several = isinstance(whole.inputs, list)
    # Of about one size: a last batch of a single sample would be the end of a batch normalisation.
    for places in np.array_split(order, ceil(whole.size / batch_size)):
        parts = [part[places] for part in (whole.inputs if several else [whole.inputs])]
        weight = None if whole.sample_weight is None else whole.sample_weight[places]
        yield Batch(parts if several else parts[0], whole.targets[places], weight, len(places))


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
