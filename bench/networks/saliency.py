"""Compare measures and normalisations by the accuracy they leave on small networks, and write the table of it.

python -m bench.networks.saliency                  run (half an hour), write docs/benchmarks/saliency.json and .md
python -m bench.networks.saliency --missing        run what saliency.json has no row of, and keep its rows
python -m bench.networks.saliency --table          write saliency.md anew from the .json
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import mean
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
NORMALISATIONS = ("lamp", "sum", "mean", "max", "none")
SEEDS = (0, 1, 2)
BUDGET = 0.25
BATCH = 32
TRAINING = 30
TUNING = 3
SHUFFLED = "fisher, labels shuffled"
GRADUAL = (0.8, 0.63, 0.5, 0.4, 0.315, BUDGET)
STEPPED = ("l2", "fisher", "gauss-newton")
SALIENCIES = ("l1", "l2", "taylor", "fisher", SHUFFLED, "gauss-newton", "hessian", "movement")
Case = tuple[str, str, tuple[float, ...]]
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


def run(name: str, seed: int, wanted: Sequence[Case]) -> list[dict[str, Any]]:
    """Train a network, prune it by each measure and normalisation, and fine-tune each result from the same start."""
    import numpy as np

    import knapprune as kp
    from knapprune.adapters.adapter import find_adapter, training_adapter
    from knapprune.saliency import Statistics, saliency_of
    from knapprune.selection.selecting import SelectionWarning

    x, x_test, y, y_test = digits(seed)
    model = network(name, seed)
    model.fit(x, y, epochs=TRAINING, batch_size=BATCH, verbose=0)
    config = {"Model": {"Precision": "fixed<16,6>", **SETTINGS[name]}}
    framework = training_adapter(find_adapter(model), model)
    dense = kp.estimate(model, config).total["dsp"]
    trained = model.get_weights()
    state = [variable.numpy() for variable in model.optimizer.variables]
    shuffled = np.random.default_rng(seed).permutation(y)

    def accuracy() -> float:
        return float(np.mean(np.argmax(model.predict(x_test, batch_size=1000, verbose=0), axis=1) == y_test))

    def fit(epochs: int) -> None:
        masks = Masks(model, {layer: kernel != 0 for layer, kernel in framework.kernels(model).items()})
        model.fit(x, y, epochs=epochs, batch_size=BATCH, verbose=0, callbacks=[masks.callback()])

    def statistics(saliency: str) -> Any:
        return Statistics(framework, model, (x, shuffled if saliency == SHUFFLED else y), BATCH)

    before = accuracy()
    rows = []
    at_start = {saliency: statistics(saliency) for saliency in SALIENCIES}
    for saliency, normalise, budgets in wanted:
        started = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for step, budget in enumerate(budgets):
                measure = saliency_of(saliency.split(",")[0], statistics(saliency) if step else at_start[saliency])
                cap = {"dsp": int(budget * dense)}
                found = kp.select(model, config, cap, saliency=measure, normalise=normalise)
                Masks(model, found.masks).hold()
                if step + 1 < len(budgets):
                    fit(1)
        masked = accuracy()
        fit(TUNING)
        tuned = accuracy()
        model.set_weights(trained)
        for variable, value in zip(model.optimizer.variables, state, strict=True):
            variable.assign(value)
        rows.append(
            {
                "network": name,
                "seed": seed,
                "saliency": saliency,
                "normalise": normalise,
                "steps": len(budgets),
                "before": before,
                "masked": masked,
                "tuned": tuned,
                "status": str(found.solution.status),
                "emptied": any(issubclass(warning.category, SelectionWarning) for warning in caught),
                "seconds": round(time.perf_counter() - started, 2),
            }
        )
    return rows


def cases() -> list[Case]:
    """List each measure with its normalisations, and the budgets of the steps."""
    one = [(saliency, normalise, (BUDGET,)) for saliency in SALIENCIES for normalise in NORMALISATIONS]
    one = [case for case in one if case[0] != SHUFFLED or case[1] in ("lamp", "none")]
    return [*one, *((saliency, "none", GRADUAL) for saliency in STEPPED)]


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
    rows = [row for row in rows if row["network"] == name and row["steps"] == 1]
    for saliency in dict.fromkeys(row["saliency"] for row in rows):
        cells = [saliency]
        for normalise in NORMALISATIONS:
            own = [row for row in rows if (row["saliency"], row["normalise"]) == (saliency, normalise)]
            star = "*" if any(row["emptied"] for row in own) else ""
            cells.append(f"{mean(row[key] for row in own):.3f}{star}" if own else "")
        lines.append("| " + " | ".join(cells) + " |")
    means = []
    for normalise in NORMALISATIONS:
        own = [row for row in rows if row["normalise"] == normalise and row["saliency"] != SHUFFLED]
        means.append(f"{mean(row[key] for row in own):.3f}")
    return "\n".join([*lines, f"| mean of the measures | {' | '.join(means)} |"])


def steps_table(rows: list[dict[str, Any]]) -> str:
    """Lay out what one step and several leave, a line for each network and measure."""
    lines = ["| network | saliency | one step: masked | tuned | six steps: masked | tuned |"]
    lines.append("|" + "---|" * 6)
    for name in SETTINGS:
        for saliency in STEPPED:
            key = (name, saliency, "none")
            own = [row for row in rows if (row["network"], row["saliency"], row["normalise"]) == key]
            cells = [name.split(",")[0], saliency]
            for steps in (1, len(GRADUAL)):
                cells += [
                    f"{mean(row[key] for row in own if row['steps'] == steps):.3f}" for key in ("masked", "tuned")
                ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


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

**Counted by the model of knapprune 0.1.0**, in which each weight at reuse factor 1 is a multiplier; made anew by a
later change.

What is left of the accuracy when `kp.select` cuts a network to {BUDGET:.0%} of its DSPs at once, by the measure that
values weights and by how layers are made comparable. Two small networks for scikit-learn's 8 x 8 digits, {len(SEEDS)}
seeds (of split, first weights and order), accuracy on 540 test digits, means over the seeds. A star marks where the
selection emptied a layer for some seed. One point of accuracy is about the noise of three seeds. Small networks and one
data set: this supports a default, it is not a law.

{body}

Gradients are measured on the training data in batches of {BATCH}, at the trained weights; `{SHUFFLED}` is
`saliency="fisher"` on the same data with its labels shuffled. `movement` was made for weights that are being fitted to
new data; at the end of a training on the same data there is little for it to see.

## One step and six

The same budget at once, and in steps ({", ".join(f"{budget:.1%}" for budget in GRADUAL)}) with an epoch of fine-tuning
after each and the measure computed anew; `normalise="none"`.

{steps_table(rows)}

## Why

The networks are right about 98% and more of their training data, and half of the squared gradient there is that of 9 to
23 of the 1,257 samples: `taylor` and `fisher` rest on these few. With labels drawn from the model, `gauss-newton`, most
cells are above those of `fisher`; with shuffled labels all are. The other part is the size of the cut: slope and
curvature tell of small changes. In six steps `fisher` ends within a point of `l2`; at once it is two to four behind.

What did not explain it, on five seeds trained apart from these, as the counts above: gradients of single samples were
no better than those of batches; the square of a row's sum of `g * w` was no better than the sum of squares; 270 samples
held out of the training did as well as 270 of the training or better, but not as well as all of it.

`hessian` is noise for the most part. From 40 batches the ranks of its values correlate with those of the exact diagonal
by 0.1 to 0.4 in each layer, those of `gauss-newton` by 0.95 to 0.99 (two seeds of each network). With as many products,
a random vector for one kernel at a time helped the first convolution, hurt the layer after the convolutions, and
changed little elsewhere.

All this was measured before `kp.select` ranked the best structure of each output first where an output would lose all
of its weights; cuts that take a class its weights may come out otherwise now.

Made by `bench/networks/saliency.py` from `saliency.json` ({versions}).
"""


def main() -> None:
    """Run, unless only the page is asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="only write the page anew")
    parser.add_argument("--missing", action="store_true", help="keep the rows there are, run the others")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of saliency.json and .md")
    arguments = parser.parse_args()
    record = arguments.out / "saliency.json"
    if not arguments.table:
        rows = json.loads(record.read_text()) if arguments.missing else []
        done = {tuple(row[key] for key in ("network", "seed", "saliency", "normalise", "steps")) for row in rows}
        versions = {name: version(name) for name in ("knapprune", "keras", "tensorflow", "scikit-learn")}
        for name in SETTINGS:
            for seed in SEEDS:
                wanted = [case for case in cases() if (name, seed, case[0], case[1], len(case[2])) not in done]
                rows += [row | {"versions": versions} for row in run(name, seed, wanted)] if wanted else []
                rows.sort(
                    key=lambda row: (
                        list(SETTINGS).index(row["network"]),
                        row["seed"],
                        SALIENCIES.index(row["saliency"]),
                    )
                )
                record.write_text(json.dumps(rows, indent=1) + "\n")
    (arguments.out / "saliency.md").write_text(page(json.loads(record.read_text())))


if __name__ == "__main__":
    main()
