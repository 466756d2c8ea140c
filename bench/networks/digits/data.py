"""The data of this study: jets that were simulated for it, and small images of Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.networks.accuracy.data import Data, Pair, fashion_mnist, simulated_jets


def small_fashion() -> Data:
    """Load Fashion-MNIST as 14 x 14 pixels, each the largest of four, in one row, from 0 to just below 1."""
    data = fashion_mnist()

    def small(pair: Pair) -> Pair:
        images, classes = pair
        pooled = images.reshape(-1, 14, 2, 14, 2).max(axis=(2, 4)).reshape(len(images), -1)
        # Of 256 steps, so that eight bits behind the point hold every pixel.
        return (np.round(pooled * 255) / 256).astype(np.float32), classes

    return Data(small(data.train), small(data.validation), small(data.test))


DATA: dict[str, Callable[[], Data]] = {"jets": simulated_jets, "fashion": small_fashion}
