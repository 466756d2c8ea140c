"""Runs that are killed with kill -9 while they save themselves, and one beside them that is left alone."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


def whole_and_killed(
    child: str, folder: Path, *given: Path, kills: int, saves: int = 9, seed: int = 3
) -> tuple[Arrays, Arrays, list[int]]:
    """Run a script to its end, and again with kill -9 in between; return both answers, and the saves it was killed at.

    The script is called with what is `given`, the folder of its checkpoint and the ``.npz`` file for its answer. The
    kills are spread over its first `saves` states, each at a random moment thereafter.
    """

    def start(name: str) -> subprocess.Popen[bytes]:
        paths = [*given, folder / name, folder / f"{name}.npz"]
        return subprocess.Popen([sys.executable, "-c", child, *map(str, paths)], stderr=subprocess.PIPE)

    def answer(name: str) -> Arrays:
        process = start(name)
        said = process.communicate(timeout=300)[1]
        assert process.returncode == 0, said.decode()
        with np.load(folder / f"{name}.npz") as arrays:
            return dict(arrays)

    def saved() -> int:
        manifest = folder / "killed" / "checkpoint.json"
        return int(json.loads(manifest.read_text())["count"]) if manifest.exists() else 0

    whole = answer("whole")
    chance, stages = random.Random(seed), []
    for kill in range(kills):
        process = start("killed")
        goal = min(saves, 1 + saves * kill // kills)
        while saved() < goal and process.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.communicate()
        stages.append(saved())
    return whole, answer("killed"), stages
