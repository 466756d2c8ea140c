"""Files written completely or not at all, by whoever writes any: an error names the file that was asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from knapsolve.files import atomic


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file atomically, as UTF-8."""
    with naming(path):
        atomic.write_text(path, text)


def through(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> None:
    """Have a file written under its name in a folder beside it, and moved into place once it is on the disk."""
    with naming(path):
        atomic.through(path, write)


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let what the system says of a write that failed name the file; a full disk names none, or a temporary one."""
    target = Path(path)
    try:
        yield
    except OSError as error:
        if error.errno is None:  # h5py's, whose text ends in what the system said
            raise OSError(f"{target}: cannot be written: {error}") from error
        if error.filename is not None and not Path(os.fsdecode(error.filename)).is_relative_to(target.parent):
            raise  # another file, which is to be read
        raise OSError(error.errno, os.strerror(error.errno), str(target)) from error
