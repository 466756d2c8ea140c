"""Who runs the points of a sweep: this process, others on this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from knapprune.pruning.sweep_point import Parcel, Row, run_point
from knapprune.tools import require

Points = Sequence[Mapping[str, Any]]


def run_points(parcel: Parcel, points: Points, jobs: int, scheduler: str | None) -> Iterator[tuple[int, Row]]:
    """Yield the row of each point with its number, as they come."""
    if scheduler is not None:
        yield from _on_cluster(parcel, points, scheduler)
    elif jobs == 1:
        for number, settings in enumerate(points):
            yield number, run_point(parcel, settings)
    else:
        joblib = require("joblib", extra="sweep")
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
        yield from parallel(joblib.delayed(_numbered)(parcel, number, own) for number, own in enumerate(points))


def _on_cluster(parcel: Parcel, points: Points, scheduler: str) -> Iterator[tuple[int, Row]]:
    """Have a scheduler of Dask's deal the points out; those of a worker that dies go to another one."""
    distributed = require("distributed", extra="dask")
    try:
        client = distributed.Client(scheduler, timeout=20)
    except (OSError, TimeoutError) as error:
        raise ConnectionError(
            f"scheduler: no answer from {scheduler!r} ({type(error).__name__}), expected the address of a running "
            "scheduler of Dask's, such as tcp://10.0.0.1:8786"
        ) from error
    with client:
        sent = client.scatter(parcel, broadcast=False)
        futures = [client.submit(_numbered, sent, number, own, pure=False) for number, own in enumerate(points)]
        for future in distributed.as_completed(futures):
            yield future.result()


def _numbered(parcel: Parcel, number: int, settings: Mapping[str, Any]) -> tuple[int, Row]:
    return number, run_point(parcel, settings)
