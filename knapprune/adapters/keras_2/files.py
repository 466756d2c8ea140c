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

from knapprune.adapters.file_notes import DAMAGED, ModelFileWarning, Notes, UnreadableError, damage, in_short, sentence
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


def read_saved(path: Path) -> Saved:
    """Read what a file says of its model; the first bytes say what kind it is, for Keras 2 wrote HDF5 as .keras too."""
    with path.open("rb") as file:
        start = file.read(len(_HDF5))
    if not start:
        raise UnreadableError("the file is empty, expected a whole file, as Keras saves models")
    if start == _HDF5:
        with h5py.File(path) as file:
            if "model_config" not in file.attrs:
                raise UnreadableError(
                    "the file holds weights alone; give the model's .json file, and this as its weights"
                )
            architecture = _object(file.attrs["model_config"], "model_config")
            training = _object(file.attrs.get("training_config", "{}"), "training_config")
            version = file.attrs.get("keras_version", "2")
            return Saved("hdf5", _major(version), architecture, training)
    if start.startswith(_ZIP):
        architecture, version = _archived(path)
        return Saved("zip", _major(version), architecture, architecture.get("compile_config") or {})
    if path.suffix.lower() == ".json":
        try:
            text = read_text(path, "path")
        except ValueError as error:
            raise UnreadableError("the file is no text in UTF-8, expected what model.to_json() returns") from error
        architecture = _object(text, "the file")
        if not {"class_name", "config"} <= architecture.keys():
            raise UnreadableError("the file has no class_name and config, expected what model.to_json() returns")
        # Keras 3 writes no version into JSON, but the module of the model's class.
        version = architecture.get("keras_version", "3" if "module" in architecture else "2")
        return Saved("json", _major(version), architecture, architecture.get("compile_config") or {})
    raise UnreadableError("the file is neither an archive nor HDF5, as Keras saves models")


def _archived(path: Path) -> tuple[dict[str, Any], str]:
    """Read the architecture in an archive, and the version of Keras that wrote it."""
    if not zipfile.is_zipfile(path):
        raise UnreadableError("the archive is cut off, expected a whole file, as Keras saves models")
    with zipfile.ZipFile(path) as archive:
        missing = [name for name in ("config.json", "metadata.json") if name not in archive.namelist()]
        if missing:
            raise UnreadableError(f"the archive holds no {missing[0]}, expected one that Keras saved")
        architecture = _object(archive.read("config.json"), "config.json")
        version = _object(archive.read("metadata.json"), "metadata.json").get("keras_version", "")
    return architecture, version


def _object(text: str | bytes, where: str) -> dict[str, Any]:
    """Read an object of JSON."""
    try:
        held = json.loads(text)
    except (ValueError, RecursionError) as error:
        said = in_short(error)
        raise UnreadableError(f"{where} is no JSON ({said}), expected what Keras writes of a model") from error
    if not isinstance(held, dict):
        raise UnreadableError(f"{where} holds a {type(held).__name__}, expected an object that describes a model")
    return held


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
        raise UnreadableError(f"weights in {weights.name}: {damage(error)}") from error
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


def _major(version: object) -> int:
    first = str(version).partition(".")[0]
    if not first.isdecimal():
        raise UnreadableError(f"the file says that version {version!r} of Keras wrote it, expected a number")
    return int(first)
