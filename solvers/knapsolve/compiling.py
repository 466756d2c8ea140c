"""Tell a user whom a cold cache keeps waiting what for, and how long it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 1.0
"""Compiling is announced once it has taken this long: a kernel or two are not worth a word."""

BEGUN = "knapsolve: compiling its kernels for this machine, once; later runs load them from a cache"


class Stopwatch:
    """Adds up the seconds that Numba compiles, and says so on standard error when they grow long."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0
        self._begun = 0.0

    def start(self) -> None:
        """Note that a kernel is being compiled; it may be one that another needs."""
        if self._depth == 0:
            self._begun = time.perf_counter()
        self._depth += 1

    def stop(self) -> None:
        """Note that the kernel last begun is compiled."""
        self._depth -= 1
        if self._depth == 0:
            before, self.seconds = self.seconds, self.seconds + time.perf_counter() - self._begun
            if before <= PATIENCE_SECONDS < self.seconds:
                print(BEGUN, file=sys.stderr, flush=True)

    def tell(self) -> None:
        """Say how long it took, where it was announced."""
        if self.seconds > PATIENCE_SECONDS:
            print(f"knapsolve: compiled in {self.seconds:.1f} s", file=sys.stderr, flush=True)


@contextmanager
def compiling_announced(needed: bool) -> Iterator[None]:
    """Announce what Numba compiles while the block runs; loading from the cache is silent.

    Parameters
    ----------
    needed
        Whether the block will load Numba; it is not loaded merely to be listened to.
    """
    if not needed and "numba" not in sys.modules:
        yield
        return
    from numba.core import event

    watch = Stopwatch()

    class Listener(event.Listener):
        def on_start(self, event: object) -> None:
            watch.start()

        def on_end(self, event: object) -> None:
            watch.stop()

    with event.install_listener("numba:compile", Listener()):
        try:
            yield
        finally:
            watch.tell()
