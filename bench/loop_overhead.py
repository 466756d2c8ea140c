"""Measure what the pruning loop adds to plain training: masks, selections, measuring, and keeping the state.

    python -m bench.loop_overhead --data FOLDER [--networks lenet mlp] [--steps 5] [--epochs 2] [--repeat 3]

FOLDER holds ``fashion_mnist.npz`` with x_train and y_train, as ``keras.datasets.fashion_mnist`` has them. Plain
training is ``fit`` with the same validation data, for as many epochs, with the same optimiser; its step is compiled
before the clock starts. Pruning compiles the step of its working copy on the clock. The best time of each is compared.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.machine import describe

VALIDATION = 5000
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


def measure(name: str, given: argparse.Namespace) -> dict[str, Any]:
    import keras

    import knapprune as kp

    steps, epochs, batch_size = given.steps, given.epochs, given.batch_size
    with np.load(given.data / "fashion_mnist.npz") as arrays:
        x, y = arrays["x_train"][..., None].astype("float32") / 255, arrays["y_train"].astype("int64")
    train, validation = (x[: given.samples], y[: given.samples]), (x[-VALIDATION:], y[-VALIDATION:])

    def network() -> Any:
        keras.utils.set_random_seed(0)
        model = NETWORKS[name](keras)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, metrics=["accuracy"])
        return model

    plain, whole = network(), network()
    plain.fit(*train, validation_data=validation, epochs=1, batch_size=batch_size, verbose=0)
    results: dict[str, Any] = {"network": name, "weights": plain.count_params(), "steps": steps, "epochs": epochs}
    times: dict[str, list[float]] = {"fit": [], "prune": [], "prune, checkpoint": []}

    def fit() -> None:
        plain.fit(*train, validation_data=validation, epochs=steps * epochs, batch_size=batch_size, verbose=0)

    def prune(checkpoint: str | None) -> None:
        out = kp.prune(
            whole, CONFIG, train=train, validation=validation, budget={"dsp": 0.25}, tolerance=1.0, steps=steps,
            epochs=epochs, batch_size=batch_size, checkpoint=checkpoint, progress=False,
        )  # fmt: skip
        results["selections"] = sum(step.selection.solution.seconds for step in out.history)

    kp.select(whole, CONFIG, {"dsp": 0.5})  # compiles the solver's kernels
    for _ in range(given.repeat):
        times["fit"].append(seconds(fit))
        times["prune"].append(seconds(partial(prune, None)))
        with TemporaryDirectory() as folder:
            times["prune, checkpoint"].append(seconds(partial(prune, folder)))
    best = {what: min(found) for what, found in times.items()}
    results["seconds"] = times
    results["overhead"] = {what: best[what] / best["fit"] - 1 for what in best if what != "fit"}
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of fashion_mnist.npz")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--samples", type=int, default=55000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=Path, help="also write the rows as JSON")
    given = parser.parse_args()
    rows = []
    warnings.simplefilter("ignore", UserWarning)  # of reuse factors that hls4ml would change
    for name in given.networks:
        found = measure(name, given)
        rows.append(found)
        shares = ", ".join(f"{what} {share:+.1%}" for what, share in found["overhead"].items())
        print(f"{name}: fit {min(found['seconds']['fit']):.1f} s; {shares}; solver {found['selections']:.2f} s")
    if given.out is not None:
        given.out.write_text(json.dumps({"machine": describe(), "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
