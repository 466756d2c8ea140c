"""Read a model from a file of any kind that is known; what only hls4ml understands is converted to a graph."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from knapprune.adapters.conversion import not_converted, project_settings
from knapprune.adapters.qkeras_package import of_qkeras, require_qkeras
from knapprune.adapters.weights_file import weights_of
from knapprune.network.hls_config import HlsConfigError, HlsConfigSource, as_dict
from knapprune.network.hls_config_file import read_hls_config
from knapprune.tools import MissingToolError, quiet, require, require_hls4ml
from knapprune.unused import unused

_PYTORCH = (".pt", ".pth", ".pt2")
_KERAS = (".keras", ".h5", ".hdf5", ".json")
_READ = ".keras and .h5 (Keras 2 and 3, HGQ2, QKeras), .json with its weights beside it, .onnx (ONNX, QONNX)"
# Layers that no Keras has and hls4ml reads from Keras 2's files.
_OF_HLS4ML = ("BinaryDense", "TernaryDense")


def load(
    path: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
    hls_config: HlsConfigSource | None = None,
) -> Any:
    """Read a model from a file: one of Keras 2 or 3 or QKeras, with or without masks, or of ONNX.

    Parameters
    ----------
    path
        ``.keras``, ``.h5``, ``.hdf5``, ``.json`` with its weights beside it, or ``.onnx``.
    weights
        The weights of a ``.json``, where they are not in ``<name>_weights.h5`` or ``<name>.weights.h5`` beside it.
    hls_config
        hls4ml's configuration or its file; needed for what only hls4ml understands: ONNX, and Keras 2's quantised
        layers.

    Returns
    -------
    model
        A Keras model, one of tf_keras for what QKeras saved, or hls4ml's graph of what only hls4ml understands. A
        masked model keeps its masks.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If no model can be read from it; `HlsConfigError` if hls4ml is to read it and `hls_config` is not usable,
        `ConversionError` if hls4ml does not take it.
    MissingToolError
        If Keras, QKeras, hls4ml or qonnx is needed and not installed.
    """
    path = Path(path)
    if (path / "saved_model.pb").is_file():
        raise ValueError(
            f"path: {path.name} is a SavedModel of TensorFlow, which holds operations and no layers; "
            "save the model as model.keras or model.h5 in its place"
        )
    if path.is_dir():
        raise FileNotFoundError(f"path: {path} is a folder, expected a model's file: one of {_READ}")
    if not path.is_file():
        raise FileNotFoundError(f"path: no model file {path}")
    if weights is not None and path.suffix.lower() != ".json":
        raise unused("weights", f"{path.name} has weights of its own", "None, or the model's .json file")
    if path.suffix.lower() == ".onnx":
        from knapprune.adapters.onnx_files import check_onnx, load_onnx_model

        check_onnx(path)

        hls4ml = require_hls4ml()
        return _converted(path, hls_config, lambda: load_onnx_model(path), hls4ml.converters.convert_from_onnx_model)
    if path.suffix.lower() in _PYTORCH:
        raise ValueError(
            f"path: {path.name} is a PyTorch file, which does not hold the class of its module; use Python: "
            "knapprune.select(module, config, budget), see docs/guides/pytorch.md"
        )
    if path.suffix.lower() not in _KERAS:
        raise ValueError(f"path: got {path.name!r}, expected one of {_READ}")
    if of_qkeras(path):
        require_qkeras()
        from knapprune.adapters.tf_keras.files import load_qkeras_model

        return load_qkeras_model(path, weights)
    require("keras", extra="keras")
    from knapprune.adapters.keras.files import load_keras_model

    if path.suffix.lower() == ".json" and _classes(path) & set(_OF_HLS4ML):
        require_hls4ml()
        files = {"KerasJson": str(path), "KerasH5": str(weights_of(path, weights))}
        return _converted(path, hls_config, lambda: files, _convert_files)
    return load_keras_model(path, weights)


def _classes(path: Path) -> set[str]:
    """Name the classes of the layers in an architecture."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))["config"]
        layers = config["layers"] if isinstance(config, dict) else config
        return {str(layer["class_name"]) for layer in layers}
    except (KeyError, RecursionError, TypeError, ValueError):
        return set()  # whoever reads it says what is wrong


def _convert_files(files: dict[str, str], *, hls_config: dict[str, Any], **project: Any) -> Any:
    """Convert a Keras 2 architecture and its weights without Keras."""
    from hls4ml.converters import create_config
    from hls4ml.converters.keras_v2_to_hls import keras_v2_to_hls

    settings = {key: hls_config[key] for key in ("Model", "LayerType", "LayerName")}
    return keras_v2_to_hls(create_config(**project) | files | {"HLSConfig": settings})


def _converted(
    path: Path, hls_config: HlsConfigSource | None, read: Callable[[], Any], convert: Callable[..., Any]
) -> Any:
    if hls_config is None:
        raise HlsConfigError(
            f"hls_config: there is none to convert {path.name} with; expected hls4ml's configuration, or its YAML file"
        )
    config = read_hls_config(hls_config)
    said, at_work = io.StringIO(), "qonnx does not prepare"
    try:
        with quiet(said):
            model = read()
            at_work = "hls4ml does not convert"
            return convert(
                model,
                output_dir=f"{path.stem}-hls4ml",
                hls_config=as_dict(config),
                **project_settings(config),
            )
    except (ImportError, MissingToolError):
        raise
    except Exception as error:
        # The last layer that hls4ml speaks of is the one it stopped at.
        last = said.getvalue().strip().splitlines()[-1:]
        context = f" (its last words before: {last[0].strip()})" if last else ""
        raise not_converted(f"path: {at_work} {path.name}", error, context) from error
