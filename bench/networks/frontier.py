"""Measure a frontier against one selection, and one solve, and write the table of it.

    python -m bench.networks.frontier --again        run, write docs/benchmarks/frontier.json and .md
    python -m bench.networks.frontier                run what frontier.json has no row of
    python -m bench.networks.frontier --table        write frontier.md anew from the .json

Each row is one process. What compiles or loads on first use is done before; then single and frontier take turns, and
the least of each counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.measuring.machine import load, processor, versions
from bench.networks.command import app
from bench.networks.study import Case, Row, Study, versions_of
from bench.solvers import formats

POINTS = 30
REPEATS = 5
ITEMS = 1_000_000
SHARE = 0.3
WEIGHTS = ((4, 1, 9, 2, 0, 16), (1, 0, 2, 1, 1, 4))


def cases() -> list[Case]:
    """List a knapsack and a network."""
    return [
        Case({"of": "knapsack", "items": ITEMS, "points": POINTS}, partial(measure, knapsack)),
        Case({"of": "lenet", "points": POINTS}, partial(measure, lenet)),
    ]


def measure(task: Callable[[], tuple[Callable[[], Any], Callable[[], Any]]]) -> Row:
    """Time one selection and a frontier in turns."""
    one, all_points = task()
    one(), all_points()
    before, seconds = load(), (list[float](), list[float]())
    for _ in range(REPEATS):
        for call, taken in zip((one, all_points), seconds, strict=True):
            started = time.perf_counter()
            found = call()
            taken.append(time.perf_counter() - started)
    return {
        "one_seconds": round(min(seconds[0]), 4),
        "frontier_seconds": round(min(seconds[1]), 4),
        "proved": found.proved,
        "found": len(found),
        "load": before,
    }


def knapsack(items: int = ITEMS) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Solve a problem of six types under two resources, as pruning makes them."""
    import numpy as np

    from knapsolve import Knapsack, frontier, solve

    random, table = np.random.default_rng(0), np.array(WEIGHTS)
    kinds = random.integers(0, table.shape[1], items).astype(np.uint8)
    half = table @ np.bincount(kinds, minlength=table.shape[1]) // 2
    problem = Knapsack.from_types(random.exponential(size=items), kinds, table, half)
    return partial(solve, problem), partial(frontier, problem, 0, POINTS)


def lenet() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Select from LeNet-5, not trained, by magnitudes."""
    import keras

    import knapprune as kp
    from bench.networks.accuracy.networks import NETWORKS

    keras.utils.set_random_seed(0)
    network = NETWORKS["lenet"]
    model = network.build()
    return (
        partial(kp.select, model, network.config, {"dsp": SHARE}),
        partial(kp.frontier, model, network.config, "dsp", POINTS),
    )


def page(rows: list[Row]) -> str:
    """Write the page from the rows."""
    body: list[list[object]] = []
    for row in rows:
        if "error" in row:
            body.append([row["of"], f"failed: {row['error']}"])
            continue
        one, all_points = row["one_seconds"], row["frontier_seconds"]
        proved = f"{row['proved']} of {row['found']}"
        body.append([row["of"], f"{1e3 * one:.0f}", f"{1e3 * all_points:.0f}", f"{all_points / one:.1f}", proved])
    header = ["", "one, ms", "frontier, ms", "times one", "points proved"]
    loads = " and ".join(str(row["load"]) for row in rows if "load" in row)
    return f"""# A frontier against one selection

{POINTS} budgets of one resource, each proved, against one call for one budget: `knapsolve.frontier` against
`knapsolve.solve` of {ITEMS:,} items of six types under two resources, and `knapprune.frontier` against
`knapprune.select` of LeNet-5 (not trained, by magnitudes, {100 * SHARE:.0f}% of its DSPs). In one process,
warmed up, in turns, the least of {REPEATS}.

A network's frontier counts what each of its selections uses with the hardware model, as `select` does for its one.
For a network as small as this, valued by magnitudes, one selection is a few milliseconds, and of the frontier that
counting is about half, the solver a third; gradients, or loading a framework, are paid once.

{formats.table(header, body)}

Made by `bench/networks/frontier.py` ({versions_of(rows[0])}; {rows[0]["machine"]}, {rows[0]["cores"]} cores,
load before {loads}).
"""


STUDY = Study(
    "frontier",
    __doc__,
    page,
    cases,
    facts=lambda: versions("knapprune", "keras", "tensorflow") | processor(),
)

if __name__ == "__main__":
    app(STUDY)()
