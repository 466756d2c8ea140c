"""Pages that are written by hand, with tables between marks."""

from __future__ import annotations

import re
from collections.abc import Mapping


def filled(template: str, made: Mapping[str, str]) -> str:
    """Put tables between their marks, ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``."""
    for name, text in made.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        between = re.compile(f"{begin}.*?{end}", re.DOTALL)
        count = len(between.findall(template))
        if count != 1:
            raise ValueError(f"template: has {count} places for {name!r}, expected one, between {begin} and {end}")
        before, after = between.split(template)
        template = f"{before}{begin}\n{text}\n{end}{after}"
    return template
