"""Compare DSP rows and memory words as items of their own with aligned runs of rows, and write the table of it.

    python -m bench.networks.rows_and_words --data FOLDER    run, write docs/benchmarks/rows-and-words.json and .md
    python -m bench.networks.rows_and_words                  write rows-and-words.md anew from the .json

FOLDER holds ``models/jets`` (hls4ml's example models, https://github.com/fastmachinelearning/example-models, folder
``keras``), ``models/mlperf_tiny`` (``ad01.h5``, ``pretrainedResnet.h5``, ``vww_96.h5``, the trained models of
https://github.com/mlcommons/tiny) and ``fashion_mnist.npz`` (``keras.datasets.fashion_mnist``), on which LeNet is
trained for one epoch.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.measuring.machine import versions
from bench.networks.command import app
from bench.networks.study import Case, Row, Study, versions_of
from bench.solvers import formats

BUDGETS = ((0.25, 0.25), (0.25, 0.5), (0.5, 0.25), (0.5, 0.5))
STRUCTURES = ("bram-run", "row-and-word")
TIME_LIMIT = 30.0
SEED = 0


@dataclass(frozen=True)
class Spec:
    """One network and how it is put on the chip."""

    network: str
    bits: int
    reuse_factor: int
    io_type: str = "io_parallel"
    layers: dict[str, int] = field(default_factory=dict)  # reuse factors by layer name

    @property
    def config(self) -> dict[str, Any]:
        settings = {"Precision": f"ap_fixed<{self.bits},6>", "Strategy": "resource_unrolled"}
        return {
            "Model": settings | {"ReuseFactor": self.reuse_factor},
            "LayerName": {name: settings | {"ReuseFactor": factor} for name, factor in self.layers.items()},
            "IOType": self.io_type,
        }


LENET = "LeNet 400-120-84"
LENET_FACTORS = {"fc2": 12, "output": 12}
SPECS = (
    Spec("jets/KERAS_3layer", 16, 2),
    Spec("jets/KERAS_3layer", 16, 4),
    Spec("jets/KERAS_3layer", 17, 4),
    Spec("jets/KERAS_3layer", 18, 4),
    Spec("jets/KERAS_conv1d_small", 16, 2, "io_stream", {"output_softmax": 5}),
    Spec("jets/KERAS_dense_16x200x200x200x200x200x5", 16, 4),
    Spec("jets/KERAS_dense_16x500x500x500x500x500x5", 16, 4),
    Spec(LENET, 18, 25, "io_stream", LENET_FACTORS),
    Spec(LENET, 16, 25, "io_stream", LENET_FACTORS),
    Spec("mlperf_tiny/ad01", 16, 8),
    Spec("mlperf_tiny/pretrainedResnet", 16, 8, "io_stream"),
    Spec("mlperf_tiny/pretrainedResnet", 18, 8, "io_stream"),
    Spec("mlperf_tiny/vww_96", 16, 8, "io_stream"),
)


def load(network: str, folder: Path) -> Any:
    """Load a network, or train LeNet."""
    if network == LENET:
        return lenet(folder / "fashion_mnist.npz")
    from bench.networks.drawn import draw_vanishing
    from knapprune.adapters.keras.files import load_keras_model

    ending = "h5" if network.startswith("mlperf_tiny") else "json"
    model = load_keras_model(folder / "models" / f"{network}.{ending}")
    draw_vanishing(model)
    return model


def lenet(data: Path) -> Any:
    """Build LeNet-5 with max pooling and train it for an epoch."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(SEED)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(6, 5, padding="same", activation="relu", name="conv1"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(16, 5, activation="relu", name="conv2"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(120, activation="relu", name="fc1"),
            keras.layers.Dense(84, activation="relu", name="fc2"),
            keras.layers.Dense(10, activation="softmax", name="output"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    with np.load(data) as arrays:
        model.fit(arrays["x_train"][..., None] / 255.0, arrays["y_train"], batch_size=128, verbose=0)
    return model


def cases(
    data: Annotated[
        Path | None, typer.Option(help="Folder of models and data; without it only the page is written.")
    ] = None,
) -> list[Case]:
    """List every network within every budget, if there are data."""
    return [] if data is None else [case(spec, budget, partial(warm, data)) for spec in SPECS for budget in BUDGETS]


def case(spec: Spec, shares: tuple[float, float], load: Callable[[str], Any]) -> Case:
    """Make one network within one budget a case."""
    budget = dict(zip(("dsp", "bram18"), shares, strict=True))
    return Case(asdict(spec) | {"budget": budget}, lambda: measure(spec, budget, load(spec.network)))


@cache
def warm(folder: Path, network: str) -> Any:
    """Load a network, once the kernels are compiled."""
    first = SPECS[0]
    if network != first.network:
        warm(folder, first.network)
        return load(network, folder)
    model = load(network, folder)
    measure(first, {"dsp": 0.25, "bram18": 0.25}, model)
    return model


def measure(spec: Spec, budget: dict[str, float], model: Any) -> Row:
    """Select by both structures within one budget."""
    import knapprune as kp

    row: Row = {}
    for structure in STRUCTURES:
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Shares of saliency add up, so that the two structures are compared by what they keep.
            selection = kp.select(
                model, spec.config, budget, structure=structure, normalise="sum", time_limit=TIME_LIMIT
            )
        row[structure] = {
            "kept": float(selection.solution.value) / len(selection.structures),
            "uses": {name: selection.resources[name] for name in budget},
            "items": len(selection.solution.selected),
            "status": str(selection.solution.status),
            "gap": selection.solution.gap,
            "solve": round(selection.solution.seconds, 3),
            "seconds": round(time.perf_counter() - started, 3),
        }
        row["caps"] = {cap.resource: cap.limit for cap in selection.budget}
    return row


def table(rows: list[Row]) -> str:
    """Lay the rows out as Markdown."""
    header = (
        "network | bits | RF | budget DSP | BRAM_18K | runs keep | DSP, BRAM_18K used | rows and words keep "
        "| DSP, BRAM_18K used | more | options | status, gap | select [s]"
    )
    body: list[list[object]] = []
    for row in rows:
        caps = row.get("caps", {})
        start = [row["network"].split("/")[-1], row["bits"], row["reuse_factor"]]
        start += [f"{share:.0%} = {caps.get(name, '?')}" for name, share in row["budget"].items()]
        if "error" in row:
            body.append([*start, f"failed: {row['error'].splitlines()[0]}"])
            continue
        runs, fine = (row[structure] for structure in STRUCTURES)
        uses = [", ".join(map(str, each["uses"].values())) for each in (runs, fine)]
        gain = fine["kept"] / runs["kept"] - 1 if runs["kept"] else float("inf")
        more = f"{round(gain, 4) + 0.0:+.1%}"  # no "-0.0%" out of rounding errors
        cells = [*start, f"{runs['kept']:.2%}", uses[0], f"{fine['kept']:.2%}", uses[1], more, fine["items"]]
        body.append([*cells, f"{fine['status']}, {fine['gap']:.2g}", fine["seconds"]])
    return formats.table(header.split(" | "), body)


def page(rows: list[Row]) -> str:
    """Put the table into its page."""
    return f"""# Rows and memory words

Two ways to prune under a DSP and a BRAM budget at once. *Runs* are the published granularity: the rows that fill whole
36-bit words are one item. Memories here are at most 512 words deep, where a half of a block (BRAM_18K) takes 36 bits.
*Rows and words* (structure `row-and-word`, what `"auto"` takes) decides about each DSP row and pays a memory word once
while any row with a bit in it lives. *Keep* is the share of its saliency (L1) that a layer keeps, averaged over the
layers that can be pruned; both are at the same budget, and both optima are proved where the status says so. The seconds
are those of the whole `kp.select`, model analysis included. LeNet is trained here for one epoch; the wide jet-tagging
networks, published with hidden weights of about 1e-6 that are zero in 16 bits, have theirs drawn anew; the other
weights are those of trained networks.

{table(rows)}

Made by `python -m bench.networks.rows_and_words` from `rows-and-words.json` ({versions_of(rows[0])}).
"""


STUDY = Study("rows-and-words", __doc__, page, cases, facts=partial(versions, "knapprune", "keras", "numba"))

if __name__ == "__main__":
    app(STUDY)()
