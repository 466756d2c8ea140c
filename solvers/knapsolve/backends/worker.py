"""The worker process: ``python -m knapsolve.backends.worker MODULE`` runs ``MODULE.run(job, report)`` job by job.

It serves one parent over its standard input and output, and exits at once when that parent is gone, even in the
middle of a solve: the solvers release the interpreter lock, so the threads below go on running beside them.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
from queue import SimpleQueue
from typing import Any, BinaryIO

from knapsolve.backends import messages
from knapsolve.backends.program import Job, Report

_PARENT_CHECK_SECONDS = 1.0


def main(module: str) -> None:
    """Serve jobs until the parent closes the pipe.

    Parameters
    ----------
    module
        Dotted name of a module with ``run(job: Job, report: Callable[[Report], None]) -> Report``.
    """
    # Ctrl-C is the parent's to handle: it kills this process if it wants to.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    inbox, outbox = _claim_pipes()
    jobs: SimpleQueue[tuple[int, Job]] = SimpleQueue()
    threading.Thread(target=_read_jobs, args=(inbox, jobs), daemon=True).start()
    threading.Thread(target=watch_parent, args=(os.getppid(),), daemon=True).start()
    lock = threading.Lock()  # solvers report from their own threads

    def send(number: int, kind: str, content: Any) -> None:
        with lock:
            messages.send(outbox, (number, kind, content))

    try:
        run = importlib.import_module(module).run
    except Exception as error:
        send(0, "failed", f"{type(error).__name__}: {error}")
        return
    send(0, "ready", None)
    while True:
        number, job = jobs.get()

        def report(content: Report, number: int = number) -> None:
            send(number, "report", content)

        try:
            send(number, "final", run(job, report))
        except Exception as error:
            send(number, "failed", f"{type(error).__name__}: {error}")


def _claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the pipes away from descriptors 0 and 1, so that a solver's stray prints cannot reach the parent."""
    inbox = os.fdopen(os.dup(0), "rb")
    outbox = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return inbox, outbox


def _read_jobs(inbox: BinaryIO, jobs: SimpleQueue[tuple[int, Job]]) -> None:
    try:
        while True:
            jobs.put(messages.receive(inbox))
    finally:
        # The parent is gone, or what it sent cannot be read: either way nobody waits for an answer. Exit without
        # cleaning up, for the main thread may be deep inside a solver.
        os._exit(0)


def watch_parent(parent: int) -> None:
    """Exit when the process is orphaned, for a fork of the parent may hold the other end of the pipe open.

    Parameters
    ----------
    parent
        Process id of the parent.
    """
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
