"""Ctrl-C in the middle of a solve: the solver is asked to stop and to return what it has.

The first Ctrl-C sets a flag that solvers look at wherever they look at the clock. One that has not returned within
`GRACE_SECONDS` is left by an exception (:mod:`knapsolve.portfolio.stand_in` answers for it); a second Ctrl-C ends the
solve as it ends any Python program. In a command SIGTERM, which batch systems send before they kill, does the same.
"""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from knapsolve.limits import clock

GRACE_SECONDS = 1.0
"""How long a solver may take to notice Ctrl-C before it is left."""


class OverdueError(KeyboardInterrupt):
    """Raised in a solver that did not notice Ctrl-C in time."""


class _Request:
    """What is known of Ctrl-C in the solve under way; `number` is the signal that it came by."""

    def __init__(self) -> None:
        self.made = False
        self.number = signal.SIGINT
        self.overdue = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self.overdue:
            raise OverdueError
        if self.made:
            raise KeyboardInterrupt
        self.made, self.number = True, signal.Signals(number)
        timer = threading.Timer(GRACE_SECONDS, self._give_up)
        timer.daemon = True
        timer.start()

    def _give_up(self) -> None:
        if _current is self:
            self.overdue = True
            _thread.interrupt_main(self.number)  # where Ctrl-C is ignored, as in a shell's background, SIGTERM is not


_current: _Request | None = None


def interrupted() -> bool:
    """Return whether Ctrl-C asks the solve under way to stop."""
    return _current is not None and _current.made


def late(deadline: float | None) -> bool:
    """Return whether a solver must stop: its deadline has passed, or Ctrl-C was pressed.

    Parameters
    ----------
    deadline
        On the clock of `knapsolve.limits.clock.now`, or None for none.
    """
    return interrupted() or (deadline is not None and clock.now() > deadline)


@contextmanager
def leaving() -> Iterator[None]:
    """Leave what the block runs by an `OverdueError` also where C code made another exception of it.

    What Numba calls back while it loads a kernel turns any exception into a SystemError.
    """
    try:
        yield
    except SystemError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OverdueError):
            cause = cause.__cause__
        if cause is None:
            raise
        raise cause from None


def overdue(solver: str) -> str:
    """Return the sentence on a solver that was left."""
    return f"{solver}: interrupted, and did not stop within {GRACE_SECONDS:g} s"


def stopped() -> str:
    """Return the sentence on a solver that stopped because it was asked to."""
    by_termination = _current is not None and _current.number == signal.SIGTERM
    return f"stopped by {'SIGTERM' if by_termination else 'Ctrl-C'}"


@contextmanager
def listening() -> Iterator[None]:
    """Take Ctrl-C while the block runs, unless somebody else does: another thread, or a handler of the program's.

    SIGTERM is taken where a command lets it end as Ctrl-C does. Solves within the block hear what it hears.
    """
    global _current
    ours = threading.current_thread() is threading.main_thread() and _current is None
    takes_interrupt = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not ours or not (takes_interrupt or signal.getsignal(signal.SIGTERM) is _terminate):
        yield
        return
    _current = _Request()
    if takes_interrupt:
        signal.signal(signal.SIGINT, _current.handle)
    try:
        yield
    finally:
        _current = None
        if takes_interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does: for commands, which end with it; a program has its own say."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)  # None: set by other than Python


def _terminate(number: int, frame: FrameType | None) -> None:
    if _current is None:
        raise KeyboardInterrupt
    _current.handle(number, frame)
