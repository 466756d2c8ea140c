"""The clock of all time limits: it stands still while Numba compiles, which is no part of solving."""

from __future__ import annotations

import time

_stopped_for = 0.0
_stopped_at: float | None = None


def now() -> float:
    """Return seconds from an arbitrary start, those spent on compiling left out."""
    return (time.perf_counter() if _stopped_at is None else _stopped_at) - _stopped_for


def stop() -> None:
    """Stand still from here on."""
    global _stopped_at
    _stopped_at = time.perf_counter()


def go() -> float:
    """Go on, and return the seconds that the clock stood still."""
    global _stopped_at, _stopped_for
    if _stopped_at is None:
        return 0.0
    lasted = time.perf_counter() - _stopped_at
    _stopped_at, _stopped_for = None, _stopped_for + lasted
    return lasted
