"""Tell the files of Keras 2 from those of Keras 3, and rebuild their models."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras

from knapprune.adapters.file_notes import DAMAGED, Notes, UnreadableError, in_short, sentence
from knapprune.adapters.keras_2.architecture import modern_model
from knapprune.adapters.keras_2.training import compile_as_saved
from knapprune.adapters.keras_2.weights import read_weights
from knapsolve.files.text import read_text

_HDF5, _ZIP = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
_WEIGHTS = "model.weights.h5"


@dataclass(frozen=True)
class Saved:
    """What a file says of its model, weights aside.

    Parameters
    ----------
    kind
        ``"zip"``, ``"hdf5"`` or ``"json"``, whatever its name ends in.
    major
        Of the version of Keras that wrote it.
    architecture
        ``class_name`` and ``config``; empty if there is none.
    training
        How the model was compiled; empty if it was not.
    """

    kind: str
    major: int
    architecture: dict[str, Any]
    training: dict[str, Any]


class ModelFileWarning(UserWarning):
    """A model is not in all respects what it was when it was saved."""


def read_saved(path: Path) -> Saved:
    """Read what a file says of its model; the first bytes say what kind it is, for Keras 2 wrote HDF5 as .keras too."""
    with path.open("rb") as file:
        start = file.read(len(_HDF5))
    if not start:
        raise UnreadableError("the file is empty")
    if start == _HDF5:
        with h5py.File(path) as file:
            if "model_config" not in file.attrs:
                raise UnreadableError(
                    "the file holds weights alone; give the model's .json file, and this as its weights"
                )
            architecture = json.loads(file.attrs["model_config"])
            training = json.loads(file.attrs.get("training_config", "{}"))
            version = file.attrs.get("keras_version", "2")
            return Saved("hdf5", _major(version), architecture, training)
    if start.startswith(_ZIP):
        with zipfile.ZipFile(path) as archive:
            architecture = json.loads(archive.read("config.json"))
            version = json.loads(archive.read("metadata.json"))["keras_version"]
        return Saved("zip", _major(version), architecture, architecture.get("compile_config") or {})
    if path.suffix.lower() == ".json":
        architecture = json.loads(read_text(path, "path"))
        # Keras 3 writes no version into JSON, but the module of the model's class.
        version = architecture.get("keras_version", "3" if "module" in architecture else "2")
        return Saved("json", _major(version), architecture, architecture.get("compile_config") or {})
    raise UnreadableError("the file is neither an archive nor HDF5, as Keras saves models")


def rebuild(path: Path, saved: Saved, weights: Path) -> Any:
    """Rebuild a model of Keras 2 in Keras 3."""
    if saved.major < 2:
        raise UnreadableError(f"the file was saved by Keras {saved.major}, expected Keras 2 or 3")
    notes: Notes = {}
    modern = modern_model(saved.architecture, notes, path.stem)
    try:
        model = keras.saving.deserialize_keras_object(modern)
    except Exception as error:  # Keras raises what it likes, and is told only what the file says
        raise UnreadableError(f"Keras 3 cannot rebuild the model: {in_short(error)}") from error
    try:
        with _weights(weights) as group:
            read_weights(model, saved.architecture, group)
    except DAMAGED as error:
        raise UnreadableError(f"weights in {weights.name}: {in_short(error)}") from error
    if saved.training:
        compile_as_saved(model, saved.training, notes)
    if notes:
        warnings.warn(f"{path.name}: {sentence(notes)}", ModelFileWarning, stacklevel=4)
    return model


@contextmanager
def _weights(path: Path) -> Iterator[h5py.File]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read(_WEIGHTS))) as file:
            yield file
    else:
        with h5py.File(path) as file:
            yield file


def _major(version: str) -> int:
    return int(str(version).partition(".")[0])
