"""Runs one contestant on one problem under a hard limit, and makes a row of whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from typing import IO, Any

from bench.measuring.machine import ROOT
from bench.solvers.peers import folder_of_its_own
from bench.solvers.spec import Spec
from knapsolve.solution import relative_gap

SETUP_SECONDS = 300.0
"""For generating the problem and compiling; nobody is measured here."""
ENOUGH_SECONDS = 60.0
"""No repeat is begun once the repeats before have taken this long in all, or one has met its limit."""

Row = dict[str, Any]


def hard_limit(limit: float) -> float:
    """Return the seconds after which a run that should have ended at `limit` is killed."""
    return 1.25 * limit + 5.0


def measure(spec: Spec, solver: str, *, repeat: int, limit: float) -> Row | None:
    """Return the row of one contestant on one problem, or None if it cannot take such a problem."""
    row: Row = {"spec": spec.name, "set": spec.set, "family": spec.family, "n": spec.n, "m": spec.m, "seed": spec.seed}
    row |= {"solver": solver, "version": "", "limit": limit}
    with tempfile.TemporaryFile() as errors, _Child(errors, folder_of_its_own(solver)) as child:
        child.send({"spec": asdict(spec), "solver": solver, "repeat": repeat, "limit": limit})
        ended = _listen(child, row, limit)
        errors.seek(0)
        last_words = errors.read().decode(errors="replace").strip().splitlines()
    if ended == "refused":
        return None
    runs = row.pop("runs", [])
    if ended == "failed" and not row.get("note"):
        row["note"] = f"the process ended with code {child.process.returncode}" + (
            f": {without_folders(last_words[-1][:200])}" if last_words else ""
        )
    return row | _summary(runs, ended, row)


def without_folders(text: str) -> str:
    """Return a message with every absolute path cut to its last part: rows say nothing of anybody's folders."""
    return re.sub(r"(?:/[^\s/:'\"]+)+/([^\s/:'\"]+)", r"\1", text)


def _listen(child: _Child, row: Row, limit: float) -> str:
    """Fill the row from the child's events; return ``done``, ``refused``, ``failed`` or ``killed``."""
    runs: list[Row] = row.setdefault("runs", [])
    began = time.monotonic()
    deadline = began + SETUP_SECONDS
    begun = False
    while True:
        event = child.next(deadline)
        kind = None if event is None else event.pop("event")
        if event is None:
            row["killed_after"] = time.monotonic() - began
            row["note"] = "killed at the hard limit" if begun else "killed before its first run"
            return "killed"
        if kind == "gone":
            return "done" if runs and child.process.wait() == 0 else "failed"
        if kind in ("refused", "failed"):
            row["note"] = without_folders(event["note"])
            return str(kind)
        if kind == "ready":
            row |= event
        elif kind == "warm":
            row["warm_seconds"] = event["seconds"]
        elif kind == "begin":
            began, begun = time.monotonic(), True
            deadline = began + hard_limit(limit)
        elif kind == "run":
            runs.append(event)
            spent = sum(run["seconds"] for run in runs)
            if event["seconds"] > 0.9 * limit or spent > ENOUGH_SECONDS:
                return "done"


def _summary(runs: list[Row], ended: str, row: Row) -> Row:
    """Condense the repeats; where there is none, say how it ended."""
    if ended in ("killed", "failed"):
        # One bad repeat spoils the row: a solver that sometimes never returns has no median.
        return {
            "status": ended.upper(),
            "seconds": row.pop("killed_after", None),
            "all_seconds": [run["seconds"] for run in runs],
            "value": None,
            "bound": None,
            "gap": None,
            "note": row.get("note", ""),
        }
    seconds = [run["seconds"] for run in runs]
    worst = max(runs, key=lambda run: run["status"] != "OPTIMAL")
    value, bound = worst["value"], worst["bound"]
    gap = 0.0 if worst["status"] == "OPTIMAL" else None
    if gap is None and value is not None and bound is not None:
        gap = relative_gap(value, bound)
    extra = [run["extra_bytes"] for run in runs if run["extra_bytes"] is not None]
    return {
        "status": worst["status"],
        "seconds": statistics.median(seconds),
        "all_seconds": seconds,
        "construct_seconds": statistics.median(run["construct_seconds"] for run in runs),
        "value": value,
        "bound": bound,
        "gap": gap,
        "extra_bytes": max(extra, default=None),
        "note": worst["note"],
    }


class _Child:
    """A process that runs `bench.solvers.child`, and the thread that reads its events."""

    def __init__(self, errors: IO[bytes], first: str | None) -> None:
        folders = [first, str(ROOT), str(ROOT / "solvers"), os.environ.get("PYTHONPATH")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.solvers.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, folders))},
            text=True,
            start_new_session=True,  # so that whatever it starts can be killed with it
        )
        self._inbox: queue.SimpleQueue[Row] = queue.SimpleQueue()
        assert self.process.stdin is not None
        self._stdin = self.process.stdin
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        with contextlib.suppress(OSError):  # what was not yet written has nobody left to read it
            self._stdin.close()

    def send(self, request: Row) -> None:
        with contextlib.suppress(OSError):  # it died at once; the reader says so
            self._stdin.write(json.dumps(request) + "\n")
            self._stdin.flush()

    def next(self, deadline: float) -> Row | None:
        """Return the next event, or None once the deadline has passed."""
        try:
            return self._inbox.get(timeout=max(deadline - time.monotonic(), 0.0))
        except queue.Empty:
            return None

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines, contextlib.suppress(ValueError):  # a line torn by the kill
            for line in lines:
                self._inbox.put(json.loads(line))
        self._inbox.put({"event": "gone"})
