"""Folders of runs: what others put there stays, and no two runs write to one at once."""

import subprocess
import sys

import pytest

from knapprune.report.run_folder import LOCK, MARKER, alone, check_claim, claimed, written

NAMES = ("model.keras", "report.html")


def there(folder):
    return {path.name for path in folder.iterdir()} - {MARKER, LOCK}


def test_what_an_earlier_run_wrote_is_replaced_only_if_forced(tmp_path):
    for text in ("first", "second"):
        with claimed(tmp_path / "out", NAMES, force=text == "second") as folder:
            (folder / "report.html").write_text(text)
    assert (tmp_path / "out" / "report.html").read_text() == "second"
    assert written(tmp_path / "out") == {"report.html"}
    with pytest.raises(FileExistsError, match=r"^--out: .*out exists and is not empty; .*--force"):
        check_claim(tmp_path / "out", NAMES, force=False)


def test_a_file_of_somebody_else_is_never_replaced(tmp_path):
    """Neither in a folder that no run wrote to, nor under a name that a run would have used."""
    (tmp_path / "model.keras").write_text("mine")
    with pytest.raises(FileExistsError, match=r"model.keras was not written by knapprune, so it stays"):
        check_claim(tmp_path, NAMES, force=True)
    assert there(tmp_path) == {"model.keras"}
    with claimed(tmp_path / "out", NAMES, force=False) as folder:
        (folder / "report.html").write_text("")
    (tmp_path / "out" / "model.keras").write_text("mine")
    with pytest.raises(FileExistsError, match=r"model.keras was not written by knapprune"):
        check_claim(tmp_path / "out", NAMES, force=True)
    assert (tmp_path / "out" / "model.keras").read_text() == "mine"


def test_other_files_do_not_matter_where_it_is_forced(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with claimed(tmp_path, NAMES, force=True) as folder:
        (folder / "report.html").write_text("")
    assert there(tmp_path) == {"notes.txt", "report.html"}
    assert written(tmp_path) == {"report.html"}


@pytest.mark.parametrize("existed", [True, False])
def test_a_run_that_is_refused_leaves_nothing(tmp_path, existed):
    folder = tmp_path / "out"
    if existed:
        folder.mkdir()
    with pytest.raises(ValueError, match="no"), claimed(folder, NAMES, force=False):
        raise ValueError("no")
    assert folder.exists() is existed
    assert not existed or not any(folder.iterdir())


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"^--out: .*file is a file, expected a folder"):
        check_claim(tmp_path / "file", NAMES, force=True)


HOLDER = """
import sys, time
from pathlib import Path
from knapprune.report.run_folder import alone
with alone(Path(sys.argv[1]), "--out"):
    Path(sys.argv[1], "there").write_text("")
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_refused_while_the_first_one_lives(tmp_path):
    """Not by a file that a killed process would leave behind: the lock goes with its process."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(RuntimeError, match=r"^checkpoint: another run is at work in .*; wait for its end, or give"),
            alone(tmp_path, "checkpoint"),
        ):
            pass
        holder.kill()
    with alone(tmp_path, "checkpoint"):
        assert there(tmp_path) == {"there"}
