"""A table of DSP blocks per product from a file, for whoever has looked at a synthesis report of their own."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from knapprune.hardware.dsp import TABLES, MultiplierTable, of_vivado_hls
from knapsolve.files.text import read_text

_KEYS = ("block", "tool", "wide_port", "narrow_port", "in_logic")
_TOOLS = ("Vivado HLS", "Vitis HLS")


def read_multipliers(path: str | os.PathLike[str]) -> MultiplierTable:
    """Read a table of DSP blocks by product from a YAML or TOML file.

    Parameters
    ----------
    path
        The file; its keys are in ``docs/guides/hardware.md``.

    Returns
    -------
    MultiplierTable
        For ``Hls4mlHardware(multipliers=)``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not valid, or has a key or a value that is not known.
    """
    given = _load(Path(path))
    if unknown := sorted(map(str, given.keys() - set(_KEYS))):
        raise ValueError(f"multipliers: {path} has the key {unknown[0]!r}, expected some of {list(_KEYS)}")
    base = given.get("block")
    if base is not None and base not in TABLES:
        raise ValueError(f"multipliers: block is {base!r} in {path}, expected one of {list(TABLES)}")
    if base is None and not {"wide_port", "narrow_port"} <= given.keys():
        raise ValueError(f"multipliers: {path} has no block, expected one of {list(TABLES)}, or both ports")
    start = None if base is None else TABLES[base]
    wide = _width(path, given, "wide_port", start.wide_port if start else 0)
    narrow = _width(path, given, "narrow_port", start.narrow_port if start else 0)
    if narrow > wide:
        raise ValueError(f"multipliers: narrow_port is {narrow} in {path}, expected at most wide_port, {wide}")
    table = replace(start or MultiplierTable(wide, narrow), wide_port=wide, narrow_port=narrow)
    tool = given.get("tool", _TOOLS[-1])
    if tool not in _TOOLS:
        raise ValueError(f"multipliers: tool is {tool!r} in {path}, expected one of {list(_TOOLS)}")
    if tool == "Vivado HLS":
        table = of_vivado_hls(table)
    return replace(table, in_logic=_limits(path, given["in_logic"])) if "in_logic" in given else table


def _load(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"multipliers: no file {path}")
    text = read_text(path, "multipliers")
    if path.suffix.lower() == ".toml":
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"multipliers: {path} is not valid TOML: {error}") from None
    if path.suffix.lower() not in (".yml", ".yaml"):
        raise ValueError(f"multipliers: got {str(path)!r}, expected a name that ends in .yml, .yaml or .toml")
    import yaml

    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"multipliers: {path} is not valid YAML: {error}") from None
    if not isinstance(read, Mapping):
        raise ValueError(f"multipliers: {path} holds {type(read).__name__}, expected a mapping with {list(_KEYS)}")
    return read


def _width(path: str | os.PathLike[str], given: Mapping[str, Any], key: str, default: int) -> int:
    value = given.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 2:
        raise ValueError(f"multipliers: {key} is {value!r} in {path}, expected a whole number of at least 2 bits")
    return value


def _limits(path: str | os.PathLike[str], value: Any) -> tuple[tuple[int, int], ...]:
    pairs = value if isinstance(value, list) else None
    for pair in pairs if pairs is not None else [value]:
        whole = isinstance(pair, list) and len(pair) == 2
        if pairs is None or not whole or not all(type(bits) is int and bits > 0 for bits in pair) or pair[0] > pair[1]:
            raise ValueError(f"multipliers: in_logic has {pair!r} in {path}, expected pairs [narrow, wide] of bits")
    return tuple((pair[0], pair[1]) for pair in pairs or [])
