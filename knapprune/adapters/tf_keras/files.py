"""Load models of QKeras from files."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import tf_keras

from knapprune.adapters.file_notes import DAMAGED, UnreadableError, in_short
from knapprune.adapters.tf_keras.mask import made_again
from knapprune.adapters.weights_file import weights_of
from knapsolve.files.text import read_text


def load_qkeras_model(path: Path, weights: str | os.PathLike[str] | None = None) -> Any:
    """Load a model; QKeras is imported."""
    held = weights_of(path, weights) if path.suffix.lower() == ".json" else path
    try:
        if zipfile.is_zipfile(path) and (version := _version(path)) >= "3":
            raise UnreadableError(
                f"QKeras saved it from Keras {version}, expected a model of tf_keras, which is Keras 2"
            )
        with made_again():
            if held is path:
                return tf_keras.models.load_model(path)
            model = tf_keras.models.model_from_json(read_text(path, "path"))
            model.load_weights(held)
            return model
    except UnreadableError as error:
        raise ValueError(f"path: {path.name}: {error}") from error
    except DAMAGED as error:
        raise ValueError(
            f"path: {path.name} cannot be read by tf_keras {tf_keras.__version__}: {type(error).__name__}: "
            f"{in_short(error)}"
        ) from error


def _version(path: Path) -> str:
    """Read which Keras wrote an archive."""
    with zipfile.ZipFile(path) as archive:
        return str(json.loads(archive.read("metadata.json"))["keras_version"])
