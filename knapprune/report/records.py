"""Dataclasses as plain values for JSON, and back: by their own type hints, and nothing that does not fit them."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

Kind = TypeVar("Kind")


def plain(held: Any) -> Any:
    """Return what JSON can hold of a dataclass, or of values in lists and mappings; of other things, their text."""
    if is_dataclass(held) and not isinstance(held, type):
        return plain(asdict(held))
    if isinstance(held, Mapping):
        return {str(key): plain(value) for key, value in held.items()}
    if isinstance(held, list | tuple):
        return [plain(value) for value in held]
    if isinstance(held, np.generic):
        return held.item()
    return held if held is None or isinstance(held, bool | int | float | str) else str(held)


def revived(kind: type[Kind], held: Any, where: str) -> Kind:
    """Make of plain values what they were; ValueError says where they are no such thing."""
    return cast(Kind, _revived(kind, held, where))


def _revived(kind: Any, held: Any, where: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return held
    if is_dataclass(kind):
        return _dataclass(kind, held, where)
    if origin in (Union, types.UnionType):
        return _any_of(arguments, held, where)
    if origin is Literal:
        return held if held in arguments else _refused(kind, held, where)
    if origin is tuple:
        return _tuple(arguments, held, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(held, dict):
            return _refused(kind, held, where)
        return {key: _revived(arguments[1], value, f"{where}[{key!r}]") for key, value in held.items()}
    if kind is float and isinstance(held, int) and not isinstance(held, bool):
        return held
    fits = held is None if kind in (None, types.NoneType) else type(held) is kind
    return held if fits else _refused(kind, held, where)


def _dataclass(kind: Any, held: Any, where: str) -> Any:
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}
    needed = {name for name, own in known.items() if own.default is MISSING and own.default_factory is MISSING}
    if not isinstance(held, dict) or not needed <= held.keys() <= known.keys():
        return _refused(kind, held, where)
    return kind(**{name: _revived(hints[name], value, f"{where}.{name}") for name, value in held.items()})


def _any_of(kinds: tuple[Any, ...], held: Any, where: str) -> Any:
    for kind in kinds[:-1]:
        try:
            return _revived(kind, held, where)
        except ValueError:
            continue
    return _revived(kinds[-1], held, where)


def _tuple(kinds: tuple[Any, ...], held: Any, where: str) -> Any:
    if not isinstance(held, list):
        return _refused(tuple, held, where)
    own = [kinds[0]] * len(held) if kinds[-1] is Ellipsis else list(kinds)
    if len(own) != len(held):
        return _refused(tuple, held, where)
    return tuple(_revived(kind, value, f"{where}[{i}]") for i, (kind, value) in enumerate(zip(own, held, strict=True)))


def _refused(kind: Any, held: Any, where: str) -> Any:
    shown = repr(held)
    shown = shown if len(shown) <= 60 else f"{shown[:60]} ..."
    raise ValueError(f"{where} is {shown}, expected {getattr(kind, '__name__', None) or kind}")
