"""Prediction and fine-tuning of a PyTorch module; masks are hooks of its own, so nothing here knows them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from knapprune.adapters.pytorch.grid import settle
from knapprune.adapters.pytorch.model import tensors_of, trainable
from knapprune.adapters.pytorch.state import optimizer_of
from knapprune.adapters.seeding import seeded
from knapprune.network.batches import Batch, batches, is_arrays, mapped

_PREDICTED_AT_ONCE = 1024


def predict(module: Any, inputs: Any) -> Any:
    """Return the module's outputs."""
    given = [_array(part) for part in positional(module, inputs)]
    samples = len(given[0])
    parts = []
    with mode(module, training=False), torch.no_grad():
        for start in range(0, max(samples, 1), _PREDICTED_AT_ONCE):
            places = torch.arange(start, min(start + _PREDICTED_AT_ONCE, samples))
            parts.append(tensors_of(module(*(_like(module, _take(array, places)) for array in given))))
    if isinstance(parts[0], tuple | list):
        return [_joined(part) for part in zip(*parts, strict=True)]
    return _joined(parts)


def fit(model: Any, train: Any, *, batch_size: int, seed: int, rate: float = 1.0) -> float:
    """Train a module in place for one epoch, the same way for the same state and seed."""
    module, loss, _ = trainable(model)
    optimizer = optimizer_of(model)
    total, samples = 0.0, 0
    with mode(module, training=True), torch.enable_grad(), seeded(seed), _learning_rates(optimizer, rate):
        for batch in _shuffled(train, batch_size, np.random.default_rng(seed)):
            x, y = tensors(module, batch)
            optimizer.zero_grad()
            reached = loss(tensors_of(module(*x)), y)
            reached.backward()
            optimizer.step()
            total += reached.item() * batch.size
            samples += batch.size
    optimizer.zero_grad()
    settle(module)
    return total / samples


@contextmanager
def _learning_rates(optimizer: Any, rate: float) -> Iterator[None]:
    """Scale the optimiser's learning rates while the block runs."""
    own = [group["lr"] for group in optimizer.param_groups]
    for group, lr in zip(optimizer.param_groups, own, strict=True):
        group["lr"] = lr * rate
    try:
        yield
    finally:
        for group, lr in zip(optimizer.param_groups, own, strict=True):
            group["lr"] = lr


@contextmanager
def mode(module: Any, training: bool) -> Iterator[None]:
    """Put a module in training or evaluation mode, and each part of it back into its own."""
    before = [(part, part.training) for part in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for part, was in before:
            part.training = was


def tensors(module: Any, batch: Batch) -> tuple[list[Any], Any]:
    """Bring a batch to the device of a module's weights."""
    if batch.sample_weight is not None:
        raise ValueError("data: got sample weights, expected (inputs, targets): a PyTorch loss takes no weights")
    inputs = [_like(module, torch.tensor(part)) for part in positional(module, batch.inputs)]

    def target(part: Any) -> Any:
        own = torch.tensor(part, device=inputs[0].device)
        return own.to(inputs[0].dtype) if own.is_floating_point() else own.long()

    return inputs, mapped(target, batch.targets)


def positional(module: Any, inputs: Any) -> list[Any]:
    """List inputs as a module's `forward` takes them; those of a dict go by the names of its arguments."""
    if not isinstance(inputs, Mapping):
        return list(inputs) if isinstance(inputs, tuple | list) else [inputs]
    names = list(inspect.signature(module.forward).parameters)
    if unknown := inputs.keys() - set(names):
        raise ValueError(f"data: got inputs {sorted(unknown)}, expected some of forward's arguments {names}")
    return [inputs[name] for name in names if name in inputs]


def _shuffled(data: Any, batch_size: int, random: np.random.Generator) -> Iterator[Batch]:
    """Yield batches of whole arrays in a new order, and those of a loader in its own."""
    if batch_size < 1 or not is_arrays(data):
        yield from batches(data, batch_size, "train")
        return
    (whole,) = batches(data, sys.maxsize, "train")

    def taken(part: Any, places: Any) -> Any:
        return mapped(lambda array: array[places], part)

    # Of about one size: a last batch of a single sample would be the end of a batch normalisation.
    for places in np.array_split(random.permutation(whole.size), ceil(whole.size / batch_size)):
        weight = None if whole.sample_weight is None else whole.sample_weight[places]
        yield Batch(taken(whole.inputs, places), taken(whole.targets, places), weight, len(places))


def _array(part: Any) -> Any:
    """Take an array; tensors stay where they are."""
    return part if isinstance(part, torch.Tensor) else np.asarray(part)


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
