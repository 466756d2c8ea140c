"""Vivado's utilisation after synthesis: the whole design, with what the optimiser left of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from knapprune.verification.reports.folder import ReportError

# The names differ by family and version. A tile is one block of 36 Kb, so 2.5 are five halves.
_ROWS = {
    "lut": ("CLB LUTs", "Slice LUTs"),
    "ff": ("CLB Registers", "Slice Registers", "Registers"),
    "bram": ("Block RAM Tile",),
    "uram": ("URAM",),
    "dsp": ("DSPs", "DSP Slices"),
}
_FIELD = re.compile(r"^\| (Design|Device)\s*: (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Utilisation:
    """What Vivado's synthesis of the whole design uses.

    Parameters
    ----------
    design, part
        The top module and the device, as the report has them.
    use
        Counts of ``dsp``, ``bram`` (blocks of 36 Kb), ``bram18`` (their halves), ``uram``, ``lut`` and ``ff``.
    """

    design: str
    part: str
    use: dict[str, float]


def read_utilisation(path: Path) -> Utilisation:
    """Read the output of ``report_utilization``."""
    text = path.read_text(encoding="utf-8", errors="replace")
    use: dict[str, float] = {}
    for line in text.splitlines():
        cells = [cell.strip().rstrip("*") for cell in line.split("|")]
        for name, titles in _ROWS.items():
            if len(cells) > 3 and cells[1] in titles and name not in use and re.fullmatch(r"\d+(\.\d+)?", cells[2]):
                use[name] = float(cells[2]) if "." in cells[2] else int(cells[2])
    if not {"lut", "dsp", "bram"} <= use.keys():
        raise ReportError(
            f"reports: {path} has no LUTs, DSPs and block RAM tiles, expected report_utilization's output"
        )
    use["bram18"] = int(2 * use["bram"])
    fields = dict(_FIELD.findall(text))
    return Utilisation(fields.get("Design", ""), fields.get("Device", ""), use)
