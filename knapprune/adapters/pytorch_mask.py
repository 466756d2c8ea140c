"""The name that files of masked modules saved by version 0.1.0 have for `knapprune.adapters.pytorch.mask`."""

from knapprune.adapters.pytorch.mask import KernelMask
from knapprune.adapters.pytorch.masked_state import load_masked

__all__ = ["KernelMask", "load_masked"]
