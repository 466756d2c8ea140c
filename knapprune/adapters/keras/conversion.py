"""Convert a Keras model with hls4ml."""

from __future__ import annotations

import re
from typing import Any

from knapprune.adapters.keras.kernels import SCALES, find_kernels, leaf_layers
from knapprune.adapters.keras.separable import readable_separable_convolutions
from knapprune.network.hls_config import HlsConfig, as_dict
from knapprune.tools import ConversionError, require_hls4ml


def convert(model: Any, config: HlsConfig, output_dir: str) -> Any:
    """Convert a Keras model with hls4ml, without writing."""
    hls4ml = require_hls4ml()
    for layer in leaf_layers(model):
        # hls4ml derives C++ types from the name and does not escape it.
        if not re.fullmatch(r"[A-Za-z_]\w*", layer.name, re.ASCII):
            raise ValueError(f"model: expected layer names that are C++ identifiers, got {layer.name!r}; rename it")
    try:
        with readable_separable_convolutions(model):
            return hls4ml.converters.convert_from_keras_model(
                model,
                output_dir=output_dir,
                hls_config=as_dict(config),
                backend=config.backend,
                io_type=config.io_type,
                part=config.part,
                clock_period=config.clock_period,
            )
    except Exception as error:  # hls4ml raises what it likes, bare Exception among it
        suspects = "".join(f"; knapprune does not know {layer} either" for layer in _strangers(model))
        raise ConversionError(
            f"model: hls4ml does not convert {model.name!r}: {type(error).__name__}: {error}{suspects}"
        ) from error


def _strangers(model: Any) -> list[str]:
    """Name the layers with weights that are neither counted nor masked."""
    counted = [kernel.layer for kernel in find_kernels(model).values()]
    return [
        f"{layer.name!r} ({type(layer).__name__})"
        for layer in leaf_layers(model)
        if layer.weights and type(layer) not in SCALES and not any(layer is known for known in counted)
    ]
