"""Measure the peak memory of each saliency measure against that of one training step, and write the table of it.

    python -m bench.networks.saliency_memory                 run, write docs/benchmarks/saliency-memory.json and .md
    python -m bench.networks.saliency_memory --table         write saliency-memory.md anew from the .json

Each row is a process of its own: it loads the framework, warms it up on a tiny network, builds the network and makes
the data, and only then starts the clock and resets the kernel's record of its peak memory (Linux).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.measuring import memory
from bench.measuring.machine import describe

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "benchmarks"
STEP = "training step"
MEASURES = ("l1", "l2", "taylor", "fisher", "gauss-newton", "hessian", "movement")
WIDTHS = (784, 3000, 2550, 10)
SAMPLES = 10_000
BATCH = 32


def measure(task: str, widths: tuple[int, ...], samples: int) -> dict[str, Any]:
    """Run a task in a process of its own and return its row; a failure becomes a row too."""
    request = json.dumps([task, widths, samples])
    done = subprocess.run(
        [sys.executable, "-m", "bench.networks.saliency_memory", "--child", request],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    row = {"task": task, "widths": widths, "samples": samples, "batch_size": BATCH}
    if done.returncode != 0:
        return row | {"error": done.stderr.strip().splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row | found


def child(task: str, widths: tuple[int, ...], samples: int) -> dict[str, Any]:
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


def network(widths: tuple[int, ...]) -> Any:
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
    from knapprune.adapters.adapter import find_adapter, training_adapter
    from knapprune.hardware.structures import neuron
    from knapprune.network.hls_config_file import read_hls_config
    from knapprune.saliency import Statistics, saliency_of, structure_values

    framework = training_adapter(find_adapter(model), model)
    config = read_hls_config({"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 2, "Strategy": "resource_unrolled"}})
    measured = saliency_of(task, Statistics(framework, model, (x, y), BATCH))
    kernels = framework.kernels(model)
    for layer in framework.layers(model, config):
        structure_values(measured, layer, kernels[layer.name], neuron(layer))


def page(rows: list[dict[str, Any]]) -> str:
    """Write the page from the rows."""
    step = next(row for row in rows if row["task"] == STEP)
    lines = ["| task | peak above the start, MB | times a training step | seconds |", "|---|---|---|---|"]
    for row in rows:
        if "error" in row:
            lines.append(f"| {row['task']} | failed: {row['error']} | | |")
            continue
        ratio = row["extra_bytes"] / step["extra_bytes"]
        lines.append(f"| {row['task']} | {row['extra_bytes'] / 1e6:.0f} | {ratio:.2f} | {row['seconds']} |")
    table = "\n".join(lines)
    versions = ", ".join(f"{name} {number}" for name, number in step["versions"].items())
    shape = "-".join(map(str, step["widths"]))
    return f"""# Memory of the saliency measures

A dense {shape} network of {step["weights"]:,} weights, {step["samples"]:,} images in batches of {step["batch_size"]}. A
measure of gradients reads all images, and each measure values every neuron; a training step is one batch with Adam, its
two moments included. What is counted is the peak of resident memory above what the framework, the network and the
images take before. Each row is a process of its own, warmed up on a tiny network. Other work ran on
the machine: the seconds are for orientation.

{table}

Made by `bench/networks/saliency_memory.py` ({versions}; {step["machine"]}).
"""


def main() -> None:
    """Run, unless only the page is asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="only write the page anew")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of saliency-memory.json and .md")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        task, widths, samples = json.loads(arguments.child)
        print(json.dumps(child(task, tuple(widths), samples)))
        return
    record = arguments.out / "saliency-memory.json"
    if not arguments.table:
        made = {
            "versions": {name: version(name) for name in ("knapprune", "keras", "tensorflow")},
            "machine": describe()["cpu"],
        }
        rows = [measure(task, WIDTHS, SAMPLES) | made for task in (STEP, *MEASURES)]
        record.write_text(json.dumps(rows, indent=1) + "\n")
    (arguments.out / "saliency-memory.md").write_text(page(json.loads(record.read_text())))


if __name__ == "__main__":
    main()
