"""Count what fetch-group pruning saves on a sparse accelerator, and write the table and the plot of it.

    python -m bench.networks.accelerator --models FOLDER     run, write docs/benchmarks/accelerator.json, .md and .png
    python -m bench.networks.accelerator                     write .md and .png anew from accelerator.json

FOLDER holds ``pretrainedResnet.h5`` and ``vww_96.h5`` of the MLPerf Tiny benchmark, as in
https://github.com/mlcommons/tiny (folder ``benchmark/training``). Kernels are real, trained weights; no data come with
them, so nothing is fine-tuned here and no accuracy is stated.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

DOCS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
NETWORKS = {"ResNet-8": "pretrainedResnet.h5", "MobileNet": "vww_96.h5"}
SETTINGS = ((6, 8), (10, 16), (12, 16), (15, 16))
ELEMENTS = (1, 4, 16, 32)
FULL = 16  # processing elements in the table that shows everything
BY_LAYER = (4, 6, 8, 10, 12)  # uniform p of 16 to compare with, two multipliers a processing element

Row = dict[str, Any]


def largest(kernel: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """Mask the largest weights of a kernel, wherever they are: pruning by magnitude without structure."""
    mask = np.zeros(kernel.size, dtype=bool)
    mask[np.argsort(-np.abs(kernel).ravel(), kind="stable")[:count]] = True
    return mask.reshape(kernel.shape)


def kept(kernels: dict[str, Any], masks: dict[str, Any]) -> Row:
    """Say what share of each layer's absolute weights is left: the mean, the geometric mean and the least."""
    shares = [np.abs(kernel * masks.get(name, 1)).sum() / np.abs(kernel).sum() for name, kernel in kernels.items()]
    geometric = math.exp(float(np.mean(np.log(shares))))
    return {"mean": float(np.mean(shares)), "geometric": geometric, "least": float(min(shares))}


def work(accelerator: Any, layers: Any, kernels: dict[str, Any], masks: dict[str, Any]) -> Row:
    """Add up what the layers make the accelerator do."""
    from knapprune.hardware.load import Load

    load = sum((accelerator.load(layer, kernels[layer.name] * masks.get(layer.name, 1)) for layer in layers), Load())
    return {
        "cycles": load.cycles,
        "unsynchronised": load.unsynchronised,
        "balance": load.balance,
        "utilisation": load.utilisation,
        "words": load.words,
        "packed_words": load.packed_words,
        "misaligned": load.misaligned / load.groups,
        "weights": sum(int(np.count_nonzero(kernels[layer.name] * masks.get(layer.name, 1))) for layer in layers),
        "kept": kept(kernels, masks),
    }


def throughput(network: str, model: Any) -> Iterator[Row]:
    """Compare a given p with no structure at equal density, layer by layer, and with the dense network."""
    import knapprune as kp
    from knapprune.adapters.keras.adapter import KerasAdapter
    from knapprune.hardware.accelerator import Accelerator

    kernels = KerasAdapter().kernels(model)
    for pruned, size in SETTINGS:
        for elements in ELEMENTS:
            accelerator = Accelerator(size, size - pruned, elements)
            selection = kp.select(model, {}, structure=f"fetch-group:{pruned}/{size}", hardware=accelerator)
            layers = selection.before.layers
            equal = {name: largest(kernels[name], int(mask.sum())) for name, mask in selection.masks.items()}
            yield {
                "kind": "throughput",
                "network": network,
                "pruned": pruned,
                "size": size,
                "elements": elements,
                "dense": work(accelerator, layers, kernels, {}),
                "groups": work(accelerator, layers, kernels, selection.masks)
                | {"kept": kept(kernels, selection.masks)},
                "unstructured": work(accelerator, layers, kernels, equal) | {"kept": kept(kernels, equal)},
            }


def by_layer(network: str, model: Any) -> Iterator[Row]:
    """Compare p chosen by layer with one p for all at the same cycles."""
    import knapprune as kp
    from knapprune.adapters.keras.adapter import KerasAdapter
    from knapprune.hardware.accelerator import Accelerator

    kernels, accelerator = KerasAdapter().kernels(model), Accelerator(16, 2, 16)
    for pruned in BY_LAYER:
        uniform = kp.select(model, {}, structure=f"fetch-group:{pruned}/16", hardware=accelerator)
        started = time.perf_counter()
        chosen = kp.select(model, {}, {"cycles": uniform.resources["cycles"]}, hardware=accelerator)
        yield {
            "kind": "by layer",
            "network": network,
            "pruned": pruned,
            "dense": uniform.before["cycles"],
            "uniform": {"cycles": uniform.resources["cycles"], "value": uniform.solution.value}
            | kept(kernels, uniform.masks),
            "chosen": {"cycles": chosen.resources["cycles"], "value": chosen.solution.value}
            | kept(kernels, chosen.masks),
            "structures": dict(chosen.structures),
            "status": str(chosen.solution.status),
            "solver": chosen.solution.solver,
            "gap": chosen.solution.gap,
            "seconds": round(time.perf_counter() - started, 2),
        }


