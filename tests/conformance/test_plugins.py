"""Plugins as strangers ship them: installed with pip, found through their entry points."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("hatchling")  # plugins are built offline

PLUGINS = Path(__file__).parents[1] / "plugins"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both plugins installed, as pip would into site-packages."""
    target = tmp_path_factory.mktemp("site")
    for plugin in ("example_solver", "broken_solver"):
        source = tmp_path_factory.mktemp("source") / plugin
        shutil.copytree(PLUGINS / plugin, source)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
        options = ["--no-build-isolation", "--no-deps", "--target", str(target), str(source)]
        subprocess.run([*pip, *options], check=True)
    return target


def run(script: str, installed: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(installed), *(entry for entry in sys.path if entry)])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300)


def test_an_installed_plugin_passes_the_conformance_suite(installed: Path) -> None:
    script = (
        "from knapsolve.solver import load, solvers\n"
        "from knapsolve.testing import check_solver\n"
        "assert 'density' in solvers()\n"
        "solver = load('density')\n"
        "check_solver(solver)\n"
        "print(type(solver).__module__)"
    )
    result = run(script, installed)
    assert result.stdout.strip() == "example_solver", result.stderr


def test_a_broken_plugin_warns_naming_its_distribution_and_breaks_nothing_else(installed: Path) -> None:
    script = "from knapsolve.solver import load_all\nprint(*sorted(load_all()))"
    result = run(script, installed)
    assert result.returncode == 0, result.stderr
    assert {"density", "highs", "cpsat"} <= set(result.stdout.split())
    assert "broken" not in result.stdout.split()
    assert "'broken' of distribution 'knapprune-broken-solver' cannot be loaded" in result.stderr


def test_a_plugin_cannot_take_a_name_that_is_taken(installed: Path) -> None:
    result = run("from knapsolve.solver import load\nprint(type(load('highs')).__module__)", installed)
    assert result.stdout.strip() == "knapsolve.backends.highs"
    assert "'highs' of distribution 'knapprune-broken-solver' is ignored" in result.stderr


def test_the_list_names_the_distribution_of_a_plugin(installed: Path) -> None:
    result = run(
        "from knapsolve.cli.commands import main\nimport sys\nsys.argv = ['knapsolve', 'list']\nmain()", installed
    )
    assert result.returncode == 0, result.stderr
    assert "density" in result.stdout
    assert "cannot be loaded" in result.stdout
