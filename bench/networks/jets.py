"""Cut the jet-tagging networks to a quarter of their DSPs, verify them, and write the table of it.

    python -m bench.networks.jets --models FOLDER      run, write docs/benchmarks/jets.json and jets.md
    python -m bench.networks.jets                      write jets.md anew from jets.json

FOLDER holds hls4ml's example models ``KERAS_3layer.json``, ``KERAS_3layer_weights.h5`` and so on, as in
https://github.com/fastmachinelearning/example-models (folder ``keras``). Kernels are real, trained weights; no data
come with them, so nothing is fine-tuned here and no accuracy is stated.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
BUDGET = 0.25


@dataclass(frozen=True)
class Spec:
    """One network and how it is put on the chip."""

    network: str
    io_type: str
    strategy: str
    reuse_factors: dict[str, int]  # by layer; "" is every other layer

    @property
    def config(self) -> dict[str, Any]:
        settings = {"Precision": "ap_fixed<16,6>", "Strategy": self.strategy}
        return {
            "Model": settings | {"ReuseFactor": self.reuse_factors[""]},
            "LayerName": {name: settings | {"ReuseFactor": rf} for name, rf in self.reuse_factors.items() if name},
            "IOType": self.io_type,
        }


UNROLLED = "resource_unrolled"
SPECS = (
    Spec("KERAS_3layer", "io_parallel", UNROLLED, {"": 2}),
    Spec("KERAS_3layer", "io_parallel", UNROLLED, {"": 4}),
    Spec("KERAS_3layer", "io_parallel", UNROLLED, {"": 32, "fc1_relu": 16}),
    Spec("KERAS_3layer", "io_stream", UNROLLED, {"": 4}),
    Spec("KERAS_3layer", "io_parallel", "latency", {"": 1}),
    Spec("KERAS_conv1d_small", "io_stream", UNROLLED, {"": 2, "output_softmax": 5}),
    Spec("KERAS_conv1d_small", "io_stream", UNROLLED, {"": 4, "fc1_relu": 5, "output_softmax": 5}),
    Spec("KERAS_conv1d_small", "io_stream", "latency", {"": 1}),
)


def run(spec: Spec, folder: Path) -> dict[str, Any]:
    """Estimate, select and verify one network; a failure becomes a row too."""
    import knapprune as kp
    from knapprune.adapters.keras.files import load_keras_model

    row: dict[str, Any] = {
        "network": spec.network,
        "io_type": spec.io_type,
        "strategy": spec.strategy,
        "reuse_factors": spec.reuse_factors,
        "budget": {"dsp": BUDGET},
        "versions": {name: version(name) for name in ("knapprune", "keras", "hls4ml")},
    }
    started = time.perf_counter()
    try:
        model = load_keras_model(folder / f"{spec.network}.json")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            selection = kp.select(model, spec.config, budget={"dsp": BUDGET})
            selected = time.perf_counter()
            check = kp.verify(selection.apply(model), spec.config)
        row |= {
            "before": dict(selection.before.total),
            "cap": selection.budget[0].limit,
            "predicted": check.predicted,
            "counted": check.counted,
            "status": str(selection.solution.status),
            "solver": selection.solution.solver,
            "gap": selection.solution.gap,
            "remarks": sorted(
                {str(warning.message) for warning in caught if warning.category.__module__[:4] == "knap"}
            ),
            "seconds": {
                "select": round(selected - started, 2),
                "verify": round(check.seconds, 2),
            },
        }
    except Exception as error:
        row |= {"error": f"{type(error).__name__}: {error}"}
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """Lay the rows out as Markdown."""
    header = (
        "network | strategy | reuse factors | IO | DSP before | budget | DSP predicted | DSP counted "
        "| BRAM_18K before | BRAM_18K counted | selection | verify [s]"
    )
    lines = [f"| {header} |", "|" + " --- |" * (header.count("|") + 1)]
    notes = []
    for row in rows:
        factors = ", ".join(f"{name or 'all'} {rf}" if name else str(rf) for name, rf in row["reuse_factors"].items())
        start = [row["network"], row["strategy"], factors, row["io_type"]]
        if "error" in row:
            cells = [*start, f"failed: {row['error']}", *[""] * 7]
        else:
            before, predicted, counted = row["before"], row["predicted"], row["counted"]
            proof = f"{row['status']} ({row['solver']}, gap {row['gap']:.2g})"
            dsp = [before["dsp"], row["cap"], predicted["dsp"], counted["dsp"]]
            cells = [*start, *dsp, before["bram18"], counted["bram18"], proof, row["seconds"]["verify"]]
            notes += [f"- {row['network']}, {row['strategy']}, {factors}: {remark}" for remark in row["remarks"]]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join([*lines, *(["", "Warnings of these runs:", "", *notes] if notes else [])])


def page(rows: list[dict[str, Any]]) -> str:
    """Put the table into its page."""
    versions = ", ".join(f"{name} {number}" for name, number in rows[0]["versions"].items())
    return f"""# Jet tagging at a quarter of the DSPs

Real, trained networks of hls4ml's examples, 16-bit weights and data. `kp.select` keeps the weights with the most
saliency within {BUDGET:.0%} of today's DSPs; `kp.verify` converts the masked network with hls4ml and counts, in the C++
it generates, the multipliers that its products need (constants of three signed digits, once an input; rows of memory)
and the halves of block RAMs (BRAM_18K) that hold a row with a non-zero weight. Predicted and counted agree in every
layer, or the row would say that it failed. Nothing is fine-tuned here.

{table(rows)}

Made by `bench/networks/jets.py` from `jets.json` ({versions}).
"""


def main() -> None:
    """Run if there are models, then write the page from the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, help="folder of the example models; without it only the page is written")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of jets.json and jets.md")
    arguments = parser.parse_args()
    rows_file = arguments.out / "jets.json"
    if arguments.models is not None:
        rows = [run(spec, arguments.models) for spec in SPECS]
        arguments.out.mkdir(parents=True, exist_ok=True)
        rows_file.write_text(json.dumps(rows, indent=1) + "\n")
    (arguments.out / "jets.md").write_text(page(json.loads(rows_file.read_text())))


if __name__ == "__main__":
    main()
