"""Where no cache of compiled kernels can be written they are kept elsewhere, or not at all, and one line says so."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from knapsolve import Knapsack, solve

pytestmark = pytest.mark.compiled

PROBLEM = Knapsack([3.5, 4, 5], [[1, 2, 3], [2, 1, 1]], [4, 3])
KERNEL = """
from knapsolve.kernels.jit import njit

@njit(cache=True)
def twice(x):
    return 2 * x

@njit(cache=True, nogil=True)
def four_times(x):
    return twice(twice(x))
"""
USE = "from doubling import four_times; print(four_times(10.5), sum(four_times.stats.cache_hits.values()))"


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A kernel's module where nothing can be kept, root or not: a file stands where Numba wants a folder."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    (folder / "doubling.py").write_text(KERNEL)
    (folder / "__pycache__").touch()
    (tmp_path / "temporary").mkdir()
    return folder


def run(sealed: Path, script: str = USE, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    path = os.pathsep.join([str(sealed), str(Path(__file__).parent), *filter(None, sys.path)])
    kept |= {"HOME": os.devnull, "TMPDIR": str(sealed.parent / "temporary"), "PYTHONPATH": path} | environment
    return subprocess.run(
        [sys.executable, "-B", "-c", script], env=kept, capture_output=True, text=True, check=True, timeout=120
    )


def temporary_folder(sealed: Path) -> Path:
    return sealed.parent / "temporary" / f"knapsolve-{os.getuid()}"


def test_without_a_writable_cache_kernels_are_kept_in_a_temporary_one_and_found_there_again(sealed: Path) -> None:
    first, second = run(sealed), run(sealed)
    assert (first.stdout.split()[0], second.stdout.split()) == ("42.0", ["42.0", "1"])
    for done in (first, second):
        assert done.stderr.count("\n") == 1
        assert f"kept in {temporary_folder(sealed)}, for no cache can be written; NUMBA_CACHE_DIR" in done.stderr
    assert temporary_folder(sealed).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("taken", ["a file", "a link", "a folder that others may write to"])
def test_a_temporary_folder_that_is_not_ours_alone_is_not_loaded_from(sealed: Path, taken: str) -> None:
    place = temporary_folder(sealed)
    if taken == "a file":
        place.touch()
    elif taken == "a link":
        (sealed.parent / "elsewhere").mkdir(mode=0o700)
        place.symlink_to(sealed.parent / "elsewhere")
    else:
        place.mkdir()
        place.chmod(0o777)
    done = run(sealed)
    assert done.stdout.split() == ["42.0", "0"]
    assert done.stderr.splitlines() == [
        "knapsolve: compiled kernels are not kept, for no cache can be written; NUMBA_CACHE_DIR names a folder for them"
    ]


def test_a_disk_that_is_full_when_a_kernel_is_kept_costs_nothing_but_the_keeping(sealed: Path, tmp_path: Path) -> None:
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    done = run(sealed, full + USE, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert done.stdout.split() == ["42.0", "0"]
    assert done.stderr.count("\n") == 1
    assert "not kept (File too large); NUMBA_CACHE_DIR names another folder" in done.stderr


def test_a_cache_that_can_be_written_is_used_in_silence(sealed: Path, tmp_path: Path) -> None:
    done = run(sealed, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert done.stderr == ""
    assert list((tmp_path / "cache").rglob("doubling.*.nbi"))
    assert not temporary_folder(sealed).exists()


def test_auto_solves_where_no_cache_can_be_written(sealed: Path) -> None:
    """Every kernel's own place is taken away; those that these tests have compiled stand in the temporary folder."""
    solve(PROBLEM)
    shutil.copytree(os.environ["NUMBA_CACHE_DIR"], temporary_folder(sealed))
    temporary_folder(sealed).chmod(0o700)
    script = (
        "from numba.core.caching import InTreeCacheLocator\n"
        "InTreeCacheLocator.from_function = classmethod(lambda *arguments: None)\n"
        "from test_jit import PROBLEM, solve\n"
        "print(solve(PROBLEM).value)\n"
    )
    done = run(sealed, script)
    assert done.stdout == "8.5\n"
    assert f"kept in {temporary_folder(sealed)}" in done.stderr.splitlines()[0]
