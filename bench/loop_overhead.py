"""Measure what the pruning loop adds to plain training, and write the table of it.

    python -m bench.loop_overhead --data FOLDER     run, write docs/benchmarks/loop-overhead.json and .md
    python -m bench.loop_overhead --table           write loop-overhead.md anew from the .json

FOLDER holds ``fashion_mnist.npz`` with x_train and y_train, as ``keras.datasets.fashion_mnist`` has them. Plain
training is one ``fit`` of a network that was just compiled, with the same data, validation data and batch size, for as
many epochs, with the same optimiser. So each side makes its own training step on the clock, as a user's script does;
what only the first network of a process pays is paid before, on another one. Both validate after each epoch, plain
training in its usual batches; the pruning measures once before, and once after each selection, as well.

Each side runs twice: a short run of one epoch, and a long one. From the two lengths follow the seconds an epoch and
the seconds a run. An epoch's share of the selections is that of the epochs between the two. The best of the repeats
counts.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.machine import describe, load
from knapsolve import atomic

DOCS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks"
VALIDATION = 5000
BATCH = 128
SHORT = (1, 1)
"""Steps and final epochs of the short run."""
LIMIT = 0.1
KINDS = ("fit", "prune", "prune, checkpoint")
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


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def epochs_of(steps: int, final_epochs: int) -> int:
    """Return the epochs of a run whose steps have one each, but for the last."""
    return steps - 1 + final_epochs


def arrays(folder: Path, samples: int) -> tuple[Any, Any]:
    """Return what to train on and what to validate by."""
    with np.load(folder / "fashion_mnist.npz") as saved:
        x, y = saved["x_train"][..., None].astype("float32") / 255, saved["y_train"].astype("int64")
    samples = min(samples, len(x) - VALIDATION)
    return (x[:samples], y[:samples]), (x[-VALIDATION:], y[-VALIDATION:])


def measure(name: str, train: Any, validation: Any, long: tuple[int, int], repeat: int) -> dict[str, Any]:
    """Time all kinds of run on one network, short and long."""
    import keras

    import knapprune as kp

    def network(kind: str) -> Any:
        keras.utils.set_random_seed(0)
        model = NETWORKS[kind](keras)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, metrics=["accuracy"])
        return model

    def fit(model: Any, shape: tuple[int, int], _: Path) -> None:
        model.fit(*train, validation_data=validation, epochs=epochs_of(*shape), batch_size=BATCH, verbose=0)

    def prune(model: Any, shape: tuple[int, int], folder: Path, keep: bool = False) -> None:
        out = kp.prune(
            model, CONFIG, train=train, validation=validation, budget={"dsp": 0.25}, tolerance=1.0, steps=shape[0],
            epochs=1, final_epochs=shape[1], batch_size=BATCH, checkpoint=folder if keep else None, progress=False,
        )  # fmt: skip
        if out.stopped or sum(len(step.metrics) for step in out.history) != epochs_of(*shape):
            raise RuntimeError(f"pruning ended early: {out.stopped}")
        row["solver_seconds"] = round(sum(step.selection.solution.seconds for step in out.history), 3)

    row: dict[str, Any] = {"network": name, "weights": network(name).count_params(), "samples": len(train[0])}
    runs: dict[str, Callable[[Any, tuple[int, int], Path], None]] = dict(
        zip(KINDS, (fit, prune, partial(prune, keep=True)), strict=True)
    )
    warm = network("lenet")
    warm.fit(train[0][:BATCH], train[1][:BATCH], validation_data=validation, epochs=1, verbose=0)
    kp.select(warm, CONFIG, {"dsp": 0.5})  # compiles the solver's kernels, or loads them
    lengths = {"short": SHORT, "long": long}
    row["epochs"] = {length: epochs_of(*shape) for length, shape in lengths.items()}
    row["steps"] = {length: shape[0] for length, shape in lengths.items()}
    row["seconds"] = {kind: {length: [] for length in lengths} for kind in KINDS}
    for _ in range(repeat):
        for length, shape in lengths.items():
            for kind, run in runs.items():
                model = network(name)
                with TemporaryDirectory() as folder:
                    spent = seconds(partial(run, model, shape, Path(folder)))
                row["seconds"][kind][length].append(round(spent, 3))
                print(f"{name}, {kind}, {row['epochs'][length]} epochs: {spent:.1f} s", flush=True)
    return row


def line(row: dict[str, Any], kind: str) -> tuple[float, float]:
    """Return the seconds of a run that do not depend on its length, and those of an epoch."""
    short, long = (min(row["seconds"][kind][length]) for length in ("short", "long"))
    epoch = (long - short) / (row["epochs"]["long"] - row["epochs"]["short"])
    return short - epoch * row["epochs"]["short"], epoch


def enough(row: dict[str, Any], kind: str) -> float:
    """Return from how many epochs a kind of run adds less than the limit; infinity for never."""
    (fixed, epoch), (own, plain) = line(row, kind), line(row, "fit")
    room = (1 + LIMIT) * plain - epoch
    missing = fixed - (1 + LIMIT) * own
    return float("inf") if room <= 0 else max(1.0, np.ceil(missing / room))


def page(rows: list[dict[str, Any]]) -> str:
    """Write the page from the rows."""
    lines = [
        f"| network | weights | run | epochs | seconds | overhead | a run, s | an epoch, s | overhead of an epoch "
        f"| below {LIMIT:.0%} from epochs |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        plain, own = min(row["seconds"]["fit"]["long"]), line(row, "fit")[1]
        for kind in KINDS:
            total, (fixed, epoch) = min(row["seconds"][kind]["long"]), line(row, kind)
            needed = enough(row, kind)
            compared = [f"{total / plain - 1:+.1%}", f"{fixed:.1f}", f"{epoch:.2f}", f"{epoch / own - 1:+.1%}"]
            if kind == "fit":
                compared[0] = compared[3] = last = ""
            else:
                last = "never" if needed == float("inf") else f"{needed:.0f}"
            cells = [
                row["network"],
                f"{row['weights']:,}",
                kind,
                row["epochs"]["long"],
                f"{total:.1f}",
                *compared,
                last,
            ]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    table = "\n".join(lines)
    first = rows[0]
    versions = ", ".join(f"{name} {number}" for name, number in first["versions"].items())
    steps = ", ".join(f"{row['network']} {row['steps']['long']}" for row in rows)
    solver = ", ".join(f"{row['network']} {row['solver_seconds']:.2f} s" for row in rows)
    return f"""# What the pruning loop adds to plain training

