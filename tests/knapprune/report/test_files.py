"""Files of a run are whole or absent, and never replace what was not forced."""

from __future__ import annotations

import numpy as np
import pytest

from knapprune.report import files as output


def test_a_folder_with_something_in_it_needs_force(tmp_path):
    """An earlier run is not overwritten by accident."""
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"exists and is not empty; .*--force"):
        output.claim(tmp_path, force=False)
    assert output.claim(tmp_path, force=True) == tmp_path
    assert (tmp_path / "kept.txt").read_text() == "mine"


def test_a_file_is_no_folder(tmp_path):
    """The error says what stands there."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file, expected a folder"):
        output.claim(tmp_path / "file", force=True)


def test_masks_come_back_as_they_were(tmp_path):
    """Bool in, bool out, by layer name."""
    masks = {"fc1": np.eye(3, dtype=bool), "fc2": np.zeros((2, 5), bool)}
    output.write_arrays(tmp_path / "masks.npz", masks)
    with np.load(tmp_path / "masks.npz") as loaded:
        assert {name: loaded[name].tolist() for name in loaded} == {k: v.tolist() for k, v in masks.items()}
