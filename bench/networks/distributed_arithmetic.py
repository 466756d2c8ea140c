"""Hold the look-up tables that knapprune predicts for distributed arithmetic against what Yosys synthesises.

    python -m bench.networks.distributed_arithmetic --run    run; write docs/benchmarks/distributed-arithmetic.json, .md
    python -m bench.networks.distributed_arithmetic          write the page anew from the rows

Each design is a Keras model that hls4ml 1.3 converts; its adder graphs are read from the C++ it writes. Needs yosys.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from bench.measuring.machine import versions
from bench.networks.command import app
from bench.networks.study import Case, Row, Study, versions_of
from bench.networks.whole_network import whole_network
from bench.solvers import formats
from knapprune.network.precision import FixedPoint
from knapprune.project.distributed_arithmetic import generated_adders
from knapprune.verification.yosys import synthesise


@dataclass(frozen=True)
class Design:
    """One network: the shapes of its kernels, and the numbers in them.

    Parameters
    ----------
    name
        For the table.
    kernels
        Shapes in Keras' order; four axes are a Conv2D, three a Conv1D, two a Dense layer. A ReLU stands between them.
    bits
        Width of data and weights.
    integer
        Bits of those before the binary point.
    alive
        Share of the weights that are not zero.
    result
        Precision of the results: ``"auto"`` is wide enough for every sum.
    seed
        Of the weights.
    """

    name: str
    kernels: tuple[tuple[int, ...], ...]
    bits: int
    integer: int
    alive: float = 1.0
    result: str = "auto"
    seed: int = 0


DESIGNS = (
    Design("dense", ((8, 6),), 8, 3),
    Design("dense, half pruned", ((8, 6),), 8, 3, alive=0.5),
    Design("dense, 4 bits", ((16, 8),), 4, 2),
    Design("dense, 6 bits", ((16, 16),), 6, 2),
    Design("dense, 12 bits", ((10, 5),), 12, 4),
    Design("dense, three quarters pruned", ((32, 16),), 6, 2, alive=0.25),
    Design("dense, nine tenths pruned", ((64, 16),), 8, 3, alive=0.1),
    Design("dense, one output", ((24, 1),), 8, 3),
    Design("dense, cut to 8 bits", ((12, 8),), 8, 3, result="fixed<8,3>"),
    Design("conv1d", ((3, 4, 6),), 8, 3, alive=0.6),
    Design("conv2d", ((3, 3, 2, 4),), 6, 2, alive=0.7),
    Design("two dense layers", ((12, 10), (10, 4)), 6, 2, alive=0.6, result="fixed<10,5>"),
)


def build(design: Design) -> tuple[Any, dict[str, Any]]:
    """Make the Keras model and the configuration of a design."""
    import keras

    rng = np.random.default_rng(design.seed)
    first = design.kernels[0]
    sizes = (5, 5)[: len(first) - 2]
    layers: list[Any] = [keras.Input((*sizes, first[-2]))]
    for place, shape in enumerate(design.kernels):
        last = place == len(design.kernels) - 1
        options: dict[str, Any] = {"name": f"layer{place}", "activation": None if last else "relu"}
        if len(shape) == 2:
            layers.append(keras.layers.Dense(shape[-1], **options))
        else:
            kind = keras.layers.Conv1D if len(shape) == 3 else keras.layers.Conv2D
            layers.append(kind(shape[-1], shape[:-2], **options))
    model = keras.Sequential(layers)
    fraction, top = design.bits - design.integer, 2 ** (design.bits - 1)
    weights = []
    for weight in model.get_weights():
        values = np.clip(np.round(rng.normal(0, top / 3, weight.shape)), -top, top - 1)
        keep = rng.random(weight.shape) < design.alive if weight.ndim > 1 else True
        weights.append(values * keep * 2.0**-fraction)
    model.set_weights(weights)
    precision = f"fixed<{design.bits},{design.integer}>"
    strategy = {"ReuseFactor": 1, "Strategy": "distributed_arithmetic"}
    names = {
        f"layer{place}": strategy | {"Precision": {"weight": precision, "bias": precision, "result": design.result}}
        for place in range(len(design.kernels))
    }
    return model, {"Model": strategy | {"Precision": precision}, "LayerName": names}


def cases(
    run: Annotated[bool, typer.Option("--run", help="Run the designs; without it only the page is written.")] = False,
    only: Annotated[
        str | None, typer.Option(help="Run the design of this name alone; with --again in the place of its row.")
    ] = None,
) -> list[Case]:
    """List the designs, if they are to be run."""
    return [case(design) for design in DESIGNS if run and only in (None, design.name)]


def case(design: Design) -> Case:
    """Make a design a case."""
    return Case({"design": asdict(design)}, partial(measure, design))


def measure(design: Design) -> Row:
    """Verify one design with synthesis."""
    import knapprune as kp

    started = time.perf_counter()
    model, config = build(design)
    checks = kp.verify(model, config, synthesise=True).by_layer.values()
    row = {
        "da4ml": da4ml_cost(model, config),
        "adders": sum(check.adders for check in checks),
        "predicted": sum(check.estimated["lut"] for check in checks),
        "synthesised": sum(check.synthesised["lut"] for check in checks),
        "dsp": sum(check.synthesised["dsp"] for check in checks),
    }
    if len(checks) > 1:
        layers = list(generated_adders(model, config).values())
        data = FixedPoint(design.bits, design.integer)
        row["synthesised"] = synthesise(whole_network(layers, data), "network").lut
        # A ReLU takes a table for each bit it passes on or clears.
        row["predicted"] += design.bits * sum(len(layer.graphs[0].outputs) for layer in layers[:-1])
    return row | {"seconds": round(time.perf_counter() - started, 2)}


def da4ml_cost(model: Any, config: dict[str, Any]) -> float:
    """Sum what da4ml says its graphs cost: ``da_kernel_cost`` of hls4ml's nodes."""
    import tempfile

    from knapprune.project.export import export

    with tempfile.TemporaryDirectory() as folder:
        graph = export(model, config, Path(folder) / "project").graph
        return float(sum(node.attributes.get("da_kernel_cost", 0.0) for node in graph.get_layers()))


