"""Collecting the tests is quick: no framework is loaded until a test uses it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FRAMEWORKS = {"tensorflow", "keras", "torch", "hls4ml", "sklearn", "matplotlib", "ortools", "cvxpy"}
PLUGIN = """
import sys

def pytest_collection_finish(session):
    print("collected", len({item.path for item in session.items}))
    print("loaded", *{name.partition(".")[0] for name in sys.modules})
"""


def test_no_framework_is_loaded_while_collecting(tmp_path):
    (tmp_path / "show_modules.py").write_text(PLUGIN)
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "show_modules", "-p", "no:cacheprovider"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    lines = done.stdout.splitlines()
    (collected,) = (line.split()[1] for line in lines if line.startswith("collected "))
    (loaded,) = (set(line.split()[1:]) for line in lines if line.startswith("loaded "))
    assert int(collected) == len(list(Path(__file__).parent.rglob("test_*.py")))
    assert {"knapprune", "knapsolve", "bench"} <= loaded
    assert loaded & FRAMEWORKS == set()
