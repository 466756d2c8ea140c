"""The command ``knapsolve``: solve a file, list the solvers, run the benchmark.

Exit codes: 0 a selection was found, 1 there is none or none was found in time, 2 the input was wrong.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from knapsolve.cli.checkout import checkout, run_benchmark
from knapsolve.cli.terminal import sentences_for_errors, version_printer
from knapsolve.files import atomic
from knapsolve.files import reading as files
from knapsolve.files.tokens import as_numbers
from knapsolve.limits.interruption import terminated_as_interrupted
from knapsolve.plugins import find, owner
from knapsolve.problem import Knapsack
from knapsolve.solution import Solution, Status, relative_gap
from knapsolve.solver import AUTO, ENTRY_POINT_GROUP, Capabilities, Progress, Solver, installed, load, remedy, solvers

EXIT_NOTHING_FOUND = 1
SECONDS_A_LINE = 1.0
"""How often progress is printed where no person watches."""

app = typer.Typer(
    help="Solve knapsack problems exactly, with a proof.", no_args_is_help=True, pretty_exceptions_enable=False
)


@app.command()
def solve(  # noqa: PLR0913
    file: Annotated[
        Path,
        typer.Argument(
            help="OR-Library, SAC-94, knapPI, Jooken, Khan's MMKP, JSON, or a table of items (CSV: value,weight...). "
            "Known by its content."
        ),
    ],
    solver: Annotated[str, typer.Option(help="A name that `knapsolve list` shows.")] = AUTO,
    time_limit: Annotated[float | None, typer.Option(help="Seconds after which the best so far is returned.")] = None,
    gap: Annotated[float, typer.Option(help="Relative gap at which to stop; 0 asks for a proof.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of every random decision.")] = 0,
    index: Annotated[int, typer.Option(help="Which problem of the file, from 0.")] = 0,
    capacity: Annotated[
        list[str] | None,
        typer.Option(help="For a table of items: capacity of each weight, repeated or with commas: 10,20."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the solution here as JSON.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the solution as JSON, not as a table.")] = False,
) -> None:
    """Solve a problem from a file. Ctrl-C and SIGTERM end it with the best selection so far."""
    with sentences_for_errors(), terminated_as_interrupted():
        # Everything that can be wrong is found before any work is done.
        if output is not None:
            _check_output(output, force)
        problem = files.read(file, index, capacities=_capacities(capacity))
        with _progress_shown() as on_progress:
            from knapsolve.portfolio.solving import solve as solve_problem  # the solvers load here, not for --help

            solution = solve_problem(
                problem, solver=solver, time_limit=time_limit, gap=gap, seed=seed, on_progress=on_progress
            )
        record = json.dumps({"file": file.name, "index": index, **solution.to_dict()}, indent=1) + "\n"
        # First the answer: what becomes of the file must not lose it.
        if as_json:
            sys.stdout.write(record)
        else:
            _print_solution(problem, solution)
        if output is not None:
            _write(output, record)
    if solution.status not in (Status.OPTIMAL, Status.FEASIBLE):
        raise typer.Exit(EXIT_NOTHING_FOUND)


@app.command("list")
def list_solvers() -> None:
    """List the solvers, what they can do, and whether they are installed."""
    # Narrow enough for 80 columns: a version is read to its last digit.
    table = Table(
        "solver", "proves", "resources", "choices", "requires", "anytime", "from", box=None, padding=(0, 1, 0, 0)
    )
    remarks = []
    for name in solvers():
        if name == AUTO:
            table.add_row(AUTO, "yes", "any", "yes", "yes", "yes", "the others")
            continue
        try:
            solver = load(name)
        except ImportError as error:
            remarks.append(str(error))
            continue
        origin = _origin(name, solver)
        if origin is None:
            remarks.append(f"{name} needs {_distribution(name, solver)}: {remedy(solver)}")
        table.add_row(name, *_in_words_of(solver.capabilities), escape(origin or "not installed"))
    console = Console()
    console.print(table)
    for sentence in remarks:
        console.print(f"[yellow]not available:[/] {escape(sentence)}", soft_wrap=True)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,  # --help is the benchmark's too
)
def bench(context: typer.Context) -> None:
    """Run the benchmark, in a checkout of the repository: what follows is passed to `python -m bench`."""
    with sentences_for_errors():
        root = checkout()
    run_benchmark(root, context.args)


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=version_printer("knapsolve"), is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Solve knapsack problems exactly, with a proof."""


