"""The page on fetch groups, in Markdown, from the rows and nothing else."""

from __future__ import annotations

from bench.networks.study import Row, versions_of
from bench.solvers import formats

FULL = 16
"""Processing elements in the table that shows everything."""


def measured(rows: list[Row], kind: str) -> list[Row]:
    """Return the rows of a kind that did not fail."""
    return [row for row in rows if row["kind"] == kind and "error" not in row]


def throughput_table(rows: list[Row]) -> str:
    """Show everything that is counted, at one number of processing elements."""
    header = (
        "network | p/g | pruned by | weights | cycles | faster than dense | balance | multipliers used "
        "| buffer words | if packed | then misaligned | L1 kept"
    )
    body: list[list[object]] = []
    for row in measured(rows, "throughput"):
        if row["elements"] != FULL:
            continue
        for kind, name in (("dense", "nothing"), ("unstructured", "magnitude"), ("groups", "fetch groups")):
            counts = row[kind]
            body.append(
                [
                    row["network"],
                    f"{row['pruned']}/{row['size']}",
                    name,
                    counts["weights"],
                    counts["cycles"],
                    f"{row['dense']['cycles'] / counts['cycles']:.2f}",
                    f"{counts['balance']:.2f}",
                    f"{counts['utilisation']:.0%}",
                    counts["words"],
                    counts["packed_words"],
                    f"{counts['misaligned']:.0%}",
                    f"{counts['kept']['mean']:.1%}",
                ]
            )
    return formats.table(header.split(" | "), body)


def elements_table(rows: list[Row]) -> str:
    """Show how many times faster fetch groups are than no structure, by number of processing elements."""
    runs = measured(rows, "throughput")
    elements = list(dict.fromkeys(row["elements"] for row in runs))
    body: list[list[object]] = []
    for network, pruned, size in dict.fromkeys((row["network"], row["pruned"], row["size"]) for row in runs):
        own = [row for row in runs if (row["network"], row["pruned"], row["size"]) == (network, pruned, size)]
        by_elements = {row["elements"]: row for row in own}
        ratios = [_faster(by_elements.get(count), "cycles") for count in elements]
        body.append([network, f"{pruned}/{size}", *ratios, _faster(by_elements.get(FULL), "unsynchronised")])
    return formats.table(["network", "p/g", *(f"{count} PE" for count in elements), f"{FULL} PE, not in step"], body)


def _faster(row: Row | None, count: str) -> str:
    return "-" if row is None else f"{row['unstructured'][count] / row['groups'][count]:.2f}"


def by_layer_table(rows: list[Row]) -> str:
    """Show what choosing p by layer keeps at the cycles of one p for all."""
    header = (
        "network | p | cycles | value | L1 kept, geometric mean | least in a layer "
        "| p of each layer, first to last | proof | select [s]"
    )
    body: list[list[object]] = []
    for row in measured(rows, "by layer"):
        for kind, name in (("uniform", f"{row['pruned']}/16 for all"), ("chosen", "chosen by layer")):
            kept = row[kind]
            numbers = [kept["cycles"], f"{kept['value']:.3f}", f"{kept['geometric']:.1%}", f"{kept['least']:.1%}"]
            by_layer = " ".join(name.partition(":")[2].partition("/")[0] for name in row["structures"].values())
            proof = [by_layer, f"{row['status']} ({row['solver']}, gap {row['gap']:.2g})", row["seconds"]]
            body.append([row["network"], name, *numbers, *(proof if kind == "chosen" else [])])
    return formats.table(header.split(" | "), body)


def page(rows: list[Row]) -> str:
    """Put the tables into their page."""
    errors = dict.fromkeys((row["network"], row["error"]) for row in rows if "error" in row)
    failed = "".join(f"\n{network} failed: {error}\n" for network, error in errors)
    left_out = "".join(
        f"\nThe {row['depthwise']} depthwise convolutions of {row['network']}, "
        f"{row['depthwise_products'] / (row['products'] + row['depthwise_products']):.0%} of its products, are not "
        "counted: their outputs have one\ninput channel each and share no fetch.\n"
        for row in measured(rows, "network")
        if row["depthwise"]
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

Made by `bench/networks/accelerator.py` from `accelerator.json` ({versions_of(rows[0])}).
"""
