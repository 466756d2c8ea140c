"""Hold the table of DSP blocks per product against Yosys: every pair of signed widths from 2 to 30 bits.

``python -m bench.networks.multipliers`` writes ``docs/benchmarks/multipliers.json`` and the tables between the marks of
``docs/benchmarks/multipliers.md``. Yosys stops before it maps look-up tables: which products get DSP blocks is settled
by then. Its exit code is not believed, only its statistics.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from knapprune.hardware.dsp import TABLES
from knapsolve.files.atomic import write_text

WIDTHS = range(2, 31)
#: Yosys' name of the device family, by ours of the DSP block. Yosys 0.23 has no mapping for DSP58.
FAMILIES = {"DSP48E1": "xc7", "DSP48E2": "xcup"}
FOLDER = Path(__file__).parents[2] / "docs" / "benchmarks"
MARKS = "<!-- table:begin -->", "<!-- table:end -->"


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


def compare(block: str, measured: dict[tuple[int, int], int]) -> dict[str, Any]:
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


def rows(results: list[dict[str, Any]]) -> str:
    """Make the tables of the page."""
    lines = ["| block | pairs | equal | only ours in look-up tables | ours fewer blocks | ours more blocks |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for found in results:
        logic = [row for row in found["differ"] if row[2] == 0]
        fewer = [row for row in found["differ"] if 0 < row[2] < row[3]]
        more = [row for row in found["differ"] if row[2] > row[3]]
        equal = found["pairs"] - len(found["differ"])
        counts = [found["pairs"], equal, len(logic), len(fewer), len(more)]
        lines.append(f"| {found['block']} | " + " | ".join(map(str, counts)) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure all blocks and write both files."""
    version = subprocess.run(["yosys", "-V"], capture_output=True, text=True, check=True).stdout.split("(")[0].strip()
    results = [compare(block, measure(family)) for block, family in FAMILIES.items()]
    content = {"tool": version, "results": results}
    text = json.dumps(content).replace(', "', ',\n"').replace("{", "{\n")
    write_text(FOLDER / "multipliers.json", text + "\n")
    page = FOLDER / "multipliers.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    write_text(page, f"{before}{MARKS[0]}\n{rows(results)}\n{MARKS[1]}{after}")


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


if __name__ == "__main__":
    main()
