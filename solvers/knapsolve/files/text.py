"""Read a text file, with an error that names it where it is none."""

from __future__ import annotations

import os
from pathlib import Path


def read_text(path: str | os.PathLike[str], argument: str) -> str:
    """Read a file as UTF-8, with or without a byte order mark.

    Parameters
    ----------
    path
        The file.
    argument
        What the caller knows the file by, for the message.

    Returns
    -------
    str
        All of it.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is not UTF-8.
    """
    content = Path(path).read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(f"{argument}: {path} is UTF-16, expected a text file in UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{argument}: {path} is not UTF-8: line {line} has the byte 0x{content[error.start]:02x}, expected a text "
            "file in UTF-8"
        ) from None
