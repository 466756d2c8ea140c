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
#: What installs the packages that hls4ml imports only where a model needs them.
_EXTRAS = {"da4ml": "da", "hgq": "hgq"}


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
        raise _not_installed(missing.partition(".")[0], extra) from error


def missing_extra(error: BaseException) -> MissingToolError | None:
    """Return the error for a package that hls4ml did not find in the middle of its work; None where it is another."""
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return _not_installed(package, _EXTRAS[package]) if package in _EXTRAS else None


def _not_installed(package: str, extra: str) -> MissingToolError:
    return MissingToolError(
        f'{_TITLES.get(package, package)} is not installed; install it with: pip install "knapprune[{extra}]"'
    )


def require_program(name: str, *, install: str) -> None:
    """Check that a program is there."""
    if shutil.which(name) is None:
        raise MissingToolError(f"{name} is not on the path; install it with: {install}")


def require_hls4ml() -> Any:
    """Import hls4ml."""
    return require("hls4ml", extra="hls4ml")
