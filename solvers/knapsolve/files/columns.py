"""Tables of items as spreadsheets write them: commas between columns, whose names stand in the first line."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knapsolve.files.tokens import FormatError, as_numbers, built, is_number
from knapsolve.problem import Knapsack

_VALUE, _WEIGHT = "value", "weight"
_NAMES = {"item", "name"}
"""Columns that tell a person which item it is, and are not read."""


def is_table(name: str, text: str) -> bool:
    """Return whether a file is a table of items: its name ends in .csv, or its first line names a column `value`."""
    first = text.lstrip().partition("\n")[0]
    return name.lower().endswith(".csv") or ("," in first and _VALUE in _cells(first.split(",")))


def read_items(name: str, text: str, capacities: ArrayLike | None) -> Knapsack:
    """Read ``value,weight...``, then a line for each item; a column ``item`` or ``name`` is passed over.

    Parameters
    ----------
    name
        Name of the file, for errors.
    text
        Its content.
    capacities
        Capacity of each weight column, in their order.

    Raises
    ------
    FormatError
        If the header has not the columns, or a line not a number in each, or the numbers make no knapsack.
    ValueError
        If the capacities are missing, or are not one for each weight column.
    """
    lines = _lines(name, text)
    header = _cells(lines[0][1])
    weights = _weight_columns(name, header)
    items = lines[1:]
    for line, cells in items:
        if len(cells) != len(header):
            raise FormatError(f"{name}, line {line}: expected {len(header)} columns as in line 1; got {len(cells)}")
    if capacities is None:
        raise ValueError(f"capacities must be given for {name}, one for each weight column: {', '.join(weights)}")
    if np.size(np.asarray(capacities, dtype=object)) != len(weights):
        raise ValueError(
            f"capacities must be one for each weight column of {name}, {', '.join(weights)}; got {capacities}"
        )
    columns = {column: _column(name, column, header.index(column), items) for column in (_VALUE, *weights)}
    table = np.stack([columns[column] for column in weights])
    return built(name, Knapsack, columns[_VALUE], table, capacities)


def _lines(name: str, text: str) -> list[tuple[int, list[str]]]:
    """Return the cells of every line that is not empty, with its number."""
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise FormatError(f"{name}, line {reader.line_num}: not comma-separated: {error}") from error
    if not lines:
        raise FormatError(f"{name} is empty; expected a line value,weight and then a line an item")
    return lines


def _cells(cells: list[str]) -> list[str]:
    return [cell.strip().strip('"').lower() for cell in cells]


def _weight_columns(name: str, header: list[str]) -> list[str]:
    weights = [column for column in header if column.startswith(_WEIGHT)]
    unknown = [column for column in header if column not in (*weights, _VALUE, *_NAMES)]
    twice = [column for column in header if header.count(column) > 1]
    if unknown or twice or not weights or _VALUE not in header:
        wrong = f"{twice[0]} twice" if twice else f"{unknown[0]!r}" if unknown else ",".join(header)
        raise FormatError(
            f"{name}, line 1: expected the columns value and weight, or value, weight_0, weight_1 and so on, and "
            f"perhaps item, with commas between them; got {wrong}"
        )
    return weights


def _column(name: str, column: str, index: int, items: list[tuple[int, list[str]]]) -> NDArray[Any]:
    words = [cells[index].strip() for _, cells in items]
    try:
        return as_numbers(words)
    except (ValueError, OverflowError):
        line, word = next((items[i][0], word) for i, word in enumerate(words) if not is_number(word))
        raise FormatError(f"{name}, line {line}: expected a number, {column}; got {word!r}") from None
