"""Hard problems under a limit of two seconds, and Ctrl-C: an answer with a bound, in time, and no process left."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bench.solvers.generators import files, generate
from knapsolve import Knapsack, Status, solve
from knapsolve.cli.commands import app
from knapsolve.files.reading import write_json
from knapsolve.solution import evaluate, violation
from knapsolve.solver import installed, load

LIMIT, RETURNED = 2.0, 2.5
"""Seconds that a solve is given, and after which it must have returned."""
SOON = 10.0
"""Seconds after Ctrl-C: two on a machine of one's own, and a busy one may take its time to end the process."""
BUSY = 5.0
"""Seconds after which a command has read its problem, and its solver is at work."""
COMMAND = [sys.executable, "-c", "from knapsolve.cli.commands import main; main()"]

JOOKEN = "jooken/n_{}.in"
PUBLISHED = [
    *((f"orlib/mknapcb{number}.txt", index) for number in (2, 5, 7, 9) for index in (0, 15)),
    *((f"gk/gk0{number}.dat", 0) for number in (3, 4, 6)),
    *((f"mmkp/I0{number}", 0) for number in (6, 7, 8)),
    ("knapPI/knapPI_3_10000_1000_1", 0),
    (JOOKEN.format("1200_c_100000000_g_14_f_0.3_eps_0_s_200"), 0),
    (JOOKEN.format("1000_c_100000000_g_14_f_0.1_eps_1e-05_s_300"), 0),
    (JOOKEN.format("800_c_10000000000_g_6_f_0.2_eps_0.0001_s_300"), 0),
    (JOOKEN.format("600_c_10000000000_g_10_f_0.1_eps_0.001_s_300"), 0),
    (JOOKEN.format("1200_c_10000000000_g_6_f_0.1_eps_0_s_200"), 0),
]
GENERATED = {
    "dimensions": ("chu-beasley", 500, 30, {"tightness": 0.25}),
    "choices": ("choice-correlated", 1000, 10, {}),
    "one-dimension": ("pisinger-circle", 10**4, 1, {"coefficients": 10**9}),
}
pytestmark = pytest.mark.slow


def generated(kind: str) -> Knapsack:
    family, n, m, options = GENERATED[kind]
    return generate(family, n, m, 1, **options)


def check_stopped(problem: Knapsack, best_known: float | None) -> None:
    solve(problem, time_limit=LIMIT)  # compiles what only this problem reaches
    begun = time.perf_counter()
    solution = solve(problem, time_limit=LIMIT)
    assert time.perf_counter() - begun < RETURNED
    assert solution.status in (Status.OPTIMAL, Status.FEASIBLE)
    value, usage = evaluate(problem, solution.selected)
    assert violation(problem, solution.selected, usage) is None
    assert solution.value == value > 0
    assert solution.bound >= max(value, best_known or 0)
    assert (solution.status is Status.OPTIMAL) == (solution.gap == 0)


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: f"{Path(file[0]).stem}:{file[1]}")
def test_a_hard_file_is_stopped_in_time_with_a_valid_bound(file: tuple[str, int], data_folder: Path) -> None:
    path, index = file
    check_stopped(files.problem(0, 0, np.random.default_rng(0), path=path, index=index), files.best_known(path, index))


@pytest.mark.parametrize("kind", GENERATED)
def test_a_hard_problem_is_stopped_in_time_with_a_valid_bound(kind: str) -> None:
    check_stopped(generated(kind), None)


@pytest.mark.parametrize("kind", GENERATED)
def test_the_command_line_keeps_the_limit_too(kind: str, tmp_path: Path) -> None:
    """The file is read before the clock starts."""
    problem, path, out = generated(kind), tmp_path / "hard.json", tmp_path / "out.json"
    solve(problem, time_limit=LIMIT)
    write_json(problem, path)
    result = CliRunner().invoke(app, ["solve", str(path), "--time-limit", str(LIMIT), "--output", str(out)])
    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text())
    assert written["seconds"] < RETURNED
    assert 0 < sum(problem.values[written["selected"]]) == written["value"] <= written["bound"]


HARD_FOR = {
    "core": "one-dimension",
    "bellman": "bellman",
    "branch-and-bound": "dimensions",
    "local-search": "dimensions",
    "choice": "choices",
    "auto": "dimensions",
    "highs": "dimensions",
    "scip": "dimensions",
    "cpsat": "dimensions",
    "cvxpy": "dimensions",
}


def hard_for(solver: str) -> Knapsack:
    """A problem that keeps a solver busy for longer than a test lasts."""
    random = np.random.default_rng(0)
    if HARD_FOR[solver] == "bellman":
        weights = random.integers(1, 10**6, 500)
        return Knapsack(weights + random.integers(0, 9, 500), weights, 3 * 10**7)
    if HARD_FOR[solver] == "one-dimension":
        return generate("pisinger-multiple-strongly", 10**6, 1, 1, coefficients=10**7)
    return generated(HARD_FOR[solver])


def children(pid: int) -> set[int]:
    """Processes that are running and were begun by a process."""
    found = subprocess.run(["ps", "-o", "pid=,stat=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return {int(line.split()[0]) for line in found.splitlines() if "Z" not in line.split()[1]}


def is_gone(pid: int) -> bool:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def interrupt(command: list[str], folder: Path) -> float:
    """Start a command, press Ctrl-C in the middle of its solve, and return how long it then took to end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        time.sleep(BUSY)
        workers = children(started.pid)
        started.send_signal(signal.SIGINT)
        pressed = time.perf_counter()
        try:
            _, errors = started.communicate(timeout=60)
        finally:
            started.kill()
        took = time.perf_counter() - pressed
    assert started.returncode == 0, errors
    assert all(is_gone(pid) for pid in workers)
    return took


@pytest.mark.parametrize("solver", HARD_FOR)
def test_ctrl_c_on_the_command_line_leaves_an_answer_with_a_bound_and_no_orphan(solver: str, tmp_path: Path) -> None:
    if solver != "auto" and not installed(load(solver)):
        pytest.skip(f"what {solver} needs is not installed")
    problem = hard_for(solver)
    write_json(problem, tmp_path / "hard.json")
    took = interrupt([*COMMAND, "solve", "hard.json", "--solver", solver, "--output", "out.json"], tmp_path)
    assert took < SOON
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["status"] == "FEASIBLE"
    selected = np.zeros(problem.n, np.bool_)
    selected[written["selected"]] = True
    value, usage = evaluate(problem, selected)
    assert violation(problem, selected, usage) is None
    assert 0 < value <= written["bound"]
    assert any("Ctrl-C" in line or "interrupted" in line for line in written["trace"])
