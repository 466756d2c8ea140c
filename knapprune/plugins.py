"""Plug-ins over entry points: found by name, loaded only when used, and never able to break one another."""

from __future__ import annotations

import warnings
from importlib.metadata import EntryPoint, entry_points
from typing import Any


class PluginWarning(UserWarning):
    """A plug-in that cannot be used; the message names its distribution."""


def find(group: str) -> dict[str, EntryPoint]:
    """List the entry points of a group without loading any."""
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: (entry.name, not _is_ours(entry), _owner(entry))):
        kept = found.setdefault(entry.name, entry)
        # An editable and an ordinary install of one distribution may list the same object twice: not worth a warning.
        if kept is not entry and kept.value != entry.value:
            warnings.warn(
                f"{group}: {_owner(entry)} registers {entry.name!r}, which {_owner(kept)} already does; it is ignored",
                PluginWarning,
                stacklevel=2,
            )
    return found


def load(entry: EntryPoint) -> Any:
    """Load one plug-in."""
    try:
        return entry.load()
    except Exception as error:  # a stranger's module may raise anything at all
        warnings.warn(
            f"{entry.group}: {entry.name!r} of {_owner(entry)} cannot be loaded and is ignored: "
            f"{type(error).__name__}: {error}",
            PluginWarning,
            stacklevel=2,
        )
        return None


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "an unnamed distribution"


def _is_ours(entry: EntryPoint) -> bool:
    return _owner(entry) == "knapprune"
