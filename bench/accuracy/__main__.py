"""Measure accuracy at a budget, and write the table and the plot of it.

python -m bench.accuracy run       what is missing of docs/benchmarks/accuracy.json; then the page
python -m bench.accuracy           write accuracy.md and .png anew from accuracy.json

The data are Fashion-MNIST: ``fashion_mnist.npz`` in the folder that KNAPPRUNE_DATA names, or Keras' own download. Rows
are kept as they come, and a run that was cut off goes on from its last epoch, as long as the folder of ``--work`` is
there. Runs of other methods or seeds may go on beside it with the same folder.
"""

from __future__ import annotations

import argparse
import json
from itertools import product
from pathlib import Path

from bench import rows
from bench.accuracy.methods import METHODS
from bench.accuracy.page import page
from bench.accuracy.plot import plot
from bench.accuracy.runs import UNPRUNED, Run, execute
from bench.machine import ROOT
from knapsolve import atomic

DOCS = ROOT / "docs" / "benchmarks"
BUDGET = {"dsp": 492, "bram": 262}
"""8 % of the DSPs and 19 % of the memory blocks of LeNet-5: what the published method kept of them."""

FRONTIER = (0.04, 0.05, 0.06, 0.12, 0.2)
"""Shares of the DSPs at which the budget is swept; the blocks' share is larger as in BUDGET."""


def wanted(network: str, methods: list[str], seeds: list[int]) -> list[Run]:
    """List the runs: the budget of the table first, then the sweep."""
    main = tuple(BUDGET.items())
    table = [Run(network, method, seed, main) for seed, method in product(seeds, methods)]
    swept = [name for name in methods if name in ("knapprune", "published-gradual", "uniform")]
    budgets = [tuple((name, round(share / 0.08 * limit)) for name, limit in main) for share in FRONTIER]
    sweep = [Run(network, method, seeds[0], budget) for budget, method in product(budgets, swept)]
    return [Run(network, UNPRUNED, seed) for seed in seeds] + table + sweep


def collect(path: Path, work: Path) -> list[rows.Row]:
    """Merge the rows of the working folder into those of the file, by run."""
    new = [json.loads(file.read_text()) for file in sorted(work.glob("*.json"))]
    by_run = {row["run"]: row for row in [*rows.load(path), *new]}
    return sorted(by_run.values(), key=lambda row: row["run"])


def main() -> None:
    """Run what is missing if asked to, then write the page from the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", nargs="?", choices=("run", "page"), default="page")
    parser.add_argument("--network", default="lenet")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--test", type=int, default=10_000, help="how many test images to score on")
    parser.add_argument("--only", nargs="+", help="runs by name, of those listed")
    parser.add_argument("--threads", type=int, default=0, help="of TensorFlow; 0 leaves it to TensorFlow")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "accuracy", help="folder of networks and rows")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of accuracy.json, .md and .png")
    arguments = parser.parse_args()
    path: Path = arguments.out / "accuracy.json"
    if arguments.action == "run":
        work: Path = arguments.work
        work.mkdir(parents=True, exist_ok=True)
        _threads(arguments.threads)
        from bench.accuracy.data import fashion_mnist

        data = fashion_mnist()
        done = {row["run"] for row in collect(path, work) if "error" not in row}
        for run in wanted(arguments.network, arguments.methods, arguments.seeds):
            if run.name in done or (arguments.only and run.name not in arguments.only):
                continue
            row = execute(run, data, work, arguments.test)
            atomic.write_text(work / f"{run.name}.json", json.dumps(row))
            print(run.name, row.get("bit_accurate"), row.get("counted"), row.get("error", ""), flush=True)
        rows.save(path, collect(path, work))
    found = rows.load(path)
    atomic.write_text(arguments.out / "accuracy.md", page(found, arguments.network, tuple(sorted(BUDGET.items()))))
    plot(found, arguments.network, arguments.out / "accuracy.png")


def _threads(count: int) -> None:
    if count:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)


if __name__ == "__main__":
    main()
