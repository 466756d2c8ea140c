"""Make saved masks loadable wherever knapprune is imported, without importing Keras for it.

Keras finds the classes of a saved model in its own registry only, so :mod:`knapprune.adapters.keras.mask` must have
been imported before ``keras.models.load_model``. Importing it with knapprune would import Keras, which takes seconds
and need not be installed. So it is imported when Keras is: at once, or right after Keras' own import.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_MASK_MODULE = "knapprune.adapters.keras.mask"


def register_with_keras() -> None:
    """Import the mask's class now if Keras is there already, or else as soon as Keras is imported."""
    if "keras" in sys.modules:
        importlib.import_module(_MASK_MODULE)
    elif not any(isinstance(finder, _KerasWatcher) for finder in sys.meta_path):
        sys.meta_path.insert(0, _KerasWatcher())


class _KerasWatcher(MetaPathFinder):
    """Finds nothing of its own; has the mask's class imported behind Keras, once."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "keras":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        loader = spec.loader
        run = loader.exec_module

        def run_then_register(module: ModuleType) -> None:
            run(module)
            # Not before: TensorFlow looks for the spec of Keras and does not load it.
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            importlib.import_module(_MASK_MODULE)

        # On this one loader object, which has this one module to load.
        loader.exec_module = run_then_register  # type: ignore[method-assign]
        return spec
