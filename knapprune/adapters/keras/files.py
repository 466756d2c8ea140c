"""Load Keras models from files, those of Keras 2 included."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import keras

import knapprune.adapters.keras.grid
import knapprune.adapters.keras.mask  # noqa: F401  (saved masks and grids must be known when they are loaded)
from knapprune.adapters.file_notes import DAMAGED, ModelFileWarning, Notes, UnreadableError, damage, sentence
from knapprune.adapters.keras_2.files import Saved, read_saved, rebuild
from knapprune.adapters.keras_2.training import compile_as_saved
from knapprune.adapters.weights_file import weights_of
from knapprune.tools import require


def load_keras_model(path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None) -> Any:
    """Load a model.

    What Keras 2 saved is rebuilt in Keras 3: with the same weights, and compiled as it was. The state of its optimiser
    is not read, and what Keras 3 does not know of its training is dropped with a warning.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: no model file {path}")
    try:
        saved = read_saved(path)
        held = weights_of(path, weights) if saved.kind == "json" else path
        return _keras_3(path, saved, held) if saved.major >= 3 else rebuild(path, saved, held)
    except FileNotFoundError:
        raise
    except UnreadableError as error:
        raise ValueError(f"path: {path.name}: {error}") from error
    except DAMAGED as error:
        raise ValueError(
            f"path: {path.name} cannot be read: {damage(error)}; expected a whole file, as Keras saves models"
        ) from error


def _keras_3(path: Path, saved: Saved, weights: Path) -> Any:
    try:
        return _loaded(path, saved, weights, compiled=True)
    except Exception:  # Keras raises what it likes; what is wrong with the model itself is raised once more
        model = _loaded(path, saved, weights, compiled=False)
    notes: Notes = {}
    if saved.training:
        compile_as_saved(model, saved.training, notes)
    if notes:
        warnings.warn(f"{path.name}: {sentence(notes)}", ModelFileWarning, stacklevel=3)
    return model


def _loaded(path: Path, saved: Saved, weights: Path, compiled: bool) -> Any:
    if '"hgq>' in json.dumps(saved.architecture):
        require("hgq.layers", extra="hgq")  # which registers its layers with Keras
    if saved.kind != "json":
        return keras.models.load_model(path, compile=compiled)
    left_out = () if compiled else ("compile_config",)
    model = keras.models.model_from_json(json.dumps({k: v for k, v in saved.architecture.items() if k not in left_out}))
    try:
        model.load_weights(weights)
    except DAMAGED as error:
        raise UnreadableError(f"weights in {weights.name}: {damage(error)}") from error
    return model
