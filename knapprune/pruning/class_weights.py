"""Weights of classes: each sample's weight by its class, so that training and gradients both go by them."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from knapprune.network.batches import is_arrays


def check_class_weight(weights: Any) -> None:
    """Refuse what is no weight for each class."""
    if weights is None:
        return
    if not isinstance(weights, Mapping) or not all(
        isinstance(number, numbers.Integral) and isinstance(weight, numbers.Real) and 0 <= float(weight) < math.inf
        for number, weight in weights.items()
    ):
        raise ValueError(f"class_weight: got {weights!r}, expected weights by class number, such as {{0: 1.0, 1: 5.0}}")


def weighted(data: Any, weights: Mapping[int, float] | None) -> Any:
    """Give each sample of arrays the weight of its class, as Keras does, times a weight that it has already."""
    if weights is None:
        return data
    if not is_arrays(data):
        raise ValueError(
            f"class_weight: got a {type(data).__name__} for data, expected arrays; let what yields batches yield "
            "(inputs, targets, sample_weight)"
        )
    if isinstance(data[1], Mapping | list | tuple) and not np.isscalar(next(iter(data[1]), 0)):
        raise ValueError("class_weight: got targets of several outputs, expected those of one; give sample weights")
    targets = np.asarray(data[1])
    if targets.ndim > 1 and targets.shape[-1] > 1:
        targets = targets.argmax(axis=-1)
    classes = targets.reshape(len(targets), -1)
    if classes.shape[1] != 1 or not np.equal(classes, np.round(classes)).all():
        raise ValueError("class_weight: expected a class number or a one-hot row for each sample in train's targets")
    own = np.ones(len(classes), dtype=np.float32)
    for number, weight in weights.items():  # a class that is not named counts once
        own[classes[:, 0] == number] = weight
    return (data[0], data[1], own * np.asarray(data[2], dtype=np.float32) if len(data) == 3 else own)
