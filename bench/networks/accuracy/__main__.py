"""Measure accuracy at a budget, and write the table and the plot of it.

    python -m bench.networks.accuracy run       what is missing of docs/benchmarks/accuracy.json; then the page
    python -m bench.networks.accuracy trials    what is missing of docs/benchmarks/accuracy-trials.json
    python -m bench.networks.accuracy           write accuracy.md and .png anew from accuracy.json

Data are files in the folder that KNAPPRUNE_DATA names, or downloaded: see bench/networks/accuracy/data.py. Rows are
kept as they come, and a run that was cut off goes on from its last epoch, as long as the folder of ``--work`` is there.
Runs of other methods or seeds may go on beside it with the same folder; ``run`` once more at the end collects all rows.
What failed is tried again; all else is measured anew only with ``--again`` and a ``--work`` that is empty.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache
from itertools import product
from pathlib import Path
from typing import Annotated

import typer

from bench.measuring import machine
from bench.networks.accuracy.data import DATA, Data
from bench.networks.accuracy.methods import METHODS
from bench.networks.accuracy.networks import NETWORKS, Network, Use, budget
from bench.networks.accuracy.page import page, picture, shown
from bench.networks.accuracy.plot import plot
from bench.networks.accuracy.runs import UNPRUNED, Run, measure
from bench.networks.accuracy.trials import SEEDS, TRIALS, attempt, name_of
from bench.networks.command import app
from bench.networks.study import DOCS, Case, Row, Study
from bench.solvers import rows
from knapsolve.files import atomic

SWEPT = ("knapprune", "knapprune-fisher", "both", "constants", "published", "published-gradual", "magnitude", "uniform")
"""Methods whose frontier is drawn."""

RUNS, TRIED = "accuracy", "accuracy-trials"
"""Names of the files of rows."""


def wanted(name: str, use: Use, methods: list[str], seeds: list[int]) -> list[Run]:
    """List the runs of a network: the table's budget first, then the sweep with the first seed."""
    network = NETWORKS[name]

    def run(method: str, seed: int, share: float) -> Run:
        return Run(name, method, seed, tuple(METHODS[method].budget(network, use, share).items()), share)

    table = [run(method, seed, network.shares["dsp"]) for seed, method in product(seeds, methods)]
    swept = [method for method in methods if method in SWEPT]
    sweep = [run(method, seeds[0], share) for share, method in product(network.sweep, swept)]
    return [Run(name, UNPRUNED, seed) for seed in seeds] + table + sweep


def collect(path: Path, work: Path) -> list[Row]:
    """Merge the rows of the working folder into those of the file, by run."""
    new = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(work.glob("*.json"))]
    by_run = {row["run"]: row for row in [*rows.load(path), *new]}
    return sorted(by_run.values(), key=lambda row: str(row["run"]))


