"""Cut the jet-tagging networks to a quarter of their DSPs, verify them, and write the table of it.

    python -m bench.networks.jets --models FOLDER      run, write docs/benchmarks/jets.json and jets.md
    python -m bench.networks.jets                      write jets.md anew from jets.json

FOLDER holds hls4ml's example models ``KERAS_3layer.json``, ``KERAS_3layer_weights.h5`` and so on, as in
https://github.com/fastmachinelearning/example-models (folder ``keras``). Kernels are real, trained weights; no data
come with them, so nothing is fine-tuned here and no accuracy is stated.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.measuring.machine import versions
from bench.networks.command import app
from bench.networks.study import Case, Row, Study, versions_of
from bench.solvers import formats

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


def cases(
    models: Annotated[
        Path | None, typer.Option(help="Folder of the example models; without it only the page is written.")
    ] = None,
) -> list[Case]:
    """List the networks, if there are models."""
    return [] if models is None else [case(spec, models) for spec in SPECS]


def case(spec: Spec, folder: Path) -> Case:
    """Make one network a case."""
    return Case(asdict(spec) | {"budget": {"dsp": BUDGET}}, partial(measure, spec, folder))


def measure(spec: Spec, folder: Path) -> Row:
    """Estimate, select and verify one network."""
    import knapprune as kp
    from knapprune.adapters.keras.files import load_keras_model

    started = time.perf_counter()
    model = load_keras_model(folder / f"{spec.network}.json")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        selection = kp.select(model, spec.config, budget={"dsp": BUDGET})
        selected = time.perf_counter()
        check = kp.verify(selection.apply(model), spec.config)
    return {
        "before": dict(selection.before.total),
        "cap": selection.budget[0].limit,
        "predicted": check.predicted,
        "counted": check.counted,
        "status": str(selection.solution.status),
        "solver": selection.solution.solver,
        "gap": selection.solution.gap,
        "remarks": sorted({str(warning.message) for warning in caught if warning.category.__module__[:4] == "knap"}),
        "seconds": {"select": round(selected - started, 2), "verify": round(check.seconds, 2)},
    }


def table(rows: list[Row]) -> str:
    """Lay the rows out as a table, and list the warnings below it."""
    header = (
        "network | strategy | reuse factors | IO | DSP before | budget | DSP predicted | DSP counted "
        "| BRAM_18K before | BRAM_18K counted | selection | verify [s]"
    )
    body: list[list[object]] = []
    notes = []
    for row in rows:
        factors = ", ".join(f"{name or 'all'} {rf}" if name else str(rf) for name, rf in row["reuse_factors"].items())
        start = [row["network"], row["strategy"], factors, row["io_type"]]
        if "error" in row:
            body.append([*start, f"failed: {row['error']}"])
            continue
        before, predicted, counted = row["before"], row["predicted"], row["counted"]
        proof = f"{row['status']} ({row['solver']}, gap {row['gap']:.2g})"
        dsp = [before["dsp"], row["cap"], predicted["dsp"], counted["dsp"]]
        body.append([*start, *dsp, before["bram18"], counted["bram18"], proof, row["seconds"]["verify"]])
        notes += [f"- {row['network']}, {row['strategy']}, {factors}: {remark}" for remark in row["remarks"]]
    listed = ["", "Warnings of these runs:", "", *notes] if notes else []
    return "\n".join([formats.table(header.split(" | "), body), *listed])


def page(rows: list[Row]) -> str:
    """Put the table into its page."""
    return f"""# Jet tagging at a quarter of the DSPs

Real, trained networks of hls4ml's examples, 16-bit weights and data. `kp.select` keeps the weights with the most
saliency within {BUDGET:.0%} of today's DSPs; `kp.verify` converts the masked network with hls4ml and counts, in the C++
it generates, the multipliers that its products need (constants of three signed digits, once an input; rows of memory)
and the halves of block RAMs (BRAM_18K) that hold a row with a non-zero weight. Predicted and counted agree in every
layer, or the row would say that it failed. Nothing is fine-tuned here.

{table(rows)}

Made by `bench/networks/jets.py` from `jets.json` ({versions_of(rows[0])}).
"""


STUDY = Study("jets", __doc__, page, cases, facts=partial(versions, "knapprune", "keras", "hls4ml"))

if __name__ == "__main__":
    app(STUDY)()
