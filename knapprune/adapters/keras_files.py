"""Load Keras models from files, those of Keras 2 included: an architecture in JSON and its weights in HDF5."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import h5py
import keras

import knapprune.adapters.keras_mask  # noqa: F401  (a saved mask must be known when it is loaded)

_DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")


def load_keras_model(path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None) -> Any:
    """Load a model.

    One that Keras 2 saved with depthwise convolutions comes without its optimiser and loss: Keras 3 refuses such a
    file, so its architecture and its weights are read apart.

    Parameters
    ----------
    path
        A ``.keras`` or ``.h5`` file, or the architecture in a ``.json`` file, of Keras 2 or 3.
    weights
        The weights of a ``.json`` architecture; ``<name>_weights.h5`` next to it where not given.

    Returns
    -------
    keras.Model
        The model.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If the JSON is not a Sequential or Functional model.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: no model file {path}")
    if path.suffix == ".h5" and (architecture := _depthwise_of_keras_2(path)) is not None:
        model = _from_keras_2(architecture, path.stem)
        model.load_weights(path)
        return model
    if path.suffix != ".json":
        return keras.models.load_model(path)
    weights = weights_of(path, weights)
    saved = json.loads(path.read_text(encoding="utf-8"))
    if "keras_version" in saved and not saved["keras_version"].startswith(("0.", "1.", "2.")):
        model = keras.models.model_from_json(path.read_text(encoding="utf-8"))
    else:
        model = _from_keras_2(saved, path.stem)
    model.load_weights(weights)
    return model


def weights_of(path: Path, weights: str | os.PathLike[str] | None) -> Path:
    """Find the weights of an architecture.

    Parameters
    ----------
    path
        The ``.json`` file.
    weights
        The weights' file, or None for ``<name>_weights.h5`` beside it.

    Returns
    -------
    Path
        The weights.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    found = Path(weights) if weights is not None else path.with_name(f"{path.stem}_weights.h5")
    if not found.is_file():
        raise FileNotFoundError(f"weights: no file {found} for {path.name}")
    return found


def _from_keras_2(saved: dict[str, Any], name: str) -> Any:
    classes = {"Model": keras.Model, "Functional": keras.Model, "Sequential": keras.Sequential}
    kind = saved.get("class_name")
    if kind not in classes:
        raise ValueError(f"path: the JSON describes {kind!r}, expected one of {sorted(classes)}")
    config = saved["config"]
    if isinstance(config, list):  # before Keras 2.3, a Sequential was a bare list of layers
        config = {"name": name, "layers": config}
    first = config["layers"][0]["config"] if config["layers"] else {}
    if kind == "Sequential" and "batch_input_shape" in first and config["layers"][0]["class_name"] != "InputLayer":
        shape = {"class_name": "InputLayer", "config": {"batch_shape": first.pop("batch_input_shape")}}
        config = {**config, "layers": [shape, *config["layers"]]}
    for layer in config["layers"]:
        if layer["class_name"] in _DEPTHWISE:
            layer["config"].pop("groups", None)
    return classes[kind].from_config(_without_initializers(config))


def _without_initializers(config: Any) -> Any:
    """Drop initialisers: Keras 3 refuses some of Keras 2's, and the weights are loaded anyway."""
    if isinstance(config, dict):
        return {key: _without_initializers(value) for key, value in config.items() if not key.endswith("_initializer")}
    if isinstance(config, list):
        return [_without_initializers(value) for value in config]
    return config


def _depthwise_of_keras_2(path: Path) -> dict[str, Any] | None:
    """Read the architecture of a whole-model file if Keras 3 refuses it: it no longer knows groups in these layers."""
    with h5py.File(path) as file:
        saved = file.attrs.get("model_config")
    architecture: dict[str, Any] = json.loads(saved) if saved is not None else {}
    config = architecture.get("config")
    layers = config["layers"] if isinstance(config, dict) and "layers" in config else config
    refused = isinstance(layers, list) and any(
        layer.get("class_name") in _DEPTHWISE and "groups" in layer["config"] for layer in layers
    )
    return architecture if refused else None
