"""What is on the chips that hls4ml projects are made for: DSP blocks, memory, look-up tables and flip-flops by part.

The numbers are those of the families' overview data sheets (named in :data:`FAMILIES`), in ``parts.csv`` beside this
file. A part number is matched by its beginning, so package, speed grade and temperature make no difference. They count
the whole chip: what a board's shell takes (Alveo, Zynq designs with an interconnect) is for a budget's ``share`` to
leave free.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Family:
    """Parts that are built alike.

    Parameters
    ----------
    name
        The vendor's name for it.
    prefixes
        How its part numbers begin.
    dsp
        Its DSP block: ``"DSP48E1"``, ``"DSP48E2"`` or ``"DSP58"``.
    data_sheet
        Where the numbers of its parts are from.
    """

    name: str
    prefixes: tuple[str, ...]
    dsp: str
    data_sheet: str


#: Families by the beginning of the part number; the longest that fits is meant.
FAMILIES = (
    Family("7 series", ("xc7", "xa7", "xq7"), "DSP48E1", "Xilinx DS180"),
    Family("Zynq-7000", ("xc7z", "xa7z", "xq7z"), "DSP48E1", "Xilinx DS190"),
    Family("UltraScale and UltraScale+", ("xcku", "xcvu", "xcau", "xqku", "xqvu"), "DSP48E2", "Xilinx DS890"),
    Family("Zynq UltraScale+", ("xczu", "xazu", "xqzu", "xck"), "DSP48E2", "Xilinx DS891 (MPSoC), DS889 (RFSoC)"),
    Family("Alveo", ("xcu",), "DSP48E2", "Xilinx DS962, DS963, DS965, DS978; the dies are those of DS890"),
    Family("Versal", ("xcvc", "xcvm", "xcvp", "xcve", "xcvh", "xqvc", "xqvm", "xave", "xc2v"), "DSP58", "Xilinx DS950"),
)


@dataclass(frozen=True)
class Part:
    """One chip.

    Parameters
    ----------
    name
        The part number without package and grade, such as ``"xcvu13p"``.
    dsp
        DSP blocks.
    bram
        Block RAMs of 36 Kb.
    uram
        UltraRAMs of 288 Kb.
    lut, ff
        Look-up tables of six inputs, and flip-flops.
    """

    name: str
    dsp: int
    bram: int
    uram: int
    lut: int
    ff: int

    @property
    def bram18(self) -> int:
        """Halves of block RAMs, of 18 Kb."""
        return 2 * self.bram

    @property
    def resources(self) -> Mapping[str, int]:
        """Counts by resource, for all in :data:`COUNTED`."""
        return {name: getattr(self, name) for name in COUNTED}


#: What the catalogue counts, under the keys that budgets use.
COUNTED = ("dsp", "bram18", "bram", "uram", "lut", "ff")


@cache
def catalogue() -> Mapping[str, Part]:
    """List all parts that are known."""
    text = files("knapprune.hardware").joinpath("parts.csv").read_text(encoding="utf-8")
    parts = (Part(name, *map(int, counts)) for name, *counts in csv.reader(text.splitlines()[1:]))
    return {part.name: part for part in parts}


def find(number: str) -> Part | None:
    """Look a part number up.

    Examples
    --------
    >>> find("xcku115-flvb2104-2-i").dsp
    5520
    """
    lowered = number.lower()
    # "xcu250" begins with "xcu25", and is another chip: a digit never starts the package.
    families = [
        part
        for name, part in catalogue().items()
        if lowered.startswith(name) and not lowered[len(name) : len(name) + 1].isdigit()
    ]
    return max(families, key=lambda part: len(part.name), default=None)


def family(number: str) -> Family | None:
    """Find the family of a part number, whether or not the part itself is known."""
    lowered = number.lower()
    fits = [(len(prefix), known) for known in FAMILIES for prefix in known.prefixes if lowered.startswith(prefix)]
    return max(fits, key=lambda fit: fit[0])[1] if fits else None


def unknown(number: str) -> str:
    """Say that a part is not in the catalogue, and which ones have a name like it."""
    bare = number.lower().split("-")[0]
    near = difflib.get_close_matches(bare, catalogue(), n=3, cutoff=0.8)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"part {number!r} is not in the catalogue (knapprune/hardware/parts.csv){hint}"