Fashion-MNIST, {first["samples"]:,} images in batches of {BATCH}, {VALIDATION:,} images for validation after each epoch.
Plain training is one `fit` of a network that was just compiled. Pruning is `knapprune.prune` of the same network to a
quarter of its DSPs, one epoch in each step and the other epochs after the last selection, selections included
(steps: {steps}). Each makes its training step on the clock; what the first network of a process pays is paid before.
"A run" and "an epoch" are the line through this run and one of {first["epochs"]["short"]} epoch: the first does not
grow with the length, and below zero it is noise. The best of {len(first["seconds"]["fit"]["long"])} counts. Of the
pruning, the solver took {solver}.

{table}

Made by `bench/loop_overhead.py` ({versions}; {first["machine"]}, {first["cores"]} cores, load before
{", ".join(str(row["load"]) for row in rows)}).
"""


def main() -> None:
    """Run, unless only the page is asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of fashion_mnist.npz")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--steps", type=int, default=20, help="of the long run")
    parser.add_argument("--final-epochs", type=int, default=20, help="of the long run")
    parser.add_argument("--samples", type=int, default=55000)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of loop-overhead.json and .md")
    parser.add_argument("--table", action="store_true", help="only write the page anew")
    given = parser.parse_args()
    if epochs_of(given.steps, given.final_epochs) <= epochs_of(*SHORT):
        parser.error(f"--steps, --final-epochs: expected a run of more than {epochs_of(*SHORT)} epochs")
    record = given.out / "loop-overhead.json"
    if not given.table:
        if given.data is None:
            parser.error("--data: expected the folder of fashion_mnist.npz")
        warnings.simplefilter("ignore", UserWarning)  # of reuse factors that hls4ml would change
        machine = describe()
        made: dict[str, Any] = {
            "versions": {name: version(name) for name in ("knapprune", "keras", "tensorflow")},
            "machine": machine["cpu"],
            "cores": machine["cores"],
        }
        train, validation = arrays(given.data, given.samples)
        for name in given.networks:
            made["load"] = load()
            row = measure(name, train, validation, (given.steps, given.final_epochs), given.repeat) | made
            others = json.loads(record.read_text(encoding="utf-8")) if record.exists() else []
            rows = sorted([row, *(old for old in others if old["network"] != name)], key=lambda row: row["weights"])
            atomic.write_text(record, json.dumps(rows, indent=1) + "\n")
    atomic.write_text(given.out / "loop-overhead.md", page(json.loads(record.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
