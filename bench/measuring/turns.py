"""Time several runs on a machine whose speed changes: each in a process of its own, and they take turns.

While one runs, the others are stopped (SIGSTOP). Turns are short against what other tenants of the machine do to it, so
that all runs see the same machine, and the time of each is the sum of its turns.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle
from multiprocessing.connection import Connection
from typing import Any

from knapsolve.backends.worker import watch_parent

TURN = 0.5
"""Seconds."""

Prepare = Callable[..., Callable[[], Any]]


@dataclass(frozen=True)
class Timed:
    """What came of a run.

    Parameters
    ----------
    seconds
        That it ran for, turns of others left out.
    cpu_seconds
        Processor time of all its threads meanwhile.
    result
        What it returned.
    """

    seconds: float
    cpu_seconds: float
    result: Any


@dataclass
class _Runner:
    process: Any
    pipe: Connection
    seconds: float = 0.0

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)


def race(runs: Mapping[str, tuple[Any, ...]], prepare: Prepare, turn: float = TURN) -> dict[str, Timed]:
    """Time runs in turns."""
    spawn = multiprocessing.get_context("spawn")
    runners: dict[str, _Runner] = {}
    # What is stopped can neither see that its parent has ended nor end: it is for the parent to end it.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        for name, arguments in runs.items():  # one after the other: preparing takes memory and cores
            here, there = spawn.Pipe()
            process = spawn.Process(target=_child, args=(there, prepare, arguments), daemon=True)
            process.start()
            there.close()
            runners[name] = _Runner(process, here)
            _receive(name, runners[name])
            runners[name].signal(signal.SIGSTOP)
        for runner in runners.values():
            runner.pipe.send("go")
        return _take_turns(runners, turn)
    finally:
        for runner in runners.values():
            if runner.process.is_alive():
                runner.process.kill()
            runner.process.join()
        signal.signal(signal.SIGTERM, before)


def _take_turns(runners: Mapping[str, _Runner], turn: float) -> dict[str, Timed]:
    done: dict[str, Timed] = {}
    for name, runner in cycle(runners.items()):
        if len(done) == len(runners):
            break
        if name in done:
            continue
        runner.signal(signal.SIGCONT)
        started = time.perf_counter()
        if runner.pipe.poll(turn):
            ended, used, result = _receive(name, runner)
            # It may have ended between the last look and the stop: in the turn before, which is charged already.
            done[name] = Timed(runner.seconds + max(ended - started, 0.0), used, result)
        else:
            runner.signal(signal.SIGSTOP)
            runner.seconds += time.perf_counter() - started
    return done


def _receive(name: str, runner: _Runner) -> Any:
    try:
        kind, *rest = runner.pipe.recv()
    except EOFError:
        kind, rest = "failed", ["it ended"]
    if kind == "failed":
        raise RuntimeError(f"{name}: {rest[0]}")
    return rest


def _child(pipe: Connection, prepare: Prepare, arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=watch_parent, args=(os.getppid(),), daemon=True).start()
    try:
        run = prepare(*arguments)
        pipe.send(("ready",))
        pipe.recv()
        used = time.process_time()
        result = run()
        # The clock is the machine's: the parent reads the same one.
        pipe.send(("done", time.perf_counter(), time.process_time() - used, result))
    except Exception as error:
        pipe.send(("failed", f"{type(error).__name__}: {error}"))
