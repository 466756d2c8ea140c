"""The command ``demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from knapprune.cli.options import Force, Out
from knapprune.cli.screen import EXIT_NOT_MET, import_keras_quietly, on_screen, print_report, say


def demo(
    out: Out = Path("knapprune-demo"),
    force: Force = False,
    seed: Annotated[int, typer.Option(help="Seed of the split, the first weights and the training.")] = 0,
) -> None:
    """Train, prune, convert, compile and verify a network for handwritten digits, in about a minute."""
    with on_screen():
        from knapprune.demo import run

        import_keras_quietly()

        result = run(out, force=force, seed=seed, say=say)
    print_report(result.report)
    Console().print(
        f"in {out}: report.html, report.json, accuracy.png, history.png, model.keras, masks.npz, hls_config.yml, "
        "hls4ml/",
        soft_wrap=True,
    )
    if not result.pruning.met:
        raise typer.Exit(EXIT_NOT_MET)
