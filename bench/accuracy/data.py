"""Fashion-MNIST in three parts: to train on, to choose epochs by, and to report."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

VALIDATION = 5000
"""Images of the training set that are held out, the same in every run."""

SPLIT = 99
"""Seed of which."""

Pair = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Data:
    """Images of shape (samples, 28, 28, 1) from 0 to 1 and their classes.

    Parameters
    ----------
    train
        55,000 to train on.
    validation
        5,000 to choose epochs and settings by.
    test
        10,000 that are looked at once a row, at its end.
    """

    train: Pair
    validation: Pair
    test: Pair


def fashion_mnist() -> Data:
    """Load the data: ``fashion_mnist.npz`` in the folder that ``KNAPPRUNE_DATA`` names, or Keras' own download."""
    folder = os.environ.get("KNAPPRUNE_DATA")
    path = Path(folder or ".") / "fashion_mnist.npz"
    if folder and path.exists():
        with np.load(path) as arrays:
            train, test = (_pair(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
    else:
        import keras

        train, test = (_pair(*part) for part in keras.datasets.fashion_mnist.load_data())
    order = np.random.default_rng(SPLIT).permutation(len(train[0]))
    rest, held = order[:-VALIDATION], order[-VALIDATION:]
    return Data((train[0][rest], train[1][rest]), (train[0][held], train[1][held]), test)


def _pair(images: npt.NDArray[Any], classes: npt.NDArray[Any]) -> Pair:
    return (images[..., None] / np.float32(255)).astype(np.float32), classes.astype(np.int64)
