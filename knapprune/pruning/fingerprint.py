"""Know the arguments of a pruning again, without keeping them: a short text for each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.hardware.hardware_model import HardwareModel

_SHOWN = 60


def fingerprint(thing: Any) -> str:
    """Describe a value so that another value is described otherwise."""
    plain = isinstance(thing, str | int | float | bool | None) or _is_plain(thing)
    if plain and len(repr(thing)) <= _SHOWN:
        return repr(thing)
    if callable(thing) and not is_dataclass(thing):
        return _name(thing)
    digest = hashlib.blake2b(digest_size=16)
    _feed(digest, thing)
    return digest.hexdigest()


def _is_plain(thing: Any) -> bool:
    if isinstance(thing, Mapping):
        return all(_is_plain(key) and _is_plain(value) for key, value in thing.items())
    if isinstance(thing, list | tuple):
        return all(_is_plain(value) for value in thing)
    return isinstance(thing, str | int | float | bool | None)


def _name(thing: Any) -> str:
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', type(thing).__qualname__)}"


def _feed(digest: Any, thing: Any) -> None:
    """Add a value to a digest; the markers keep ``[1, [2]]`` and ``[[1], 2]`` apart."""
    if isinstance(thing, Mapping):
        for key in thing:
            _feed(digest, key)
            _feed(digest, thing[key])
        digest.update(b"}")
    elif isinstance(thing, list | tuple):
        for value in thing:
            _feed(digest, value)
        digest.update(b"]")
    elif isinstance(thing, str | int | float | bool | None):
        digest.update(repr(thing).encode() + b",")
    elif isinstance(thing, np.ndarray) and thing.dtype != object:
        _feed_array(digest, thing)
    elif is_dataclass(thing) and not isinstance(thing, type):
        _feed(digest, [_name(thing), {field.name: getattr(thing, field.name) for field in fields(thing)}])
    elif isinstance(thing, HardwareModel) and not isinstance(thing, type):
        _feed(digest, [_name(type(thing)), vars(thing)])
    elif callable(thing) and hasattr(thing, "__qualname__"):
        digest.update(_name(thing).encode())
    else:
        length = len(thing) if hasattr(thing, "__len__") else None
        digest.update(f"{type(thing).__module__}.{type(thing).__qualname__} {length}".encode())


def _feed_array(digest: Any, array: npt.NDArray[Any]) -> None:
    """Add an array, in pieces, so that one on disk is never all in memory."""
    digest.update(f"{array.dtype}{array.shape}".encode())
    for start in range(0, len(array) if array.ndim else 0, 4096):
        digest.update(np.ascontiguousarray(array[start : start + 4096]).data)
    if not array.ndim:
        digest.update(array.tobytes())
