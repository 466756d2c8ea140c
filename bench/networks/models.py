"""Estimate, select from, prune and verify every network at hand, from every front end, and write the table of it.

    python -m bench.networks.models --models FOLDER    run, write docs/benchmarks/models.json and models.md
    python -m bench.networks.models                    write models.md anew from models.json
    python -m bench.networks.models --models FOLDER --only qkeras --again    in the environment of QKeras, its rows

FOLDER holds ``jets`` (https://github.com/fastmachinelearning/example-models, folder ``keras``), ``onnx`` (the same,
folder ``onnx``) and ``mlperf_tiny`` (the reference networks of MLPerf Tiny). Each network runs in a process of its own
that is ended after a time limit. One that cannot be read or converted, or takes too long, stays in the table.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.measuring.apart import apart
from bench.measuring.machine import versions
from bench.networks.command import app
from bench.networks.study import Case, Row, Study, versions_of
from bench.solvers import formats

SECONDS = 900
SHARE = 0.5


@dataclass(frozen=True)
class Spec:
    """One network and how it is put on the chip."""

    file: str
    strategy: str = "latency"
    reuse_factor: int = 1
    io_type: str = "io_stream"
    weights: str | None = None

    @property
    def config(self) -> dict[str, Any]:
        settings = {"Precision": "ap_fixed<16,6>", "Strategy": self.strategy, "ReuseFactor": self.reuse_factor}
        return {"Model": settings, "IOType": self.io_type}


UNROLLED = "resource_unrolled"
RESOURCE = "resource"
SPECS = (
    Spec("jets/KERAS_3layer.json"),
    Spec("jets/KERAS_3layer.json", weights="jets/KERAS_3layer_70pruned_retrained_weights.h5"),
    Spec("jets/KERAS_3layer.json", weights="jets/KERAS_3layer_95pruned_retrained_weights.h5"),
    Spec("jets/KERAS_3layer_batch_norm.json"),
    Spec("jets/KERAS_3layer_binary_smaller.json"),
    Spec("jets/KERAS_3layer_binarydense_relu_max.json"),
    Spec("jets/KERAS_3layer_ternary_small.json"),
    Spec("jets/KERAS_conv1d.json", UNROLLED, 8),
    Spec("jets/KERAS_conv1d_small.json"),
    Spec("jets/KERAS_conv2d_model.json"),
    Spec("jets/KERAS_dense_16x100x100x100x100x100x5.json", UNROLLED, 4),
    Spec("jets/KERAS_dense_16x200x200x200x200x200x5.json", UNROLLED, 8),
    # hls4ml copies all weights for each product of unrolled code that it writes: minutes for 250,000 of them.
    Spec("jets/KERAS_dense_16x500x500x500x500x500x5.json", RESOURCE, 50),
    Spec("jets/jetTagger_Conv2D_Small.json"),
    Spec("jets/jetTagger_Conv2D_Small_NoBatchNorm.json"),
    Spec("jets/qkeras-v3_3layer.keras"),
    Spec("jets/qkeras_3layer.json"),
    Spec("jets/qkeras_mnist_cnn.json"),
    Spec("jets/qkeras_mnist_dense.json"),
    Spec("mlperf_tiny/ad01.h5", UNROLLED, 16),
    Spec("mlperf_tiny/pretrainedResnet.h5", UNROLLED, 16),
    Spec("mlperf_tiny/vww_96.h5", RESOURCE, 8),
    Spec("onnx/bnn_model_fc_1layer.onnx"),
    Spec("onnx/branched_model_ch_last.onnx"),
    Spec("onnx/conv1d_small_keras.onnx"),
    Spec("onnx/conv2d_small_keras.onnx"),
    Spec("onnx/conv2d_small_mp_keras.onnx"),
    Spec("onnx/dense_big_keras.onnx", UNROLLED, 4),
    Spec("onnx/separable_conv_model_ch_last.onnx"),
    Spec("onnx/three_layer_bn_keras.onnx"),
    Spec("onnx/three_layer_bn_pytorch.onnx"),
    Spec("onnx/three_layer_keras.onnx"),
    Spec("onnx/three_layer_pytorch.onnx"),
    Spec("onnx/tiny_unet_ch_last.onnx", RESOURCE, 8),
    Spec("onnx/two_layer_keras.onnx"),
    Spec("onnx/two_layer_pytorch.onnx"),
)


def run(spec: Spec, folder: Path) -> Row:
    """Read, estimate and verify one network; what fails becomes part of the row."""
    import knapprune as kp

    row: Row = {}
    started = time.perf_counter()
    warnings.simplefilter("ignore")
    try:
        # What constants cost goes by their values: an architecture alone takes the trained weights beside it.
        beside = spec.file.replace(".json", "_weights.h5") if spec.file.endswith(".json") else None
        weights = spec.weights or beside
        model = kp.load(folder / spec.file, weights and folder / weights, spec.config)
        row["read_as"] = type(model).__module__.split(".")[0]
        before = kp.estimate(model, spec.config)
        row |= {"layers": len(before.layers), "estimated": before.total, "uncounted": list(before.uncounted)}
        row["seconds"] = {"estimate": round(time.perf_counter() - started, 2)}
        budget = {name: SHARE for name in ("dsp", "bram18") if before.total[name]}
        row |= attempt("selected", lambda: select(model, spec, budget, folder / spec.file))
        row |= attempt("pruned", lambda: prune(model, spec, budget))
        check = kp.verify(model, spec.config)
        row |= {"predicted": check.predicted, "counted": check.counted}
        row["seconds"]["verify"] = round(check.seconds, 2)
    except Exception as error:
        row["error"] = said(error).replace(str(folder), "FOLDER")
    return row


def attempt(name: str, act: Callable[[], Any]) -> Row:
    """Return what an act uses in the end, or why it was refused."""
    try:
        return {name: act()}
    except Exception as error:
        return {f"not_{name}": said(error)}


def said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:140]


def select(model: Any, spec: Spec, budget: dict[str, float], file: Path) -> dict[str, int]:
    """Select; an ONNX file is written with its zeros, read again, and has to use what was predicted."""
    import knapprune as kp

    selection = kp.select(model, spec.config, budget)
    if file.suffix == ".onnx":
        with tempfile.TemporaryDirectory() as folder:
            pruned = Path(folder) / file.name
            kp.write_onnx(pruned, file, model, selection.masks)
            counted = kp.estimate(kp.load(pruned, None, spec.config)).total
        if counted != selection.resources.total:
            raise RuntimeError(f"the written file uses {counted}, predicted were {selection.resources.total}")
    return dict(selection.resources.total)


def prune(model: Any, spec: Spec, budget: dict[str, float]) -> dict[str, int]:
    """Prune in one step with an epoch on numbers at random: whether it works, not how well."""
    import numpy as np

    import knapprune as kp

    if not hasattr(model, "compile_from_config"):
        raise TypeError("an hls4ml graph is not trained")
    model.compile("sgd", "mse")
    random = np.random.default_rng(0)
    inputs, outputs = (random.normal(size=(8, *shape[1:])) for shape in (model.input_shape, model.output_shape))
    data = (0.1 * inputs, 0.1 * outputs)
    settings: dict[str, Any] = {"steps": 1, "epochs": 1, "batch_size": 8, "tolerance": 1e9, "progress": False}
    out = kp.prune(
        model, spec.config, train=data, validation=data, budget=budget, metric="mean_squared_error", **settings
    )
    if not out.met:
        raise RuntimeError(f"the budget was not met: {out.stopped}")
    return dict(out.resources.total)


def run_listed(number: int, folder: str) -> Row:
    """Run one of the networks that are listed."""
    return run(SPECS[number], Path(folder))


def cases(
    models: Annotated[
        Path | None, typer.Option(help="Folder of the networks; without it only the page is written.")
    ] = None,
    only: Annotated[str, typer.Option(help="Only files whose name contains this.")] = "",
) -> list[Case]:
    """List the networks, if there are any; each runs in a process of its own."""
    if models is None:
        return []
    return [
        Case(
            asdict(spec),
            partial(apart, "bench.networks.models:run_listed", number, str(models.resolve()), seconds=SECONDS),
        )
        for number, spec in enumerate(SPECS)
        if only in spec.file
    ]


def table(rows: list[Row]) -> str:
    """Lay the rows out as Markdown."""
    counts = [f"{name} {kind}" for name in ("DSP", "BRAM_18K") for kind in ("predicted", "counted")]
    body: list[list[object]] = []
    for row in rows:
        pruned = " (" + Path(row["weights"]).stem.split("_")[2] + ")" if row["weights"] else ""
        cells = [row["file"] + pruned, row.get("read_as", "-"), row["strategy"], row["reuse_factor"]]
        cells.append(row.get("layers", "-"))
        estimated, counted = row.get("estimated", {}), row.get("counted", {})
        for name in ("dsp", "bram18"):
            cells += [estimated.get(name, "-"), counted.get(name, "-")]
        cells += [_used(row, "selected"), _used(row, "pruned")]
        body.append([*cells, row["seconds"]["verify"] if counted else row["error"]])
    columns = ["network", "read as", "strategy", "RF", "layers", *counts, "selected", "pruned", "verify [s]"]
    return formats.table(columns, body)


def _used(row: Row, name: str) -> str:
    """Write what is used after a selection or a pruning."""
    return "{dsp} / {bram18}".format(**row[name]) if name in row else "-"


def page(rows: list[Row]) -> str:
    """Put the table into its page."""
    verified = sum("counted" in row for row in rows)
    refused = [
        f"- {row['file']}, {name}: {row[f'not_{name}']}"
        for row in rows
        for name in ("selected", "pruned")
        if f"not_{name}" in row and "an hls4ml graph is not trained" not in row[f"not_{name}"]
    ]
    reasons = "\n".join(["", "What was not selected from or pruned, and why:", "", *refused, ""]) if refused else ""
    listed = [f"- {row['file']}: {', '.join(row['uncounted'])}" for row in rows if row.get("uncounted")]
    uncounted = "\n".join(["", "Layers with weights that are not counted:", "", *listed, ""]) if listed else ""
    return f"""# Every network at hand

