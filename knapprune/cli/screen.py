"""What the commands show: sentences for errors and warnings, and a pruning's before and after as a table."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from knapprune.tools import require
from knapsolve.cli.terminal import sentences_for_errors
from knapsolve.limits.interruption import terminated_as_interrupted

if TYPE_CHECKING:
    from knapprune.report.report import Report

EXIT_NOT_MET = 1
#: What shells say of a command that Ctrl-C ended.
EXIT_INTERRUPTED = 130


@contextmanager
def on_screen() -> Iterator[None]:
    """Show errors, warnings and interruptions as sentences; SIGTERM is an interruption as Ctrl-C is."""
    with terminated_as_interrupted(), warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            with sentences_for_errors():
                yield
        except KeyboardInterrupt:
            say("Interrupted.")
            raise typer.Exit(EXIT_INTERRUPTED) from None


def say(line: str) -> None:
    """Tell how far a command is, on standard error."""
    Console(stderr=True).print(f"[dim]{escape(line)}[/]", soft_wrap=True)


def print_report(report: Report) -> None:
    """Print the before and after of a pruning as a table."""
    content = report.content
    table = Table("", "unpruned", "pruned", "counted", "budget", "change")
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    counted = content["pruned"]["counted"] or {}
    for name, before in content["baseline"]["resources"].items():
        after = content["pruned"]["resources"][name]
        change = f"{100 * (after - before) / before:+.1f} %" if before else "-"
        limit = content["budget"].get(name, "-")
        table.add_row(name, str(before), str(after), str(counted.get(name, "-")), str(limit), change)
    labels: dict[Literal["metric", "model_accuracy", "accuracy"], str] = {
        "metric": "metric, validation",
        "model_accuracy": "accuracy, float",
        "accuracy": "accuracy, bit-accurate",
    }
    for key, label in labels.items():
        unpruned, pruned = content["baseline"][key], content["pruned"][key]
        if unpruned is not None and pruned is not None:
            table.add_row(label, f"{unpruned:.4f}", f"{pruned:.4f}", "", "", f"{100 * (pruned - unpruned):+.2f} points")
    console = Console()
    console.print(table)
    if content["understood"]:
        console.print(f"budget: {escape('; '.join(content['understood']))}", soft_wrap=True)
    proof = content["selection"]
    if proof is not None:
        console.print(f"selection: {proof['status']} by {proof['solver']}, gap {proof['gap']:.2g}")
    if content["ended"]:
        console.print(f"[yellow]Ended early:[/] {escape(content['ended'])}", soft_wrap=True)
    if not content["met"]:
        console.print("[yellow]The budget is not met:[/] no step within the tolerance kept it.")
    console.print(f"{content['seconds']:.1f} s")


def import_keras_quietly() -> None:
    """Import Keras with standard error closed: TensorFlow's start-up messages come from C++ and cannot be filtered."""
    if sys.modules.get("keras") is not None:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        require("keras", extra="keras")
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, UserWarning):
        Console(stderr=True).print(f"[yellow]Warning:[/] {escape(str(message))}", soft_wrap=True)
