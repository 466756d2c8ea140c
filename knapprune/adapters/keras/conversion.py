"""Convert a Keras model with hls4ml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from knapprune.adapters.conversion import check_names, not_converted, project_settings
from knapprune.adapters.keras.kernels import SCALES, find_kernels
from knapprune.adapters.keras.kinds import leaf_layers
from knapprune.adapters.keras.separable import readable_separable_convolutions
from knapprune.network.hls_config import HlsConfig, as_dict
from knapprune.tools import require_hls4ml

# Packages whose layers hls4ml knows in part.
_KNOWN = ("hgq", "keras", "knapprune", "qkeras")


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
        suspects += "".join(f"; {remedy}" for remedy in _remedies(model))
        raise not_converted(f"model: hls4ml does not convert {model.name!r}", error, suspects) from error


def _remedies(model: Any) -> Iterator[str]:
    """Say of layers that hls4ml is known not to take what can be taken in their place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield f"layer {layer.name!r} is a model in the model: put its layers in its place"
    for layer in leaf_layers(model):
        if isinstance(layer, keras.layers.Lambda):
            yield f"layer {layer.name!r} is a Lambda, and hls4ml knows no function of yours: take a layer of Keras' own"
        elif isinstance(layer, keras.layers.ReLU) and layer.max_value is not None:
            yield (
                f"layer {layer.name!r} is a ReLU with max_value {layer.max_value:g}: take one without, and a type of "
                "its result that saturates"
            )
        elif type(layer).__module__.partition(".")[0] not in _KNOWN:
            yield (
                f"layer {layer.name!r} is of a class {type(layer).__name__} of yours: make it of Keras' own layers, or "
                "tell hls4ml of it (its extension API)"
            )


def _strangers(model: Any) -> list[str]:
    """Name the layers with weights that are neither counted nor masked."""
    counted = [kernel.layer for kernel in find_kernels(model).values()]
    return [
        f"{layer.name!r} ({type(layer).__name__})"
        for layer in leaf_layers(model)
        if layer.weights and type(layer) not in SCALES and not any(layer is known for known in counted)
    ]
