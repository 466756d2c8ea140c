"""What a step needs beside this package: asked for by name, and kept quiet while it works."""

from __future__ import annotations

import importlib
import io
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

#: What packages call themselves, where that is not the name they are imported by.
_TITLES = {"jinja2": "Jinja2", "keras": "Keras", "optuna": "Optuna", "sklearn": "scikit-learn"}


class MissingToolError(RuntimeError):
    """A program or package that a step needs is not installed; the message says what to install."""


class ConversionError(ValueError):
    """hls4ml, or qonnx before it, does not take a model; the message ends with what it said."""


@contextmanager
def quiet(said: io.StringIO) -> Iterator[None]:
    """Collect what hls4ml prints and warns in `said`, instead of on the user's screen."""
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(said), redirect_stderr(said):
        warnings.simplefilter("always")
        yield
    # A dict keeps the order and drops repetitions.
    for line in dict.fromkeys(f"{warning.category.__name__}: {warning.message}\n" for warning in caught):
        said.write(line)


def require(module: str, *, extra: str) -> Any:
    """Import a module of another package."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) and error.name else module
        package = missing.partition(".")[0]
        raise MissingToolError(
            f'{_TITLES.get(package, package)} is not installed; install it with: pip install "knapprune[{extra}]"'
        ) from error


def require_program(name: str, *, install: str) -> None:
    """Check that a program is there."""
    if shutil.which(name) is None:
        raise MissingToolError(f"{name} is not on the path; install it with: {install}")


def require_hls4ml() -> Any:
    """Import hls4ml."""
    return require("hls4ml", extra="hls4ml")
