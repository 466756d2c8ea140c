"""Global random generators, seeded for a while: data loaders of users draw from them."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Python's, NumPy's and, if it is loaded, PyTorch's generator; put their state back afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (the state that users' loaders draw from)
    torch = sys.modules.get("torch")
    own = None if torch is None else torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    if torch is not None:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if torch is not None:
            torch.set_rng_state(own)
