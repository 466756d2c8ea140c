"""Convert a tf_keras model with hls4ml, which takes it for one of Keras 3 unless it is told otherwise."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tf_keras

from knapprune.adapters.conversion import check_names, not_converted, project_settings
from knapprune.adapters.keras.kinds import leaf_layers
from knapprune.adapters.tf_keras.describing import described
from knapprune.adapters.tf_keras.kernels import of_qkeras
from knapprune.network.hls_config import HlsConfig, as_dict, own_entry, set_precision
from knapprune.tools import require_hls4ml

# Layers whose results are values that went in, or zeros.
_MOVING = (
    *("Flatten", "Reshape", "Permute", "Concatenate", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
    *(f"{kind}{axes}D" for kind in ("MaxPooling", "ZeroPadding", "UpSampling", "Cropping") for axes in (1, 2)),
)


def convert(model: Any, config: HlsConfig, output_dir: str) -> Any:
    """Convert a tf_keras model with hls4ml, without writing."""
    hls4ml = require_hls4ml()
    check_names(layer.name for layer in leaf_layers(model))
    try:
        with _parsed_as_keras_2(), described():
            _mend_shifts()
            return hls4ml.converters.convert_from_keras_model(
                model, output_dir=output_dir, hls_config=_with_own_types(model, config), **project_settings(config)
            )
    except Exception as error:
        raise not_converted(f"model: hls4ml does not convert {model.name!r}", error) from error


def _mend_shifts() -> None:
    """Have hls4ml write weights that are powers of two where NumPy has no ``product`` any more (``types.py``)."""
    from hls4ml.model.types import ExponentWeightVariable

    def iterate(variable: Any) -> Any:
        variable._iterator = iter(variable._format().reshape(-1, 2))
        return variable

    if not hasattr(np, "product"):
        ExponentWeightVariable.__iter__ = iterate


@contextmanager
def _parsed_as_keras_2() -> Iterator[None]:
    """Have hls4ml find tf_keras where it asks for Keras, while the block runs: by its version it chooses a parser."""
    before = sys.modules.get("keras")
    sys.modules["keras"] = tf_keras
    try:
        yield
    finally:
        if before is None:
            del sys.modules["keras"]
        else:
            sys.modules["keras"] = before


def _with_own_types(model: Any, config: HlsConfig) -> dict[str, Any]:
    """Give the layers of QKeras the types of their quantisers, where the configuration says none by name or type.

    They are what hls4ml itself proposes (``config_from_keras_model``, by name). It takes the types of weights from the
    quantisers whatever a configuration says, but not those of activations, and pads or pools them in the model's own.
    """
    import hls4ml

    written = as_dict(config)
    layers = {layer.name: layer for layer in leaf_layers(model)}
    quantised = [name for name, layer in layers.items() if of_qkeras(layer)]
    if not quantised:
        return written
    moving = [name for name, layer in layers.items() if type(layer).__name__ in _MOVING]
    proposed = hls4ml.utils.config_from_keras_model(model, granularity="name", backend=config.backend)
    for name, entry in proposed["LayerName"].items():
        # An activation inside a layer is a node of its own, named after both.
        inside = name not in layers and any(name.startswith(f"{own}_") for own in quantised)
        if not inside and name not in quantised and name not in moving:
            continue
        kind = "Activation" if inside else type(layers[name]).__name__.removeprefix("Q")
        whole = HlsConfig(config.model, {}, {})
        types = {
            variable: text
            for variable, text in entry["Precision"].items()
            if config.precision_text(variable, name, kind) == whole.precision_text(variable, name, kind)
        }
        convolves = "Conv" in kind
        first = {"ParallelizationFactor": config.parallelization_factor(name, kind)} if convolves else {}
        own = own_entry(written, name, first)
        for variable, text in types.items():
            set_precision(own, variable, text)
    return written
