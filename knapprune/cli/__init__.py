"""The command ``knapprune``: estimate, select, frontier, prune, tune, sweep, verify, and a demonstration of it all.

Exit codes: 0 done, 1 done but the budget was not met, 2 the input was wrong or a check failed.
"""

from __future__ import annotations

from typing import Annotated

import typer

from knapprune.cli.demonstration import demo
from knapprune.cli.estimating import estimate, verify
from knapprune.cli.frontier import frontier
from knapprune.cli.pruning import prune
from knapprune.cli.selecting import select
from knapprune.cli.sweeping import sweep
from knapprune.cli.tuning import tune
from knapsolve.cli.terminal import version_printer

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _command in (demo, estimate, select, frontier, prune, tune, sweep, verify):
    app.command()(_command)


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=version_printer("knapprune"), is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Choose, provably best, which weights of a network an FPGA keeps."""


def main() -> None:
    """Run the command line."""
    app()
