"""The command ``frontier``: what is kept at each budget of one resource, without training."""

from __future__ import annotations

from typing import Annotated

import typer

from knapprune.cli.inputs import load, read_budget, read_data, read_hardware, read_structure, require_files
from knapprune.cli.options import (
    Budget,
    Config,
    DataOption,
    Force,
    HardwareOption,
    Model,
    MultipliersOption,
    Normalise,
    Out,
    SaliencyOption,
    SolverOption,
    StructureOption,
    TimeLimit,
    Weights,
)
from knapprune.cli.screen import on_screen
from knapprune.report.run_folder import claimed

#: What the command may write.
WRITTEN = ("frontier.json", "frontier.csv", "frontier.png")


def frontier(  # noqa: PLR0913
    model: Model,
    config: Config,
    out: Out,
    resource: Annotated[str, typer.Option(help="The resource whose budget changes: dsp, bram18, bram or lut.")] = "dsp",
    points: Annotated[int, typer.Option(help="How many budgets, from what must stay to what is in use today.")] = 30,
    budget: Budget = None,
    weights: Weights = None,
    structure: StructureOption = None,
    saliency: SaliencyOption = "auto",
    normalise: Normalise = "auto",
    solver: SolverOption = "auto",
    time_limit: TimeLimit = 10.0,
    data: DataOption = None,
    force: Force = False,
    hardware: HardwareOption = "hls4ml",
    multipliers: MultipliersOption = None,
) -> None:
    """Say what is kept, and what one more unit would bring, at each budget of one resource.

    Writes frontier.json, frontier.csv and frontier.png; --budget is on other resources.
    """
    with on_screen():
        import knapprune as kp
        from knapprune.report import files as output
        from knapprune.tools import require
        from knapsolve.files.atomic import write_text

        require_files(model=model, config=config, weights=weights, data=data, multipliers=multipliers)
        if points < 1:
            raise ValueError(f"--points: got {points}, expected 1 or more")
        read = {
            "structure": read_structure(structure),
            "data": read_data(data),
            "hardware": read_hardware(hardware, multipliers, config),
        }
        parsed = read_budget(budget)
        require("matplotlib", extra="plots")
        with claimed(out, WRITTEN, force=force) as folder:
            found = kp.frontier(
                load(model, weights, config),
                config,
                resource,
                points,
                budget=parsed,
                saliency=saliency,
                normalise=normalise,
                solver=solver,
                time_limit=time_limit,
                **read,
            )
            output.write_json(folder / "frontier.json", found.to_dict())
            write_text(folder / "frontier.csv", found.to_csv())
            found.plot(folder / "frontier.png")
    print(found.summary())
