"""Frameworks under their own names, imported when a test first uses them, so that collecting the tests loads none.

A module says what its tests need to be installed: ``pytestmark = pytest.mark.needs("torch")``.
"""

from importlib import import_module
from typing import Any


class Later:
    """A module that is imported when a name in it is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):  # pytest asks whatever it meets in a module for such names
            raise AttributeError(attribute)
        return getattr(import_module(self._name), attribute)


keras = Later("keras")
layers = Later("keras.layers")
torch = Later("torch")
hls4ml = Later("hls4ml")
h5py = Later("h5py")
