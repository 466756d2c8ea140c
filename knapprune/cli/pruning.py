"""The command ``prune``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from knapprune.cli.inputs import CHECKPOINT, RECORD, check_run_folder, load, require_files, run_folder
from knapprune.cli.pruning_options import said, with_pruning_options
from knapprune.cli.pruning_parameters import library_arguments, parameters_of, recorded
from knapprune.cli.screen import EXIT_INTERRUPTED, EXIT_NOT_MET, on_screen, print_report, say

if TYPE_CHECKING:
    from knapprune.pruning import Pruning

#: What the command may write.
WRITTEN = (
    "run.toml",
    CHECKPOINT,
    "model.keras",
    "masks.npz",
    "hls_config.yml",
    "report.json",
    "report.html",
    "history.png",
)


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
        from knapprune.pruning.checkpoint import discard
        from knapprune.report.page import require_page_tools

        check_run_folder(out, resume, given["params"] is not None)
        if given["params"] is None and resume is not None and (resume / RECORD).is_file():
            given["params"] = resume / RECORD
        parameters = parameters_of(given, said(context))
        files = parameters.files
        if "checkpoint" in parameters.settings:
            raise ValueError(f"{given['params']}: keep.checkpoint: expected none, since the command keeps it in --out")
        require_files(**files)
        require_page_tools()
        arguments = library_arguments(parameters)
        interrupted = False
        with run_folder(out, resume, WRITTEN, force) as folder:
            with nullcontext() if out is None else recorded(parameters, folder):
                model = load(files["model"], files.get("weights"), files["config"])
                try:
                    result = kp.prune(model, files["config"], checkpoint=folder / CHECKPOINT, **arguments)
                except kp.PruningInterrupted as interruption:
                    result, interrupted = interruption.pruning, True
            _write(folder, result)
            if result.stopped is None:
                discard(folder / CHECKPOINT)
    print_report(result.report)
    if interrupted:
        say(f"Interrupted. The best so far is in {folder}; to go on: knapprune prune --resume {quote(str(folder))}")
        raise typer.Exit(EXIT_INTERRUPTED)
    if not result.met:
        raise typer.Exit(EXIT_NOT_MET)


def _write(folder: Path, result: Pruning) -> None:
    """Write what a pruning found."""
    from knapprune.report import files as output

    output.write_model(folder / "model.keras", result.model)
    output.write_arrays(folder / "masks.npz", result.masks)
    output.write_yaml(folder / "hls_config.yml", result.hls_config)
    report = result.report
    report.save(folder / "report.json")
    report.save(folder / "report.html")
    result.plot(folder / "history.png")
