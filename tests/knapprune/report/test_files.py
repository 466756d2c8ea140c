"""Files of a run are whole or absent."""

from __future__ import annotations

import numpy as np

from knapprune.report import files as output


def test_masks_come_back_as_they_were(tmp_path):
    """Bool in, bool out, by layer name."""
    masks = {"fc1": np.eye(3, dtype=bool), "fc2": np.zeros((2, 5), bool)}
    output.write_arrays(tmp_path / "masks.npz", masks)
    with np.load(tmp_path / "masks.npz") as loaded:
        assert {name: loaded[name].tolist() for name in loaded} == {k: v.tolist() for k, v in masks.items()}
