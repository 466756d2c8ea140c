"""Numbers of a text file in reading order, each remembering its line, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knapsolve.problem import Knapsack


class FormatError(ValueError):
    """A file does not hold what its format promises; the message names file, line and token."""


class Tokens:
    """The words of a text, read from first to last.

    Parameters
    ----------
    name
        Name of the file, for errors.
    text
        Its content.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines: list[list[str]] = []
        self._words: list[str] = []
        self._places: list[tuple[int, int]] = []
        for number, line in enumerate(text.splitlines(), start=1):
            words = line.split()
            if words:
                self.lines.append(words)
                self._words += words
                self._places += [(number, position) for position in range(1, len(words) + 1)]
        self._next = 0

    @property
    def left(self) -> int:
        """How many words are not yet read."""
        return len(self._words) - self._next

    def peek(self) -> str:
        """Return the next word without reading it; empty at the end."""
        return self._words[self._next] if self.left else ""

    def count(self, what: str, *, low: int = 0) -> int:
        """Read one whole number of at least `low`.

        Raises
        ------
        FormatError
            If the file ends here or the word is something else.
        """
        position = self._next
        number = self.numbers(1, what)[0]
        if number != int(number) or number < low:
            raise self._error(position, f"a whole number of at least {low}, {what}")
        return int(number)

    def numbers(self, count: int, what: str) -> NDArray[Any]:
        """Read `count` numbers.

        Parameters
        ----------
        count
            How many.
        what
            What they are, for errors.

        Returns
        -------
        array
            Shape (count,); int64 if all are whole and exactly representable, else float64.

        Raises
        ------
        FormatError
            If the file ends before, or a word is not a finite number.
        """
        words = self._words[self._next : self._next + count]
        if len(words) < count:
            last = self._places[-1][0] if self._places else 0
            raise FormatError(
                f"{self.name} ends after line {last}, token {len(self._words)} of the file: "
                f"{count - len(words)} more numbers were expected, {what}"
            )
        try:
            array = as_numbers(words)
        except (ValueError, OverflowError):
            wrong = next(i for i, word in enumerate(words) if not is_number(word))
            raise self._error(self._next + wrong, f"a number, {what}") from None
        self._next += count
        return array

    def refuse(self, back: int, expected: str) -> FormatError:
        """Return the error for a word that was read already, naming its line and token.

        Parameters
        ----------
        back
            How many words ago it was read: 1 for the last.
        expected
            What should have stood there.
        """
        return self._error(self._next - back, expected)

    def end(self) -> None:
        """Check that every word was read.

        Raises
        ------
        FormatError
            If one is left.
        """
        if self.left:
            raise self._error(self._next, "the end of the file")

    def _error(self, index: int, expected: str) -> FormatError:
        line, token = self._places[index]
        return FormatError(f"{self.name}, line {line}, token {token}: expected {expected}; got {self._words[index]!r}")


def built(name: str, build: Callable[..., Knapsack], *arguments: Any, **keywords: Any) -> Knapsack:
    """Return the problem that a file's numbers make.

    Parameters
    ----------
    name
        Name of the file.
    build
        `Knapsack` or `Knapsack.from_types`.
    *arguments, **keywords
        What to pass to it.

    Raises
    ------
    FormatError
        If they make none; the message names the file and what is wrong.
    """
    try:
        return build(*arguments, **keywords)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"{name}: {error}") from error


def as_numbers(words: list[str]) -> NDArray[Any]:
    """Return words as int64 where all are whole numbers, else as float64; ValueError where one is no finite number."""
    if any("_" in word for word in words):
        raise ValueError("Python's own digit separator")
    try:
        return np.array([int(word) for word in words], dtype=np.int64)
    except (ValueError, OverflowError):
        array = np.array([float(word) for word in words])
    if not np.isfinite(array).all():
        raise ValueError("not finite")
    whole = bool((array == np.floor(array)).all() and (np.abs(array) < 2.0**53).all())
    return array.astype(np.int64) if whole else array


def is_number(word: str) -> bool:
    """Return whether a word is a finite number."""
    try:
        return "_" not in word and bool(np.isfinite(float(word)))
    except ValueError:
        return False
