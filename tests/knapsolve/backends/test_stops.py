"""Stopped on a hard published problem, every backend returns in time, with a selection, a bound, and no orphan."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from knapsolve import Knapsack, read, solve
from knapsolve.backends import pool
from knapsolve.backends.cpsat import CpSat
from knapsolve.backends.cvxpy import Cvxpy
from knapsolve.backends.highs import Highs
from knapsolve.backends.process import Worker
from knapsolve.backends.scip import Scip
from knapsolve.solution import Status
from knapsolve.solver import Options, Progress

needs_cvxpy, needs_ortools = pytest.mark.needs("cvxpy"), pytest.mark.needs("ortools")
BACKENDS = [Highs(), *(pytest.param(one, marks=needs_ortools) for one in (CpSat(), Scip()))]
BACKENDS.append(pytest.param(Cvxpy(), marks=needs_cvxpy))
each = pytest.mark.parametrize("solver", BACKENDS, ids=lambda solver: solver.name)
pytestmark = pytest.mark.slow


@pytest.fixture
def hard(data_folder: Path) -> Knapsack:
    """The first of 30 Chu-Beasley problems with 30 resources and 500 items: far from a proof after a minute."""
    return read(data_folder / "knapsack" / "orlib" / "mknapcb9.txt", 0)


@pytest.fixture
def worker(solver) -> Iterator[Worker]:
    """The backend's worker process, started and warm, and ended with the test."""
    pool.end_workers()
    solver.solve(Knapsack([1], [1], [1]), Options())
    (idle,) = [worker for workers in pool._idle.values() for worker in workers]
    yield idle
    pool.end_workers()


@each
def test_a_limit_of_two_seconds_is_kept_within_half_a_second(solver, worker: Worker, hard: Knapsack) -> None:
    begun = time.monotonic()
    solution = solve(hard, solver, time_limit=2.0)
    assert time.monotonic() - begun < 2.5
    assert solution.status is Status.FEASIBLE
    assert 0 < solution.value < solution.bound < hard.values.sum()


@each
def test_a_worker_killed_from_outside_leaves_what_it_had_found(solver, worker: Worker, hard: Knapsack) -> None:
    seen: list[Progress] = []
    killer = threading.Timer(2.0, lambda: os.kill(worker.process.pid, signal.SIGKILL))
    killer.start()
    solution = solve(hard, solver, time_limit=60.0, on_progress=seen.append)
    assert f"ended with code {-signal.SIGKILL}" in solution.trace[0]
    assert solution.value == seen[-1].value > 0
    assert solution.value < solution.bound == seen[-1].bound
    assert worker.process.returncode == -signal.SIGKILL  # waited for: neither an orphan nor a zombie
