"""The data of this study: jets that were simulated for it, and small images of Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.networks.accuracy.data import SPLIT, Data, Pair, fashion_mnist, folder

SHARES = (0.65, 0.1, 0.25)
"""Of the events, to train on, to choose by, and to report."""

REACH = 4.0
"""Standard deviations at which features of jets are cut off, as a chip's input would be."""


def jets() -> Data:
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
    ends = np.cumsum(SHARES)[:-1] * len(known)
    part = np.searchsorted(ends, place, side="right")
    return [np.flatnonzero(part == number) for number in range(len(SHARES))]


def small_fashion() -> Data:
    """Load Fashion-MNIST as 14 x 14 pixels, each the largest of four, in one row, from 0 to just below 1."""
    data = fashion_mnist()

    def small(pair: Pair) -> Pair:
        images, classes = pair
        pooled = images.reshape(-1, 14, 2, 14, 2).max(axis=(2, 4)).reshape(len(images), -1)
        # Of 256 steps, so that eight bits behind the point hold every pixel.
        return (np.round(pooled * 255) / 256).astype(np.float32), classes

    return Data(small(data.train), small(data.validation), small(data.test))


DATA: dict[str, Callable[[], Data]] = {"jets": jets, "fashion": small_fashion}
