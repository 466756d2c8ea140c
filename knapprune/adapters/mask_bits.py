"""A mask as the configuration of a Keras constraint: its shape, and its bits packed."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def packed(mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Write a mask as plain data."""
    return {"shape": list(mask.shape), "bits": base64.b64encode(np.packbits(mask).tobytes()).decode("ascii")}


def unpacked(config: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """Read a mask from what `packed` returned."""
    shape = tuple(config["shape"])
    bits = np.frombuffer(base64.b64decode(config["bits"]), dtype=np.uint8)
    return np.unpackbits(bits, count=int(np.prod(shape))).astype(bool).reshape(shape)
