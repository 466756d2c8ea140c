"""The workers there are: started on demand, used again, killed at a hard deadline, never left behind."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from knapsolve.backends.process import Worker, WorkerFailedError
from knapsolve.backends.program import Job, Report

GRACE_SECONDS = 0.25
"""How long after its time limit a solver may still answer by itself before it is killed."""

_idle: dict[str, list[Worker]] = {}
_inherited: list[Worker] = []  # kept, so that a fork never finalises a process that is not its own
_lock = threading.Lock()


def run(module: str, job: Job, on_report: Callable[[Report], None]) -> tuple[Report | None, str]:
    """Run a job in a worker process and kill it if it does not end in time.

    Parameters
    ----------
    module
        Dotted name of the module whose ``run`` the worker calls.
    job
        What to solve. Its time limit covers the start of a worker too.
    on_report
        Called in this thread with every improvement the worker reports.

    Returns
    -------
    report, reason
        The worker's last word and "", or None and a sentence on why there is none.
    """
    begun = time.monotonic()
    end = float("inf") if job.time_limit is None else begun + job.time_limit
    worker: Worker | None = None
    reusable = False
    try:
        worker = _borrow(module)
        if not worker.wait_until_ready(end):
            reusable = True  # it goes on loading and will serve the next solve
            return None, "the time limit struck while its worker process was starting"
        left = None if job.time_limit is None else max(end - time.monotonic(), 0.0)
        report = worker.solve(replace(job, time_limit=left), end + GRACE_SECONDS, on_report)
        reusable = report is not None
        return report, "" if reusable else f"killed {GRACE_SECONDS} s after its time limit, which it ignored"
    except KeyboardInterrupt:
        return None, "interrupted and killed"
    except (WorkerFailedError, OSError) as error:
        return None, f"failed: {error}"
    finally:
        if worker is not None:
            if reusable:
                _give_back(worker)
            else:
                worker.kill()


def _borrow(module: str) -> Worker:
    with _lock:
        workers = _idle.setdefault(module, [])
        while workers:
            worker = workers.pop()
            if worker.alive():
                return worker
            worker.kill()
    return Worker(module)


def _give_back(worker: Worker) -> None:
    with _lock:
        _idle.setdefault(worker.module, []).append(worker)


@atexit.register
def end_workers() -> None:
    """End every idle worker process; the next solve starts a new one."""
    with _lock:
        for workers in _idle.values():
            while workers:
                workers.pop().kill()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # the old one may have been held by a thread that does not exist here
    for workers in _idle.values():
        for worker in workers:
            worker.abandon()
            _inherited.append(worker)
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
