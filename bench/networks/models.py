"""Estimate and verify every network at hand, from every front end, and write the table of it.

    python -m bench.networks.models --models FOLDER    run, write docs/benchmarks/models.json and models.md
    python -m bench.networks.models                    write models.md anew from models.json

FOLDER holds ``jets`` (https://github.com/fastmachinelearning/example-models, folder ``keras``), ``onnx`` (the same,
folder ``onnx``) and ``mlperf_tiny`` (the reference networks of MLPerf Tiny). Each network runs in a process of its own
that is ended after a time limit. One that cannot be read or converted, or takes too long, stays in the table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
SECONDS = 300


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


def run(spec: Spec, folder: Path) -> dict[str, Any]:
    """Read, estimate and verify one network; what fails becomes part of the row."""
    import knapprune as kp

    row: dict[str, Any] = {}
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
        check = kp.verify(model, spec.config)
        row |= {"predicted": check.predicted, "counted": check.counted}
        row["seconds"]["verify"] = round(check.seconds, 2)
    except Exception as error:
        row |= {"error": f"{type(error).__name__}: {error}".splitlines()[0][:140].replace(str(folder), "FOLDER")}
    return row


def run_apart(number: int, folder: Path) -> dict[str, Any]:
    """Run one network in a process of its own, for at most so long."""
    spec = SPECS[number]
    row = {**asdict(spec), "versions": {name: version(name) for name in ("knapprune", "keras", "hls4ml", "qonnx")}}
    command = [sys.executable, __file__, "--models", str(folder), "--one", str(number)]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=quiet, check=True)
    except subprocess.TimeoutExpired:
        return row | {"error": f"not done in {SECONDS} s"}
    except subprocess.CalledProcessError as error:
        return row | {"error": f"the process ended with {error.returncode}"}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row | found


def table(rows: list[dict[str, Any]]) -> str:
    """Lay the rows out as Markdown."""
    header = "network | read as | strategy | RF | layers | " + " | ".join(
        f"{name} {kind}" for name in ("DSP", "BRAM_18K") for kind in ("predicted", "counted")
    )
    lines = [f"| {header} | verify [s] |", "|" + " --- |" * (header.count("|") + 2)]
    for row in rows:
        pruned = " (" + Path(row["weights"]).stem.split("_")[2] + ")" if row["weights"] else ""
        start = [row["file"] + pruned, row.get("read_as", "-"), row["strategy"], row["reuse_factor"]]
        estimated = row.get("estimated", {})
        counted = row.get("counted", {})
        cells = [*start, row.get("layers", "-")]
        for name in ("dsp", "bram18"):
            cells += [estimated.get(name, "-"), counted.get(name, "-")]
        cells.append(row["seconds"]["verify"] if counted else row["error"].replace("|", "/"))
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def page(rows: list[dict[str, Any]]) -> str:
    """Put the table into its page."""
    versions = ", ".join(f"{name} {number}" for name, number in rows[0]["versions"].items())
    verified = sum("counted" in row for row in rows)
    listed = [f"- {row['file']}: {', '.join(row['uncounted'])}" for row in rows if row.get("uncounted")]
    uncounted = "\n".join(["", "Layers with weights that are not counted:", "", *listed, ""]) if listed else ""
    return f"""# Every network at hand

Hls4ml's example networks for jet tagging, MLPerf Tiny's, and small ONNX ones: as Keras models where Keras reads them,
as hls4ml graphs otherwise. 16-bit weights and data where the network has no types of its own, io_stream; latency at
reuse factor 1 for small networks, and a resource strategy for large ones. `kp.estimate` says what they use,
`kp.verify` converts them with hls4ml and counts in the generated C++. {verified} of {len(rows)} rows are verified: the
two agree in every layer. The last column of the others says what stopped them. The wide jet-tagging networks
(`KERAS_dense_16x...`) are published with hidden weights of about 1e-6, which are zero in 16 bits and need no DSP.

{table(rows)}
{uncounted}
Made by `bench/networks/models.py` from `models.json` ({versions}).
"""


def main() -> None:
    """Run if there are models, then write the page from the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, help="folder of the networks; without it only the page is written")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of models.json and models.md")
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(run(SPECS[arguments.one], arguments.models)))
        return
    rows_file = arguments.out / "models.json"
    if arguments.models is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        rows: list[dict[str, Any]] = []
        for number, spec in enumerate(SPECS):
            rows.append(run_apart(number, arguments.models))
            print(spec.file, rows[-1].get("counted") or rows[-1]["error"], flush=True)
            rows_file.write_text(json.dumps(rows, indent=1) + "\n")
    (arguments.out / "models.md").write_text(page(json.loads(rows_file.read_text())))


if __name__ == "__main__":
    main()
