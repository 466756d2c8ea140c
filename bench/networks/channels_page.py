"""The page of whole channels, made of its rows alone."""

from __future__ import annotations

from itertools import product
from statistics import mean
from typing import Any

from bench.networks.study import Row, versions_of
from bench.solvers import formats

SIDE, TRAINED_ON, TESTED_ON, EPOCHS, TUNED = 14, 6000, 3000, 6, 2
"""Pixels of a side, images to train and to test on, epochs before and after channels go."""

STEPS = 250
"""In which Torch-Pruning removes all channels that it can, one after the other."""

OURS, THEIRS = "knapprune", "Torch-Pruning"
NETWORKS, SEEDS, SHARES, RESOURCES = ("residual", "depthwise"), (0, 1, 2), (0.5, 0.25), ("parameters", "macs")
SAID = {"squares kept": "kept", "accuracy as cut": "cut", "accuracy after training": "tuned"}
VALUES = ("squares", "own")
"""A channel's worth: the squares of all weights that go with it, or what each tool takes unless told otherwise."""


def page(rows: list[Row]) -> str:
    """Put the table into its page."""
    theirs = [row for row in rows if row["tool"] == THEIRS]
    same = sum(row["same_groups"] for row in theirs)
    shrunk = sum(row["shrunk"] == row["after"]["parameters"] for row in theirs)
    worst = {tool: max(row["difference"] for row in rows if row["tool"] == tool) for tool in (OURS, THEIRS)}
    seconds = {tool: mean(row["seconds"] for row in rows if row["tool"] == tool) for tool in (OURS, THEIRS)}
    gap = max(row["gap"] for row in rows if row.get("gap") is not None)
    squares, own = (
        "\n".join(f"- {said}: {compared(rows, values, name)}." for said, name in SAID.items()) for values in VALUES
    )
    return f"""# Whole channels, beside Torch-Pruning

Two small PyTorch networks on {TRAINED_ON} images of Fashion-MNIST at {SIDE} x {SIDE} pixels, one of residual blocks and
one of depthwise convolutions, trained for {EPOCHS} epochs, with {len(SEEDS)} seeds each. Both tools remove whole
channels, with all that goes with them, until half or a quarter of the parameters or of the multiplications is left:
knapprune by `kp.select` with structure `"channel"` and `kp.shrink`; Torch-Pruning by global pruning in {STEPS}
steps for all channels, their worth computed anew in each, for in one step it leaves a layer whole of which it would
take all. Then each network is trained for {TUNED} more epochs, the same way. Accuracies are of {TESTED_ON} images, and
means over the seeds, as all in the table.

"Squares" is a channel's worth as the sum of squares of all weights that go with it, the same for both; "own" is what
each tool takes unless told otherwise: knapprune `"l1"` and `"lamp"`, Torch-Pruning `GroupMagnitudeImportance()`.
"Squares kept" are those of all kernels, as a share of the network's before.

{table(rows)}

**What goes together.** In {same} of {len(theirs)} runs both tools find the same groups of channels. Where what
Torch-Pruning removes is set to zero in the network as it was, `kp.shrink` finds a network of as many parameters in
{shrunk} of {len(theirs)} runs, and the two differ by at most {worst[THEIRS]:.1g} of the range of their outputs;
knapprune's own masked and smaller networks by at most {worst[OURS]:.1g}.

**Knapprune against Torch-Pruning, the same values.**

{squares}

**Each with its own values.**

{own}

Torch-Pruning ranks all channels by their worth and removes the least until the budget is kept; a knapsack takes into
account what each channel saves of what is budgeted. Its largest gap to the bound was {gap:.1%}. On one thread
knapprune took {seconds[OURS]:.1f} s on average; Torch-Pruning, with the check by `kp.shrink`, {seconds[THEIRS]:.1f} s.
A network that keeps more squares is not always the more accurate one after training, and three seeds do not tell
differences of a point or less.

Made by `bench/networks/channels.py` from `channels.json` ({versions_of(rows[0])}).
"""


def table(rows: list[Row]) -> str:
    """Lay means over the seeds out as Markdown."""
    body: list[list[object]] = []
    for network, resource, share, values, tool in product(NETWORKS, RESOURCES, SHARES, VALUES, (OURS, THEIRS)):
        about = {"network": network, "resource": resource, "share": share, "values": values, "tool": tool}
        own = [row for row in rows if about.items() <= {name: row[name] for name in about}.items()]
        used = mean(row["after"][resource] / row["before"][resource] for row in own)
        cells = [f"{used:.1%}", *(f"{mean(row[name] for row in own):.1%}" for name in ("kept", "cut", "tuned"))]
        body.append([network, f"{share:.0%} of {resource}", values, tool, *cells])
    return formats.table(
        ["network", "budget", "values", "tool", "used", "squares kept", "accuracy as cut", "after training"], body
    )


def compared(rows: list[Row], values: str, name: str) -> str:
    """Say in how many pairs knapprune is ahead, and by how much on average."""
    ahead = [ours[name] - theirs[name] for ours, theirs in pairs(rows, values)]
    more, less = sum(own > 0 for own in ahead), sum(own < 0 for own in ahead)
    return f"higher in {more} and lower in {less} of {len(ahead)} pairs, {100 * mean(ahead):+.1f} points on average"


def pairs(rows: list[Row], values: str) -> list[tuple[Row, Row]]:
    """Pair the rows of both tools."""

    def about(row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in ("network", "seed", "resource", "share", "values"))

    theirs = {about(row): row for row in rows if row["tool"] == THEIRS}
    return [(row, theirs[about(row)]) for row in rows if row["tool"] == OURS and row["values"] == values]
