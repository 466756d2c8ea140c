"""What is said of a file that cannot be read, or whose model is not in all respects what it was."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable

#: What reading a damaged file raises, in h5py, in Keras or here.
DAMAGED = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
#: What is not as it was, and the layers that this is so of.
Notes = dict[str, list[str]]


class ModelFileWarning(UserWarning):
    """A model is not in all respects what it was when it was saved."""


class UnreadableError(ValueError):
    """A file holds what cannot be rebuilt; the message says what, and whoever opened the file adds its name."""


def damage(error: Exception) -> str:
    """Say that a file is damaged, or what else it is, by what reading it raised."""
    if isinstance(error, AttributeError | IndexError | KeyError):  # their texts say nothing by themselves
        return f"it is damaged, or of another program ({type(error).__name__}: {in_short(error)})"
    return in_short(error)


def sentence(notes: Notes) -> str:
    """Join notes into one sentence."""
    return "; ".join(
        f"layer{'s' if len(names) > 1 else ''} {listed(names)}: {what}" if names else what
        for what, names in notes.items()
    )


def listed(names: Iterable[str]) -> str:
    """Name a few."""
    quoted = [repr(name) for name in names]
    return ", ".join(quoted[:4]) + (f" and {len(quoted) - 4} more" if len(quoted) > 4 else "")


def in_short(error: Exception) -> str:
    """Say the first sentence of what Keras says in the end; before it repeats configurations, and after it advises."""
    text = " ".join(str(error).split()).rpartition("Exception encountered: ")[2] or type(error).__name__
    first = text.partition(". ")[0].removesuffix(".")
    return first if len(first) <= 300 else f"{first[:300].rstrip()} ..."
