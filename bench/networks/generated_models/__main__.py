"""Draw models, convert and count them, and write the page of it.

python -m bench.networks.generated_models               write the page anew from its rows
python -m bench.networks.generated_models --count 300   run until so many models are predicted as counted
python -m bench.networks.generated_models --only 44     run one case and print its row
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated

import typer

from bench.measuring.machine import versions
from bench.networks.command import app
from bench.networks.generated_models.cases import cases as drawn
from bench.networks.generated_models.page import page
from bench.networks.generated_models.run import run
from bench.networks.study import Case, Study


def cases(
    count: Annotated[int, typer.Option(help="Models to be predicted as counted; 0 runs none.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Number of the first case.")] = 0,
    only: Annotated[int | None, typer.Option(help="Run this case alone, and print its row.")] = None,
) -> Iterable[Case]:
    """Draw models until enough of them are equal."""
    if only is not None:
        print(json.dumps(run(next(drawn(only))), indent=1))
    return until(count, seed) if count and only is None else []


def until(count: int, seed: int) -> Iterator[Case]:
    """Draw cases until enough of their rows say that what was predicted was counted."""
    outcomes: list[str] = []
    for case in drawn(seed):
        yield Case(case.to_dict(), partial(run, case), lambda row: outcomes.append(row.get("outcome", "failed")))
        if outcomes.count("equal") == count:
            return


STUDY = Study(
    "generated-models",
    __doc__,
    page,
    cases,
    facts=partial(versions, "knapprune", "hls4ml", "keras", "torch", "onnx", "HGQ2", "da4ml"),
)

if __name__ == "__main__":
    app(STUDY)()
