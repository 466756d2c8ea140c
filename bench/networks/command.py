"""The command line of a study: the options that all have, and its own."""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.networks.study import DOCS, Study, measure, write_page
from bench.solvers import rows
from knapsolve.cli.terminal import sentences_for_errors


def shared(
    out: Annotated[Path, typer.Option(help="Folder of the rows and the page.", show_default="docs/benchmarks")] = DOCS,
    page_only: Annotated[
        bool, typer.Option("--page-only", "--table", help="Measure nothing; write the page from the rows there are.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again/--missing", help="Measure anew what has a row, or only what has none.")
    ] = False,
) -> None:
    """Hold the options that every study has."""


def app(study: Study) -> typer.Typer:
    """Make the command of a study."""
    own = inspect.signature(study.cases or study.record or shared, eval_str=True).parameters
    common = dict(inspect.signature(shared, eval_str=True).parameters)
    if study.record:
        del common["again"]

    def main(**given: Any) -> None:
        options = {name: given[name] for name in own}
        out, measuring = given["out"], not given["page_only"]
        with sentences_for_errors():
            refuse_unwritable(out)
            if study.record and measuring:
                rows.save(out / f"{study.name}.json", study.record(**options))
            cases = study.cases(**options) if study.cases and measuring else []
        measure(study, cases, out, given.get("again", False))
        if not (out / f"{study.name}.json").exists():
            raise typer.BadParameter(f"out: {out} holds no {study.name}.json, and nothing was measured")
        write_page(study, out)

    parameters = {name: parameter for name, parameter in own.items() if name not in common} | common
    main.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    main.__annotations__ = {name: parameter.annotation for name, parameter in parameters.items()}
    made = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    made.command(help="\n\n".join(f"\b\n{part}" for part in study.about.split("\n\n")))(main)
    return made


def refuse_unwritable(folder: Path) -> None:
    """Make a folder and write to it, before hours are spent on what could not be kept."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise typer.BadParameter(f"out: {folder} cannot be written to ({error.strerror}); give another") from error
