"""Synthesis with Yosys, where it is installed: what a Verilog module takes on a Xilinx device.

Yosys is open and installs from every package manager. It is not the vendor's tool: it maps a carry chain in the same
way, but packs look-up tables less well, and places nothing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knapprune.hardware.adder_graph import LayerAdders
from knapprune.tools import require_program
from knapprune.verification.verilog import verilog

#: Seconds that one module may take.
TIME_LIMIT = 600.0


class SynthesisError(RuntimeError):
    """Yosys gave no counts; the message ends with what it said."""


@dataclass(frozen=True)
class Synthesis:
    """What Yosys counted in one design.

    Parameters
    ----------
    lut
        Look-up tables of one to six inputs, inverters among them.
    dsp
        DSP blocks.
    ff
        Flip-flops.
    carry
        Carry cells of four bits; one of eight counts as two.
    cells
        Every cell by its name on the device.
    """

    lut: int
    dsp: int
    ff: int
    carry: int
    cells: Mapping[str, int]

    @property
    def resources(self) -> dict[str, int]:
        """The counts by resource."""
        return {"lut": self.lut, "dsp": self.dsp, "ff": self.ff, "carry": self.carry}


def synthesise(
    source: str,
    top: str,
    *,
    dsp: bool = True,
    family: str = "xcup",
    time_limit: float = TIME_LIMIT,
) -> Synthesis:
    """Synthesise Verilog with Yosys and count its cells.

    Each instance of a module called ``sum`` becomes a carry chain of its own. Otherwise Yosys fuses sums that one other
    sum reads into sums of many operands, without carry chains.
    """
    require_yosys()
    with tempfile.TemporaryDirectory(prefix="knapprune-yosys-") as folder:
        (Path(folder) / "design.v").write_text(source, encoding="utf-8")
        commands = (
            f"read_verilog design.v; hierarchy -check -top {top}; proc; select *sum*; alumacc; select -clear; flatten; "
            f"synth_xilinx -family {family} -top {top} -noiopad{'' if dsp else ' -nodsp'}; "
            "tee -q -o counts.json stat -json"
        )
        said = _run(["yosys", "-p", commands], Path(folder), time_limit)
        return _read(Path(folder) / "counts.json", top, said)


def synthesise_layer(layer: LayerAdders, *, family: str = "xcup", time_limit: float = TIME_LIMIT) -> Synthesis:
    """Synthesise the adder graphs of one layer."""
    graphs = [graph for graph in layer.graphs if graph.adders]
    synthesised = [synthesise(verilog(graph), graph.name, family=family, time_limit=time_limit) for graph in graphs]
    cells: dict[str, int] = {}
    for counts in synthesised:
        for name, number in counts.cells.items():
            cells[name] = cells.get(name, 0) + number * layer.copies
    return count_cells(cells)


def count_cells(cells: Mapping[str, int]) -> Synthesis:
    """Sort the cells of a Xilinx device by resource."""

    def number(*starts: str) -> int:
        return sum(count for name, count in cells.items() if name.startswith(starts))

    # An inverter is a look-up table of one input, unless the table behind it takes it in.
    return Synthesis(
        lut=number("LUT", "INV"),
        dsp=number("DSP"),
        ff=number("FD"),
        carry=number("CARRY4") + 2 * number("CARRY8"),
        cells=dict(cells),
    )


def require_yosys() -> None:
    """Check that Yosys is there."""
    require_program("yosys", install="apt-get install yosys")


def _run(command: list[str], folder: Path, time_limit: float) -> str:
    """Run a command in a process group of its own, so that the programs it starts end with it."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        return process.communicate(timeout=time_limit)[0]
    except subprocess.TimeoutExpired:
        raise SynthesisError(f"yosys took longer than {time_limit:g} s and was stopped") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _read(counts: Path, top: str, said: str) -> Synthesis:
    try:
        read: Any = json.loads(counts.read_text(encoding="utf-8"))
        cells = read["modules"][f"\\{top}"]["num_cells_by_type"]
        by_type = {str(name): int(number) for name, number in cells.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        tail = "\n".join(said.splitlines()[-10:])
        raise SynthesisError(f"yosys wrote no counts of module {top!r}; the end of what it said:\n{tail}") from error
    if unmapped := sorted(name for name in by_type if name.startswith(("$", "\\"))):
        raise SynthesisError(f"yosys left cells of module {top!r} unmapped: {', '.join(unmapped)}")
    return count_cells(by_type)
