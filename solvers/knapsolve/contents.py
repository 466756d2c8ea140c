"""What arrays hold: compared by it, and shown in a few words however many entries there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHOWN = 8
"""Entries up to which an array is shown whole."""


def equal(one: Any, other: Any, *, same_kind: bool = False) -> bool:
    """Return whether two arrays (or None) have one shape and equal entries, NaN equal to NaN.

    Parameters
    ----------
    one, other
        Arrays of numbers, or None.
    same_kind
        Whether whole numbers and floats are told apart.
    """
    if one is None or other is None:
        return one is other
    if same_kind and one.dtype.kind != other.dtype.kind:
        return False
    return bool(np.array_equal(one, other, equal_nan="f" in (one.dtype.kind, other.dtype.kind)))


def digest(array: NDArray[Any] | None) -> int:
    """Return a number that arrays which `equal` calls equal share, for hashes."""
    if array is None:
        return 0
    # One width for whole numbers, and no negative zero, which equals zero.
    plain = array.astype(np.float64) + 0.0 if array.dtype.kind == "f" else array.astype(np.int64)
    return hash((array.shape, plain.tobytes()))


def in_brief(held: Any) -> str:
    """Return what a field holds in a few words."""
    if isinstance(held, tuple):
        return f"{len(held)} lines"
    if not isinstance(held, np.ndarray):
        return repr(held)
    if held.dtype == np.bool_:
        return f"{int(held.sum())} of {held.size}"
    if held.size <= SHOWN:
        return str(held.tolist())
    return f"array of shape {held.shape}"


def in_a_line(name: str, fields: Mapping[str, Any]) -> str:
    """Return what is shown for an object: its class and fields, arrays in brief, fields that are None left out."""
    return f"{name}({', '.join(f'{key}={in_brief(held)}' for key, held in fields.items() if held is not None)})"


def as_html(rows: Sequence[tuple[str, str]], caption: str) -> str:
    """Return a table of two columns for a page, whatever the texts hold."""
    body = "".join(f'<tr><th scope="row">{escape(key)}</th><td>{escape(text)}</td></tr>' for key, text in rows)
    return f"<table><caption>{escape(caption)}</caption><tbody>{body}</tbody></table>"
