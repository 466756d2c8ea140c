"""Measure accuracy at a budget, and write the table and the plot of it.

python -m bench.networks.accuracy run       what is missing of docs/benchmarks/accuracy.json; then the page
python -m bench.networks.accuracy trials    what is missing of docs/benchmarks/accuracy-trials.json
python -m bench.networks.accuracy           write accuracy.md and .png anew from accuracy.json

Data are files in the folder that KNAPPRUNE_DATA names, or downloaded: see bench/networks/accuracy/data.py. Rows are
kept as they come, and a run that was cut off goes on from its last epoch, as long as the folder of ``--work`` is there.
Runs of other methods or seeds may go on beside it with the same folder; ``run`` once more at the end collects all rows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path

from bench.measuring.machine import ROOT
from bench.networks.accuracy.data import DATA
from bench.networks.accuracy.methods import METHODS
from bench.networks.accuracy.networks import NETWORKS, Network, budget
from bench.networks.accuracy.page import page, picture, shown
from bench.networks.accuracy.plot import plot
from bench.networks.accuracy.runs import UNPRUNED, Run, execute
from bench.networks.accuracy.trials import SEEDS, TRIALS, attempt, name_of
from bench.solvers import rows
from knapsolve.files import atomic

DOCS = ROOT / "docs" / "benchmarks"
SWEPT = ("knapprune", "knapprune-fisher", "published", "published-gradual", "magnitude", "uniform")
"""Methods whose frontier is drawn."""


def wanted(name: str, use: Mapping[str, int], methods: list[str], seeds: list[int]) -> list[Run]:
    """List the runs of a network: the table's budget first, then the sweep with the first seed."""
    network = NETWORKS[name]
    main = tuple(budget(network, use).items())
    table = [Run(name, method, seed, main) for seed, method in product(seeds, methods)]
    budgets = [tuple(budget(network, use, share).items()) for share in network.sweep]
    sweep = [Run(name, method, seeds[0], own) for own, method in product(budgets, methods) if method in SWEPT]
    return [Run(name, UNPRUNED, seed) for seed in seeds] + table + sweep


def collect(path: Path, work: Path) -> list[rows.Row]:
    """Merge the rows of the working folder into those of the file, by run."""
    new = [json.loads(file.read_text()) for file in sorted(work.glob("*.json"))]
    by_run = {row["run"]: row for row in [*rows.load(path), *new]}
    return sorted(by_run.values(), key=lambda row: row["run"])


def main() -> None:
    """Run what is missing if asked to, then write the page from the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", nargs="?", choices=("run", "trials", "page"), default="page")
    parser.add_argument("--network", choices=list(NETWORKS), default="lenet")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[3, 4, 5])
    parser.add_argument("--only", nargs="+", help="runs by name, of those listed")
    parser.add_argument("--list", action="store_true", help="print what is missing, and run nothing")
    parser.add_argument("--test", type=int, default=10_000, help="how many test samples to score on")
    parser.add_argument("--threads", type=int, default=0, help="of TensorFlow; 0 leaves it to TensorFlow")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "accuracy", help="folder of networks and rows")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of accuracy.json, .md and .png")
    arguments = parser.parse_args()
    if arguments.action == "run":
        _run(arguments)
    if arguments.action == "trials":
        _trials(arguments)
    found = rows.load(arguments.out / "accuracy.json")
    atomic.write_text(arguments.out / "accuracy.md", page(found, rows.load(arguments.out / "accuracy-trials.json")))
    for name in shown(found):
        plot(found, name, arguments.out / picture(name))


def _run(arguments: argparse.Namespace) -> None:
    """Do what is missing, and keep each row as it comes."""
    path, work = arguments.out / "accuracy.json", arguments.work
    work.mkdir(parents=True, exist_ok=True)
    _threads(arguments.threads)
    network = NETWORKS[arguments.network]
    use = _use(network)
    done = {row["run"] for row in collect(path, work) if "error" not in row}
    runs = [
        run
        for run in wanted(arguments.network, use, arguments.methods, arguments.seeds)
        if run.name not in done and (not arguments.only or run.name in arguments.only)
    ]
    if arguments.list:
        print(*(run.name for run in runs), sep="\n")
        return
    data = DATA[network.data]()
    for run in runs:
        row = execute(run, data, work, arguments.test)
        atomic.write_text(work / f"{run.name}.json", json.dumps(row))
        rows.save(path, collect(path, work))
        print(run.name, row.get("bit_accurate"), row.get("counted"), row.get("error", ""), flush=True)


def _trials(arguments: argparse.Namespace) -> None:
    """Try the settings that are missing, and keep each row as it comes."""
    path, work, key = arguments.out / "accuracy-trials.json", arguments.work / "trials", arguments.network
    work.mkdir(parents=True, exist_ok=True)
    _threads(arguments.threads)
    network = NETWORKS[key]
    caps, data = budget(network, _use(network)), DATA[network.data]()
    done = {row["run"] for row in collect(path, work)}
    for seed, (name, (method, _)) in product(SEEDS, TRIALS.items()):
        run = name_of(key, name, seed)
        if run in done or method not in arguments.methods:
            continue
        if arguments.only and run not in arguments.only:
            continue
        row = attempt(name, seed, key, network, caps, data, work)
        rows.save(path, collect(path, work))
        print(run, row["validation"], flush=True)


def _use(network: Network) -> dict[str, int]:
    """Count what the unpruned network uses of what is budgeted."""
    import knapprune as kp

    before = kp.estimate(network.build(), network.config)
    return {name: before[name] for name in network.shares}


def _threads(count: int) -> None:
    if count:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)


if __name__ == "__main__":
    main()
