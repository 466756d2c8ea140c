"""OR-Tools is an extra: without it all else works, and who asks for its solvers reads what to install."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import numpy as np
from typer.testing import CliRunner
import knapsolve
from knapsolve import Knapsack, MissingPackageError, solve, solvers
from knapsolve.cli.commands import app
from knapsolve.testing import best_value

assert {"cpsat", "scip", "highs", "auto"} <= set(solvers())
both = Knapsack([5, 4, 3, 2], [2, 2, 2, 1], 4, choices=[0, 0, 1, 1], requires=[[0, 2]])
for name in ("auto", "highs"):
    found = solve(both, name)
    assert (found.solver, found.status, found.value) == ("highs", "OPTIMAL", best_value(both)), found
for name in ("cpsat", "scip"):
    try:
        solve(both, name)
    except MissingPackageError as error:
        print(error)
try:
    solve(both, "greedy")
except ValueError as error:
    print(error)
listed = CliRunner().invoke(app, ["list"]).output
print(*[line for line in listed.splitlines() if "not installed" in line or "not available" in line], sep="\\n")
print(CliRunner().invoke(app, ["solve", "small.kp", "--solver", "cpsat"]).output, end="")
"""


def test_without_ortools_all_works_but_its_solvers_which_say_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "small.kp").write_text("3\n10 5\n20 6\n30 7\n12\n")
    path = [str(Path(__file__).parents[2] / "without"), *filter(None, sys.path)]
    hidden = {"PYTHONPATH": os.pathsep.join(path), "KNAPPRUNE_WITHOUT": "ortools cvxpy", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=os.environ | hidden,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    needs = "solver '{}' needs OR-Tools, which is not installed: pip install \"knapprune[milp]\""
    said = done.stdout.splitlines()
    assert said[:3] == [
        needs.format("cpsat"),
        needs.format("scip"),
        "solver 'greedy' cannot handle choices and requires; highs, auto can",
    ]
    assert [line.split()[0] for line in said[3:6]] == ["cpsat", "cvxpy", "scip"]
    assert 'not available: cpsat needs ortools: pip install "knapprune[milp]"' in said
    assert said[-1] == f"Error: {needs.format('cpsat')}"
