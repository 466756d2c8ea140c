"""The command ``prune``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from knapprune.cli.inputs import CHECKPOINT, load, require_files, run_folder
from knapprune.cli.options import (
    BatchSize,
    Budget,
    Config,
    Distill,
    Epochs,
    FinalEpochs,
    Force,
    HardwareOption,
    LearningRate,
    Model,
    MultipliersOption,
    Normalise,
    Quantise,
    Regrow,
    SaliencyData,
    SaliencyOption,
    ScheduleOption,
    Seed,
    SolverOption,
    Steps,
    StructureOption,
    Temperature,
    TimeLimit,
    Tolerance,
    Train,
    ValidationOption,
    Weights,
)
from knapprune.cli.pruning_options import pruning_arguments, read_regularization
from knapprune.cli.screen import EXIT_NOT_MET, on_screen, print_report


def prune(
    model: Model,
    config: Config,
    train: Train,
    validation: ValidationOption,
    budget: Budget = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results, and for the state while it runs.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="In place of --out: the folder of a run that was interrupted; goes on with it.")
    ] = None,
    weights: Weights = None,
    tolerance: Tolerance = 0.02,
    patience: Annotated[int, typer.Option(help="Steps in a row that may miss the tolerance; 0 for any number.")] = 0,
    schedule: ScheduleOption = "polynomial",
    steps: Steps = 5,
    epochs: Epochs = 4,
    final_epochs: FinalEpochs = None,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = "constant",
    regrow: Regrow = 0.0,
    distill: Distill = 0.0,
    temperature: Temperature = None,
    regularization: Annotated[float, typer.Option(help="Strength of the pull on groups of weights to zero.")] = 0.0,
    form: Annotated[
        str | None,
        typer.Option(help="With --regularization: layer (one strength a layer; by default) or price (what it costs)."),
    ] = None,
    quantise: Quantise = False,
    seed: Seed = 0,
    structure: StructureOption = None,
    saliency: SaliencyOption = "l1",
    saliency_data: SaliencyData = None,
    normalise: Normalise = "lamp",
    solver: SolverOption = "auto",
    time_limit: TimeLimit = 10.0,
    force: Force = False,
    hardware: HardwareOption = "hls4ml",
    multipliers: MultipliersOption = None,
) -> None:
    """Prune by steps with fine-tuning; write model.keras, masks.npz, report.json, report.html and history.png."""
    given = dict(locals())
    with on_screen():
        import knapprune as kp
        from knapprune.report import files as output
        from knapprune.report.page import require_page_tools

        require_files(model, config)
        require_page_tools()
        arguments = pruning_arguments(given)
        penalty = read_regularization(regularization, form)
        folder = run_folder(out, resume, force)
        result = kp.prune(
            load(model, weights, config),
            config,
            patience=patience or None,
            regularization=penalty,
            checkpoint=folder / CHECKPOINT,
            **arguments,
        )
        output.write_model(folder / "model.keras", result.model)
        output.write_masks(folder / "masks.npz", result.masks)
        report = result.report
        report.save(folder / "report.json")
        report.save(folder / "report.html")
        result.plot(folder / "history.png")
        if result.stopped is None:
            shutil.rmtree(folder / CHECKPOINT)
    print_report(report)
    if not result.met:
        raise typer.Exit(EXIT_NOT_MET)
