"""Finds the benchmark, which lives in a checkout of the repository and in no wheel, and runs it."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def checkout(package: Path = PACKAGE) -> Path:
    """Return the root of the checkout that a package was imported from.

    Parameters
    ----------
    package
        Folder of the package.

    Raises
    ------
    FileNotFoundError
        If it is not a checkout's ``solvers/knapsolve``, with ``bench`` beside ``solvers``.
    """
    root = package.parents[1]
    if package.parent.name != "solvers" or not (root / "bench" / "__main__.py").is_file():
        raise FileNotFoundError(
            "the benchmark needs a checkout of the repository, for no wheel holds it; run pip install -e . in one, "
            "then knapsolve bench"
        )
    return root


def run_benchmark(root: Path, arguments: list[str]) -> None:
    """Run ``python -m bench`` in this process; it ends as that command does, by SystemExit.

    Parameters
    ----------
    root
        Root of the checkout.
    arguments
        What follows the command.
    """
    sys.path.insert(0, str(root))
    sys.argv = ["bench", *arguments]
    runpy.run_module("bench", run_name="__main__", alter_sys=True)