def difference(number: float, synthesised: int) -> str:
    """Write a number's distance from what was synthesised."""
    return f"{number / synthesised - 1:+.1%}"


def table(rows: list[Row]) -> str:
    """Lay the rows out as Markdown."""
    header = (
        "design | kernels | bits | not zero | adders | LUT predicted | LUT synthesised | difference "
        "| da4ml's cost | difference | DSP | seconds"
    )
    body: list[list[object]] = []
    for row in rows:
        design = row["design"]
        kernels = ", ".join("x".join(map(str, shape)) for shape in design["kernels"])
        start = [design["name"], kernels, design["bits"], f"{design['alive']:.0%}"]
        if "error" in row:
            body.append([*start, f"failed: {row['error']}"])
            continue
        counted = row["synthesised"]
        ours = [row["predicted"], counted, difference(row["predicted"], counted)]
        theirs = [f"{row['da4ml']:.0f}", difference(row["da4ml"], counted)]
        body.append([*start, row["adders"], *ours, *theirs, row["dsp"], row["seconds"]])
    return formats.table(header.split(" | "), body)


def page(rows: list[Row]) -> str:
    """Put the table into its page."""
    return f"""# Look-up tables of distributed arithmetic

Networks with random weights that their type holds exactly, converted by hls4ml with strategy `distributed_arithmetic`.
`kp.verify(model, config, synthesise=True)` reads the adder graph of each layer from the C++, predicts its look-up
tables, and has Yosys synthesise the same graph as Verilog (`synth_xilinx -family xcup`). Every sum is a carry chain of
its own, as in the C++: Yosys is kept from fusing sums, which costs it more. An inverter counts as a look-up table.

{table(rows)}

da4ml's cost of a sum is its bits from the lowest place where both operands have one up to the highest of either; that
of adding a constant is the constant's bits. So it leaves out the inverters of subtractions, and it does not know that a
result is cut: hls4ml casts each sum to the layer's result type, and the bits above it, with the parts of earlier sums
that only lead there, are not built ("cut to 8 bits"). The prediction follows each bit:
[adder_bits.py](../../knapprune/hardware/adder_bits.py).

"Two dense layers" is one design from end to end, the ReLU between them included, a table for each bit. The prediction
is high there: Yosys takes part of the ReLU's gates into the tables of the sums that read them. The other rows are one
layer each; the multiplexers that bring a convolution's pixels are not in them.

Made by `bench/networks/distributed_arithmetic.py` from `distributed-arithmetic.json` ({versions_of(rows[0])}).
"""


def place(row: Row) -> int:
    """Return where a row's design is listed."""
    names = [design.name for design in DESIGNS]
    name = row["design"]["name"]
    return names.index(name) if name in names else len(names)


STUDY = Study(
    "distributed-arithmetic",
    __doc__,
    page,
    cases,
    facts=partial(versions, "knapprune", "hls4ml", "da4ml", "yosys"),
    order=place,
)

if __name__ == "__main__":
    app(STUDY)()
