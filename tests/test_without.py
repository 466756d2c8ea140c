"""The tests can be run as on a machine where some packages and commands are not installed."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

SHOW = """
from importlib.util import find_spec
from shutil import which
print(find_spec("yaml"), find_spec("numpy").name, which("hidden"), which("shown"))
try:
    import yaml.nodes
except ModuleNotFoundError as error:
    print(error.name)
"""


def test_what_is_named_is_out_of_reach_and_nothing_else_also_in_what_the_tests_start(tmp_path):
    for name in ("hidden", "shown"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    said = subprocess.run(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SHOW!r}], check=True)"],
        env=os.environ
        | {
            "PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]]),
            "PYTHONPATH": str(Path(__file__).parent / "without"),
            "KNAPPRUNE_WITHOUT": "yaml hidden",
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    spec, numpy, hidden, shown = said[0].split()
    assert (spec, numpy, hidden, said[1]) == ("None", "numpy", "None", "yaml")
    assert Path(shown).name == "shown"
    assert not Path(shown).parent.exists()  # the folder of links is gone with the process that made it


def test_this_very_run_is_without_what_it_should_be_without():
    for name in os.environ.get("KNAPPRUNE_WITHOUT", "").split():
        assert find_spec(name) is None
        assert shutil.which(name) is None


def test_a_test_that_needs_what_is_out_of_reach_is_skipped_and_says_so():
    here = Path(__file__).parent
    files = ["knapprune/hardware/test_adder_bits.py", "knapsolve/backends/test_cvxpy.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(here / file) for file in files)],
        cwd=here.parent,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join([str(here / "without"), *filter(None, sys.path)]),
            "KNAPPRUNE_WITHOUT": "yosys cvxpy",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "yosys is not installed" in done.stdout
    assert "cvxpy is not installed" in done.stdout