def run(folder: Path) -> list[Row]:
    """Run everything; a network that fails becomes a row too."""
    rows: list[Row] = []
    for network, file in NETWORKS.items():
        try:
            from knapprune.adapters.keras.files import load_keras_model

            model = load_keras_model(folder / file)
            rows.append({"kind": "network", "network": network, **products(model)})
            rows.extend([*throughput(network, model), *by_layer(network, model)])
        except Exception as error:
            rows.append({"kind": "failed", "network": network, "error": f"{type(error).__name__}: {error}"})
    for row in rows:
        row["versions"] = {name: version(name) for name in ("knapprune", "keras", "numpy")}
    return rows


def products(model: Any) -> Row:
    """Count the products of the layers that are counted here, and those of depthwise convolutions, which are not."""
    import knapprune as kp

    counted = sum(layer.size * layer.pixels for layer in kp.estimate(model, {}, hardware="hls4ml").layers)
    depthwise = [layer for layer in model.layers if type(layer).__name__ == "DepthwiseConv2D"]
    left_out = sum(math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1]) for layer in depthwise)
    return {"products": counted, "depthwise": len(depthwise), "depthwise_products": left_out}


def markdown(header: str, rows: list[list[object]]) -> str:
    """Lay cells out as a Markdown table."""
    lines = [f"| {header} |", "|" + " --- |" * (header.count("|") + 1)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def throughput_table(rows: list[Row]) -> str:
    """Show everything that is counted, at one number of processing elements."""
    header = (
        "network | p/g | pruned by | weights | cycles | faster than dense | balance | multipliers used "
        "| buffer words | if packed | then misaligned | L1 kept"
    )
    cells: list[list[object]] = []
    for row in rows:
        if row["kind"] != "throughput" or row["elements"] != FULL:
            continue
        for kind, name in (("dense", "nothing"), ("unstructured", "magnitude"), ("groups", "fetch groups")):
            found = row[kind]
            cells.append(
                [
                    row["network"],
                    f"{row['pruned']}/{row['size']}",
                    name,
                    found["weights"],
                    found["cycles"],
                    f"{row['dense']['cycles'] / found['cycles']:.2f}",
                    f"{found['balance']:.2f}",
                    f"{found['utilisation']:.0%}",
                    found["words"],
                    found["packed_words"],
                    f"{found['misaligned']:.0%}",
                    f"{found['kept']['mean']:.1%}",
                ]
            )
    return markdown(header, cells)


def elements_table(rows: list[Row]) -> str:
    """Show how many times faster fetch groups are than no structure, by number of processing elements."""
    runs = [row for row in rows if row["kind"] == "throughput"]
    found = {(row["network"], row["pruned"], row["size"], row["elements"]): row for row in runs}
    cells: list[list[object]] = []
    for network in dict.fromkeys(key[0] for key in found):
        for pruned, size in SETTINGS:
            mine = [found[network, pruned, size, count] for count in ELEMENTS]
            ratios = [row["unstructured"]["cycles"] / row["groups"]["cycles"] for row in mine]
            full = found[network, pruned, size, FULL]
            ratios.append(full["unstructured"]["unsynchronised"] / full["groups"]["unsynchronised"])
            cells.append([network, f"{pruned}/{size}", *(f"{ratio:.2f}" for ratio in ratios)])
    header = " | ".join(f"{count} PE" for count in ELEMENTS)
    return markdown(f"network | p/g | {header} | {FULL} PE, not in step", cells)


def by_layer_table(rows: list[Row]) -> str:
    """Show what choosing p by layer keeps at the cycles of one p for all."""
    header = (
        "network | p | cycles | value | L1 kept, geometric mean | least in a layer "
        "| p of each layer, first to last | proof | select [s]"
    )
    cells: list[list[object]] = []
    for row in rows:
        if row["kind"] != "by layer":
            continue
        for kind, name in (("uniform", f"{row['pruned']}/16 for all"), ("chosen", "chosen by layer")):
            found = row[kind]
            numbers = [found["cycles"], f"{found['value']:.3f}", f"{found['geometric']:.1%}", f"{found['least']:.1%}"]
            by_layer = " ".join(name.partition(":")[2].partition("/")[0] for name in row["structures"].values())
            proof = [by_layer, f"{row['status']} ({row['solver']}, gap {row['gap']:.2g})", row["seconds"]]
            cells.append([row["network"], name, *numbers, *(proof if kind == "chosen" else ["", "", ""])])
    return markdown(header, cells)


def page(rows: list[Row]) -> str:
    """Put the tables into their page."""
    versions = ", ".join(f"{name} {number}" for name, number in rows[0]["versions"].items())
    failed = "".join(f"\n{row['network']} failed: {row['error']}\n" for row in rows if row["kind"] == "failed")
    left_out = "".join(
        f"\nThe {row['depthwise']} depthwise convolutions of {row['network']}, "
        f"{row['depthwise_products'] / (row['products'] + row['depthwise_products']):.0%} of its products, are not "
        "counted: their outputs have one\ninput channel each and share no fetch.\n"
        for row in rows
        if row["kind"] == "network" and row["depthwise"]
    )
    return f"""# Fetch groups on a sparse accelerator

Trained networks of the MLPerf Tiny benchmark on `knapprune.hardware.accelerator.Accelerator`, a model from first
principles of what Kang's *Accelerator-aware pruning* (arXiv 1804.09862) prunes for: g activations a fetch, processing
elements (PEs) in step, M = g - p multipliers each ([the guide](../guides/accelerator.md)). Cycles are counted by that
model, not measured on a chip. Fetch groups and magnitude pruning leave the same number of weights in every layer; both
keep the largest they can. Nothing is fine-tuned here.
{left_out}{failed}
![Speed-up over the dense network, and saliency kept against cycles](accelerator.png)

## At the published settings, {FULL} PEs

{throughput_table(rows)}

*Balance* is the mean work of a PE over that of the slowest; *multipliers used*, the share of their places that hold a
weight; *buffer words* start anew with every group, *if packed* they do not, and that many groups then reach over one
word more than they fill. A layer of few input channels (three in both first layers) has short groups, which keep all
their weights where g - p allows it: what is not pruned there is why the networks fall short of g / (g - p).

## Times faster than pruning by magnitude at equal density

{elements_table(rows)}

With one PE only the rounding up of each group to whole cycles is lost; every further PE is one more to wait for. The
last column is the least that buffers between the activations and the PEs could bring this down to: there each PE goes
on to the end of its tile by itself. Fetch groups need no such buffers.

## p chosen by layer

Here 16 PEs have two multipliers each, so that a group can take 1 to 8 cycles. `kp.select` gets the cycles that one p
for all layers takes as its budget and chooses p by layer; one p for all is among its choices. *Value*, the sum of the
`lamp` scores that are kept, is what it maximises: to first order, the logarithm of the product of the layers' shares.
p counts the places of a whole group: at 14/16, a layer of three input channels keeps two of three.

{by_layer_table(rows)}

Made by `bench/networks/accelerator.py` from `accelerator.json` ({versions}).
"""


def plot(rows: list[Row], path: Path) -> None:
    """Draw, a line of panels for each network: speed-up by setting, and saliency kept against cycles."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    networks = [row["network"] for row in rows if row["kind"] == "network"]
    figure = Figure(figsize=(10, 3.4 * len(networks)), layout="constrained")
    grid = figure.subplots(len(networks), 2, squeeze=False)
    for (bars, curve), network in zip(grid, networks, strict=True):
        mine = [row for row in rows if row["network"] == network]
        full = [row for row in mine if row["kind"] == "throughput" and row["elements"] == FULL]
        for shift, kind, label, colour in (
            (-0.2, "unstructured", "magnitude", "#D55E00"),
            (0.2, "groups", "fetch groups", "#0072B2"),
        ):
            heights = [row["dense"]["cycles"] / row[kind]["cycles"] for row in full]
            drawn = bars.bar(np.arange(len(full)) + shift, heights, 0.38, label=label, color=colour)
            bars.bar_label(drawn, fmt="%.1f", padding=2, fontsize=9)
        bars.axhline(1, color="0.5", linewidth=1, label="dense")
        bars.set_xticks(range(len(full)), [f"{row['pruned']}/{row['size']}" for row in full])
        bars.set(title=f"{network}: {FULL} PEs of g - p multipliers", xlabel="p/g", ylabel="times faster than dense")
        bars.margins(y=0.12)
        points = sorted((row for row in mine if row["kind"] == "by layer"), key=lambda row: int(row["pruned"]))
        for kind, label, colour, mark in (
            ("uniform", "one p for all layers", "#D55E00", "s--"),
            ("chosen", "p chosen by layer", "#0072B2", "o-"),
        ):
            cycles = [row[kind]["cycles"] / row["dense"] for row in points]
            curve.plot(cycles, [row[kind]["geometric"] for row in points], mark, color=colour, label=label)
        for row in points:
            place = (row["uniform"]["cycles"] / row["dense"], row["uniform"]["geometric"])
            curve.annotate(f"{row['pruned']}/16", place, (6, -10), textcoords="offset points", fontsize=8, color="0.35")
        curve.set(title=f"{network}: {FULL} PEs of 2 multipliers", xlabel="cycles, of the dense network's")
        curve.set_ylabel("L1 kept, geometric mean of layers")
        curve.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        curve.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        curve.margins(0.12)
        for axes in (bars, curve):
            axes.grid(True, axis="y", color="0.9")
            axes.set_axisbelow(True)
            axes.legend(frameon=False, loc="upper left" if axes is bars else "lower right")
    figure.savefig(path, dpi=110, metadata={"Software": None})


def main() -> None:
    """Run if there are models, then write page and plot from the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, help="folder of the networks; without it only page and plot are written")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of accelerator.json, .md and .png")
    arguments = parser.parse_args()
    rows_file = arguments.out / "accelerator.json"
    if arguments.models is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        rows_file.write_text(json.dumps(run(arguments.models), indent=1) + "\n")
    rows = json.loads(rows_file.read_text())
    (arguments.out / "accelerator.md").write_text(page(rows))
    plot(rows, arguments.out / "accelerator.png")


if __name__ == "__main__":
    main()