def cases(  # noqa: PLR0913
    action: Annotated[str, typer.Argument(help="run, trials or page: what to do.")] = "page",
    network: Annotated[str, typer.Option(help=f"One of {', '.join(NETWORKS)}.")] = "lenet",
    methods: Annotated[str, typer.Option(help="Names, with commas between.")] = ",".join(METHODS),
    seeds: Annotated[str, typer.Option(help="Numbers, with commas between.")] = "3,4,5",
    only: Annotated[str, typer.Option(help="Runs by name, of those listed, with commas between.")] = "",
    missing: Annotated[bool, typer.Option("--list", help="Print what is missing, and run nothing.")] = False,
    test: Annotated[int, typer.Option(help="How many test samples to score on.")] = 10_000,
    threads: Annotated[int, typer.Option(help="Of TensorFlow; 0 leaves it to TensorFlow.")] = 0,
    work: Annotated[
        Path, typer.Option(help="Folder of networks and rows.", show_default="build/accuracy")
    ] = machine.ROOT / "build" / "accuracy",
    out: Path = DOCS,
) -> list[Case]:
    """List what is asked for; what failed is tried again."""
    among([action], ("run", "trials", "page"), "action")
    among([network], NETWORKS, "network")
    asked = among(methods.split(","), METHODS, "methods")
    folder = work if action == "run" else work / "trials"
    path = out / f"{RUNS if action == 'run' else TRIED}.json"
    if action == "page":
        return []
    folder.mkdir(parents=True, exist_ok=True)
    _threads(threads)
    before = use(NETWORKS[network])
    if action == "run":
        runs = wanted(network, before, asked, [int(seed) for seed in seeds.split(",")])
        listed = [_of_run(run, work, test) for run in runs]
    else:
        caps = budget(NETWORKS[network], before, NETWORKS[network].shares["dsp"])
        listed = [_of_trial(name, seed, network, caps, folder) for seed, name in product(SEEDS, TRIALS)]
    listed = [case for case in listed if not only or case.about["run"] in only.split(",")]
    there = collect(path, folder)
    tried = [row for row in there if "error" not in row or not any(case.has(row) for case in listed)]
    if missing:
        print(*(case.about["run"] for case in listed if not any(case.has(row) for row in tried)), sep="\n")
        return []
    rows.save(path, tried)
    rows.save(out / f"{RUNS}.json", rows.load(out / f"{RUNS}.json"))  # a page is made of no run, too
    return listed


def among(given: list[str], known: Collection[str], what: str) -> list[str]:
    """Refuse names that are not known."""
    if unknown := [name for name in given if name not in known]:
        raise typer.BadParameter(f"{what} must be among {', '.join(known)}; got {', '.join(unknown)}")
    return given


def _of_run(run: Run, work: Path, test: int) -> Case:
    """Make a run a case; its row goes into the working folder as well, where runs beside it find it."""
    return Case(
        run.about,
        lambda: measure(run, _data(NETWORKS[run.network].data), work, test),
        lambda row: atomic.write_text(work / f"{run.name}.json", json.dumps(row)),
    )


def _of_trial(name: str, seed: int, network: str, caps: dict[str, int], folder: Path) -> Case:
    """Make a trial a case."""
    about = {"run": name_of(network, name, seed), "network": network, "settings": TRIALS[name], "seed": seed}
    return Case(
        about | {"budget": caps},
        lambda: attempt(name, seed, network, caps, _data(NETWORKS[network].data), folder),
        lambda row: atomic.write_text(folder / f"{about['run']}.json", json.dumps(row)),
        file=TRIED,
    )


@cache
def _data(name: str) -> Data:
    """Read a set of data once."""
    return DATA[name]()


def use(network: Network) -> Use:
    """Say what the unpruned network uses of what is budgeted."""
    import keras

    import knapprune as kp

    keras.utils.set_random_seed(0)  # constants cost what their values need: the same budget at each call
    before = kp.estimate(network.build(), network.config, explain=True)
    names = [layer.name for layer in before.layers if layer.reuse_factor > 1]
    tables = {name: own["lut"] for name, own in before.estimated.items()}
    rows = {resource: sum(before.by_layer[name][resource] for name in names) for resource in before.counted}
    return Use(
        before.total | {"lut": sum(tables.values())},
        rows | {"lut": sum(tables.get(name, 0) for name in names)},
    )


def _threads(count: int) -> None:
    if count:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)


def _plots(content: list[Row], out: Path) -> None:
    """Draw the frontier of each network."""
    for name in shown(content):
        plot(content, name, out / picture(name))


STUDY = Study(
    RUNS,
    __doc__,
    page,
    cases,
    facts=lambda: (
        {"load": machine.load(), "machine": machine.describe()}
        | machine.versions("knapprune", "keras", "tensorflow", "hls4ml")
    ),
    order=lambda row: row["run"],
    others=(TRIED,),
    more=_plots,
)

if __name__ == "__main__":
    app(STUDY)()
