"""Files of a run are whole or absent."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from knapprune.report import files as output
from knapprune.writing import naming


@contextmanager
def files_of_at_most(size):
    """No more than so many bytes in a file, as on a disk without room."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


LARGE = {
    "masks.npz": lambda path: output.write_arrays(path, {"fc": np.random.default_rng(0).normal(size=(50, 50))}),
    "record.json": lambda path: output.write_json(path, {str(i): i for i in range(500)}),
    "config.yml": lambda path: output.write_yaml(path, {str(i): i for i in range(500)}),
    "plot.png": lambda path: output.write_bytes(path, bytes(5000)),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_full_disk_names_the_file_and_leaves_nothing(tmp_path, name):
    with files_of_at_most(1000), pytest.raises(OSError, match=rf"File too large: '\S*{name}'$") as caught:
        LARGE[name](tmp_path / name)
    assert caught.value.filename == str(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("keras")
def test_a_model_that_a_full_disk_does_not_take_is_named(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((40,)), keras.layers.Dense(30)])
    with files_of_at_most(1000), pytest.raises(OSError, match=r"File too large: '\S*model.keras'$"):
        output.write_model(tmp_path / "model.keras", model)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_names_the_file_and_an_error_of_another_file_stays(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"'\S*absent/masks.npz'$"):
        output.write_bytes(tmp_path / "absent" / "masks.npz", b"")
    with pytest.raises(FileNotFoundError, match=r"'/no/such/file'$"), naming(tmp_path / "masks.npz"):
        Path("/no/such/file").read_bytes()
    with pytest.raises(OSError, match=r"masks.npz: cannot be written: no room$"), naming(tmp_path / "masks.npz"):
        raise OSError("no room")


def test_masks_come_back_as_they_were(tmp_path):
    """Bool in, bool out, by layer name."""
    masks = {"fc1": np.eye(3, dtype=bool), "fc2": np.zeros((2, 5), bool)}
    output.write_arrays(tmp_path / "masks.npz", masks)
    with np.load(tmp_path / "masks.npz") as loaded:
        assert {name: loaded[name].tolist() for name in loaded} == {k: v.tolist() for k, v in masks.items()}
