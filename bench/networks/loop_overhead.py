"""Measure what the pruning loop adds to plain training, and write the table of it.

    python -m bench.networks.loop_overhead --data FOLDER     run, write docs/benchmarks/loop-overhead.json and .md
    python -m bench.networks.loop_overhead --table           write loop-overhead.md anew from the .json

FOLDER holds ``fashion_mnist.npz`` with x_train and y_train, as ``keras.datasets.fashion_mnist`` has them. Plain
training is one ``fit`` of a network that was just compiled, with the same data, validation data, batch size and
optimiser, for as many epochs. So each side makes its own training step on the clock, as a user's script does; what only
the first network of a process pays is paid before, on another one. Both validate after each epoch; the pruning measures
once before, and once after each selection, as well. The runs take turns (:mod:`bench.measuring.turns`).
"""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer

from bench.measuring.machine import load, processor, versions
from bench.measuring.turns import TURN, race
from bench.networks.command import app
from bench.networks.study import Case, Row, Study, versions_of
from bench.solvers import formats

VALIDATION = 5000
PLAIN = "fit"
KINDS = (PLAIN, "prune", "prune, checkpoint")
UNITS = ("seconds", "cpu_seconds")
CONFIG = {
    "IOType": "io_stream",
    "Model": {"Precision": "fixed<16,6>", "ReuseFactor": 25, "Strategy": "resource_unrolled"},
}


def lenet(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, activation="relu", padding="same", name="conv1"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="relu", name="conv2"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(120, "relu", name="fc1"),
            layers.Dense(84, "relu", name="fc2"),
            layers.Dense(10, name="out"),
        ]
    )


