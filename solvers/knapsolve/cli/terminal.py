"""What the command lines share: a user sees a sentence, not a traceback."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

EXIT_BAD_INPUT = 2


def version_printer(name: str) -> Callable[[bool], None]:
    """Return what `--version` calls; both commands are of one distribution."""

    def printer(asked: bool) -> None:
        if asked:
            print(f"{name} {importlib.metadata.version('knapprune')}")
            raise typer.Exit

    return printer


@contextmanager
def sentences_for_errors() -> Iterator[None]:
    """Turn what the user can mend into a sentence on standard error and exit code 2.

    Errors of other kinds are mistakes of ours and keep their traceback.
    """
    try:
        yield
    except (OSError, ValueError, TypeError, ImportError, RuntimeError, MemoryError) as error:
        Console(stderr=True).print(f"[red]Error:[/] {escape(_sentence(error))}", soft_wrap=True)
        raise typer.Exit(EXIT_BAD_INPUT) from error


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)
