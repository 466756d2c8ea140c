"""The files of a run: each written completely or not at all."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from knapprune.writing import through, write_text


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    through(path, lambda temporary: temporary.write_bytes(content))


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Write masks or kernels as a compressed ``.npz``, one array for each layer."""
    packed = io.BytesIO()
    np.savez_compressed(packed, **dict(arrays))  # type: ignore[arg-type]
    write_bytes(path, packed.getvalue())


def write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    """Write a configuration as YAML."""
    write_text(path, yaml.safe_dump(dict(content), sort_keys=False))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain values as JSON."""
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def write_model(path: Path, model: Any) -> None:
    """Save a Keras model."""
    through(path, model.save)
