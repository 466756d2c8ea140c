"""What is in a tf_keras model, as hls4ml's graph of it tells: layers with their types, and what hls4ml will write."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.converted import Converted, converted
from knapprune.adapters.keras.kinds import leaf_layers
from knapprune.adapters.kernel_places import OwnKernel
from knapprune.adapters.mask_check import used_twice
from knapprune.adapters.tf_keras.conversion import convert
from knapprune.adapters.tf_keras.kernels import find_kernels, is_scale, kernels_in, of_qkeras
from knapprune.network.hls_config import HlsConfig


def conversion_of(model: Any, config: HlsConfig) -> Converted:
    """Read the layers of a model from hls4ml's graph of it."""
    for name, kernel in find_kernels(model).items():
        if len(kernel.layer.inbound_nodes) > 1:
            raise used_twice(name)
    return converted(model, config, partial(convert, model), lambda: dict(_own_kernels(model)), model.get_weights())


def kernels(model: Any) -> dict[str, npt.NDArray[np.generic]]:
    """Copy the kernels out; a layer that only scales has none."""
    none = {layer.name: np.zeros(0, np.float32) for layer in leaf_layers(model) if is_scale(layer)}
    return none | {name: kernel.array for name, kernel in find_kernels(model).items()}


def is_quantised(model: Any) -> bool:
    """Say whether a model has a layer of QKeras."""
    return any(of_qkeras(layer) for layer in leaf_layers(model))


def untouched(model: Any) -> list[str]:
    """Name the layers with weights that are neither masked nor counted."""
    return [
        layer.name for layer in leaf_layers(model) if layer.weights and not kernels_in(layer) and not is_scale(layer)
    ]


def _own_kernels(model: Any) -> Iterator[tuple[str, OwnKernel]]:
    for name, kernel in find_kernels(model).items():
        # What normalisations are folded into, what is divided by a factor, and what is written as 0 and 1 is another.
        comparable = kernel.quantiser is not None and not kernel.scaled and not kernel.binary
        yield name, OwnKernel(tuple(kernel.variable.shape), kernel.quantised if comparable else None)
