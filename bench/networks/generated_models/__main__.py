"""The command ``python -m bench.networks.generated_models``: draw models, count them, keep the rows, write the page.

python -m bench.networks.generated_models               write the page anew from its rows
python -m bench.networks.generated_models --count 300   run until so many models are predicted as counted
python -m bench.networks.generated_models --only 44     run one case and print its row
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from bench.measuring.machine import ROOT
from bench.networks.generated_models.cases import cases
from bench.networks.generated_models.page import page
from bench.networks.generated_models.run import run

OUT = ROOT / "docs" / "benchmarks"


def main(
    count: Annotated[int, typer.Option(help="Models to be predicted as counted; 0 runs none.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Number of the first case.")] = 0,
    only: Annotated[int | None, typer.Option(help="Run this case alone.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the rows and the page.")] = OUT,
) -> None:
    """Draw models, convert and count them."""
    if only is not None:
        print(json.dumps(run(next(cases(only))), indent=1))
        return
    rows_file = out / "generated-models.json"
    if count:
        versions = {name: version(name) for name in ("knapprune", "hls4ml", "keras", "torch", "onnx", "HGQ2", "da4ml")}
        rows = [{"versions": versions, **row} for row in track(_until(count, seed), "models", total=None)]
        out.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join(json.dumps(row) for row in rows)
        rows_file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    found = json.loads(rows_file.read_text(encoding="utf-8"))
    (out / "generated-models.md").write_text(page(found), encoding="utf-8")


def _until(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Run cases until enough of them are equal."""
    equal = 0
    for case in cases(seed):
        row = run(case)
        yield row
        equal += row["outcome"] == "equal"
        if equal == count:
            return


if __name__ == "__main__":
    typer.run(main)
