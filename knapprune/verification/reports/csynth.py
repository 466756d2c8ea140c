"""Reports of C synthesis, one for each module: the XML for its numbers, the text for what it instantiates."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from knapprune.verification.reports.folder import ReportError
from knapprune.verification.reports.ports import Port, data_port

#: The tools' names of what they count; DSP is DSP48E in Vivado HLS. A BRAM_18K is half a block of 36 Kb.
_COLUMNS = {"BRAM_18K": "bram18", "DSP48E": "dsp", "DSP": "dsp", "FF": "ff", "LUT": "lut", "URAM": "uram"}
_TITLE = re.compile(r"^== (Vivado|Vitis) HLS Report for '(\w+)'", re.MULTILINE)
_FIELD = re.compile(r"^\* (Version|Target device):\s+(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Module:
    """What C synthesis reports on one module, with everything inside it.

    Parameters
    ----------
    name
        The module's name, made from the C++ function and its template arguments.
    part, version
        The device, and the tool's version.
    use
        Counts of ``dsp``, ``bram18``, ``uram``, ``lut`` and ``ff``.
    latency, interval
        Least and most cycles from input to output, and between inputs; None where the tool could not tell.
    clock_period
        Asked for, in nanoseconds; None where only the text says something.
    ports
        Those with data.
    instances
        The modules that it instantiates, one entry for each instance; None where there is no text report.
    streams
        What the streams between its instances use, like `use`; empty where there are none or there is no text report.
    """

    name: str
    part: str
    version: str
    use: dict[str, int]
    latency: tuple[int, int] | None
    interval: tuple[int, int] | None
    clock_period: float | None = None
    ports: tuple[Port, ...] = ()
    instances: tuple[str, ...] | None = None
    streams: dict[str, int] = field(default_factory=dict)


def read_module(name: str, xml: Path | None, text: Path | None) -> Module:
    """Read the reports of one module."""
    told = None if text is None else _from_text(name, text)
    if xml is None:
        if told is None:
            raise ReportError(f"reports: no report of module {name!r}")
        return told
    module = _from_xml(name, xml)
    return module if told is None else replace(module, instances=told.instances, streams=told.streams)


def _from_xml(name: str, path: Path) -> Module:
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ReportError(f"reports: {path} is not valid XML ({error})") from None
    resources = root.find("AreaEstimates/Resources")
    if root.tag != "profile" or resources is None:
        raise ReportError(f"reports: {path} has no AreaEstimates/Resources, expected a report of csynth_design")

    def value(of: str) -> str:
        return (root.findtext(of) or "").strip()

    overall = "PerformanceEstimates/SummaryOfOverallLatency/"
    clock = value("UserAssignments/TargetClockPeriod")
    cells = ("name", "Dir", "Bits", "IOProtocol", "Object")
    ports = (
        data_port(*((port.findtext(cell) or "").strip() for cell in cells))
        for port in root.iterfind("InterfaceSummary/RtlPorts")
    )
    return Module(
        name=name,
        part=value("UserAssignments/Part"),
        version=value("ReportVersion/Version"),
        use={_COLUMNS[item.tag]: _whole(item.text, path) for item in resources if item.tag in _COLUMNS},
        latency=_range(value(overall + "Best-caseLatency"), value(overall + "Worst-caseLatency")),
        interval=_range(value(overall + "Interval-min"), value(overall + "Interval-max")),
        clock_period=float(clock) if re.fullmatch(r"\d+(\.\d+)?", clock) else None,
        ports=tuple(port for port in ports if port),
    )


def _from_text(name: str, path: Path) -> Module:
    text = path.read_text(encoding="utf-8", errors="replace")
    title = _TITLE.search(text)
    utilisation, _, interface = text.partition("== Utilization Estimates")[2].partition("== Interface")
    tables = list(_tables(utilisation))
    if title is None or not tables or tables[0][0][0] != "Name":
        raise ReportError(f"reports: {path} has no utilization estimates, expected a report of csynth_design")
    head, *rows = tables[0]
    uses = {
        row[0]: {_COLUMNS[key]: _whole(cell, path) for key, cell in zip(head, row, strict=False) if key in _COLUMNS}
        for row in rows
        if row[0] in ("Total", "FIFO")
    }
    if "Total" not in uses:
        raise ReportError(f"reports: {path} has no total in its utilization estimates")
    if not interface.rstrip().endswith("+"):
        raise ReportError(f"reports: {path} ends too soon, expected the table of its interface at the end")
    named = [rows for rows in tables if rows[0][:2] == ["Instance", "Module"]]
    fields = dict(_FIELD.findall(text))
    performance = text.partition("== Performance Estimates")[2].partition("Latency")[2]
    latency, interval = _cycles(performance)
    return Module(
        name=name,
        part=fields.get("Target device", ""),
        version=fields.get("Version", ""),
        use=uses["Total"],
        latency=latency,
        interval=interval,
        ports=tuple(port for port in _ports(interface) if port),
        instances=tuple(row[1] for rows in named for row in rows[1:] if row[1]),
        streams={name: number for name, number in uses.get("FIFO", {}).items() if number},
    )


def _ports(text: str) -> Iterator[Port | None]:
    for rows in _tables(text):
        if rows[0][:1] == ["RTL Ports"]:
            yield from (data_port(*row[:5]) for row in rows[1:] if len(row) >= 5)


def _tables(text: str) -> Iterator[list[list[str]]]:
    """List the tables of a text: rows of stripped cells, the header first."""
    rows: list[list[str]] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("|") and stripped.endswith("|"):
            rows.append([cell.strip() for cell in stripped.strip("|").split("|")])
        elif rows and not stripped.startswith("+-"):
            yield rows
            rows = []
    if rows:
        yield rows


def _cycles(text: str) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Read the first row of the latency summary: cycles, perhaps times, then intervals, then the kind of pipeline."""
    for rows in _tables(text):
        cells = rows[-1]
        return (_range(cells[0], cells[1]), _range(cells[-3], cells[-2])) if len(cells) >= 5 else (None, None)
    return None, None


def _range(least: str, most: str) -> tuple[int, int] | None:
    return (int(least), int(most)) if least.isdigit() and most.isdigit() else None


def _whole(text: str | None, path: Path) -> int:
    bare = (text or "").strip()
    if bare in ("", "-"):
        return 0
    if not bare.isdigit():
        raise ReportError(f"reports: {path} counts {bare!r}, expected a whole number")
    return int(bare)
