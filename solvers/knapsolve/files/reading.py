"""Read problems from files, whatever their format, and write them as JSON."""

from __future__ import annotations

import os
from pathlib import Path

from numpy.typing import ArrayLike

from knapsolve.files import atomic, columns, mmkp, orlib, own, pisinger
from knapsolve.files.tokens import FormatError, Tokens
from knapsolve.problem import Knapsack


def read(path: str | os.PathLike[str], index: int = 0, *, capacities: ArrayLike | None = None) -> Knapsack:
    """Read a problem; the format is known by the content.

    OR-Library (``mknap1``, ``mknapcb*``: several problems a file), SAC-94 and Glover-Kochenberger ``.dat``, Pisinger's
    ``knapPI``, Jooken's ``.in``, Khan's multiple-choice problems, the JSON that `write_json` writes, and tables of
    items: ``value,weight`` or more weights in the first line, then a line an item.

    Parameters
    ----------
    path
        The file.
    index
        Which problem of the file, from 0.
    capacities
        For a table of items, which holds none: the capacity of each weight column, in their order.

    Returns
    -------
    Knapsack
        The problem; whole numbers are read as integers.

    Raises
    ------
    OSError
        If the file cannot be read.
    FormatError
        If it is truncated, has extra tokens or is in no known format, with line and token; or if its numbers make no
        knapsack.
    ValueError
        If `index` is out of range, or if capacities are missing, too many, or given for a file that holds its own.
    """
    if isinstance(index, bool) or not isinstance(index, int):
        raise TypeError(f"index must be a whole number; got {index!r}")
    if index < 0:
        raise ValueError(f"index must be 0 or more; got {index}")
    name = Path(path).name
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{name} is not a text file") from error
    if columns.is_table(name, text):
        _only_one(name, index)
        return columns.read_items(name, text, capacities)
    if capacities is not None:
        raise ValueError(f"capacities must be left out for {name}, which holds its own; got {capacities}")
    if text.lstrip().startswith(("{", "[")):
        _only_one(name, index)
        return own.parse(name, text)
    tokens = Tokens(name, text)
    lines = tokens.lines
    first, second, third = (len(lines[i]) if i < len(lines) else 0 for i in range(3))
    if first == 1 and second == 3 and lines[1][0] != "0":
        return orlib.read_several(tokens, index)
    _only_one(name, index)
    if first == 1 and second == 3:
        return pisinger.read_triples(tokens)
    if first == 1 and second == 2:
        return pisinger.read_pairs(tokens)
    if first == 3 and third == 1 and lines[0][2] == str(second):
        return mmkp.read_classes(tokens)
    if first == 3:
        return orlib.read_single(tokens)
    raise FormatError(
        f"{name} is in no known format: a first line of {first} and a second line of {second} tokens; known are "
        "OR-Library mknap, SAC-94 and Glover-Kochenberger, knapPI, Jooken, Khan's MMKP, JSON, and tables of items that "
        "begin with value,weight"
    )


def write_json(problem: Knapsack, path: str | os.PathLike[str]) -> None:
    """Write a problem as JSON, atomically; `read` gives back the same numbers.

    Parameters
    ----------
    problem
        What to write.
    path
        Where; replaced if it exists.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    atomic.write_text(path, own.to_text(problem))


def _only_one(name: str, index: int) -> None:
    if index:
        raise ValueError(f"index must be 0 for {name}, which holds one problem; got {index}")
