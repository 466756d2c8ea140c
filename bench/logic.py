"""Hold the estimated logic of layers with multipliers against Yosys' synthesis of a data path written for them.

    python bench/logic.py --run    run, write docs/benchmarks/logic.json and logic.md
    python bench/logic.py          write the page anew from the rows

The Verilog is ours: the sums, products and registers that hls4ml's loops ask for, without its handshakes. Needs yosys.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from math import ceil, log2
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.layers import Layer
from knapprune.verilog import SUM
from knapprune.yosys import synthesise

DOCS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks"


@dataclass(frozen=True)
class Design:
    """One Dense layer."""

    strategy: str
    inputs: int
    outputs: int
    bits: int
    reuse_factor: int = 1
    alive: float = 1.0
    seed: int = 0

    def layer(self) -> Layer:
        """The layer as the hardware model takes it."""
        shape = (self.inputs, self.outputs)
        asked = (self.strategy, self.strategy, self.reuse_factor, self.reuse_factor)
        return Layer("fc", "dense", shape, *asked, self.bits, self.bits)

    def kernel(self) -> npt.NDArray[np.int64]:
        """Whole weights of the type's width; one of them the lowest, so that the width is used."""
        rng = np.random.default_rng(self.seed)
        top = 2 ** (self.bits - 1)
        weights = np.clip(np.round(rng.normal(0, top / 3, (self.inputs, self.outputs))), 1 - top, top - 1)
        weights[weights == 0] = 1
        weights[0, 0] = top - 1
        if self.strategy == "resource_unrolled":
            rows = rng.random(self.inputs * self.outputs // self.reuse_factor) < self.alive
            keep = np.repeat(rows, self.reuse_factor).reshape(self.outputs, self.inputs).T
        else:
            keep = rng.random(weights.shape) < self.alive
        return (weights * keep).astype(np.int64)


DESIGNS = (
    Design("latency", 8, 4, 8),
    Design("latency", 12, 6, 8, alive=0.5),
    Design("latency", 16, 4, 6),
    Design("latency", 8, 4, 16),
    Design("latency", 16, 4, 12, alive=0.5),
    Design("resource", 16, 4, 16, 4),
    Design("resource", 12, 6, 16, 12),
    Design("resource", 8, 8, 16, 16),
    Design("resource", 6, 8, 12, 24),
    Design("resource", 16, 6, 12, 8),
    Design("resource_unrolled", 16, 8, 16, 4, alive=0.5),
    Design("resource_unrolled", 12, 6, 16, 6, alive=0.6),
)


def data_path(design: Design) -> str:
    """Write the Verilog of a design."""
    return constants(design) if design.strategy == "latency" else loop(design)


def constants(design: Design) -> str:
    """Every weight a constant: products, then a tree of sums with a register behind each."""
    kernel, bits = design.kernel(), design.bits
    width = 2 * bits
    lines = [f"reg signed [{bits - 1}:0] x{i};" for i in range(design.inputs)]
    clocked = [f"x{i} <= i{i};" for i in range(design.inputs)]
    for out in range(design.outputs):
        terms = []
        for i in np.flatnonzero(kernel[:, out]):
            name = f"p{i}_{out}"
            product(lines, name, int(kernel[i, out]), f"x{i}", bits)
            terms.append((name, width))
        level = 0
        while len(terms) > 1:
            level += 1
            paired = []
            for place in range(0, len(terms) - 1, 2):
                (left, wide), (right, other) = terms[place : place + 2]
                name, size = f"s{out}_{level}_{place}", max(wide, other) + 1
                lines.append(f"reg signed [{size - 1}:0] {name};")
                clocked.append(f"{name} <= {left} + {right};")
                paired.append((name, size))
            terms = paired + ([terms[-1]] if len(terms) % 2 else [])
        final, size = terms[0] if terms else ("1'b0", 1)
        lines += [
            f"wire signed [{size - 1}:0] final{out};",
            f"assign final{out} = {final};",
            f"assign o{out} = final{out};",
        ]
    ports = [f"input signed [{bits - 1}:0] i{i}" for i in range(design.inputs)]
    ports += [f"output signed [{width + ceil(log2(design.inputs)) + 1}:0] o{out}" for out in range(design.outputs)]
    return module(ports, lines, clocked)


def product(lines: list[str], name: str, weight: int, data: str, bits: int) -> None:
    """Add a product by a constant: left to a DSP block, or one sum for each signed digit but the first.

    In look-up tables the weight's sign is left out: the sum behind would subtract, for the price of a sum.
    """
    width = 2 * bits
    lines.append(f"wire signed [{width - 1}:0] {name};")
    if bits > 8:
        lines.append(f"assign {name} = {data} * ({weight});")
        return
    terms: list[tuple[int, bool]] = []
    place, rest = 0, abs(weight)
    while rest:
        digit = 2 - (rest & 3) if rest & 1 else 0
        if digit:
            terms.insert(0, (place, digit < 0))
        rest, place = (rest - digit) >> 1, place + 1
    last = f"{name}_0"
    lines += [f"wire signed [{width - 1}:0] {last};", f"assign {last} = {data} <<< {terms[0][0]};"]
    for count, (shift, minus) in enumerate(terms[1:], start=1):
        shifted, total = f"{name}_x{count}", f"{name}_{count}"
        lines += [f"wire signed [{width - 1}:0] {shifted}, {total};", f"assign {shifted} = {data} <<< {shift};"]
        lines.append(f"sum #({width}, {int(minus)}) of_{total} ({last}, {shifted}, {total});")
        last = total
    lines.append(f"assign {name} = {last};")


def loop(design: Design) -> str:
    """A multiplier for each row of ``reuse_factor`` weights: memories, multiplexers, products and accumulators."""
    kernel, bits, turns = design.kernel(), design.bits, design.reuse_factor
    rows = kernel.T.reshape(-1, turns)
    counter, width = ceil(log2(turns)), 2 * bits
    total = width + ceil(log2(design.inputs))
    lines = [f"reg [{counter - 1}:0] turn;"]
    clocked = [f"turn <= start ? 0 : (turn == {turns - 1} ? 0 : turn + 1);"]
    for i in range(design.inputs):
        lines.append(f"reg signed [{bits - 1}:0] x{i};")
        clocked.append(f"if (start) x{i} <= i{i};")
    adds: dict[int, list[str]] = {out: [] for out in range(design.outputs)}
    for r, row in enumerate(rows):
        if design.strategy == "resource_unrolled" and not row.any():
            continue
        first = r * turns
        cases = " ".join(f"{t}: d{r} = x{(first + t) % design.inputs};" for t in range(turns))
        # The weights come from a memory, which is no logic of the layer: one word a turn.
        lines += [f"reg signed [{bits - 1}:0] d{r};", f"always @(*) case (turn) {cases} default: d{r} = x0; endcase"]
        lines += [f"wire signed [{width - 1}:0] p{r};", f"assign p{r} = d{r} * w{r};"]
        for out in range(first // design.inputs, (first + turns - 1) // design.inputs + 1):
            begin = max(0, out * design.inputs - first)
            end = min(turns, begin + design.inputs) if turns > design.inputs else turns
            gate = "" if turns <= design.inputs else f"(turn >= {begin} && turn < {end}) ? "
            adds[out].append(f"({gate}p{r}{' : 0' if gate else ''})")
    for out, terms in adds.items():
        lines.append(f"reg signed [{total - 1}:0] a{out};")
        level: list[tuple[str, int]] = []
        for place, term in enumerate(terms):
            lines += [f"wire signed [{width - 1}:0] t{out}_{place};", f"assign t{out}_{place} = {term};"]
            level.append((f"t{out}_{place}", width))
        while len(level) > 1:
            (left, wide), (right, other) = level.pop(0), level.pop(0)
            level.append(adder(lines, f"t{out}_{len(lines)}", left, wide, right, other, max(wide, other) + 1))
        if level:
            name, _ = adder(lines, f"n{out}", f"a{out}", total, *level[0], total)
            clocked.append(f"a{out} <= start ? 0 : {name};")
        lines.append(f"assign o{out} = a{out};")
    ports = ["input start", *(f"input signed [{bits - 1}:0] i{i}" for i in range(design.inputs))]
    ports += [f"input signed [{bits - 1}:0] w{r}" for r in range(len(rows))]
    ports += [f"output signed [{total - 1}:0] o{out}" for out in range(design.outputs)]
    return module(ports, lines, clocked)


def adder(lines: list[str], name: str, left: str, wide: int, right: str, other: int, width: int) -> tuple[str, int]:
    """Add an instance of a sum to the lines; its operands keep their signs."""
    ends = [
        f"{{{{{width - size}{{{term}[{size - 1}]}}}}, {term}}}" if width > size else term
        for term, size in ((left, wide), (right, other))
    ]
    lines += [f"wire signed [{width - 1}:0] {name};", f"sum #({width}, 0) of_{name} ({', '.join(ends)}, {name});"]
    return name, width


def module(ports: list[str], lines: list[str], clocked: list[str]) -> str:
    """Put the parts together."""
    body = "\n  ".join([*lines, "always @(posedge clock) begin", *(f"  {line}" for line in clocked), "end"])
    return SUM + f"module top (\n  input clock,\n  {', '.join(ports)}\n);\n  {body}\nendmodule\n"


def run(design: Design) -> dict[str, Any]:
    """Estimate and synthesise one design; a failure becomes a row too."""
    row: dict[str, Any] = {"design": asdict(design)}
    started = time.perf_counter()
    try:
        known = Hls4mlHardware().explain(design.layer(), design.kernel().astype(np.float64))
        assert known.logic is not None
        # Products that the table of DSP blocks leaves to look-up tables are kept from them here too.
        found = synthesise(data_path(design), "top", dsp=known.dsp_per_product > 0)
        row |= {
            "estimated": known.logic.resources,
            "synthesised": found.resources,
            "dsp": known.use["dsp"],
        }
    except Exception as error:
        row |= {"error": f"{type(error).__name__}: {error}"}
    return row | {"seconds": round(time.perf_counter() - started, 2)}


def difference(estimated: int, synthesised: int) -> str:
    """Write an estimate's distance from what was synthesised."""
    return f"{estimated / synthesised - 1:+.0%}" if synthesised else ""


def table(rows: list[dict[str, Any]]) -> str:
    """Lay the rows out as Markdown."""
    header = (
        "strategy | inputs x outputs | bits | reuse factor | not zero | DSP counted | DSP synthesised "
        "| LUT estimated | LUT synthesised | difference | FF estimated | FF synthesised | difference"
    )
    lines = [f"| {header} |", "|" + " --- |" * (header.count("|") + 1)]
    for row in rows:
        design = row["design"]
        shape = f"{design['inputs']} x {design['outputs']}"
        start = [design["strategy"], shape, design["bits"], design["reuse_factor"], f"{design['alive']:.0%}"]
        if "error" in row:
            cells = [*start, f"failed: {row['error']}", *[""] * 7]
        else:
            ours, theirs = row["estimated"], row["synthesised"]
            cells = [*start, row["dsp"], theirs["dsp"]]
            for name in ("lut", "ff"):
                cells += [ours[name], theirs[name], difference(ours[name], theirs[name])]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def page(rows: list[dict[str, Any]]) -> str:
    """Put the table into its page."""
    good = [row for row in rows if "error" not in row]
    errors = [abs(row["estimated"]["lut"] / row["synthesised"]["lut"] - 1) for row in good]
    mean = sum(errors) / len(errors)
    return f"""# Logic of layers with multipliers

`estimate(..., explain=True)` estimates look-up tables and flip-flops; here they are held against Yosys
(`synth_xilinx -family xcup`) on a data path of the same sums, products, multiplexers and registers, written by
`bench/logic.py`. In {len(good)} designs the look-up tables are off by {max(errors):.0%} at most, {mean:.0%} on average.

{table(rows)}

**This is no measure of what Vitis HLS builds.** The data path is the one that the model assumes: where the vendor's
tool shares an adder, cuts an accumulator or puts a register elsewhere, both are wrong alike. The flip-flops agree
because the registers stand where the model says. No constant is fitted; the rule for reuse factors above the inputs was
chosen with the 8 x 8 design at hand, and the 6 x 8 one tests it. Products of two variables that go to look-up tables
(both operands below 9 bits, reuse factor above 1) have no estimate: Yosys builds them from compressors, at more than
four tables for each pair of bits, which says little about a vendor's tool.

Made from `logic.json`.
"""


def main() -> None:
    """Run if asked to, then write the page from the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", action="store_true", help="run the designs; without it only the page is written")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of the rows and of the page")
    arguments = parser.parse_args()
    rows_file = arguments.out / "logic.json"
    if arguments.run:
        arguments.out.mkdir(parents=True, exist_ok=True)
        rows_file.write_text(json.dumps([run(design) for design in DESIGNS], indent=1) + "\n")
    (arguments.out / "logic.md").write_text(page(json.loads(rows_file.read_text())))


if __name__ == "__main__":
    main()
