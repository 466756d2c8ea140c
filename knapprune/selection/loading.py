"""Read back what `Selection.save` wrote."""

from __future__ import annotations

import os

from knapprune.selection.result import Selection
from knapprune.selection.saved import read_selection


def load_selection(path: str | os.PathLike[str]) -> Selection:
    """Read a selection that `knapprune.Selection.save` wrote.

    Parameters
    ----------
    path
        The ``.npz`` file. No code in it is run, whoever wrote it.

    Returns
    -------
    Selection
        Equal to the one that was saved, ready to be applied to the model that it was made from.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no selection, or a damaged one.
    """
    return Selection(**read_selection(path))
