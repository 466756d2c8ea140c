"""What Keras must be told to open the file of a masked or held model by itself."""

from __future__ import annotations

from typing import Any

from knapprune.tools import require


def custom_objects() -> dict[str, Any]:
    """Return the classes that files of masked and held models name, for ``load_model(path, custom_objects=)`` of Keras.

    Keras imports no class that a file names, unless it is one of its own. :func:`knapprune.load` needs no such help.

    Returns
    -------
    dict
        The classes by the names that files have for them.

    Raises
    ------
    MissingToolError
        If Keras is not installed.
    """
    require("keras", extra="keras")
    from knapprune.adapters.keras.grid import KernelGrid
    from knapprune.adapters.keras.mask import KernelMask

    return {"knapprune>KernelMask": KernelMask, "knapprune>KernelGrid": KernelGrid}
