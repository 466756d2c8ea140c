"""Labels drawn from what a classifier itself answers, in place of the true ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.network.batches import Batch


def with_drawn_labels(batch: Batch, outputs: Any, random: np.random.Generator) -> Batch:
    """Replace the labels of a batch by classes drawn with the probabilities that the model gives them."""
    shape, targets = getattr(outputs, "shape", None), batch.targets
    if shape is None or len(shape) != 2 or shape[1] < 2:
        got = f"shape {tuple(shape)}" if shape is not None else f"a {type(outputs).__name__}"
        raise ValueError(f"outputs: got {got}, expected (samples, classes) of a classifier to draw labels from")
    form = tuple(getattr(targets, "shape", ()))
    if form == shape:
        if not (np.min(targets) >= 0 and np.allclose(np.sum(targets, axis=1), 1, atol=1e-3)):
            raise ValueError("targets: got rows that do not sum to one, expected one class for each sample")
    elif form not in ((shape[0],), (shape[0], 1)):
        raise ValueError(
            f"targets: got {f'shape {form}' if form else f'a {type(targets).__name__}'}, expected class numbers or "
            f"one-hot rows for outputs of shape {tuple(shape)}"
        )
    classes = _draw(_probabilities(np.asarray(outputs, dtype=np.float64)), random)
    drawn = np.eye(shape[1])[classes] if form == shape else classes.reshape(form)
    roots = None if batch.sample_weight is None else np.sqrt(batch.sample_weight)
    return Batch(batch.inputs, drawn.astype(targets.dtype), roots, batch.size)


def _probabilities(outputs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Take rows that are no probabilities for logits; a softmax in half precision sums to one within a hundredth."""
    if outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=1e-2):
        scores = outputs
    else:
        scores = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def _draw(probabilities: npt.NDArray[np.float64], random: np.random.Generator) -> npt.NDArray[np.int64]:
    below = np.cumsum(probabilities, axis=1) <= random.random((len(probabilities), 1))
    return np.asarray(np.minimum(np.count_nonzero(below, axis=1), probabilities.shape[1] - 1), dtype=np.int64)