def mlp(keras: Any) -> Any:
    """Ten million weights."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(2700, "relu", name="fc1"),
            layers.Dense(2700, "relu", name="fc2"),
            layers.Dense(250, "relu", name="fc3"),
            layers.Dense(10, name="out"),
        ]
    )


NETWORKS: dict[str, Callable[[Any], Any]] = {"lenet": lenet, "mlp": mlp}


def arrays(folder: Path, samples: int) -> tuple[Any, Any]:
    """Return what to train on and what to validate by."""
    with np.load(folder / "fashion_mnist.npz") as saved:
        x, y = saved["x_train"][..., None].astype("float32") / 255, saved["y_train"].astype("int64")
    samples = min(samples, len(x) - VALIDATION)
    return (x[:samples], y[:samples]), (x[-VALIDATION:], y[-VALIDATION:])


def prepare(kind: str, network: str, data: Path, plan: dict[str, int]) -> Callable[[], dict[str, float]]:
    """Return a run, with all done that the first network of a process pays for."""
    import keras

    import knapprune as kp

    warnings.simplefilter("ignore", UserWarning)  # of reuse factors that hls4ml would change

    def made(name: str) -> Any:
        keras.utils.set_random_seed(0)
        model = NETWORKS[name](keras)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, metrics=["accuracy"])
        return model

    train, validation = arrays(data, plan["samples"])
    warm = made("lenet")
    some = tuple(part[:256] for part in train)
    warm.fit(*some, validation_data=validation, epochs=1, verbose=0)
    kp.select(warm, CONFIG, {"dsp": 0.5})  # compiles the solver's kernels, or loads them
    model = made(network)

    def fit() -> dict[str, float]:
        model.fit(*train, validation_data=validation, epochs=total(plan), batch_size=plan["batch_size"], verbose=0)
        return {}

    def prune() -> dict[str, float]:
        with TemporaryDirectory() as folder:
            out = kp.prune(
                model, CONFIG, train=train, validation=validation, budget={"dsp": 0.25}, tolerance=1.0, saliency="l1",
                steps=plan["steps"], epochs=plan["epochs"], final_epochs=plan["final_epochs"],
                batch_size=plan["batch_size"], checkpoint=None if kind == "prune" else folder, progress=False,
            )  # fmt: skip
        if out.stopped or sum(len(step.metrics) for step in out.history) != total(plan):
            raise RuntimeError(f"pruning ended early: {out.stopped}")
        return {"solver_seconds": round(sum(step.selection.solution.seconds for step in out.history), 3)}

    return fit if kind == PLAIN else prune


def total(plan: dict[str, int]) -> int:
    """Return the epochs of a plan."""
    return (plan["steps"] - 1) * plan["epochs"] + plan["final_epochs"]


def row_key(row: Row) -> tuple[int, int, int]:
    """Return what rows are sorted by: the network by its weights, the size of a batch and the epochs."""
    return row.get("weights", 0), row["batch_size"], total(row)


def cases(  # noqa: PLR0913
    data: Annotated[Path | None, typer.Option(help="Folder of fashion_mnist.npz.")] = None,
    networks: Annotated[str, typer.Option(help="Names, with commas between.")] = ",".join(NETWORKS),
    steps: Annotated[int, typer.Option(help="The default is that of knapprune.prune.")] = 5,
    epochs: Annotated[int, typer.Option(help="The default is that of knapprune.prune.")] = 4,
    final_epochs: Annotated[int | None, typer.Option(help="Of the last step; as the others where not given.")] = None,
    batch_size: int = 128,
    samples: int = 55000,
    repeat: int = 1,
    turn: Annotated[float, typer.Option(help="Seconds; a large network takes longer ones.")] = TURN,
) -> list[Case]:
    """List the networks."""
    names = networks.split(",")
    if unknown := set(names) - set(NETWORKS):
        raise typer.BadParameter(f"networks must be among {', '.join(NETWORKS)}; got {', '.join(sorted(unknown))}")
    if data is None:
        raise typer.BadParameter("data: expected the folder of fashion_mnist.npz, or --table for the page alone")
    plan = {"steps": steps, "epochs": epochs, "final_epochs": final_epochs or epochs}
    plan |= {"batch_size": batch_size, "samples": samples}
    return [Case({"network": name} | plan, partial(measure, name, data, plan, repeat, turn)) for name in names]


def measure(network: str, data: Path, plan: dict[str, int], repeat: int, turn: float) -> Row:
    """Time all kinds of run on one network."""
    import keras

    row: Row = {"network": network, "weights": NETWORKS[network](keras).count_params()} | plan
    row |= {"turn": turn, "load": load(), **{unit: {kind: [] for kind in KINDS} for unit in UNITS}}
    for _ in range(repeat):
        for kind, timed in race({kind: (kind, network, data, plan) for kind in KINDS}, prepare, turn).items():
            for unit in UNITS:
                row[unit][kind].append(round(getattr(timed, unit), 3))
            row |= timed.result
            spent = f"{timed.seconds:.1f} s, {timed.cpu_seconds:.1f} s of processors"
            print(f"{network}, {total(plan)} epochs, {kind}: {spent}", flush=True)
    return row


def overhead(row: Row, kind: str, unit: str = "seconds") -> float:
    """Return what a kind of run takes more than plain training, as a share: the median of the repeats."""
    both = zip(row[unit][kind], row[unit][PLAIN], strict=True)
    ratios = [float(own / plain) for own, plain in both]
    return statistics.median(ratios) - 1


def table(rows: list[Row]) -> str:
    """Lay the rows out as Markdown, a line for each kind of run."""
    header = ["network", "weights", "batch", "steps", "epochs", "run", "seconds", "overhead", "of processor time"]
    body: list[list[object]] = []
    for row in rows:
        if "error" in row:
            about = [row["network"], "", row["batch_size"], row["steps"], total(row)]
            body.append([*about, f"failed: {row['error']}"])
            continue
        about = [row["network"], f"{row['weights']:,}", row["batch_size"], row["steps"], total(row)]
        for kind in KINDS:
            spent = row["seconds"][kind]
            more = ["", ""] if kind == PLAIN else [f"{overhead(row, kind, unit):+.1%}" for unit in UNITS]
            solver = "" if kind == PLAIN else f"{row['solver_seconds']:.2f}"
            median = f"{statistics.median(spent):.1f}"
            body.append([*about, kind, median, *more, len(spent), f"{row['turn']:g}", solver])
    return formats.table([*header, "repeats", "turns, s", "of it the solver, s"], body)


def page(rows: list[Row]) -> str:
    """Write the page from the rows."""
    first = rows[0]
    return f"""# What the pruning loop adds to plain training

Fashion-MNIST, {first["samples"]:,} images, {VALIDATION:,} for validation after each epoch. Plain training is one `fit`
of a network that was just compiled. Pruning is `knapprune.prune` of the same network to a quarter of its DSPs for as
many epochs, selections by magnitudes included. Each makes its training step on the clock; what the first network of a
process pays is paid before. The runs of a network take turns, the others stopped, so that all see the same machine; the
overhead is the median over repeats. With a checkpoint, all state is written to disk after each epoch.

A mask is a pass over the weights after each step of the optimiser, of any batch: it is what counts for a large network
in small batches. Selecting and measuring once more come once a step of the pruning, copying the state once an epoch.

{table(rows)}

Made by `bench/networks/loop_overhead.py` ({versions_of(first)}; {first["machine"]}, {first["cores"]} cores, load before
{", ".join(str(row["load"]) for row in rows if "load" in row)}).
"""


STUDY = Study(
    "loop-overhead",
    __doc__,
    page,
    cases,
    facts=lambda: versions("knapprune", "keras", "tensorflow") | processor(),
    order=row_key,
)

if __name__ == "__main__":
    app(STUDY)()
