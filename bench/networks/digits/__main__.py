"""Measure the accuracy of networks without DSPs against the look-up tables that da4ml counts, by five methods.

    python -m bench.networks.digits run     what is missing of docs/benchmarks/digits.json; then the page
    python -m bench.networks.digits         write digits.md and the plots anew from digits.json

Data are files in the folder that KNAPPRUNE_DATA names: see bench/networks/digits/data.py. Rows are kept as they come.
Needs da4ml and hgq2.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from bench.measuring import machine
from bench.networks.accuracy.__main__ import among
from bench.networks.accuracy.data import Data
from bench.networks.command import app
from bench.networks.digits.data import DATA
from bench.networks.digits.methods import METHODS
from bench.networks.digits.networks import NETWORKS
from bench.networks.digits.page import page
from bench.networks.digits.plot import plots
from bench.networks.digits.runs import Run, measure, wanted
from bench.networks.study import Case, Row, Study


def cases(
    action: Annotated[str, typer.Argument(help="run or page: what to do.")] = "page",
    networks: Annotated[str, typer.Option(help="Names, with commas between.")] = ",".join(NETWORKS),
    methods: Annotated[str, typer.Option(help="Names, with commas between.")] = ",".join(METHODS),
    seeds: Annotated[str, typer.Option(help="Numbers, with commas between.")] = "3,4,5",
    threads: Annotated[int, typer.Option(help="Of TensorFlow; 0 leaves it to TensorFlow.")] = 1,
    work: Annotated[Path, typer.Option(help="Folder of networks.", show_default="build/digits")] = machine.ROOT
    / "build"
    / "digits",
) -> list[Case]:
    """List what is asked for."""
    among([action], ("run", "page"), "action")
    asked = among(methods.split(","), METHODS, "methods")
    named = among(networks.split(","), NETWORKS, "networks")
    if action == "page":
        return []
    if threads:
        _limit(threads)
    numbers = [int(seed) for seed in seeds.split(",")]
    return [_case(run, work) for name in named for run in wanted(name, asked, numbers)]


def _case(run: Run, work: Path) -> Case:
    return Case(run.about, lambda: measure(run, _data(run.network), work))


@cache
def _data(name: str) -> Data:
    """Read a set of data once."""
    return DATA[name]()


def _limit(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def order(row: Row) -> tuple[int, int, int, str]:
    """Return where a row stands in the file."""
    names = list(METHODS)
    place = names.index(row["method"]) if row["method"] in names else len(names)
    return list(NETWORKS).index(row["network"]), place, row["seed"], str(sorted(row["setting"].items()))


STUDY = Study(
    "digits",
    __doc__,
    page,
    cases,
    facts=lambda: (
        {"load": machine.load(), "machine": machine.describe()}
        | machine.versions("knapprune", "keras", "tensorflow", "hls4ml", "da4ml", "hgq2", "yosys")
    ),
    order=order,
    more=plots,
)

if __name__ == "__main__":
    app(STUDY)()
