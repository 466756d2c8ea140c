"""No hardware at all: for networks that are to be small, whatever they run on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from knapprune.hardware.hardware_model import LabelCosts
from knapprune.network.layers import Kind, Layer

_KINDS: dict[int, Kind] = {2: "dense", 3: "conv1d", 4: "conv2d"}


class Nothing:
    """A hardware model that counts nothing."""

    @property
    def resources(self) -> tuple[str, ...]:
        """Name nothing."""
        return ()

    def use(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> dict[str, int]:
        """Count nothing."""
        return {}

    def costs(self, layer: Layer, labels: npt.NDArray[np.int64], kernel: npt.NDArray[np.generic]) -> LabelCosts:
        """Charge nothing for any label."""
        count = int(labels.max(initial=-1)) + 1
        return LabelCosts(np.zeros(count, np.int64), np.zeros((0, 1), np.int64), {})

    def structure(self, layer: Layer, resources: tuple[str, ...]) -> str:
        """Save nothing."""
        return "none"

    def advice(self, layer: Layer, resource: str) -> str:
        """Say why nothing is saved."""
        return "no hardware is counted"


def plain_layers(kernels: Mapping[str, npt.NDArray[np.generic]]) -> list[Layer]:
    """Describe kernels of which nothing is asked but their shapes."""
    return [_plain(name, kernel) for name, kernel in kernels.items() if kernel.size]


def _plain(name: str, kernel: npt.NDArray[np.generic]) -> Layer:
    kind, bits = _KINDS.get(kernel.ndim, "einsum_dense"), 8 * kernel.dtype.itemsize
    return Layer(name, kind, kernel.shape, "none", "none", 1, 1, bits, bits)
