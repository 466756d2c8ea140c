"""The command ``prune``."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from knapprune.cli.inputs import CHECKPOINT, check_run_folder, claim_run_folder, load, require_files
from knapprune.cli.pruning_options import said, with_pruning_options
from knapprune.cli.pruning_parameters import RECORD, library_arguments, parameters_of, recorded
from knapprune.cli.screen import EXIT_NOT_MET, on_screen, print_report


@with_pruning_options
def prune(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="Folder for the results, and for the state while it runs.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="In place of --out: the folder of a run that was interrupted; goes on with it, by its own run.toml "
            "where there is no --params."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files of an earlier run in that folder.")] = False,
    patience: Annotated[int, typer.Option(help="Steps in a row that may miss the tolerance; 0 for any number.")] = 0,
    regularization: Annotated[float, typer.Option(help="Strength of the pull on groups of weights to zero.")] = 0.0,
    form: Annotated[
        str | None,
        typer.Option(help="With --regularization: layer (one strength a layer; by default) or price (what it costs)."),
    ] = None,
    **shared: Any,
) -> None:
    """Prune by steps with fine-tuning; write the model, masks.npz, hls_config.yml, a report and history.png.

    The settings in force are written to run.toml first: --params with that file does the same again.
    """
    given = {**shared, "patience": patience, "regularization": regularization, "form": form}
    with on_screen():
        import knapprune as kp
        from knapprune.report import files as output
        from knapprune.report.page import require_page_tools

        check_run_folder(out, resume)
        if given["params"] is None and resume is not None and (resume / RECORD).is_file():
            given["params"] = resume / RECORD
        parameters = parameters_of(given, said(context))
        files = parameters.files
        if "checkpoint" in parameters.settings:
            raise ValueError(f"{given['params']}: keep.checkpoint: expected none, since the command keeps it in --out")
        require_files(files["model"], files["config"])
        require_page_tools()
        arguments = library_arguments(parameters)
        folder = claim_run_folder(out, force) if out is not None else cast(Path, resume)
        with nullcontext() if out is None else recorded(parameters, folder):
            model = load(files["model"], files.get("weights"), files["config"])
            result = kp.prune(model, files["config"], checkpoint=folder / CHECKPOINT, **arguments)
        output.write_model(folder / "model.keras", result.model)
        output.write_arrays(folder / "masks.npz", result.masks)
        output.write_yaml(folder / "hls_config.yml", result.hls_config)
        report = result.report
        report.save(folder / "report.json")
        report.save(folder / "report.html")
        result.plot(folder / "history.png")
        if result.stopped is None:
            shutil.rmtree(folder / CHECKPOINT)
    print_report(report)
    if not result.met:
        raise typer.Exit(EXIT_NOT_MET)
