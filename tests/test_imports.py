"""Importing is cheap: nothing heavy loads until it is used."""

import subprocess
import sys

import pytest

HEAVY = {"numba", "tensorflow", "keras", "torch", "hls4ml", "ortools", "sklearn", "matplotlib", "networkx", "cvxpy"}


@pytest.mark.parametrize("module", ["knapprune", "knapsolve", "knapsolve.cli.commands", "knapprune.cli"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    script = f"import {module}, sys; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    assert module.partition(".")[0] in loaded
    assert not loaded & HEAVY


def test_listing_the_solvers_by_name_loads_none() -> None:
    script = "import sys, knapsolve; names = knapsolve.solvers(); print(*sys.modules); assert 'highs' in names"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
    assert "knapsolve.backends.highs" not in loaded


def test_the_engine_never_imports_the_network_side() -> None:
    script = (
        "import sys, pkgutil, importlib, knapsolve\n"
        "for found in pkgutil.walk_packages(knapsolve.__path__, 'knapsolve.'):\n"
        "    if not found.name.endswith('_run'): importlib.import_module(found.name)\n"
        "assert not [name for name in sys.modules if name.partition('.')[0] == 'knapprune'], 'the arrow is one-way'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
