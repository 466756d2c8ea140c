"""The contestants: our own solvers, others' solvers, and yardsticks. Each peer's module loads only when it runs."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec

from bench.solvers.peers.contestant import Contestant
from knapsolve import solvers

PEERS = {
    "numpy-argpartition": "yardsticks:ARGPARTITION",
    "numpy-sort": "yardsticks:SORT",
    "ortools-knapsack": "ortools_knapsack:ORTOOLS_KNAPSACK",
    "ortools-cpsat": "ortools_cpsat:CPSAT",
    "mathopt-highs": "mathopt:HIGHS",
    "mathopt-scip": "mathopt:SCIP",
    "mknapsack": "mknapsack:MKNAPSACK",
    "hls4ml-knapsack": "hls4ml_knapsack:HLS4ML",
}
"""Name of each peer, and the module and object it is."""

YARDSTICKS = ("numpy-argpartition", "numpy-sort")


def names() -> list[str]:
    """Return every name that can take part; a peer that is not installed is left out."""
    return [*solvers(), *(name for name in PEERS if installed(name))]


def installed(name: str) -> bool:
    """Return whether a contestant can be loaded here."""
    if name == "mknapsack":
        return folder_of_its_own(name) is not None
    if name == "hls4ml-knapsack":
        return find_spec("hls4ml") is not None
    return name in PEERS or name in solvers()


def folder_of_its_own(name: str) -> str | None:
    """Return the folder that must lead the import path of a peer's process, or None."""
    return os.environ.get("BENCH_MKNAPSACK") if name == "mknapsack" else None


def contestant(name: str) -> Contestant:
    """Load a contestant."""
    if name in PEERS:
        module, attribute = PEERS[name].split(":")
        peer = getattr(import_module(f"bench.solvers.peers.{module}"), attribute)
        assert isinstance(peer, Contestant)
        return peer
    if name in solvers():
        from bench.solvers.peers.ours import ours

        return ours(name)
    raise ValueError(f"solver must be one of {', '.join(names())}; got {name!r}")
