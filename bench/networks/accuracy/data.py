"""Data sets in three parts: to train on, to choose epochs by, and to report.

Files are looked for in the folder that ``KNAPPRUNE_DATA`` names; what is not there is downloaded where that can be.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

VALIDATION = 1 / 12
"""Share of the training set that is held out, the same in every run: 5,000 images of Fashion-MNIST."""

SPLIT = 99
"""Seed of which."""

EVENTS = (0.65, 0.1, 0.25)
"""Of the events, to train on, to choose by, and to report."""

REACH = 4.0
"""Standard deviations at which features of jets are cut off, as a chip's input would be."""

Pair = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Data:
    """Inputs and classes.

    Parameters
    ----------
    train
        To train on.
    validation
        To choose epochs and settings by.
    test
        What is looked at once a row, at its end.
    """

    train: Pair
    validation: Pair
    test: Pair

    @classmethod
    def of(cls, known: Pair, test: Pair) -> Data:
        """Hold a part of what may be known out."""
        order = np.random.default_rng(SPLIT).permutation(len(known[0]))
        rest, held = np.split(order, [round(len(order) * (1 - VALIDATION))])
        return cls((known[0][rest], known[1][rest]), (known[0][held], known[1][held]), test)


def fashion_mnist() -> Data:
    """Load Fashion-MNIST: images of shape (28, 28, 1) from 0 to 1."""
    path = folder() / "fashion_mnist.npz"
    if path.exists():
        with np.load(path) as arrays:
            known, test = ((arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
    else:
        import keras

        with _or_else(f"put fashion_mnist.npz (x_train, y_train, x_test, y_test) into {folder()}"):
            known, test = keras.datasets.fashion_mnist.load_data()
    return Data.of(_images(known[0][..., None], known[1]), _images(test[0][..., None], test[1]))


def svhn() -> Data:
    """Load the cropped digits of Street View House Numbers: images of shape (32, 32, 3) from 0 to 1."""
    from scipy.io import loadmat

    parts = []
    for name in ("train", "test"):
        path = folder() / "svhn" / f"{name}_32x32.mat"
        if not path.exists():
            raise FileNotFoundError(
                f"SVHN: {path} is not there; download train_32x32.mat and test_32x32.mat (format 2, cropped digits) "
                "from http://ufldl.stanford.edu/housenumbers/"
            )
        arrays = loadmat(path)
        # The files call the digit 0 class 10, and count images along the last axis.
        parts.append(_images(np.moveaxis(arrays["X"], -1, 0), arrays["y"].ravel() % 10))
    return Data.of(*parts)


def jets() -> Data:
    """Load the LHC jets of hls4ml's tutorial, OpenML 42468: 16 features, standardised, and five classes."""
    from sklearn.model_selection import train_test_split

    path = folder() / "jets.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as arrays:
            features, names = arrays["x"], arrays["y"]
    else:
        from sklearn.datasets import fetch_openml

        with _or_else(f"save OpenML 42468 (hls4ml_lhc_jets_hlf) as arrays x (samples, 16) and y in {path}"):
            features, names = fetch_openml(data_id=42468, return_X_y=True, as_frame=False)
    classes = np.unique(names, return_inverse=True)[1].astype(np.int64)
    known, test, known_classes, test_classes = train_test_split(
        np.asarray(features, dtype=np.float32), classes, test_size=0.2, random_state=42
    )
    mean, deviation = known.mean(axis=0), known.std(axis=0)
    return Data.of(((known - mean) / deviation, known_classes), ((test - mean) / deviation, test_classes))


def simulated_jets() -> Data:
    """Load the simulated jets: 16 features, standardised by those that are trained on, and five classes."""
    path = folder() / "jets" / "jets_sim.npz"
    if not path.exists():
        raise FileNotFoundError(
            f"jets: {path} is not there; any file with arrays X (samples, 16), y (classes 0 to 4) and event (the event "
            "of each jet) in its place will do"
        )
    with np.load(path) as arrays:
        features, classes, events = arrays["X"], arrays["y"].astype(np.int64), arrays["event"]
    train, validation, test = by_event(events)
    mean, deviation = features[train].mean(axis=0), features[train].std(axis=0)
    # The largest is a step of 2^-10 below, so that two integer bits and a sign hold it.
    near = np.clip((features - mean) / deviation, -REACH, REACH - 2.0**-10).astype(np.float32)
    parts: list[Pair] = [(near[part], classes[part]) for part in (train, validation, test)]
    return Data(*parts)


def by_event(events: npt.NDArray[np.integer[Any]]) -> list[npt.NDArray[np.int64]]:
    """Part rows in three so that jets of one event are never in two of them."""
    known, of_row = np.unique(events, return_inverse=True)
    place = np.random.default_rng(SPLIT).permutation(len(known))[of_row]
    ends = np.cumsum(EVENTS)[:-1] * len(known)
    part = np.searchsorted(ends, place, side="right")
    return [np.flatnonzero(part == number) for number in range(len(EVENTS))]


def _images(pixels: npt.NDArray[Any], classes: npt.NDArray[Any]) -> Pair:
    return (pixels / np.float32(255)).astype(np.float32), classes.astype(np.int64)


def folder() -> Path:
    """Return the folder of the data."""
    return Path(os.environ.get("KNAPPRUNE_DATA") or "data")


@contextmanager
def _or_else(remedy: str) -> Iterator[None]:
    """Say what to do by hand where a download fails."""
    try:
        yield
    except Exception as error:
        raise ConnectionError(f"the data could not be downloaded ({type(error).__name__}); {remedy}") from error


DATA: dict[str, Callable[[], Data]] = {
    "fashion-mnist": fashion_mnist,
    "svhn": svhn,
    "jets": jets,
    "simulated-jets": simulated_jets,
}
