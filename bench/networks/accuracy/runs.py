"""One run: prune, estimate, convert, count, compile, and score bit by bit. What it finds is one row."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from bench.networks.accuracy.baselines import baseline
from bench.networks.accuracy.data import Data
from bench.networks.accuracy.methods import METHODS
from bench.networks.accuracy.networks import NETWORKS
from bench.networks.accuracy.problem import Problem
from bench.networks.study import Row
from knapsolve.files import atomic

UNPRUNED = "unpruned"


@dataclass(frozen=True)
class Run:
    """What to do.

    Parameters
    ----------
    network, method
        By name; ``"unpruned"`` is no method but the network as it is.
    seed
        Of the unpruned network and of the pruning.
    budget
        Absolute counts by resource; empty for the unpruned network.
    share
        Of the unpruned network's DSPs, from which the budget was made: rows of one share are compared, whatever a
        method's own budget is.
    """

    network: str
    method: str
    seed: int
    budget: tuple[tuple[str, int], ...] = ()
    share: float | None = None

    @property
    def name(self) -> str:
        """A name for files, and to know the run by."""
        return "-".join([self.network, self.method, *(f"{key}={limit}" for key, limit in self.budget), str(self.seed)])

    @property
    def about(self) -> Row:
        """What its row says beforehand."""
        of = {"run": self.name, "network": self.network, "method": self.method, "seed": self.seed}
        return of | {"budget": dict(self.budget), "share": self.share}


def measure(run: Run, data: Data, folder: Path, test: int) -> Row:
    """Do a run."""
    import keras

    import knapprune as kp

    network = NETWORKS[run.network]
    original = baseline(network, data, run.seed, folder / f"{run.network}-{run.seed}.keras")
    model = original
    spent: Row = {}
    if run.method != UNPRUNED:
        network = METHODS[run.method].network(network)
        pruned, times, checkpoint = (folder / f"{run.name}.{end}" for end in ("keras", "times", "checkpoint"))
        if not times.exists():
            problem = Problem(network, original, data, dict(run.budget), run.seed, checkpoint)
            atomic.write_text(times, json.dumps(_prune(run, problem, pruned)))
        spent = json.loads(times.read_text())
        model = keras.models.load_model(pruned, custom_objects=kp.custom_objects(), compile=False)
    images, classes = data.test
    check = kp.verify(model, network.config, data=(images[:test], classes[:test]))
    tables = kp.estimate(model, network.config, explain=True).estimated
    validation, answers = data.validation[1], model.predict(data.validation[0], verbose=0)
    return spent | {
        "validation": float((answers.argmax(axis=1) == validation).mean()),
        "float": check.model_accuracy,
        "bit_accurate": check.accuracy,
        "images": len(classes[:test]),
        "counted": check.counted,
        "estimated": {"lut": sum(own["lut"] for own in tables.values())},
        "by_layer": {
            name: {"reuse_factor": layer.reuse_factor, **layer.counted, "lut": tables[name]["lut"]}
            for name, layer in check.by_layer.items()
        },
        "verify_seconds": check.seconds,
    }


def _prune(run: Run, problem: Problem, path: Path) -> Row:
    """Prune and save; return how long it took."""
    started, used = time.perf_counter(), time.process_time()
    METHODS[run.method].run(problem).save(path)
    for folder in path.parent.glob(f"{problem.checkpoint.name}*"):
        shutil.rmtree(folder, ignore_errors=True)
    return {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - used}
