"""The share of samples that a classifier gets right, whatever form its labels have."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike


def accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float | None = 0.5) -> float:
    """Return the share of right classes.

    A single output says class 1 above the threshold: 0.5 for a probability, 0 for a logit. None is 0.5 where all
    outputs are from 0 to 1, and else 0.

    Examples
    --------
    >>> accuracy([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    0.6666666666666666
    >>> accuracy([0, 1, 1], [[-0.3], [0.2], [1.5]], threshold=0.0)
    1.0
    """
    labels, scores = class_numbers(y_true, y_pred)
    if scores.shape[-1] > 1:
        return float(np.mean(scores.argmax(axis=-1) == labels))
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            "y_true: expected the class numbers 0 and 1 for a single output, got others; pass metric= for a regression"
        )
    if threshold is None:
        threshold = 0.5 if scores.min() >= 0 and scores.max() <= 1 else 0.0
    return float(np.mean((scores[..., 0] > threshold) == labels))


def class_numbers(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the class of each sample, and its scores with the classes on the last axis; refuse what are no classes."""
    labels, scores = np.asarray(y_true), np.asarray(y_pred)
    if labels.dtype.kind not in "biuf":
        raise ValueError(f"y_true: expected numbers, got dtype {labels.dtype}")
    if scores.ndim < 2:
        scores = scores.reshape(-1, 1)
    if scores.shape[-1] > 1 and labels.shape == scores.shape:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=-1) == 1).all()):
            raise ValueError("y_true: expected one-hot rows or class numbers, got other rows; pass metric= instead")
        labels = labels.argmax(axis=-1)
    elif labels.ndim == scores.ndim and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if labels.shape != scores.shape[:-1]:
        raise ValueError(f"y_true: expected labels for scores of shape {scores.shape}, got shape {np.shape(y_true)}")
    if labels.size == 0:
        raise ValueError("y_true: expected at least one sample, got none")
    if not np.equal(labels, np.round(labels)).all():
        raise ValueError("y_true: expected class numbers, got fractions; pass metric= for a regression")
    return labels, scores
