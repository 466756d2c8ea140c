"""Write a file completely or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file atomically: a reader sees the old file or the new one, never a part.

    Parameters
    ----------
    path
        Where to write; replaced if it exists.
    text
        The content, written as UTF-8.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written to.
    """
    through(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def ensure_writable(path: str | os.PathLike[str]) -> None:
    """Check that `write_text` could write a file, by making and removing an empty one beside it.

    Parameters
    ----------
    path
        The file; it is left as it is.

    Raises
    ------
    OSError
        If it could not; the error says why.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        raise OSError(f"{target} is not a file that can be written")
    with tempfile.TemporaryDirectory(prefix=f".{target.stem}-", dir=target.parent) as staging:
        (Path(staging) / target.name).touch()


def through(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> None:
    """Write any file atomically: under its name in a folder beside it, then moved here once it is on the disk.

    Parameters
    ----------
    path
        Where to write; replaced if it exists.
    write
        Writes the file to the path that it is given.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written to.
    """
    target = Path(path)
    # The same folder means the same file system, where a rename is atomic.
    with tempfile.TemporaryDirectory(prefix=f".{target.stem}-", dir=target.parent) as staging:
        temporary = Path(staging) / target.name
        write(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, target)
