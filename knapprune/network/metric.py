"""The share of samples that a classifier gets right, whatever form its labels have."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of right classes.

    Examples
    --------
    >>> accuracy([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    0.6666666666666666
    """
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
    classes = scores.argmax(axis=-1) if scores.shape[-1] > 1 else scores[..., 0] > 0.5
    return float(np.mean(classes == labels))
