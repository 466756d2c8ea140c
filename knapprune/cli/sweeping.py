"""The command ``sweep``: every combination of settings, in a table that survives."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from knapprune.cli.inputs import load, require_files
from knapprune.cli.pruning_parameters import library_arguments, require_needed
from knapprune.cli.screen import on_screen, say

#: The table that the command writes into its folder, beside the rows.
TABLE = "sweep.csv"


def sweep(
    params: Annotated[
        Path,
        typer.Argument(
            help="A TOML file as for prune --params, with the model and the data in its table files, and in its table "
            "grid a list of values for each setting that is to vary, reuse_factor, precision and strategy among them."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the rows; the same command goes on with what is there.")],
    jobs: Annotated[int, typer.Option(help="Processes on this machine.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a scheduler of Dask's, in place of --jobs: tcp://10.0.0.1:8786.")
    ] = None,
) -> None:
    """Prune with every combination of settings; keep each as soon as it is there, and write sweep.csv."""
    with on_screen():
        import knapprune as kp
        from knapprune.pruning.parameters import Parameters
        from knapprune.pruning.sweeping import flat

        parameters = Parameters.read(params)
        if not parameters.grid:
            raise ValueError(f"{params}: grid: got none, expected a table such as: seed = [0, 1, 2]")
        if twice := sorted(set(parameters.grid) & set(parameters.settings)):
            raise ValueError(f"{params}: {twice[0]}: got it in the table grid and beside it, expected it in one")
        files = parameters.files
        require_needed(files, str(params))
        require_files(**files)
        given = Parameters({"hardware": "hls4ml", **parameters.settings}, files)
        arguments = library_arguments(given)
        model = load(files["model"], files.get("weights"), files["config"])
        try:
            result = kp.sweep(
                model, files["config"], parameters.grid, folder=out, jobs=jobs, scheduler=scheduler, on_row=_tell,
                **arguments,
            )  # fmt: skip
        except KeyboardInterrupt:
            say(f"What was finished is in {out}; the same command goes on with it.")
            raise
        rows = [flat(row) for row in result.rows]
        _write(out / TABLE, rows)
    _print(rows, list(parameters.grid))
    print(f"in {out}: {TABLE}, rows/")


def _tell(done: int, of: int, row: dict[str, Any]) -> None:
    came = row["error"] or f"metric {row['metric']:.4f}, {'met' if row['met'] else 'not met'}"
    say(f"{done} of {of}: {came}")


def _write(file: Path, rows: list[dict[str, Any]]) -> None:
    from knapsolve.files.atomic import write_text

    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    write_text(file, text.getvalue())


def _print(rows: list[dict[str, Any]], varied: list[str]) -> None:
    table = Table(*varied, "metric", "met", "dsp", "bram18", "lut", box=None)
    for row in rows:
        metric = "-" if row["metric"] is None else f"{row['metric']:.4f}"
        used = [str(row.get(name, "-")) for name in ("dsp", "bram18", "lut")]
        table.add_row(*(str(row[name]) for name in varied), metric, "yes" if row["met"] else "no", *used)
    Console().print(table)
