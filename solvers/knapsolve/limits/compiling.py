"""Tell a user whom a cold cache keeps waiting what for, and how long it took; no time limit counts it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from knapsolve.limits import clock

PATIENCE_SECONDS = 1.0
"""Compiling is announced once it has taken this long: a kernel or two are not worth a word."""

BEGUN = "knapsolve: compiling its kernels for this machine, once; later runs load them from a cache"


class Stopwatch:
    """Adds up the seconds that Numba compiles, and says so on standard error when they grow long."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0

    def start(self) -> None:
        """Note that a kernel is being compiled; it may be one that another needs."""
        if self._depth == 0:
            clock.stop()
        self._depth += 1

    def stop(self) -> None:
        """Note that the kernel last begun is compiled."""
        self._depth -= 1
        if self._depth == 0:
            before, self.seconds = self.seconds, self.seconds + clock.go()
            if before <= PATIENCE_SECONDS < self.seconds:
                _say(BEGUN)

    def tell(self) -> None:
        """Say how long it took, where it was announced."""
        if self.seconds > PATIENCE_SECONDS:
            _say(f"knapsolve: compiled in {self.seconds:.1f} s")


def _say(sentence: str) -> None:
    with suppress(OSError):  # standard error may be a file on a disk that is full
        print(sentence, file=sys.stderr, flush=True)


_watch: Stopwatch | None = None


@contextmanager
def compiling_watched(needed: bool) -> Iterator[Stopwatch]:
    """Stop the clock and announce it while Numba compiles in the block; loading from its cache is silent.

    Parameters
    ----------
    needed
        Whether the block will load Numba; it is not loaded merely to be listened to.
    """
    global _watch
    if _watch is not None or not (needed or "numba" in sys.modules):
        yield _watch or Stopwatch()
        return
    _listen()
    _watch = watch = Stopwatch()
    try:
        yield watch
    finally:
        _watch = None
        clock.go()
        watch.tell()


@cache
def _listen() -> None:
    """Have Numba report to the stopwatch of the solve under way."""
    from numba.core import event

    class Listener(event.Listener):
        def on_start(self, event: object) -> None:
            if _watch is not None:
                _watch.start()

        def on_end(self, event: object) -> None:
            if _watch is not None:
                _watch.stop()

    event.register("numba:compile", Listener())  # type: ignore[no-untyped-call, unused-ignore]
