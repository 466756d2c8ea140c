"""One worker process as its parent sees it: started, sent a job, listened to until a deadline, killed."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, BinaryIO

from knapsolve.backends import messages
from knapsolve.backends.program import Job, Report
from knapsolve.limits.interruption import interrupted

_SLICE_SECONDS = 0.2  # Ctrl-C only sets a flag, and on Windows cannot end a wait: it is noticed between slices


class WorkerFailedError(Exception):
    """The worker could not be started, crashed, or refused the job; the message says which and why."""


class Worker:
    """One worker process and the thread that reads what it sends.

    Parameters
    ----------
    module
        Dotted name of the module whose ``run`` the worker calls.
    """

    def __init__(self, module: str) -> None:
        self.module = module
        self.ready = False
        self._jobs = 0
        self._errors = _room_for_errors()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "knapsolve.backends.worker", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(_import_path())},
                start_new_session=True,  # Ctrl-C in the terminal reaches the parent only
            )
        except OSError:
            self._errors.close()
            raise
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stdin: BinaryIO = self.process.stdin  # type: ignore[assignment]
        self._inbox: queue.SimpleQueue[tuple[int, str, Any]] = queue.SimpleQueue()
        reader = threading.Thread(target=_read, args=(self.process.stdout, self._inbox), daemon=True)
        reader.start()

    def wait_until_ready(self, deadline: float) -> bool:
        """Return whether the worker has imported its solver by `deadline` (on the clock of `time.monotonic`)."""
        while not self.ready:
            message = self._next(deadline)
            if message is None:
                return False
            self.ready = message[1] == "ready"
        return True

    def solve(self, job: Job, deadline: float, on_report: Callable[[Report], None]) -> Report | None:
        """Run one job and return its last report, or None if the deadline struck first."""
        self._jobs += 1
        try:
            messages.send(self._stdin, (self._jobs, job))
        except OSError as error:
            raise WorkerFailedError(self._epitaph()) from error
        while (message := self._next(deadline)) is not None:
            number, kind, content = message
            if number != self._jobs:
                continue  # a late report of an earlier job
            if kind == "final":
                assert isinstance(content, Report)
                return content
            on_report(content)
        return None

    def alive(self) -> bool:
        """Return whether the process still runs."""
        return self.process.poll() is None

    def kill(self) -> None:
        """End the process now and release what it held."""
        self.process.kill()
        self.process.wait()
        self._errors.close()
        with contextlib.suppress(OSError):  # what was not yet written has nobody left to read it
            self._stdin.close()

    def abandon(self) -> None:
        """Let go of the pipe without touching the process: in a fork, it belongs to the parent."""
        self._stdin.close()
        self.process.returncode = 0  # nothing here for Popen to wait for

    def _next(self, deadline: float) -> tuple[int, str, Any] | None:
        while True:
            wait = min(deadline - time.monotonic(), _SLICE_SECONDS)
            try:
                message = self._inbox.get(timeout=max(wait, 0.0))
                break
            except queue.Empty:
                if interrupted():
                    raise KeyboardInterrupt from None
                if time.monotonic() >= deadline:
                    return None
        if message[1] == "gone":
            raise WorkerFailedError(self._epitaph())
        if message[1] == "failed":
            raise WorkerFailedError(message[2])
        return message

    def _epitaph(self) -> str:
        code = self.process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"the worker process ended with code {code}" + (f": {lines[-1].strip()}" if lines else "")


def _room_for_errors() -> IO[bytes]:
    """Return a file for a worker's last words; where the disk is full, one that keeps nothing."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return open(os.devnull, "r+b", buffering=0)


def _import_path() -> list[str]:
    """Return the parent's import path, led by the folder this very package was imported from."""
    home = str(Path(__file__).resolve().parents[2])
    return [home, *(entry for entry in sys.path if entry and entry != home)]


def _read(stdout: BinaryIO, inbox: queue.SimpleQueue[tuple[int, str, Any]]) -> None:
    with stdout:
        try:
            while True:
                inbox.put(messages.receive(stdout))
        except Exception:  # end of file, or a message torn by a crash
            inbox.put((0, "gone", None))
