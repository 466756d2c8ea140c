"""Keras models with layers of HGQ2: described by hls4ml's graph of them, and calibrated after training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.converted import Converted, converted
from knapprune.adapters.keras.conversion import convert
from knapprune.adapters.keras.kernels import Kernel, find_kernels
from knapprune.adapters.keras.kinds import leaf_layers
from knapprune.adapters.kernel_places import OwnKernel
from knapprune.network.batches import batches
from knapprune.network.hls_config import HlsConfig

_TOGETHER = 1024


def is_quantised(model: Any) -> bool:
    """Say whether a model has a layer of HGQ2."""
    return any(_of_hgq(layer) for layer in leaf_layers(model))


def conversion_of(model: Any, config: HlsConfig) -> Converted:
    """Read the layers of a model from hls4ml's graph of it."""
    return converted(model, config, partial(convert, model), lambda: dict(_own_kernels(model)), _numbers(model))


def calibrate(model: Any, data: Iterable[Any]) -> None:
    """Find the integer bits of a model's data anew, as HGQ2 asks for after each training (``trace_minmax``).

    Bits are those of what training saw last, and larger data wrap around; a mask, too, can make sums larger.
    """
    from hgq.utils import trace_minmax

    reset = True
    for own in data:
        for batch in batches(own, _TOGETHER):
            inputs = batch.inputs
            if isinstance(inputs, Mapping):
                inputs = [inputs[name] for name in model.input_names]
            # Whole batches: of others HGQ2 leaves samples out at random.
            trace_minmax(model, inputs, reset=reset, batch_size=batch.size)
            reset = False


def _of_hgq(layer: Any) -> bool:
    return any(kind.__module__.partition(".")[0] == "hgq" for kind in type(layer).__mro__)


def _own_kernels(model: Any) -> Iterator[tuple[str, OwnKernel]]:
    for name, kernel in find_kernels(model).items():
        yield name, OwnKernel(tuple(kernel.variable.shape), _quantised(kernel))


def _quantised(kernel: Kernel) -> npt.NDArray[np.generic] | None:
    """Compute a kernel as its own quantiser leaves it; hls4ml folds normalisations into those without one."""
    if not _of_hgq(kernel.layer):
        return None
    return np.array(keras.ops.convert_to_numpy(kernel.layer.qkernel))


def _numbers(model: Any) -> Iterator[npt.NDArray[Any]]:
    for variable in model.weights:
        # EBOPs are what came of the last batch, and say nothing of the model.
        if variable.name != "ebops":
            yield keras.ops.convert_to_numpy(variable)
