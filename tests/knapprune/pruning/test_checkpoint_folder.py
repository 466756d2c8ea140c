"""The folder of a checkpoint: only states of prunings are ever removed from it."""

import pytest

from knapprune.pruning.checkpoint import MANIFEST, discard, held
from knapprune.report.run_folder import LOCK, MARKER


def there(folder):
    return {path.name for path in folder.iterdir()} - {MARKER, LOCK}


def test_a_folder_with_other_files_is_refused_and_left(tmp_path):
    (tmp_path / "state-notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"^checkpoint: .* holds files, but none of a pruning"), held(tmp_path):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"state-notes.txt"}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(NotADirectoryError, match=r"^checkpoint: .*run is a file"), held(tmp_path / "run"):
        pass


def test_what_was_put_beside_the_states_outlives_them(tmp_path):
    folder = tmp_path / "run"
    with held(folder):
        (folder / MANIFEST).write_text("{}")
        (folder / "state-000001.npz").write_text("")
        (folder / ".state-000002-abc").mkdir()
    for name in ("state-notes.txt", "state-1.npz", "my-state-000001.npz"):
        (folder / name).write_text("mine")
    discard(folder)
    assert {path.name for path in folder.iterdir()} == {"state-notes.txt", "state-1.npz", "my-state-000001.npz"}
    discard(folder)  # which is none of a pruning any more
    assert len(list(folder.iterdir())) == 3


def test_a_folder_with_nothing_else_goes_with_them(tmp_path):
    with held(tmp_path / "run"):
        (tmp_path / "run" / MANIFEST).write_text("{}")
        (tmp_path / "run" / "state-000001.npz").write_text("")
    discard(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_saved_nothing_leaves_nothing(tmp_path):
    with held(tmp_path / "run"):
        (tmp_path / "run" / "state-000001.npz").write_text("")
    assert not (tmp_path / "run").exists()
