"""Measure the peak memory of each saliency measure against that of one training step, and write the table of it.

    python -m bench.networks.saliency_memory --again         run, write docs/benchmarks/saliency-memory.json and .md
    python -m bench.networks.saliency_memory                 run what saliency-memory.json has no row of
    python -m bench.networks.saliency_memory --table         write saliency-memory.md anew from the .json

Each row is a process of its own: it loads the framework, warms it up on a tiny network, builds the network and makes
the data, and only then starts the clock and resets the kernel's record of its peak memory (Linux).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from bench.measuring import memory
from bench.measuring.apart import apart
from bench.measuring.machine import processor, versions
from bench.networks.command import app
from bench.networks.study import Case, Row, Study, versions_of
from bench.solvers import formats

STEP = "training step"
MEASURES = ("l1", "l2", "taylor", "fisher", "gauss-newton", "hessian", "movement")
WIDTHS = (784, 3000, 2550, 10)
SAMPLES = 10_000
BATCH = 32


def cases() -> list[Case]:
    """List a training step, and the measures."""
    return [
        Case({"task": task, "widths": WIDTHS, "samples": SAMPLES, "batch_size": BATCH}, partial(measure, task))
        for task in (STEP, *MEASURES)
    ]


def measure(task: str, widths: tuple[int, ...] = WIDTHS, samples: int = SAMPLES) -> Row:
    """Do a task in a process of its own."""
    spent: Row = apart("bench.networks.saliency_memory:spend", task, widths, samples)
    return spent


def spend(task: str, widths: Sequence[int], samples: int) -> Row:
    """Do the task, and say how far memory rose above what the framework, the network and the data take."""
    import numpy as np

    random = np.random.default_rng(0)
    x = random.random((samples, widths[0]), dtype=np.float32)
    y = random.integers(0, widths[-1], samples)
    warm = (widths[0], 8, widths[-1])
    run(task, network(warm), x[: 2 * BATCH], y[: 2 * BATCH])
    model = network(widths)
    before = memory.reset_peak()
    started = time.perf_counter()
    run(task, model, x, y)
    seconds = time.perf_counter() - started
    return {
        "weights": sum(array.size for array in model.get_weights()),
        "extra_bytes": memory.extra_peak(before),
        "seconds": round(seconds, 2),
    }


def network(widths: Sequence[int]) -> Any:
    """Build and compile a dense classifier; its optimiser is Adam, as in most training."""
    import keras

    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(width, activation="relu") for width in widths[1:-1]]
    model = keras.Sequential([keras.Input((widths[0],)), *hidden, keras.layers.Dense(widths[-1], activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def run(task: str, model: Any, x: Any, y: Any) -> None:
    """Train on one batch, or value the neurons of each layer by a measure over all data."""
    if task == STEP:
        model.train_on_batch(x[:BATCH], y[:BATCH])
        return
    from knapprune.adapters.finding import find_adapter
    from knapprune.adapters.training_adapter import training_adapter
    from knapprune.hardware.structures import neuron
    from knapprune.network.hls_config_file import read_hls_config
    from knapprune.saliency import Statistics, saliency_of, structure_values

    framework = training_adapter(find_adapter(model), model)
    config = read_hls_config({"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 2, "Strategy": "resource_unrolled"}})
    measured = saliency_of(task, Statistics(framework, model, (x, y), BATCH))
    kernels = framework.kernels(model)
    for layer in framework.layers(model, config):
        structure_values(measured, layer, kernels[layer.name], neuron(layer))


def table(rows: list[Row], step: Row) -> str:
    """Lay the rows out as Markdown."""
    body: list[list[object]] = []
    for row in rows:
        if "error" in row:
            body.append([row["task"], f"failed: {row['error']}"])
            continue
        ratio = "" if "error" in step else f"{row['extra_bytes'] / step['extra_bytes']:.2f}"
        body.append([row["task"], f"{row['extra_bytes'] / 1e6:.0f}", ratio, row["seconds"]])
    return formats.table(["task", "peak above the start, MB", "times a training step", "seconds"], body)


def page(rows: list[Row]) -> str:
    """Write the page from the rows."""
    step = next(row for row in rows if row["task"] == STEP)
    weights = sum((inputs + 1) * outputs for inputs, outputs in pairwise(step["widths"]))
    shape = "-".join(map(str, step["widths"]))
    return f"""# Memory of the saliency measures

A dense {shape} network of {weights:,} weights, {step["samples"]:,} images in batches of {step["batch_size"]}. A
measure of gradients reads all images, and each measure values every neuron; a training step is one batch with Adam, its
two moments included. What is counted is the peak of resident memory above what the framework, the network and the
images take before. Each row is a process of its own, warmed up on a tiny network. Other work ran on
the machine: the seconds are for orientation.

{table(rows, step)}

Made by `bench/networks/saliency_memory.py` ({versions_of(step)}; {step["machine"]}).
"""


STUDY = Study(
    "saliency-memory",
    __doc__,
    page,
    cases,
    facts=lambda: versions("knapprune", "keras", "tensorflow") | processor(),
)

if __name__ == "__main__":
    app(STUDY)()
