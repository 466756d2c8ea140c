"""Whether a file is one of QKeras, and whether QKeras is here: without importing it, Keras or TensorFlow."""

from __future__ import annotations

import json
import os
import sys
import zipfile
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from knapprune.tools import MissingToolError, require

# What TensorFlow reads when it is first imported: which Keras ``tf.keras``, on which QKeras stands, is.
_LEGACY = "TF_USE_LEGACY_KERAS"


# What archives raise that are damaged, encrypted or compressed in other ways.
_DAMAGED = (NotImplementedError, zipfile.BadZipFile, zlib.error)

# With its dependencies, pip finds no versions that go together with OR-Tools'.
_INSTALL = 'pip install "knapprune[qkeras]" and then: pip install --no-deps QKeras tensorflow-model-optimization'


def of_qkeras(path: Path) -> bool:
    """Say whether a file has layers of QKeras."""
    return any(_of_qkeras(layer) for layer in _layers(_architecture(path)))


def require_qkeras() -> Any:
    """Import QKeras for tf_keras."""
    package = find_spec("qkeras")
    if package is None:
        raise MissingToolError(f"QKeras is not installed; install it with: {_INSTALL}")
    if not (Path(str(package.origin)).parent / "qlayers.py").is_file():
        raise MissingToolError(
            "QKeras is not installed: the package qkeras that is here is one that HGQ2 brings, and the two exclude "
            f"each other; in an environment without HGQ2, install it with: {_INSTALL}"
        )
    if os.environ.get(_LEGACY, "").lower() not in ("1", "true"):
        if "tensorflow" in sys.modules:
            raise ValueError(
                f"QKeras needs tf_keras, and TensorFlow was imported for Keras 3: set {_LEGACY}=1 in the environment, "
                "before Python starts or before anything imports TensorFlow"
            )
        os.environ[_LEGACY] = "1"
    require("tf_keras", extra="qkeras")
    return require("qkeras", extra="qkeras")


def _architecture(path: Path) -> Any:
    """Read what a file says of its layers; nothing, where it says so in no way that is known."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return json.loads(archive.read("config.json"))
        if path.suffix.lower() == ".json":
            return json.loads(path.read_text(encoding="utf-8"))
        import h5py

        with h5py.File(path) as file:
            return json.loads(file.attrs["model_config"])
    except (ImportError, KeyError, OSError, RecursionError, RuntimeError, TypeError, ValueError, *_DAMAGED):
        return {}  # whoever reads it says what is wrong


def _layers(architecture: Any) -> list[dict[str, Any]]:
    """List the layers, those of models in it too."""
    config = architecture.get("config") if isinstance(architecture, dict) else None
    layers = config.get("layers", []) if isinstance(config, dict) else config
    if not isinstance(layers, list):
        return []
    own = [layer for layer in layers if isinstance(layer, dict)]
    return own + [inner for layer in own for inner in _layers(layer)]


def _of_qkeras(layer: dict[str, Any]) -> bool:
    name, module = str(layer.get("class_name", "")), str(layer.get("module") or "qkeras")
    return module.partition(".")[0] == "qkeras" and name[:1] == "Q" and name[1:2].isupper()
