"""Hold the table of DSP blocks per product against Yosys: every pair of signed widths from 2 to 30 bits.

    python -m bench.networks.multipliers             run, write docs/benchmarks/multipliers.json and .md
    python -m bench.networks.multipliers --table     write multipliers.md anew from the .json

The table goes between the marks of multipliers.md. Yosys stops before it maps look-up tables: which products get DSP
blocks is settled by then. Its exit code is not believed, only its statistics.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bench.measuring.machine import versions
from bench.networks.command import app
from bench.networks.marks import filled
from bench.networks.study import DOCS, Row, Study
from bench.solvers import formats
from knapprune.hardware.dsp import TABLES
from knapprune.verification.yosys import require_yosys

WIDTHS = range(2, 31)
#: Yosys' name of the device family, by ours of the DSP block. Yosys 0.23 has no mapping for DSP58.
FAMILIES = {"DSP48E1": "xc7", "DSP48E2": "xcup"}


def measure(family: str) -> dict[tuple[int, int], int]:
    """Let Yosys map one product of two variables for every pair of widths."""
    pairs = list(itertools.combinations_with_replacement(WIDTHS, 2))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "products.v").write_text(_verilog(pairs), encoding="utf-8")
        script = (
            f"read_verilog products.v; synth_xilinx -family {family} -noiopad -top everything -run begin:coarse; "
            "tee -q -o counts.json stat -json"
        )
        said = subprocess.run(["yosys", "-q", "-p", script], cwd=folder, capture_output=True, text=True, check=False)
        try:
            modules = json.loads((Path(folder) / "counts.json").read_text(encoding="utf-8"))["modules"]
            cells = {pair: modules["\\product_{}_{}".format(*pair)]["num_cells_by_type"] for pair in pairs}
        except (OSError, ValueError, KeyError) as error:
            raise RuntimeError(
                f"yosys wrote no counts of {error}:\n{said.stdout[-500:]}{said.stderr[-500:]}"
            ) from error
    return {pair: sum(count for name, count in own.items() if name.startswith("DSP")) for pair, own in cells.items()}


def compare(block: str, measured: dict[tuple[int, int], int]) -> Row:
    """List where our table and Yosys differ."""
    table = TABLES[block]
    ours = {pair: table.blocks(*pair) for pair in measured}
    return {
        "block": block,
        "family": FAMILIES[block],
        "in_logic": [list(limit) for limit in table.in_logic],
        "pairs": len(measured),
        "yosys": [[*pair, blocks] for pair, blocks in measured.items()],
        "differ": [[*pair, ours[pair], measured[pair]] for pair in measured if ours[pair] != measured[pair]],
    }


def record() -> dict[str, Any]:
    """Measure all blocks."""
    require_yosys()
    results = [compare(block, measure(family)) for block, family in FAMILIES.items()]
    return {"tool": f"Yosys {versions('yosys')['versions']['yosys']}", "results": results}


def table(results: list[Row]) -> str:
    """Lay out how many products differ, and how."""
    header = ["block", "pairs", "equal", "only ours in look-up tables", "ours fewer blocks", "ours more blocks"]
    body: list[list[object]] = []
    for own in results:
        logic = [row for row in own["differ"] if row[2] == 0]
        fewer = [row for row in own["differ"] if 0 < row[2] < row[3]]
        more = [row for row in own["differ"] if row[2] > row[3]]
        equal = own["pairs"] - len(own["differ"])
        body.append([own["block"], own["pairs"], equal, len(logic), len(fewer), len(more)])
    return formats.table(header, body)


def page(content: dict[str, Any]) -> str:
    """Put the table into its page."""
    return filled((DOCS / "multipliers.md").read_text(encoding="utf-8"), {"table": table(content["results"])})


def _verilog(pairs: list[tuple[int, int]]) -> str:
    products = [
        f"module product_{a}_{b}(input signed [{a - 1}:0] a, input signed [{b - 1}:0] b, "
        f"output signed [{a + b - 1}:0] p); assign p = a * b; endmodule"
        for a, b in pairs
    ]
    ports = "".join(f", output [{a + b - 1}:0] p_{a}_{b}" for a, b in pairs)
    uses = [f"product_{a}_{b} i_{a}_{b}(x[{a - 1}:0], y[{b - 1}:0], p_{a}_{b});" for a, b in pairs]
    top = [f"module everything(input [{WIDTHS[-1] - 1}:0] x, input [{WIDTHS[-1] - 1}:0] y{ports});", *uses, "endmodule"]
    return "\n".join([*products, *top]) + "\n"


STUDY = Study("multipliers", __doc__, page, record=record)

if __name__ == "__main__":
    app(STUDY)()
