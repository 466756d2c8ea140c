"""Worker processes: killed at the deadline, reused, restarted, and never left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from rogue_run import CRASH, GOOD, HANG_AFTER_REPORT, HANG_IN_C, PRINT, RAISE, REPORT_PID

from knapsolve.backends import external, pool
from knapsolve.backends.scaling import for_integers
from knapsolve.problem import Knapsack
from knapsolve.solver import Answer, Options, Progress

HERE = Path(__file__).parent
PROBLEM = Knapsack([5, 4, 3], [2, 2, 2], 4)


def solve(seed: int, time_limit: float | None = None, on_progress=None) -> Answer:
    options = Options(seed=seed, time_limit=time_limit, on_progress=on_progress)
    return external.solve("rogue", "rogue_run", for_integers, PROBLEM, options)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "\nState:\tZ" not in status.read_text()


def is_gone_soon(pid: int, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(autouse=True)
def _no_worker_outlives_its_test():
    yield
    pool.end_workers()


@pytest.mark.parametrize("how", [HANG_AFTER_REPORT, HANG_IN_C])
def test_a_killed_worker_still_returns_its_best_selection(how: int) -> None:
    solve(GOOD)  # the time limit below must not be spent on starting Python
    answer = solve(how, time_limit=0.3)
    assert answer.selected is not None
    assert answer.selected.tolist() == [True, False, False]
    assert "killed" in answer.trace[0]


def test_a_killed_worker_leaves_the_best_bound_it_reported() -> None:
    solve(GOOD)
    assert solve(HANG_AFTER_REPORT, time_limit=0.3).bound == 11


def test_a_worker_that_ignores_its_limit_is_killed_within_the_grace() -> None:
    solve(GOOD)
    begun = time.monotonic()
    solve(HANG_AFTER_REPORT, time_limit=0.3)
    assert time.monotonic() - begun < 0.3 + pool.GRACE_SECONDS + 0.5  # half a second for a busy machine


def test_after_a_kill_the_next_solve_has_a_new_worker() -> None:
    before = solve(REPORT_PID).trace
    solve(HANG_AFTER_REPORT, time_limit=0.1)
    after = solve(REPORT_PID)
    assert after.selected is not None
    assert after.trace != before


def test_a_worker_is_used_again() -> None:
    assert solve(REPORT_PID).trace == solve(REPORT_PID).trace


def test_a_crash_leaves_what_was_reported_and_says_what_happened() -> None:
    answer = solve(CRASH)
    assert answer.selected is not None
    assert answer.bound == 12
    assert f"ended with code {-signal.SIGABRT}: the solver's last words" in answer.trace[0]


def test_a_worker_that_died_while_idle_is_replaced() -> None:
    pid = int(solve(REPORT_PID).trace[0].split()[-1])
    os.kill(pid, signal.SIGKILL)
    assert is_gone_soon(pid)
    assert int(solve(REPORT_PID).trace[0].split()[-1]) != pid


def test_an_error_in_the_backend_is_told_in_the_trace() -> None:
    answer = solve(RAISE)
    assert answer.selected is None
    assert answer.bound == 12
    assert "ArithmeticError: one and one is three" in answer.trace[0]


def test_stray_prints_do_not_reach_the_parent() -> None:
    answer = solve(PRINT)
    assert answer.trace == ("rogue: done",)
    assert solve(GOOD).trace == ("rogue: done",)


def test_a_backend_that_is_not_installed_is_told_in_the_trace() -> None:
    answer = external.solve("absent", "no_such_backend", for_integers, PROBLEM, Options())
    assert answer.selected is None
    assert answer.bound == 12
    assert "ModuleNotFoundError" in answer.trace[0]


def test_a_start_survives_a_backend_that_finds_nothing() -> None:
    start = PROBLEM.values == 4
    answer = external.solve("absent", "no_such_backend", for_integers, PROBLEM, Options(start=start))
    assert answer.selected is not None
    assert answer.selected.tolist() == [False, True, False]


def test_a_time_limit_that_strikes_during_the_start_keeps_the_worker_for_the_next_solve() -> None:
    answer = solve(GOOD, time_limit=1e-6)
    assert "while its worker process was starting" in answer.trace[0]
    assert solve(GOOD).trace == ("rogue: done",)


def test_an_error_in_the_progress_callback_reaches_the_caller() -> None:
    def fail(progress: Progress) -> None:
        raise LookupError("the caller's own mistake")

    with pytest.raises(LookupError, match="own mistake"):
        solve(HANG_AFTER_REPORT, on_progress=fail)


def script(body: str, folder: Path, wait: bool = True) -> subprocess.Popen[str]:
    """Run a user's script, without a main guard, in a folder of its own."""
    path = folder / "script.py"
    path.write_text(textwrap.dedent(body))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])}
    started = subprocess.Popen(
        [sys.executable, "-W", "error", str(path)], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    if wait:
        started.wait(timeout=60)
    return started


def output(started: subprocess.Popen[str]) -> str:
    with started:
        return started.communicate()[0]


def test_a_worker_in_the_middle_of_a_solve_dies_with_its_parent(tmp_path: Path) -> None:
    body = """
        from test_workers import *
        pid = solve(REPORT_PID).trace[0].split()[-1]
        print(pid, flush=True)
        solve(HANG_AFTER_REPORT)
    """
    started = script(body, tmp_path, wait=False)
    assert started.stdout is not None
    pid = int(started.stdout.readline())
    assert is_alive(pid)
    started.kill()
    assert is_gone_soon(pid)
    output(started)


REAL = {"highs:Highs": "highspy", "cpsat:CpSat": "ortools", "scip:Scip": "ortools", "cvxpy:Cvxpy": "cvxpy"}


@pytest.mark.parametrize("solver", [pytest.param(s, marks=pytest.mark.needs(package)) for s, package in REAL.items()])
def test_a_real_solver_in_the_middle_of_a_solve_dies_with_its_parent(solver: str, tmp_path: Path) -> None:
    module, name = solver.split(":")
    body = f"""
        import threading, time
        import numpy as np
        from knapsolve import Knapsack
        from knapsolve.backends import pool
        from knapsolve.backends.{module} import {name}
        from knapsolve.solver import Options
        {name}().solve(Knapsack([1], [1], [1]), Options())
        (worker,) = [worker for workers in pool._idle.values() for worker in workers]
        random = np.random.default_rng(0)
        weights = random.integers(1, 1000, (5, 2000))
        problem = Knapsack(weights.sum(axis=0), weights, weights.sum(axis=1) // 2)
        announce = threading.Timer(1.0, lambda: print(worker.process.pid, flush=True))
        announce.start()
        {name}().solve(problem, Options())
    """
    started = script(body, tmp_path, wait=False)
    assert started.stdout is not None
    pid = int(started.stdout.readline())
    assert is_alive(pid)
    started.kill()
    assert is_gone_soon(pid)
    output(started)


def test_ctrl_c_ends_the_solve_with_the_best_known_and_kills_the_worker(tmp_path: Path) -> None:
    body = """
        import _thread
        from test_workers import *
        pid = int(solve(REPORT_PID).trace[0].split()[-1])
        answer = solve(HANG_AFTER_REPORT, on_progress=lambda progress: _thread.interrupt_main())
        print(answer.selected.tolist(), answer.bound, answer.trace, is_gone_soon(pid))
    """
    assert output(script(body, tmp_path)) == "[True, False, False] 11 ('rogue: interrupted and killed',) True\n"


def test_no_worker_is_left_when_a_script_ends(tmp_path: Path) -> None:
    body = """
        from test_workers import *
        print(solve(REPORT_PID).trace[0].split()[-1])
    """
    pid = int(output(script(body, tmp_path)))
    assert is_gone_soon(pid)


def test_files_beside_the_script_do_not_shadow_what_the_worker_imports(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('the wrong numpy')")
    body = f"""
        import sys
        sys.path.remove({str(tmp_path)!r})
        from knapsolve import Knapsack
        from knapsolve.backends.highs import Highs
        from knapsolve.solver import Options
        print(Highs().solve(Knapsack([3, 4], [1, 1], 1), Options()).bound)
    """
    assert output(script(body, tmp_path)) == "4\n"


def test_a_fork_has_workers_of_its_own(tmp_path: Path) -> None:
    body = """
        import os, warnings
        from test_workers import *
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of every fork beside a thread
        mine = solve(REPORT_PID).trace
        child = os.fork()
        if not child:
            os._exit(0 if solve(REPORT_PID).trace != mine else 1)
        print(os.waitpid(child, 0)[1], solve(REPORT_PID).trace == mine)
    """
    assert output(script(body, tmp_path)) == "0 True\n"