Hls4ml's example networks for jet tagging, MLPerf Tiny's, and small ONNX ones: as Keras models where Keras reads them,
as hls4ml graphs otherwise. 16-bit weights and data where the network has no types of its own, io_stream; latency at
reuse factor 1 for small networks, and a resource strategy for large ones. `kp.estimate` says what they use,
`kp.verify` converts them with hls4ml and counts in the generated C++. {verified} of {len(rows)} rows are verified: the
two agree in every layer. The last column of the others says what stopped them. Before that, a selection for half of
the DSPs and memory halves (`kp.select`; an ONNX file is written with its zeros, read again, and uses as much) and a
pruning to them (`kp.prune`, an epoch on random numbers, where a model can be trained) say what is used then, DSP /
BRAM_18K. The wide jet-tagging networks
(`KERAS_dense_16x...`) are published with hidden weights of about 1e-6, which are zero in 16 bits and need no DSP.

{table(rows)}
{reasons}{uncounted}
Made by `bench/networks/models.py` from `models.json` ({versions_of(rows[0])}).
"""


def place(row: Row) -> int:
    """Return a row's place in the table: those of one environment are measured after those of the other."""
    return [(spec.file, spec.weights) for spec in SPECS].index((row["file"], row["weights"]))


FACTS = partial(versions, "knapprune", "keras", "hls4ml", "qonnx")
STUDY = Study("models", __doc__, page, cases, facts=FACTS, order=place)

if __name__ == "__main__":
    app(STUDY)()
