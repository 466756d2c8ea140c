"""Choose reuse factors and rows of two jet-tagging networks at once, and write the table of it.

    python -m bench.networks.joint_choice --models FOLDER    run, write docs/benchmarks/joint-choice.json and .md
    python -m bench.networks.joint_choice                    write joint-choice.md anew from the .json

FOLDER holds hls4ml's example models, as for ``bench/networks/jets.py``.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.measuring.machine import versions
from bench.networks.command import app
from bench.networks.study import Case, Row, Study, versions_of
from bench.solvers import formats

# A network kept whole needs about WHOLE / cycles DSPs, and 16 / 36 of that in halves of blocks.
NETWORKS = {
    "KERAS_3layer": {"triples": 20, "whole": 14_800, "cycles": (30, 200)},
    "KERAS_dense_16x500x500x500x500x500x5": {"triples": 10, "whole": 4_900_000, "cycles": (60, 1500)},
}
SEED = 1
TIME_LIMIT = 30.0


def budgets(network: str) -> list[dict[str, int]]:
    """Draw budgets below what the network needs when nothing is pruned."""
    import numpy as np

    rng = np.random.default_rng(SEED)
    settings: Any = NETWORKS[network]
    drawn = []
    for _ in range(settings["triples"]):
        cycles = int(rng.integers(*settings["cycles"]))
        dsp, bram = rng.uniform(0.2, 1.0, 2) * settings["whole"] / cycles * (1, 16 / 36)
        drawn.append({"dsp": int(dsp), "bram18": int(bram), "latency": cycles})
    return drawn


def cases(
    models: Annotated[
        Path | None, typer.Option(help="Folder of the example models; without it only the page is written.")
    ] = None,
) -> list[Case]:
    """List every network within every budget, if there are models."""
    if models is None:
        return []
    return [case(network, budget, partial(warm, models)) for network in NETWORKS for budget in budgets(network)]


def case(network: str, budget: dict[str, int], load: Callable[[str], Any]) -> Case:
    """Make one network within one budget a case."""
    return Case({"network": network, "budget": budget}, lambda: measure(load(network), budget))


@cache
def warm(folder: Path, network: str) -> Any:
    """Load a network, and compile the kernels on it."""
    from bench.networks.drawn import draw_vanishing
    from knapprune.adapters.keras.files import load_keras_model

    model = load_keras_model(folder / f"{network}.json")
    draw_vanishing(model)
    measure(model, {"dsp": 10, "bram18": 10, "latency": 100_000})
    return model


def measure(model: Any, budget: dict[str, int]) -> Row:
    """Choose within one budget."""
    import knapprune as kp

    settings = {"Precision": "ap_fixed<16,6>", "Strategy": "resource_unrolled", "ReuseFactor": 16}
    started, used = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        selection = kp.select(
            model, {"Model": settings}, budget, choose={"reuse_factor": "legal"}, time_limit=TIME_LIMIT
        )
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(time.process_time() - used, 2),
        "status": str(selection.solution.status),
        "gap": selection.solution.gap,
        "value": float(selection.solution.value),
        "search": selection.solution.trace[-1].partition(": ")[2],
        "reuse_factors": [layer.reuse_factor for layer in selection.resources.layers],
        "uses": {name: selection.resources[name] for name in budget},
    }


def table(rows: list[Row]) -> str:
    """Lay the rows out as Markdown."""
    header = ["network", "DSP", "BRAM_18K", "cycles", "reuse factors", "uses DSP, BRAM_18K, cycles", "value", "status"]
    body: list[list[object]] = []
    for row in rows:
        cells = [row["network"], *row["budget"].values()]
        if "error" in row:
            cells += [f"failed: {row['error'].splitlines()[0]}"]
        else:
            cells += [", ".join(map(str, row["reuse_factors"])), ", ".join(map(str, row["uses"].values()))]
            cells += [f"{row['value']:.4f}", f"{row['status']}, gap {row['gap']:.2g}", row["search"]]
            cells += [row["seconds"], row["cpu_seconds"]]
        body.append(cells)
    return formats.table([*header, "search", "s", "CPU s"], body)


def page(rows: list[Row]) -> str:
    """Put the table into its page."""
    return f"""# Reuse factors and rows at once

`kp.select(..., choose={{"reuse_factor": "legal"}})` on networks of hls4ml's examples with 16-bit weights, strategy
`resource_unrolled`, structure `row-and-word`, under random budgets of DSPs, halves of blocks (BRAM_18K) and estimated
cycles that are too small for the whole network. Every reuse factor that hls4ml accepts may be taken: 4050 combinations
for `KERAS_3layer`, some 30 million for the wide network. Seconds are those of the whole call; where they are far above
the CPU seconds, the machine was busy with other work. The wide network is published with hidden weights of about 1e-6,
which are zero in 16 bits; they are drawn anew here. That the choice equals an exhaustive search is a test
(`tests/knapprune/selection/test_joint.py`).

{table(rows)}

Made by `python -m bench.networks.joint_choice` from `joint-choice.json` ({versions_of(rows[0])}).
"""


STUDY = Study("joint-choice", __doc__, page, cases, facts=partial(versions, "knapprune", "keras", "numba"))

if __name__ == "__main__":
    app(STUDY)()
