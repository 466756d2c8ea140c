"""What it costs to start: imports, the first solve of a process, and compiling. Every number is a fresh process."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from bench.measuring.machine import ROOT, distribution_version
from bench.solvers.spec import Spec

Row = dict[str, Any]
IMPORTS = {
    "numpy": "import numpy",
    "numba": "import numba",
    "numba-kernel": "import start_kernel; start_kernel.total(numpy.arange(9))",
    "knapsolve": "import knapsolve",
}
"""What is timed, each after ``import numpy`` but the first, the kernel after ``import numba`` as well."""
SOLVERS = {"auto": (1, 2), "few-types": (2,), "core": (1,), "branch-and-bound": (2,), "choice": (2,)}
"""Our solvers whose first solve is timed, and on how many resources."""
NOTES = {"branch-and-bound": "200 items", "choice": "classes of ten"}
CONTESTANTS = (*IMPORTS, *SOLVERS)

KERNEL = """
from numba import njit

@njit(cache=True)
def total(numbers):
    added = 0
    for number in numbers:
        added += number
    return added
"""

FIRST_SOLVE = """
import json, sys, time
import numba, numpy as np
begun = time.perf_counter()
from knapsolve import Knapsack, solve
random = np.random.default_rng(0)
n, m, solver = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
made = time.perf_counter()
choices = np.arange(n) // 10 if solver == "choice" else None
if m == 1 or solver in ("branch-and-bound", "choice"):
    if solver == "branch-and-bound":
        n = 200
    weights = random.integers(1, 1001, (m, n))
    share = 2 if choices is None else 20
    problem = Knapsack(random.integers(1, 1001, n), weights, weights.sum(axis=1) // share, choices=choices)
else:
    kinds = random.integers(0, 6, n)
    table = np.array([[4, 1, 9, 2, 0, 16], [1, 0, 2, 1, 1, 4]])
    problem = Knapsack.from_types(random.random(n), kinds, table, table[:, kinds].sum(axis=1) // 2)
spent = time.perf_counter() - made
solution = solve(problem, solver, time_limit=60)
seconds = time.perf_counter() - begun - spent
print(json.dumps([seconds, str(solution.status)]))
"""


def measure(spec: Spec, solver: str, *, repeat: int, limit: float) -> Row | None:
    """Return the row of one import or first solve, or None where the two do not go together."""
    row: Row = {"spec": spec.name, "set": spec.set, "family": spec.family, "n": spec.n, "m": spec.m, "seed": spec.seed}
    row |= {"solver": solver, "limit": limit, "best_known": None, "gap": None, "value": None, "bound": None, "note": ""}
    with tempfile.TemporaryDirectory() as cache:
        if spec.family == "start-import":
            if solver not in IMPORTS:
                return None
            seconds = _imports(solver, repeat, cache)
            distribution = "knapprune" if solver == "knapsolve" else solver.partition("-")[0]
            row |= {"version": distribution_version(distribution), "status": "YARDSTICK"}
        else:
            if spec.m not in SOLVERS.get(solver, ()):
                return None
            runs = _first_solves(spec, solver, repeat, cache)
            seconds = [run[0] for run in runs]
            row |= {"version": distribution_version("knapprune"), "status": runs[-1][1]}
            row |= {"gap": 0.0 if runs[-1][1] == "OPTIMAL" else None}
            row |= {"note": NOTES.get(solver, "")}
    return row | {"seconds": statistics.median(seconds), "all_seconds": seconds, "extra_bytes": None}


def _imports(name: str, repeat: int, folder: str) -> list[float]:
    with open(os.path.join(folder, "start_kernel.py"), "w") as stream:
        stream.write(KERNEL)
    before = {"numpy": "", "numba-kernel": "import numpy, numba"}.get(name, "import numpy")
    script = f"{before}\nimport time\nbegun = time.perf_counter()\n{IMPORTS[name]}\nprint(time.perf_counter() - begun)"
    _output(script, [], folder)  # compiles, and brings the files into the system's cache
    return [float(_output(script, [], folder)) for _ in range(repeat)]


def _first_solves(spec: Spec, solver: str, repeat: int, folder: str) -> list[tuple[float, str]]:
    arguments = [str(spec.n), str(spec.m), solver]
    if spec.family == "start-cold":
        return [tuple(json.loads(_output(FIRST_SOLVE, arguments, folder)))]
    _output(FIRST_SOLVE, arguments, folder)
    return [tuple(json.loads(_output(FIRST_SOLVE, arguments, folder))) for _ in range(repeat)]


def _output(script: str, arguments: list[str], folder: str) -> str:
    """Run a script with Numba's cache, and modules of its own, in a folder; return what it prints."""
    path = os.pathsep.join(filter(None, [folder, str(ROOT), str(ROOT / "solvers"), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout
