"""Convert a Keras model with hls4ml."""

from __future__ import annotations

from typing import Any

import keras

from knapprune.adapters.conversion import check_names, not_converted, project_settings
from knapprune.adapters.keras.kernels import SCALES, find_kernels, leaf_layers
from knapprune.adapters.keras.separable import readable_separable_convolutions
from knapprune.network.hls_config import HlsConfig, as_dict
from knapprune.tools import require_hls4ml


def convert(model: Any, config: HlsConfig, output_dir: str) -> Any:
    """Convert a Keras model with hls4ml, without writing."""
    hls4ml = require_hls4ml()
    check_names(layer.name for layer in leaf_layers(model))
    try:
        with readable_separable_convolutions(model):
            return hls4ml.converters.convert_from_keras_model(
                model, output_dir=output_dir, hls_config=as_dict(config), **project_settings(config)
            )
    except Exception as error:
        suspects = "".join(f"; knapprune does not know {layer} either" for layer in _strangers(model))
        suspects += "".join(
            f"; layer {layer.name!r} is a Lambda, and hls4ml knows no function of yours: take a layer of Keras' own"
            for layer in leaf_layers(model)
            if isinstance(layer, keras.layers.Lambda)
        )
        raise not_converted(f"model: hls4ml does not convert {model.name!r}", error, suspects) from error


def _strangers(model: Any) -> list[str]:
    """Name the layers with weights that are neither counted nor masked."""
    counted = [kernel.layer for kernel in find_kernels(model).values()]
    return [
        f"{layer.name!r} ({type(layer).__name__})"
        for layer in leaf_layers(model)
        if layer.weights and type(layer) not in SCALES and not any(layer is known for known in counted)
    ]
