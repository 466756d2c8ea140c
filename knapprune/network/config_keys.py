"""The keys of an hls4ml configuration, each where hls4ml reads it: a misspelt key is no silent default.

hls4ml looks up what it knows and leaves all else alone: a `ReuseFactr` is a reuse factor of 1.
"""

from __future__ import annotations

import difflib
import tomllib
import warnings
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from knapprune.network.hls_config import HlsConfigError


class MisplacedKeyWarning(UserWarning):
    """A key of a configuration stands where hls4ml does not read it."""


@cache
def known_keys() -> dict[str, frozenset[str]]:
    """Read the keys by where they stand; a test holds them against hls4ml's own layers and backends."""
    read = tomllib.loads(files("knapprune.network").joinpath("config_keys.toml").read_text(encoding="utf-8"))
    return {place: frozenset(keys) for place, keys in read.items()}


def check_keys(top: Mapping[str, Any]) -> None:
    """Refuse keys that hls4ml reads nowhere; warn of those that it reads elsewhere."""
    known = known_keys()
    in_model, in_file = known["layer"] | known["model"], known["project"] | known["sections"]
    nested = top.get("HLSConfig")
    levels = {"the top level": top, "HLSConfig": nested if isinstance(nested, Mapping) else {}}
    for where, level in levels.items():
        _check(level, in_file, where)
        _check_settings(level.get("Model"), in_model, "Model")
        for group in ("LayerType", "LayerName"):
            entries = level.get(group)
            for name, entry in entries.items() if isinstance(entries, Mapping) else ():
                _check_settings(entry, known["layer"], f"{group}[{name!r}]")


def nearest(name: object, known: Collection[str]) -> str:
    """Say which known name was probably meant; nothing where none is near."""
    folded = {each.lower(): each for each in known}
    near = difflib.get_close_matches(str(name).lower(), list(folded), n=1)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""


def _check_settings(settings: Any, known: frozenset[str], where: str) -> None:
    if not isinstance(settings, Mapping):
        return
    _check(settings, known, where)
    precision = settings.get("Precision")
    if isinstance(precision, Mapping):
        _check(precision, known_keys()["precision"], f"Precision of {where}")


def _check(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    everywhere = known_keys()
    of_project = everywhere["project"] | everywhere["sections"]
    for key in given:
        if key in known:
            continue
        if key in everywhere["passes"]:
            raise HlsConfigError(
                f"hls_config: {where} has {key!r}: other passes build other hardware than what is counted here, "
                "expected hls4ml's own"
            )
        if key not in of_project | everywhere["model"] | everywhere["layer"]:
            raise HlsConfigError(f"hls_config: {where} has {key!r}, which hls4ml does not know{nearest(key, known)}")
        home = "at the top level" if key in of_project else "in Model" if key in everywhere["model"] else "of a layer"
        warnings.warn(
            f"hls_config: {where} has {key!r}, which hls4ml does not read there, but {home}",
            MisplacedKeyWarning,
            stacklevel=2,
        )
