"""What may stand behind a key of a file of settings: read, or refused with the key, what came and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Key:
    """A key of a file.

    Parameters
    ----------
    file
        The file.
    name
        With the tables that it stands in, such as ``select.budget.dsp``; empty for the file itself.
    """

    file: Path
    name: str = ""

    def below(self, name: str) -> Key:
        """Go into the table."""
        return Key(self.file, f"{self.name}.{name}" if self.name else name)

    def wrong(self, given: Any, expected: str) -> ValueError:
        """Say that something else stands behind this key."""
        return ValueError(f"{self.file}: {self.name}: got {given!r}, expected {expected}")

    def unknown(self, name: str, names: Iterable[str], elsewhere: Mapping[str, str]) -> ValueError:
        """Say that a table has no such key; `elsewhere` are the whole names of keys that stand in other tables."""
        here = {own: self.below(own).name for own in names}
        near = difflib.get_close_matches(name, here, n=1) or difflib.get_close_matches(name, elsewhere, n=1)
        hint = f"; did you mean {({**elsewhere, **here})[near[0]]!r}?" if near else ""
        return ValueError(
            f"{self.file}: got the key {self.below(name).name!r}, expected one of {list(here.values())}{hint}"
        )


Kind = Callable[[Key, Any], Any]
"""Takes a key and what stands behind it, and returns what the library takes."""


def read_table(
    key: Key, given: Any, kinds: Mapping[str, Kind], elsewhere: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Read a table whose keys are known."""
    if not isinstance(given, Mapping):
        raise key.wrong(given, f"a table with some of {list(kinds)}")
    for name in given:
        if name not in kinds:
            raise key.unknown(name, kinds, elsewhere or {})
    return {name: kinds[name](key.below(name), value) for name, value in given.items()}


@dataclass(frozen=True)
class _Plain:
    """A value of some types of TOML's, taken as it is."""

    expected: str
    types: tuple[type, ...]

    def __call__(self, key: Key, given: Any) -> Any:
        if type(given) not in self.types:  # a bool is no number
            raise key.wrong(given, self.expected)
        return given


WHOLE = _Plain("a whole number", (int,))
NUMBER = _Plain("a number", (int, float))
TEXT = _Plain("a text in quotes", (str,))
SWITCH = _Plain("true or false", (bool,))
_AMOUNT = _Plain("a number, the name of a part, or a table of numbers for a layer", (int, float, str))
_NAME = _Plain("a text in quotes, or a table of such by layer", (str,))


def number_or(make: Callable[..., Any], **kinds: Kind) -> Kind:
    """Read a number, or a table of what a dataclass is made of."""
    number = _Plain(f"a number, or a table with some of {list(kinds)}", (int, float))
    needed = [own.name for own in fields(make) if own.default is MISSING]  # type: ignore[arg-type]

    def read(key: Key, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return number(key, given)
        table = read_table(key, given, kinds)
        for name in needed:
            if name not in table:
                raise key.wrong(given, f"a table with {name!r} in it")
        return make(**table)

    return read


def listed(kind: Kind) -> Kind:
    """Read a list of what another kind reads."""

    def read(key: Key, given: Any) -> list[Any]:
        if not isinstance(given, list) or not given:
            raise key.wrong(given, "a list of values")
        return [kind(key.below(str(number)), value) for number, value in enumerate(given)]

    return read


def read_budget(key: Key, given: Any) -> dict[str, Any]:
    """Read numbers by resource, and tables of them by layer."""
    if not isinstance(given, Mapping):
        raise key.wrong(given, "a table such as {dsp = 0.25, bram = 40}")
    return in_order({name: _amount(key.below(name), value) for name, value in given.items()})


def in_order(budget: Mapping[str, Any]) -> dict[str, Any]:
    """Put layers last, as TOML writes tables: caps count in their order, and a run that is read again is the same."""
    return dict(sorted(budget.items(), key=lambda entry: isinstance(entry[1], Mapping)))


def _amount(key: Key, given: Any) -> Any:
    if isinstance(given, Mapping):
        return {name: NUMBER(key.below(name), value) for name, value in given.items()}
    return _AMOUNT(key, given)


def read_structure(key: Key, given: Any) -> str | dict[str, str]:
    """Read one name, or names by layer."""
    if isinstance(given, Mapping):
        return {name: TEXT(key.below(name), value) for name, value in given.items()}
    return str(_NAME(key, given))


def read_class_weight(key: Key, given: Any) -> dict[int, float]:
    """Read weights by class number; keys of TOML are text."""
    if not isinstance(given, Mapping) or not all(name.isdecimal() for name in given):
        raise key.wrong(given, "a table of weights by class number, such as {0 = 1.0, 1 = 5.0}")
    return {int(name): NUMBER(key.below(name), weight) for name, weight in given.items()}


_NUMBERS = _Plain("a whole number, a list of such, or a table of them by layer", (int, list))


def read_choose(key: Key, given: Any) -> dict[str, Any]:
    """Read how many digits weights may have, and how wide data may be."""

    def numbers(own: Key, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: _NUMBERS(own.below(name), of_layer) for name, of_layer in value.items()}
        return _NUMBERS(own, value)

    return read_table(key, given, {"digits": numbers, "data_bits": numbers})
