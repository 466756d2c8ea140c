"""Models of tf_keras and QKeras described, without a word on what QKeras does on purpose."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# QKeras describes its quantisers by what tf_keras has for constraints, and draws by initialisers that it wraps.
_EXPECTED = (r"The `keras\.constraints\.serialize\(\)` API", r"The initializer \w+ is unseeded")


@contextmanager
def described() -> Iterator[None]:
    """Describe, or make again, while the block runs."""
    with warnings.catch_warnings():
        for message in _EXPECTED:
            warnings.filterwarnings("ignore", message=message, category=UserWarning)
        yield


def qkeras_classes() -> dict[str, Any]:
    """Return the classes of QKeras that descriptions name; none where nobody has imported it."""
    qkeras = sys.modules.get("qkeras")
    classes: dict[str, Any] = {}
    if qkeras is not None:
        qkeras.utils._add_supported_quantized_objects(classes)
    return classes
