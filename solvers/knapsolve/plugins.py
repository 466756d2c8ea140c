"""Plug-ins over entry points: found by name, loaded only when used, and never able to break one another.

What one of them needs beside this package is looked for when it is asked for, and missed in one sentence.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

_OURS = "knapprune"
_TITLES = {"cvxpy": "CVXPY", "ortools": "OR-Tools"}
"""What packages call themselves, where that is not the name they are imported by."""


class PluginWarning(UserWarning):
    """A plug-in that nobody asked for by name cannot be used; the message names its distribution."""


class PluginError(ImportError):
    """A plug-in cannot be used; the message names its distribution."""


class MissingPackageError(ImportError):
    """A package that was asked for is not installed; the message says how to install it."""


def installed(package: str) -> bool:
    """Return whether a package could be imported; it is not."""
    return find_spec(package) is not None


def require(package: str, needed_by: str, remedy: str) -> None:
    """Check that a package is installed.

    Parameters
    ----------
    package
        The name it is imported by.
    needed_by
        Who needs it, the beginning of the error's sentence.
    remedy
        Command that installs it.

    Raises
    ------
    MissingPackageError
        If it is not.
    """
    if not installed(package):
        title = _TITLES.get(package, package)
        raise MissingPackageError(f"{needed_by} needs {title}, which is not installed: {remedy}")


@cache
def find(group: str) -> dict[str, EntryPoint]:
    """List the entry points of a group by name, without loading any; they are looked for once.

    Of two that have one name ours stays, else the first by distribution; the other is warned about.
    """
    known: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=group), key=lambda one: (one.name, owner(one) != _OURS, owner(one))):
        kept = known.setdefault(entry.name, entry)
        # An editable and an ordinary install of one distribution may list the same object twice: not worth a warning.
        if kept.value != entry.value:
            warnings.warn(
                f"{_called(entry)} is ignored: the name is taken by {owner(kept)!r}", PluginWarning, stacklevel=3
            )
    return known


def owner(entry: EntryPoint) -> str:
    """Name the distribution that registered a plug-in."""
    return entry.dist.name if entry.dist is not None else "unknown"


def load(entry: EntryPoint) -> Any:
    """Load what an entry point names, or raise a `PluginError`."""
    try:
        return entry.load()
    except Exception as error:  # a stranger's module may raise anything at all
        raise _unusable(entry, error) from error


def create(entry: EntryPoint, protocol: type) -> Any:
    """Load a plug-in and call it, for an object that keeps a Protocol; raise a `PluginError` where that fails."""
    factory = load(entry)
    try:
        made = factory()
    except Exception as error:
        raise _unusable(entry, error) from error
    if not isinstance(made, protocol):
        members = {*dir(protocol), *protocol.__annotations__}  # methods, and attributes that are only annotated
        lacking = sorted(name for name in members if not name.startswith("_") and not hasattr(made, name))
        raise PluginError(f"{_called(entry)} must have {', '.join(lacking)}; got {type(made).__name__} without")
    return made


@contextmanager
def ignored(entry: EntryPoint) -> Iterator[None]:
    """Turn whatever a plug-in that nobody asked for raises into a `PluginWarning`."""
    try:
        yield
    except Exception as error:
        said = error if isinstance(error, PluginError) else _unusable(entry, error)
        warnings.warn(f"{said}; it is ignored", PluginWarning, stacklevel=4)


def _unusable(entry: EntryPoint, error: Exception) -> PluginError:
    return PluginError(f"{_called(entry)} cannot be loaded: {type(error).__name__}: {error}")


def _called(entry: EntryPoint) -> str:
    return f"{entry.group}: {entry.name!r} of distribution {owner(entry)!r}"