def main() -> None:
    """Run the command line."""
    app()


def _check_output(output: Path, force: bool) -> None:
    """Find before any work whether the solution could be written."""
    if output.exists() and not output.is_file():
        raise ValueError(f"--output must name a file; got {output}, which is none (--json prints the solution)")
    if output.exists() and not force:
        raise FileExistsError(f"{output} exists; pass --force to overwrite it")
    if not output.absolute().parent.is_dir():
        raise FileNotFoundError(f"the folder of --output does not exist: {output.absolute().parent}")
    try:
        atomic.ensure_writable(output)
    except OSError as error:
        raise OSError(f"--output must name a file that can be written; {output}: {error.strerror or error}") from error


def _write(output: Path, record: str) -> None:
    try:
        atomic.write_text(output, record)
    except OSError as error:
        raise OSError(f"the solution above is not in {output}, which could not be written: {error.strerror}") from error


def _capacities(given: list[str] | None) -> NDArray[Any] | None:
    """Return the capacities that were given one by one, or with commas between them."""
    if not given:
        return None
    words = [word.strip() for words in given for word in words.split(",")]
    try:
        return as_numbers(words)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"--capacity must be numbers, one for each weight; got {','.join(given)}") from error


@contextmanager
def _progress_shown() -> Iterator[Callable[[Progress], None]]:
    """Show value, bound and gap as they improve: in one line for a person who watches, else a line now and then."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        lines = _Lines(console)
        yield lines.show
        lines.last()
        return
    with console.status("solving") as status:
        yield lambda progress: status.update(_in_words(progress))


class _Lines:
    """Prints reports as plain lines, the first at once and then no more than one in `SECONDS_A_LINE`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown = -math.inf
        self._held: Progress | None = None

    def show(self, progress: Progress) -> None:
        self._held = progress
        if progress.seconds - self._shown >= SECONDS_A_LINE:
            self._shown = progress.seconds
            self.last()

    def last(self) -> None:
        """Print the newest report, if it has not been."""
        if self._held is not None:
            self._console.print(_in_words(self._held), soft_wrap=True)
            self._held = None


def _in_words(progress: Progress) -> str:
    gap = relative_gap(progress.value, progress.bound)
    return f"{progress.seconds:.1f} s  value {progress.value:.15g}  bound {progress.bound:.15g}  gap {gap:.4%}"


def _print_solution(problem: Knapsack, solution: Solution) -> None:
    table = Table(show_header=False)
    table.add_row("status", f"[bold]{solution.status}[/]")
    if math.isfinite(solution.value):
        table.add_row("value", f"{solution.value}")
    if math.isfinite(solution.bound):
        table.add_row("bound", f"{solution.bound}")
    if math.isfinite(solution.gap):
        table.add_row("gap", f"{solution.gap:.3g}")
    table.add_row("chosen", f"{int(solution.selected.sum())} of {problem.n} items")
    for i in range(min(problem.m, 10)):
        table.add_row(f"resource {i}", f"{solution.usage[i]} of {problem.capacities[i]}")
    if problem.m > 10:
        table.add_row("", f"and {problem.m - 10} more resources")
    table.add_row("solver", solution.solver)
    table.add_row("seconds", f"{solution.seconds:.3f}")
    for line in solution.trace:
        table.add_row("trace", escape(line))
    Console().print(table)


def _in_words_of(capabilities: Capabilities) -> list[str]:
    dimensions = "any" if capabilities.dimensions is None else f"{capabilities.dimensions}"
    if capabilities.integer_weights:
        dimensions += ", whole"
    flags = [capabilities.choices, capabilities.requires, capabilities.anytime]
    return ["yes" if capabilities.exact else "no", dimensions, *("yes" if flag else "no" for flag in flags)]


def _distribution(name: str, solver: Solver) -> str:
    """Return the distribution that does the work: the backend's where a solver names one, else its own."""
    named: str | None = getattr(solver, "distribution", None)
    return owner(find(ENTRY_POINT_GROUP)[name]) if named is None else named


def _origin(name: str, solver: Solver) -> str | None:
    """Return distribution and version that do the work, None where it is not installed."""
    distribution = _distribution(name, solver)
    with suppress(importlib.metadata.PackageNotFoundError):
        if installed(solver):
            return f"{distribution} {importlib.metadata.version(distribution)}"
    return None
