"""The command ``knapprune``: estimate, select, prune, tune, verify, and a demonstration of it all.

Exit codes: 0 done, 1 done but the budget was not met, 2 the input was wrong or a check failed.
"""

from __future__ import annotations

import typer

from knapprune.cli.demonstration import demo
from knapprune.cli.estimating import estimate, verify
from knapprune.cli.pruning import prune
from knapprune.cli.selecting import select
from knapprune.cli.tuning import tune

app = typer.Typer(
    help="Choose, provably best, which weights of a network an FPGA keeps.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _command in (demo, estimate, select, prune, tune, verify):
    app.command()(_command)


def main() -> None:
    """Run the command line."""
    app()
