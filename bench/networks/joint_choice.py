"""Choose reuse factors and rows of two jet-tagging networks at once, and write the table of it.

    python -m bench.networks.joint_choice --models FOLDER    run, write docs/benchmarks/joint-choice.json and .md
    python -m bench.networks.joint_choice                    write joint-choice.md anew from the .json

FOLDER holds hls4ml's example models, as for ``bench/networks/jets.py``.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
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


def run(network: str, model: Any, budget: dict[str, int]) -> dict[str, Any]:
    """Choose within one budget; a failure becomes a row too."""
    import knapprune as kp

    settings = {"Precision": "ap_fixed<16,6>", "Strategy": "resource_unrolled", "ReuseFactor": 16}
    row: dict[str, Any] = {
        "network": network,
        "budget": budget,
        "versions": {name: version(name) for name in ("knapprune", "keras", "numba")},
    }
    try:
        started, used = time.perf_counter(), time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = kp.select(
                model, {"Model": settings}, budget, choose={"reuse_factor": "legal"}, time_limit=TIME_LIMIT
            )
        row |= {
            "seconds": round(time.perf_counter() - started, 2),
            "cpu_seconds": round(time.process_time() - used, 2),
            "status": str(found.solution.status),
            "gap": found.solution.gap,
            "value": float(found.solution.value),
            "search": found.solution.trace[-1].partition(": ")[2],
            "reuse_factors": [layer.reuse_factor for layer in found.resources.layers],
            "uses": {name: found.resources[name] for name in budget},
        }
    except Exception as error:
        row |= {"error": f"{type(error).__name__}: {error}"}
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """Lay the rows out as Markdown."""
    uses = "uses DSP, BRAM_18K, cycles"
    header = f"network | DSP | BRAM_18K | cycles | reuse factors | {uses} | value | status | search | s | CPU s"
    lines = [f"| {header} |", "|" + " --- |" * (header.count("|") + 1)]
    for row in rows:
        cells = [row["network"], *row["budget"].values()]
        if "error" in row:
            cells += [f"failed: {row['error'].splitlines()[0]}", *[""] * 6]
        else:
            cells += [", ".join(map(str, row["reuse_factors"])), ", ".join(map(str, row["uses"].values()))]
            cells += [f"{row['value']:.4f}", f"{row['status']}, gap {row['gap']:.2g}", row["search"]]
            cells += [row["seconds"], row["cpu_seconds"]]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def page(rows: list[dict[str, Any]]) -> str:
    """Put the table into its page."""
    versions = ", ".join(f"{name} {number}" for name, number in rows[0]["versions"].items())
    return f"""# Reuse factors and rows at once

`kp.select(..., choose={{"reuse_factor": "legal"}})` on networks of hls4ml's examples with 16-bit weights, strategy
`resource_unrolled`, structure `row-and-word`, under random budgets of DSPs, halves of blocks (BRAM_18K) and estimated
cycles that are too small for the whole network. Every reuse factor that hls4ml accepts may be taken: 4050 combinations
for `KERAS_3layer`, some 30 million for the wide network. Seconds are those of the whole call; where they are far above
the CPU seconds, the machine was busy with other work. The wide network is published with hidden weights of about 1e-6,
which are zero in 16 bits; they are drawn anew here. That the choice equals an exhaustive search is a test
(`tests/knapprune/selection/test_joint.py`).

{table(rows)}

Made by `python -m bench.networks.joint_choice` from `joint-choice.json` ({versions}).
"""


def main() -> None:
    """Run if there are models, then write the page from the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, help="folder of the example models; without it only the page is written")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of joint-choice.json and .md")
    arguments = parser.parse_args()
    rows_file = arguments.out / "joint-choice.json"
    if arguments.models is not None:
        from bench.networks.drawn import draw_vanishing
        from knapprune.adapters.keras.files import load_keras_model

        rows = []
        for network in NETWORKS:
            model = load_keras_model(arguments.models / f"{network}.json")
            draw_vanishing(model)
            run(network, model, {"dsp": 10, "bram18": 10, "latency": 100_000})  # compiles the kernels
            rows += [run(network, model, budget) for budget in budgets(network)]
        arguments.out.mkdir(parents=True, exist_ok=True)
        rows_file.write_text(json.dumps(rows, indent=1) + "\n")
    (arguments.out / "joint-choice.md").write_text(page(json.loads(rows_file.read_text())))


if __name__ == "__main__":
    main()
