"""One run: a method, asked for one thing, and what da4ml counts of each design that comes of it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.networks.accuracy.data import Data
from bench.networks.digits.methods import METHODS
from bench.networks.digits.task import Setting, Task
from bench.networks.digits.traced import Design, accuracy, answers, synthesised
from bench.networks.study import Row

SMALL = 1000
"""Look-up tables by da4ml's count up to which the least design of a run is synthesised by Yosys as well."""


@dataclass(frozen=True)
class Run:
    """What to do.

    Parameters
    ----------
    network, method
        By name.
    seed
        Of the weights and of the order of the data.
    setting
        What the method is asked for.
    """

    network: str
    method: str
    seed: int
    setting: Setting

    @property
    def about(self) -> Row:
        """What its row says beforehand."""
        of = {"network": self.network, "method": self.method, "seed": self.seed}
        return of | {"setting": dict(self.setting)}


def wanted(network: str, methods: Iterable[str], seeds: Iterable[int]) -> list[Run]:
    """List the runs of a network: all settings with the first seed, then the main ones with the others."""
    first, *others = seeds
    runs = [Run(network, name, first, setting) for name in methods for setting in METHODS[name].settings[network]]
    for seed in others:
        runs += [
            Run(network, name, seed, setting) for name in methods for setting in METHODS[name].main.get(network, ())
        ]
    return runs


def measure(run: Run, data: Data, folder: Path) -> Row:
    """Do a run: its row has a point for each design."""
    own = folder / "-".join([run.network, run.method, str(run.seed), *_words(run.setting)])
    own.mkdir(parents=True, exist_ok=True)
    started, used = time.perf_counter(), time.process_time()
    made = list(METHODS[run.method].run(Task(run.network, data, run.seed, run.setting, own)))
    spent = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - used}
    # What was trained elsewhere says how long that took.
    spent["cpu_seconds"] += sum(more.pop("cpu_seconds", 0.0) for _, more in made)
    found = [(design.logic(), design, more) for design, more in made]
    found.sort(key=lambda one: float(one[0].cost))
    points = [point(logic, design, data) | more for logic, design, more in found]
    if points and points[0]["lut"] <= SMALL:
        points[0]["yosys"] = synthesised(found[0][0])
    shutil.rmtree(own, ignore_errors=True)
    return spent | {"samples": len(data.test[1]), "points": points}


def _words(setting: Setting) -> list[str]:
    """Write a setting for a file's name."""
    return [re.sub(r"\W+", "", str(value)) for value in setting.values()]


def point(logic: Any, design: Design, data: Data) -> dict[str, Any]:
    """Say what da4ml's logic of a design costs, and run it on the validation and the test data."""
    # Inputs, copies and constants are no additions.
    adders = sum(operation.opcode in (0, 1, 4) for operation in logic.ops)
    right = {
        part: accuracy(answers(logic, design.inputs, pair[0]), pair[1])
        for part, pair in (("validation", data.validation), ("test", data.test))
    }
    return {"lut": float(logic.cost), "adders": adders, "depth": float(max(logic.latency)), **right}
