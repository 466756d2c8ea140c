"""Compare measures and normalisations by the accuracy they leave on small networks, and write the table of it.

python -m bench.saliency_table                  run (a few minutes), write docs/benchmarks/saliency.json and .md
python -m bench.saliency_table --table          write saliency.md anew from the .json
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from statistics import mean
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks"
NORMALISATIONS = ("lamp", "sum", "mean", "max", "none")
SEEDS = (0, 1, 2)
BUDGET = 0.25
BATCH = 32
TRAINING = 30
TUNING = 3
SETTINGS: dict[str, dict[str, Any]] = {
    "MLP 64-64-32-10, DSP rows of 4": {"Strategy": "resource_unrolled", "ReuseFactor": 4},
    "CNN 8-16-10, single weights": {"Strategy": "latency", "ReuseFactor": 1},
}


def digits(seed: int) -> tuple[Any, Any, Any, Any]:
    """Split scikit-learn's digits into what is trained on and what accuracy is stated for."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    found = load_digits()
    pixels = (found.data / 16).astype("float32")
    parts = train_test_split(pixels, found.target, test_size=0.3, stratify=found.target, random_state=seed)
    return parts[0], parts[1], parts[2], parts[3]


def network(name: str, seed: int) -> Any:
    """Build one of the networks, untrained."""
    import keras
    from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D, Reshape

    keras.utils.set_random_seed(seed)
    if name.startswith("MLP"):
        layers = [Dense(64, activation="relu"), Dense(32, activation="relu")]
    else:
        convolutions = [Conv2D(filters, 3, padding="same", activation="relu") for filters in (8, 16)]
        layers = [Reshape((8, 8, 1)), convolutions[0], MaxPooling2D(), convolutions[1], MaxPooling2D(), Flatten()]
    model = keras.Sequential([keras.Input((64,)), *layers, Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def run(name: str, seed: int) -> list[dict[str, Any]]:
    """Train a network, prune it by each measure and normalisation, and fine-tune each result from the same start."""
    import numpy as np

    import knapprune as kp
    from knapprune.adapters.adapter import adapter, training_adapter
    from knapprune.saliency import NAMES, Statistics, saliency_of
    from knapprune.selection import SelectionWarning

    x, x_test, y, y_test = digits(seed)
    model = network(name, seed)
    model.fit(x, y, epochs=TRAINING, batch_size=BATCH, verbose=0)
    config = {"Model": {"Precision": "fixed<16,6>", **SETTINGS[name]}}
    trained = model.get_weights()
    state = [variable.numpy() for variable in model.optimizer.variables]

    def accuracy() -> float:
        return float(np.mean(np.argmax(model.predict(x_test, batch_size=1000, verbose=0), axis=1) == y_test))

    statistics = Statistics(training_adapter(adapter(model), model), model, (x, y), BATCH)
    before = accuracy()
    rows = []
    for saliency in NAMES:
        measure = saliency_of(saliency, statistics)
        for normalise in NORMALISATIONS:
            started = time.perf_counter()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                found = kp.select(model, config, {"dsp": BUDGET}, saliency=measure, normalise=normalise)
            masks = Masks(model, found.masks)
            masks.hold()
            masked = accuracy()
            for variable, value in zip(model.optimizer.variables, state, strict=True):
                variable.assign(value)
            model.fit(x, y, epochs=TUNING, batch_size=BATCH, verbose=0, callbacks=[masks.callback()])
            tuned = accuracy()
            model.set_weights(trained)
            rows.append(
                {
                    "network": name,
                    "seed": seed,
                    "saliency": saliency,
                    "normalise": normalise,
                    "before": before,
                    "masked": masked,
                    "tuned": tuned,
                    "status": str(found.solution.status),
                    "emptied": any(issubclass(warning.category, SelectionWarning) for warning in caught),
                    "seconds": round(time.perf_counter() - started, 2),
                }
            )
    return rows


class Masks:
    """Hold masked weights at zero in the model itself: a clone for each of the many masks would be compiled anew."""

    def __init__(self, model: Any, masks: Any) -> None:
        self.kernels = [(model.get_layer(name).kernel, mask.astype("float32")) for name, mask in masks.items()]

    def hold(self) -> None:
        """Set the masked weights to zero."""
        for kernel, mask in self.kernels:
            kernel.assign(kernel * mask)

    def callback(self) -> Any:
        """Return what does so after each training step."""
        import keras

        return keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: self.hold())


def table(rows: list[dict[str, Any]], name: str, key: str) -> str:
    """Lay out the mean accuracy over the seeds, a line for each measure, and star what emptied a layer."""
    lines = [f"| saliency | {' | '.join(NORMALISATIONS)} |", "|" + "---|" * (len(NORMALISATIONS) + 1)]
    for saliency in dict.fromkeys(row["saliency"] for row in rows):
        cells = [saliency]
        for normalise in NORMALISATIONS:
            own = [row for row in rows if (row["network"], row["saliency"]) == (name, saliency)]
            own = [row for row in own if row["normalise"] == normalise]
            star = "*" if any(row["emptied"] for row in own) else ""
            cells.append(f"{mean(row[key] for row in own):.3f}{star}")
        lines.append("| " + " | ".join(cells) + " |")
    means = []
    for normalise in NORMALISATIONS:
        own = [row for row in rows if row["network"] == name and row["normalise"] == normalise]
        means.append(f"{mean(row[key] for row in own):.3f}")
    return "\n".join([*lines, f"| mean | {' | '.join(means)} |"])


def page(rows: list[dict[str, Any]]) -> str:
    """Write the page from the rows."""
    parts = []
    for name in SETTINGS:
        before = mean(row["before"] for row in rows if row["network"] == name)
        parts += [f"## {name}", f"Unpruned: {before:.3f}. Right after masking:", table(rows, name, "masked")]
        parts += [f"After {TUNING} epochs of fine-tuning:", table(rows, name, "tuned")]
    body = "\n\n".join(parts)
    versions = ", ".join(f"{name} {number}" for name, number in rows[0]["versions"].items())
    return f"""# Saliency measures and normalisations

What is left of the accuracy when `kp.select` cuts a network to {BUDGET:.0%} of its DSPs at once, by the measure that
values weights and by how layers are made comparable. Two small networks for scikit-learn's 8 x 8 digits, {len(SEEDS)}
seeds (of split, first weights and order), accuracy on 540 test digits, means over the seeds. A star marks where the
selection emptied a layer for some seed. One point of accuracy is about the noise of three seeds. Small networks and one
data set: this supports a default, it is not a law.

{body}

Gradients are measured on the training data in batches of {BATCH}, at the trained weights. `movement` was made for
weights that are being fitted to new data; at the end of a training on the same data there is little for it to see.
`hessian` has one random vector a batch, and its noise shows.

Made by `bench/saliency_table.py` from `saliency.json` ({versions}).
"""


def main() -> None:
    """Run, unless only the page is asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="only write the page anew")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of saliency.json and .md")
    arguments = parser.parse_args()
    record = arguments.out / "saliency.json"
    if not arguments.table:
        versions = {name: version(name) for name in ("knapprune", "keras", "tensorflow", "scikit-learn")}
        rows = [row | {"versions": versions} for name in SETTINGS for seed in SEEDS for row in run(name, seed)]
        record.write_text(json.dumps(rows, indent=1) + "\n")
    (arguments.out / "saliency.md").write_text(page(json.loads(record.read_text())))


if __name__ == "__main__":
    main()
