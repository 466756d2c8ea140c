"""The page of whole channels, made of its rows alone."""

from __future__ import annotations

from itertools import product
from statistics import mean
from typing import Any

from bench.networks.study import Row, versions_of
from bench.solvers import formats

SIDE, TRAINED_ON, TESTED_ON, EPOCHS, TUNED = 14, 6000, 3000, 6, 2
"""Pixels of a side, images to train and to test on, epochs before and after channels go."""

STEPS, HALVED = 250, 10
"""Steps in which Torch-Pruning removes all channels that it can; trials of a share that it removes at once."""

OURS, THEIRS, STEPWISE = TOOLS = ("knapprune", "Torch-Pruning", "Torch-Pruning in steps")
NETWORKS, SEEDS, SHARES, RESOURCES = ("residual", "depthwise"), (0, 1, 2), (0.5, 0.25), ("parameters", "macs")
SAID = {"squares kept": "kept", "accuracy as cut": "cut", "accuracy after training": "tuned"}
VALUES = ("squares", "own")
"""A channel's worth: the squares of all weights that go with it, or what each tool takes unless told otherwise."""


def page(rows: list[Row]) -> str:
    """Put the table into its page."""
    theirs = [row for row in rows if row["tool"] != OURS and "error" not in row]
    failed = sum("error" in row for row in rows)
    same = sum(row["same_groups"] for row in theirs)
    shrunk = sum(row["shrunk"] == row["after"]["parameters"] for row in theirs)
    ours = [row for row in rows if row["tool"] == OURS]
    seconds = "; ".join(
        f"{tool} {mean(row['seconds'] for row in rows if row['tool'] == tool and 'error' not in row):.1f} s"
        for tool in TOOLS
    )
    gap = max(row["gap"] for row in ours if row["gap"] is not None)
    squares, own = (
        "\n".join(f"- {said}: {compared(rows, values, name)}." for said, name in SAID.items()) for values in VALUES
    )
    return f"""# Whole channels, beside Torch-Pruning

Two small PyTorch networks on {TRAINED_ON} images of Fashion-MNIST at {SIDE} x {SIDE} pixels, one of residual blocks and
one of depthwise convolutions, trained for {EPOCHS} epochs, with {len(SEEDS)} seeds each. Both tools remove whole
channels, with all that goes with them, until half or a quarter of the parameters or of the multiplications is left.
knapprune does so by `kp.select` with structure `"channel"` and `kp.shrink`, Torch-Pruning by global pruning, in two
ways: at once, of which the least share of channels that keeps the budget is found by {HALVED} halvings, and in up to
{STEPS} steps, their worth computed anew in each. Then each network is trained for {TUNED} more epochs, the same way.
Accuracies are of {TESTED_ON} images, and means over the seeds, as all in the table.

"Squares" is a channel's worth as the sum of squares of all weights that go with it, the same for both; "own" is what
each tool takes unless told otherwise: knapprune `"l1"` and `"lamp"`, Torch-Pruning `GroupMagnitudeImportance()`.
"Squares kept" are those of all kernels, as a share of the network's before.

{table(rows)}

A dash is for budgets that are never kept: at once, a layer of which all channels would go stays whole ({failed} of
{len(rows)} runs).

**What goes together.** In {same} of {len(theirs)} runs both tools find the same groups of channels. Where what
Torch-Pruning removes is set to zero in the network as it was, `kp.shrink` finds a network of as many parameters in
{shrunk} of {len(theirs)} runs, and the two differ by at most {worst(theirs):.1g} of the range of their outputs;
knapprune's own masked and smaller networks by at most {worst(ours):.1g}.

**knapprune against Torch-Pruning, the same values.** Of its two ways the one that is better in this very number:

{squares}

**Each with its own values.**

{own}

**Where we are not ahead.** With the same squares knapprune keeps more of them, and is less accurate after training
than the better of Torch-Pruning's two ways: most squares are kept by emptying layers of small weights, which is why
knapprune does not take `"none"` by itself for such values. With what each takes by itself the two are close. A weight
between two channels counts for both in what is maximised and once in the squares kept, so that another selection can
keep more of these.

Torch-Pruning ranks all channels by their worth and removes the least until the budget is kept; a knapsack takes into
account what each channel saves of what is budgeted. Its largest gap to the bound was {gap:.1%}. Seconds on one thread,
on average, Torch-Pruning's with the check by `kp.shrink`:
{seconds}. Three seeds do not tell differences of a point or less.

Made by `bench/networks/channels.py` from `channels.json` ({versions_of(rows[0])}).
"""


def worst(rows: list[Row]) -> float:
    """Return the largest difference of outputs."""
    return max(float(row["difference"]) for row in rows)


def table(rows: list[Row]) -> str:
    """Lay means over the seeds out as Markdown."""
    body: list[list[object]] = []
    for network, resource, share, values, tool in product(NETWORKS, RESOURCES, SHARES, VALUES, TOOLS):
        about = {"network": network, "resource": resource, "share": share, "values": values, "tool": tool}
        own = [row for row in rows if all(row[name] == value for name, value in about.items())]
        cells = ["-"] * 4
        if not any("error" in row for row in own):
            used = mean(row["after"][resource] / row["before"][resource] for row in own)
            cells = [f"{used:.1%}", *(f"{mean(row[name] for row in own):.1%}" for name in SAID.values())]
        body.append([network, f"{share:.0%} of {resource}", values, tool, *cells])
    return formats.table(["network", "budget", "values", "tool", "used", *SAID], body)


def compared(rows: list[Row], values: str, name: str) -> str:
    """Say in how many cases knapprune is ahead of the better of Torch-Pruning's ways, and by how much on average."""

    def about(row: Row) -> tuple[Any, ...]:
        return tuple(row[own] for own in ("network", "seed", "resource", "share", "values"))

    best: dict[tuple[Any, ...], float] = {}
    for row in rows:
        if row["tool"] != OURS and "error" not in row:
            best[about(row)] = max(row[name], best.get(about(row), 0.0))
    ahead = [row[name] - best[about(row)] for row in rows if row["tool"] == OURS and row["values"] == values]
    more, less = sum(own > 0 for own in ahead), sum(own < 0 for own in ahead)
    return f"higher in {more} and lower in {less} of {len(ahead)}, {100 * mean(ahead):+.1f} points on average"
