"""One contestant on one problem in its own process, `python -m bench.solvers.child`, that `bench.solvers.runner` runs.

A request comes as JSON on standard input, events go as JSON lines to standard output. What solvers print goes to
standard error.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import threading
import time
from typing import Any, TextIO

from bench.measuring import memory
from bench.measuring.machine import distribution_version
from bench.solvers.peers import contestant
from bench.solvers.peers.contestant import Contestant, Outcome
from bench.solvers.spec import Spec
from knapsolve import Knapsack
from knapsolve.backends.worker import watch_parent
from knapsolve.solution import evaluate, violation
from knapsolve.solver import solvers

WARM_ITEMS = 200
WARM_ITEMS_OF_PEERS = 20
"""Not more: one that knows no time limit could get stuck before it is measured."""
WARM_SECONDS = 5.0


def main() -> None:
    """Serve one request; end with the benchmark that asked."""
    threading.Thread(target=watch_parent, args=(os.getppid(),), daemon=True).start()
    events = _private_output()
    request = json.loads(sys.stdin.readline())
    fields = request["spec"] | {"options": tuple((key, value) for key, value in request["spec"]["options"])}
    try:
        _serve(Spec(**fields), request["solver"], request["repeat"], request["limit"], events)
    except Exception as error:
        _send(events, event="failed", note=f"{type(error).__name__}: {str(error)[:300]}")


def _serve(spec: Spec, name: str, repeat: int, limit: float, events: TextIO) -> None:
    entrant = contestant(name)
    problem = spec.problem()
    refusal = entrant.refuses(problem)
    if refusal:
        _send(events, event="refused", note=refusal)
        return
    version = distribution_version(entrant.distribution)
    sizes = {"n": problem.n, "m": problem.m, "input_bytes": input_bytes(problem), "best_known": spec.best_known()}
    _send(events, event="ready", version=version, **sizes)
    _send(events, event="warm", seconds=_warm(spec, entrant, problem, limit))
    for _ in range(repeat):
        _send(events, event="begin")
        _send(events, event="run", **_measure(entrant, problem, limit))


def _warm(spec: Spec, entrant: Contestant, problem: Knapsack, limit: float) -> float:
    """Load and compile on a small problem, and return the seconds that took; ours run once on the real one as well.

    Kernels that only a large problem needs are then compiled too. A file has no small sister; it is its own.
    """
    is_ours = entrant.name in solvers()
    small = spec.problem(WARM_ITEMS if is_ours else WARM_ITEMS_OF_PEERS)
    begun = time.perf_counter()
    with contextlib.suppress(Exception):  # what fails here fails again where it is recorded
        entrant.run(small, min(limit, WARM_SECONDS))
    seconds = time.perf_counter() - begun
    if is_ours and problem.n > WARM_ITEMS:
        with contextlib.suppress(Exception):
            entrant.run(rebuilt(problem), min(limit, WARM_SECONDS))
    return seconds


def _measure(entrant: Contestant, problem: Knapsack, limit: float) -> dict[str, Any]:
    begun = time.perf_counter()
    fresh = rebuilt(problem)
    constructed = time.perf_counter() - begun
    before = memory.reset_peak()
    begun = time.perf_counter()
    outcome = entrant.run(fresh, limit)
    seconds = time.perf_counter() - begun
    extra = memory.extra_peak(before)
    return {"seconds": seconds, "construct_seconds": constructed, "extra_bytes": extra, **_claim(problem, outcome)}


def _claim(problem: Knapsack, outcome: Outcome) -> dict[str, Any]:
    """Recompute the value from the selection; a selection that breaks a constraint is WRONG whatever its status."""
    value, status, note = None, outcome.status, outcome.note
    if outcome.selected is not None:
        exact, usage = evaluate(problem, outcome.selected)
        broken = violation(problem, outcome.selected, usage)
        value = float(exact)
        if broken is not None:
            value, status, note = None, "WRONG", f"claimed {status}; {broken}"
    bound = outcome.bound if outcome.bound is not None and math.isfinite(outcome.bound) else None
    return {"status": status, "value": value, "bound": bound, "note": note}


def rebuilt(problem: Knapsack) -> Knapsack:
    """Return the same problem without anything it may have cached, so that every repeat begins alike."""
    extras = {key: getattr(problem, key) for key in ("choices", "exactly_one", "requires", "fixed_in", "fixed_out")}
    if problem.type_weights is not None:
        assert problem.item_type is not None
        return Knapsack.from_types(
            problem.values, problem.item_type, problem.type_weights, problem.capacities, **extras
        )
    return Knapsack(problem.values, problem.weights, problem.capacities, **extras)


def input_bytes(problem: Knapsack) -> int:
    """Return the size of the arrays that make the problem."""
    names = ("values", "capacities", "dense_weights", "item_type", "type_weights", "choices", "requires")
    return sum(array.nbytes for name in names if (array := getattr(problem, name)) is not None)


def _private_output() -> TextIO:
    """Keep standard output for events and send whatever else writes to it to standard error."""
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return events


def _send(events: TextIO, **fields: Any) -> None:
    events.write(json.dumps(fields) + "\n")
    events.flush()


if __name__ == "__main__":
    main()
