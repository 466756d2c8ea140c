"""What a model uses on the chip: ``estimate`` predicts it, ``verify`` counts it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from knapprune.cli.inputs import load, read_data, read_hardware, require_files
from knapprune.cli.options import Config, DataOption, Force, HardwareOption, Model, MultipliersOption, Weights
from knapprune.cli.screen import on_screen


def estimate(
    model: Model,
    config: Config,
    weights: Weights = None,
    explain: Annotated[bool, typer.Option("--explain", help="Also say why, and what would make pruning pay.")] = False,
    hardware: HardwareOption = "hls4ml",
    multipliers: MultipliersOption = None,
) -> None:
    """Say what a model uses on the chip, layer by layer."""
    with on_screen():
        import knapprune as kp

        require_files(model=model, config=config, weights=weights, multipliers=multipliers)
        resources = kp.estimate(
            load(model, weights, config),
            config,
            explain=explain,
            hardware=read_hardware(hardware, multipliers, config),
        )
    print(resources.summary())


def verify(  # noqa: PLR0913
    model: Model,
    config: Config,
    weights: Weights = None,
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option(help="Keep the hls4ml project in this folder.")] = None,
    reports: Annotated[
        Path | None, typer.Option(help="Reports of Vitis or Vivado on this model's project, to set beside the counts.")
    ] = None,
    force: Force = False,
    synthesise: Annotated[
        bool, typer.Option("--synthesise", help="Synthesise adder graphs (distributed_arithmetic) with Yosys.")
    ] = False,
    multipliers: MultipliersOption = None,
) -> None:
    """Convert with hls4ml and count in the C++ what was predicted; with data, run it bit by bit."""
    with on_screen():
        import knapprune as kp

        require_files(model=model, config=config, weights=weights, data=data, multipliers=multipliers)
        loaded_data = read_data(data)
        check = kp.verify(
            load(model, weights, config),
            config,
            data=loaded_data,
            output_dir=out,
            force=force,
            hardware=read_hardware("hls4ml", multipliers, config),
            reports=reports,
            synthesise=synthesise,
        )
    print(check.summary())
