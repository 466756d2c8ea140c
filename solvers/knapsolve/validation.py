"""Checks at the door: arrays come in, clean read-only arrays go out, or an error that names the argument."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST_SUM = 2**62
"""Integer sums stay below this, so that int64 arithmetic never wraps around."""


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written through; the caller's array is neither copied nor locked."""
    view = array.view()
    view.flags.writeable = False
    return view


def numbers(name: str, given: ArrayLike, *, dimensions: int | None, minimum: int | None = None) -> NDArray[Any]:
    """Return finite numbers as int64 or float64.

    Parameters
    ----------
    name
        Argument to name in errors.
    given
        What the caller passed.
    dimensions
        Required number of axes, or None for any.
    minimum
        Smallest allowed entry, or None.

    Raises
    ------
    TypeError
        If the entries are not real numbers.
    ValueError
        If an entry is NaN, infinite, too small or does not fit 64 bits, or the number of axes is wrong.
    """
    try:
        array = np.asarray(given)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be a rectangular array of numbers; {error}") from error
    if array.size == 0:
        array = array.astype(np.int64 if array.dtype.kind in "iub" else np.float64)
    array = _from_objects(name, array)
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}")
    if dimensions is not None and array.ndim != dimensions:
        raise ValueError(f"{name} must have {dimensions} axis; got shape {array.shape}")
    array = _in_64_bits(name, array)
    if array.size:
        _check_range(name, array, minimum)
    return read_only(array)


def _from_objects(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of Python's objects as int64, exactly, where all are whole numbers; any other array as it is."""
    if array.dtype != object or not array.size:
        return array
    whole = []
    for position, entry in np.ndenumerate(array):
        number = _whole(entry)
        if number is None:
            raise TypeError(
                f"{name} must hold whole numbers where its dtype is object; got {entry!r} at {_at(position)}: "
                "pass an array of numbers for any others"
            )
        whole.append(number)
    largest = max(whole, key=abs)
    if not -(2**63) <= largest < 2**63:
        raise ValueError(f"{name} must fit 64-bit integers; got {largest}: pass floats or divide")
    return np.array(whole, dtype=np.int64).reshape(array.shape)


def _whole(entry: Any) -> int | None:
    """Return the whole number that an object is, whatever its type: int, Decimal, Fraction, float; None for others."""
    try:
        number = int(entry)
        return number if bool(number == entry) else None
    except (TypeError, ValueError, ArithmeticError):
        return None


def _in_64_bits(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return the entries as int64 or float64."""
    if array.dtype.kind == "f":
        return array.astype(np.float64, copy=False)
    if array.dtype == np.uint64 and array.size and array.max() > np.uint64(2**63 - 1):
        raise ValueError(f"{name} must fit 64-bit signed integers; got {array.max()}: pass floats or divide")
    return array.astype(np.int64, copy=False)


def _check_range(name: str, array: NDArray[Any], minimum: int | None) -> None:
    """Refuse an entry that is not finite or too small; min and max touch each once, make no copy, and pass NaN on."""
    smallest, largest = array.min(), array.max()
    if not (np.isfinite(smallest) and np.isfinite(largest)):
        position = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name} must be finite; got {array[position]} at {_at(position)}")
    if minimum is not None and smallest < minimum:
        position = tuple(int(i) for i in np.argwhere(array < minimum)[0])
        raise ValueError(f"{name} must not be below {minimum}; got {array[position]} at {_at(position)}")


def _at(position: tuple[int, ...]) -> str:
    return f"index {position[0]}" if len(position) == 1 else f"index {position}"


def shape(name: str, array: NDArray[Any], expected: tuple[int | None, ...], words: str) -> None:
    """Raise ValueError unless the array has the expected shape (None: any length)."""
    fits = array.ndim == len(expected) and all(
        want is None or got == want for got, want in zip(array.shape, expected, strict=True)
    )
    if not fits or (array.ndim == 2 and array.shape[0] == 0):
        wanted = tuple("any" if want is None else want for want in expected)
        raise ValueError(f"{name} must have shape {words}, here {wanted}; got {array.shape}".replace("'", ""))


def no_overflow(name: str, array: NDArray[Any], count: int) -> None:
    """Raise ValueError if the sum of `count` entries of the array could pass 2**62 (integers) or infinity."""
    if not array.size:
        return
    largest = max(abs(float(array.min())), abs(float(array.max())))
    if array.dtype == np.int64:
        if largest * count > LARGEST_SUM:
            total = float(np.abs(array.astype(np.float64)).sum(axis=-1).max()) if array.shape[-1] == count else None
            if total is None or total > LARGEST_SUM:
                raise ValueError(
                    f"{name} must sum to at most 2**62 in absolute value; got about {total or largest * count:.3g}: "
                    "divide them by a common factor or pass them as floats"
                )
    elif not np.isfinite(largest * max(count, 1) * 4):
        raise ValueError(f"{name} must have a finite sum; got entries as large as {largest:.3g}: scale them down")


def integers(name: str, given: ArrayLike, *, length: int, low: int, high: int | None = None) -> NDArray[Any]:
    """Return a vector of integers of the given length with entries in [low, high), in the caller's own dtype."""
    array = _from_objects(name, np.asarray(given))
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers; got dtype {array.dtype}")
    shape(name, array, (length,), "(n,)")
    if array.size and (array.min() < low or (high is not None and array.max() >= high)):
        wrong = array.min() if array.min() < low else array.max()
        allowed = f"at least {low}" if high is None else f"in {low}..{high - 1}"
        raise ValueError(f"{name} must be {allowed}; got {wrong}")
    return read_only(array)


def indices(name: str, given: ArrayLike, n: int) -> NDArray[np.int64]:
    """Return sorted, distinct item indices in [0, n)."""
    array = np.atleast_1d(_from_objects(name, np.asarray(given)))
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold item indices; got dtype {array.dtype}")
    shape(name, array, (None,), "(k,)")
    if array.size and (array.min() < 0 or array.max() >= n):
        wrong = array.min() if array.min() < 0 else array.max()
        raise ValueError(f"{name} must be item indices in 0..{n - 1}; got {wrong}")
    return read_only(np.unique(array).astype(np.int64))


def pairs(name: str, given: ArrayLike, n: int) -> NDArray[np.int64]:
    """Return pairs of item indices, shape (k, 2)."""
    array = _from_objects(name, np.asarray(given))
    if array.size == 0:
        array = np.zeros((0, 2), dtype=np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold pairs of item indices; got dtype {array.dtype}")
    shape(name, array, (None, 2), "(k, 2)") if len(array) else None
    if array.size and (array.min() < 0 or array.max() >= n):
        wrong = array.min() if array.min() < 0 else array.max()
        raise ValueError(f"{name} must hold item indices in 0..{n - 1}; got {wrong}")
    return read_only(array.astype(np.int64))


def flag(name: str, given: Any) -> bool:
    """Return a bool, or raise TypeError."""
    if not isinstance(given, bool | np.bool_):
        raise TypeError(f"{name} must be True or False; got {given!r}")
    return bool(given)


def positive_number(name: str, given: Any, *, zero: bool = False) -> float:
    """Return a finite positive (or, with `zero`, not negative) number, or raise ValueError naming the argument."""
    words = "a finite number, 0 or more" if zero else "a positive, finite number"
    if isinstance(given, bool) or not isinstance(given, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be {words}; got {given!r}")
    if not np.isfinite(given) or given < 0 or (given == 0 and not zero):
        raise ValueError(f"{name} must be {words}; got {given!r}")
    return float(given)
