"""Which adapter a model is one of."""

from __future__ import annotations

from typing import Any

from knapprune.adapters.adapter import Adapter
from knapsolve.plugins import create, find, ignored

GROUP = "knapprune.adapters"


def find_adapter(model: Any) -> Adapter:
    """Find the adapter of a model's framework."""
    known = find(GROUP)
    for entry in known.values():
        with ignored(entry):
            candidate: Adapter = create(entry, Adapter)
            if candidate.matches(model):
                return candidate
    kind = type(model)
    raise TypeError(
        f"model: got {kind.__module__}.{kind.__qualname__}, expected a model of one of the adapters {list(known)}"
    )
