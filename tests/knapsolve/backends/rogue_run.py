"""A backend that misbehaves on demand: the job's seed says how. Imported by worker processes only."""

import ctypes
import os
import sys
import time

import numpy as np

from knapsolve.backends.program import Report

GOOD, HANG_AFTER_REPORT, CRASH, RAISE, PRINT, REPORT_PID, HANG_IN_C = range(7)


def run(job, report):
    nothing = np.zeros(len(job.program.objective), dtype=bool)
    first = nothing.copy()
    first[0] = True
    if job.seed == HANG_AFTER_REPORT:
        report(Report(first, bound=int(job.program.objective.sum()) - 1))
        time.sleep(3600)
    elif job.seed == CRASH:
        report(Report(first))
        print("the solver's last words", file=sys.stderr, flush=True)
        os.abort()
    elif job.seed == RAISE:
        raise ArithmeticError("one and one is three")
    elif job.seed == PRINT:
        print("stray print", flush=True)
        os.write(1, b"\x00\x01\x02 stray bytes from C")
    elif job.seed == REPORT_PID:
        return Report(first, note=str(os.getpid()))
    elif job.seed == HANG_IN_C:
        report(Report(first, note=""))
        ctypes.PyDLL(None).sleep(3600)  # keeps the interpreter lock, so no thread of the worker can help
    return Report(first, bound=int(job.program.objective[0]), note="done")
