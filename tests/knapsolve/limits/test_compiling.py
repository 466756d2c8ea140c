"""A cold cache is announced, a warm one is silent, and a first solve loads no more than it needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from knapsolve.limits.compiling import BEGUN, PATIENCE_SECONDS, Stopwatch

SOLVE = (
    "from knapsolve import Knapsack, solve; solve(Knapsack([3.5, 4, 5], [[1, 2, 3], [2, 1, 1]], [4, 3]), {solver!r})"
)
NEVER = {"ortools", "tensorflow", "keras", "hls4ml", "sklearn", "matplotlib", "cvxpy", "networkx", "rich", "typer"}


def run(script: str, cache: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment |= {} if cache is None else {"NUMBA_CACHE_DIR": str(cache)}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=300
    )


@pytest.mark.slow
@pytest.mark.compiled
def test_compiling_is_announced_once_and_a_warm_cache_is_silent(tmp_path: Path) -> None:
    cold = run(SOLVE.format(solver="branch-and-bound"), tmp_path).stderr.splitlines()
    assert [line for line in cold if line == BEGUN] == [BEGUN]
    assert cold[-1].startswith("knapsolve: compiled in ")
    assert run(SOLVE.format(solver="branch-and-bound"), tmp_path).stderr == ""


@pytest.mark.parametrize("solver", ["auto", "few-types", "branch-and-bound"])
def test_a_first_solve_loads_nothing_that_it_does_not_need(solver: str) -> None:
    script = SOLVE.format(solver=solver) + "; import sys; print(*sys.modules)"
    loaded = set(run(script).stdout.split())
    assert "knapsolve.portfolio.solving" in loaded
    assert not NEVER & {name.partition(".")[0] for name in loaded}
    assert not [name for name in loaded if name.startswith("knapsolve.backends.") and name.endswith("_run")]


def test_short_compiling_is_not_worth_a_word(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    seconds = iter([0.0, PATIENCE_SECONDS / 2, 10.0, 10.0 + PATIENCE_SECONDS])
    monkeypatch.setattr("knapsolve.limits.clock.time.perf_counter", lambda: next(seconds))
    watch = Stopwatch()
    watch.start()
    watch.stop()
    watch.tell()
    assert capsys.readouterr().err == ""
    watch.start()
    watch.start()  # a kernel that the first one needs
    watch.stop()
    watch.stop()
    watch.tell()
    assert capsys.readouterr().err == f"{BEGUN}\nknapsolve: compiled in {1.5 * PATIENCE_SECONDS:.1f} s\n"
