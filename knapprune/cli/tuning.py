"""The command ``tune``: which strength of the penalty leaves the best network at the budget."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.table import Table

from knapprune.cli.inputs import load, require_files
from knapprune.cli.pruning_options import said, with_pruning_options
from knapprune.cli.pruning_parameters import library_arguments, parameters_of
from knapprune.cli.screen import on_screen, say

if TYPE_CHECKING:
    from knapprune.pruning.tuning import Tuning

#: What `prune` does not take, or takes from what was found.
_OWN = ("study", "trials", "strengths", "form")


@with_pruning_options
def tune(
    context: typer.Context,
    study: Annotated[
        Path,
        typer.Option(help="A file that keeps what was tried; the same command goes on with it, also from elsewhere."),
    ],
    trials: Annotated[int, typer.Option(help="How many to finish, those in the file counted.")] = 20,
    strengths: Annotated[tuple[float, float], typer.Option(help="The smallest and the largest to try.")] = (1e-6, 1e-2),
    form: Annotated[str, typer.Option(help="price (each group by what it costs) or layer (one strength a layer).")] = (
        "price"
    ),
    **given: Any,
) -> None:
    """Prune with several strengths of the penalty on groups; say which left the best metric at the budget.

    It takes the options of `prune`, and prints the line to give to it.
    """
    with on_screen():
        import knapprune as kp

        parameters = parameters_of(given, said(context))
        files = parameters.files
        require_files(**files)
        try:
            arguments = library_arguments(parameters)
            tuning = kp.tune(
                load(files["model"], files.get("weights"), files["config"]),
                files["config"],
                study=study,
                trials=trials,
                strengths=strengths,
                form=cast(Any, form),
                on_trial=_teller(trials),
                **arguments,
            )
        except KeyboardInterrupt:
            say(f"What was finished is in {study}; the same command goes on with it.")
            raise
    _print(tuning)
    print(f"\n{_line(context, tuning)}")


def _teller(trials: int) -> Callable[[int, float, float | None], None]:
    """Return what is called after each trial: it says how it went, and about how long the rest will take."""
    started, first = time.monotonic(), 0

    def tell(finished: int, strength: float, metric: float | None) -> None:
        nonlocal first
        if metric is None:
            say(f"strength {strength:.3g}: ended without a metric; another is tried")
            return
        first = first or finished
        # Other processes may have finished some of them, and will of the rest.
        each = (time.monotonic() - started) / (finished - first + 1)
        minutes = max(trials - finished, 0) * each / 60
        left = f"; about {minutes:.0f} min left" if minutes >= 1 else ""
        say(f"trial {finished} of {trials}: strength {strength:.3g}, metric {metric:.4f}{left}")

    return tell


def _print(tuning: Tuning) -> None:
    table = Table("trial", "strength", "metric", "")
    for column in table.columns[:3]:
        column.justify = "right"
    best = False
    for number, (strength, metric) in enumerate(tuning.trials, start=1):
        mark = "best" if not best and strength == tuning.best.strength else ""
        best = best or bool(mark)
        table.add_row(str(number), f"{strength:.3g}", f"{metric:.4f}", mark)
    Console().print(table)
    print(
        f"best strength: {tuning.best.strength:.3g} (form {tuning.best.form}), metric {tuning.metric:.4f} at the budget"
    )


def _line(context: typer.Context, tuning: Tuning) -> str:
    """Return the command that prunes as the best trial did."""
    words = ["knapprune", "prune"]
    given = said(context) - set(_OWN)
    for parameter in context.command.params:
        if parameter.name not in given:
            continue
        value = context.params[parameter.name]
        if parameter.param_type_name == "argument":
            words.append(str(value))
        elif isinstance(value, bool):
            words.append(parameter.opts[0] if value else parameter.secondary_opts[0])
        else:
            for one in value if isinstance(value, list | tuple) else [value]:
                words += [parameter.opts[0], str(one)]
    words += ["--regularization", repr(tuning.best.strength), "--form", tuning.best.form, "--out", "pruned"]
    return shlex.join(words)
