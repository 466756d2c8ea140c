"""Which file has the weights of an architecture in a ``.json``."""

from __future__ import annotations

import os
from pathlib import Path


def weights_of(path: Path, weights: str | os.PathLike[str] | None) -> Path:
    """Find the weights of an architecture."""
    file = Path(weights) if weights is not None else path.with_name(f"{path.stem}_weights.h5")
    other = path.with_name(f"{path.stem}.weights.h5")
    if weights is None and not file.is_file() and other.is_file():
        return other
    if not file.is_file():
        raise FileNotFoundError(f"weights: no file {file} for {path.name}")
    return file
