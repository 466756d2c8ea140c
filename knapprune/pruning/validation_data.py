"""Validation data as whole arrays: they are measured by after every epoch, and a metric takes them all at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from knapprune.network.batches import batches, is_arrays


def whole(validation: Any, batch_size: int) -> tuple[Any, Any]:
    """Return the inputs and the targets."""
    if is_arrays(validation):
        return validation[0], validation[1]
    found = list(batches(validation, batch_size, "validation"))
    return _joined([batch.inputs for batch in found]), _joined([batch.targets for batch in found])


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], Mapping):
        return {key: _joined([part[key] for part in parts]) for key in parts[0]}
    if isinstance(parts[0], list):
        return [_joined(list(own)) for own in zip(*parts, strict=True)]
    return np.concatenate(parts)
