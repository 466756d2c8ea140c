"""Numba's ``njit``, but for want of a cache no kernel fails: where none can be written, a temporary one is, or none.

Numba keeps compiled kernels beside their sources or in the user's home, and refuses to define one where neither can be
written, as in containers and on batch nodes.
"""

from __future__ import annotations

import getpass
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from typing import Any

import numba

_CONFIG: Any = numba.config
_REFUSED = "no locator available"
"""What Numba says of a function for whose cache it finds no folder."""

_KEPT = "compiled kernels are kept in {folder}, for no cache can be written; NUMBA_CACHE_DIR names a better folder"
_LOST = "compiled kernels are not kept, for no cache can be written; NUMBA_CACHE_DIR names a folder for them"
_UNSAVED = "compiled kernels are not kept ({reason}); NUMBA_CACHE_DIR names another folder for them"


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return Numba's decorator for kernels, which falls back to a temporary cache, and then to none.

    Parameters
    ----------
    **options
        As for ``numba.njit``.
    """

    def decorated(function: Callable[..., Any]) -> Any:
        try:
            kernel = numba.njit(**options)(function)
        except RuntimeError as error:
            if _REFUSED not in str(error):
                raise
            kernel = _without_locator(function, options)
        _forgive_failing_saves(kernel)
        return kernel

    return decorated


def _without_locator(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    folder = _temporary_folder()
    if folder is not None:
        told = _CONFIG.CACHE_DIR
        _CONFIG.CACHE_DIR = folder  # read when a kernel is defined; other people's kernels keep their places
        try:
            kernel = numba.njit(**options)(function)
        except RuntimeError as error:
            if _REFUSED not in str(error):
                raise
        else:
            _say(_KEPT.format(folder=folder))
            return kernel
        finally:
            _CONFIG.CACHE_DIR = told
    _say(_LOST)
    return numba.njit(**{**options, "cache": False})(function)


@cache
def _temporary_folder() -> str | None:
    """Return a folder that this user alone can write to, for what is loaded from it is run; None where there is none.

    It has the same name every time, so that kernels are compiled once a machine and not once a process.
    """
    try:
        folder = Path(tempfile.gettempdir(), f"knapsolve-{_user()}")
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and not _is_ours(found)):
            return None
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except OSError:
        return None


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()


def _is_ours(found: os.stat_result) -> bool:
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


def _forgive_failing_saves(kernel: Any) -> None:
    """Have a kernel that was compiled go on without being kept where the disk is full, or was taken away since."""
    kept: Any = getattr(kernel, "_cache", None)
    if not hasattr(kept, "save_overload"):
        return
    save = kept.save_overload

    @wraps(save)
    def forgiving(*arguments: Any) -> None:
        try:
            save(*arguments)
        except OSError as error:
            _say(_UNSAVED.format(reason=error.strerror or type(error).__name__))

    kept.save_overload = forgiving


@cache
def _say(sentence: str) -> None:
    """Print a sentence on standard error, once; one that cannot be printed, as on a full disk, is not worth a solve."""
    with suppress(OSError):
        print(f"knapsolve: {sentence}", file=sys.stderr, flush=True)
