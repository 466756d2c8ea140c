"""Read what HiGHS tells while it works behind CVXPY, which has no callbacks for it.

HiGHS writes a log line for every improvement, and every improved selection to a file that it is given. Both are pipes
here: nothing touches the disk, and nothing is left behind by a kill. Where the system has no ``/dev/fd``, only the
final result is known.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Self, TextIO

import numpy as np
from numpy.typing import NDArray

from knapsolve.backends.program import Report

_LOG_LINE = re.compile(r"^ ?[A-Za-z]?\s+\d+\s+\d+\s+\d+\s+[\d.]+%\s+(?P<bound>\S+)\s")
_LOG_PRECISION = 1e-11  # the log prints twelve digits
_STANDARD_OUTPUT = 1


class Watch:
    """Stands beside one solve and reports what HiGHS logs.

    Parameters
    ----------
    n
        Number of items.
    report
        Called with every improved selection and bound.

    Attributes
    ----------
    selections
        Path to pass to HiGHS as its option ``mip_improving_solution_file``, or None where nothing can be watched. The
        log must be sent to the console, the selections be written sparsely.
    """

    def __init__(self, n: int, report: Callable[[Report], None]) -> None:
        self.selections: str | None = None
        self._n = n
        self._report = report
        self._readers: list[threading.Thread] = []
        self._written: list[int] = []
        self._output: int | None = None

    def __enter__(self) -> Self:
        if os.path.isdir("/dev/fd"):
            log = self._pipe(self._read_log)
            self._output = os.dup(_STANDARD_OUTPUT)
            os.dup2(log, _STANDARD_OUTPUT)
            self.selections = f"/dev/fd/{self._pipe(self._read_selections)}"
        return self

    def __exit__(self, *exception: object) -> None:
        if self._output is None:
            return
        sys.stdout.flush()
        os.dup2(self._output, _STANDARD_OUTPUT)
        for descriptor in [self._output, *self._written]:
            os.close(descriptor)
        for reader in self._readers:
            reader.join()

    def _pipe(self, read: Callable[[TextIO], None]) -> int:
        """Open a pipe, start a thread that reads it, and return the end to write to."""
        readable, writable = os.pipe()
        stream = os.fdopen(readable, errors="replace")
        reader = threading.Thread(target=read, args=(stream,), daemon=True)
        reader.start()
        self._readers.append(reader)
        self._written.append(writable)
        return writable

    def _read_log(self, stream: TextIO) -> None:
        with stream:
            for line in stream:
                match = _LOG_LINE.match(line)
                # HiGHS is given the objective's negative to minimise.
                bound = float("inf") if match is None else -float(match["bound"])
                if np.isfinite(bound):
                    self._report(Report(bound=bound + abs(bound) * _LOG_PRECISION))

    def _read_selections(self, stream: TextIO) -> None:
        """Read blocks of ``Objective v``, ``# Columns -k`` and k lines ``value index``, perhaps after a name."""
        with stream:
            for line in stream:
                if line.startswith("# Columns"):
                    self._report(Report(selected=self._read_block(stream, abs(int(line.split()[-1])))))

    def _read_block(self, stream: TextIO, count: int) -> NDArray[np.bool_]:
        selected = np.zeros(self._n, dtype=np.bool_)
        for _ in range(count):
            *_, value, index = stream.readline().split()
            selected[int(index)] = float(value) > 0.5
        return selected
