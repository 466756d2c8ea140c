"""PQuantML 0.1: networks that it trained in an environment of its own, read from its files.

It wants other versions of its frameworks than knapprune's, so `bench/networks/digits/pquant_training.py` is run there:

    python -m venv pquant && pquant/bin/pip install pquant-ml==0.1.0
    pquant/bin/python bench/networks/digits/pquant_training.py DATA.npz build/digits/pquant --seeds 3,4,5

where DATA.npz is what ``python -m bench.networks.digits.pquant DATA.npz`` writes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.networks.digits.data import DATA
from bench.networks.digits.task import Task
from bench.networks.digits.traced import Design, Kind, Stage

EPOCHS = 25 + 12 + 40 + 28
"""Of the network in floating point, before its weights are pruned, while they are, and of fine-tuning."""


def trained(task: Task) -> Iterator[tuple[Design, dict[str, Any]]]:
    """Read what was trained for a setting."""
    method, bits, sparsity = (task.setting[name] for name in ("pruning", "bits", "sparsity"))
    path = task.folder.parent / "pquant" / f"{method}-w{bits}-s{sparsity}-{task.seed}.npz"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: train it first, as bench/networks/digits/pquant.py says")
    with np.load(path) as arrays:
        layers = sum(name.startswith("kernel") for name in arrays)
        kinds = [_kind(arrays[f"in{n}"], len(arrays[f"kernel{n}"])) for n in range(layers)]
        stages = [
            Stage(arrays[f"kernel{n}"], arrays[f"bias{n}"], result)
            for n, result in zip(range(layers), [*kinds[1:], None], strict=True)
        ]
        spent = {"sparsity": float(arrays["sparsity"]), "cpu_seconds": float(arrays["seconds"])}
    yield Design(kinds[0], stages), spent


def _kind(bits: Any, size: int) -> Kind:
    signed, integer, fraction = (int(own) for own in bits)
    return Kind.of(size, signed, integer, fraction, saturates=True)


def write_data(path: Path) -> None:
    """Write the jets for the training in the other environment."""
    data = DATA["jets"]()
    (x, y), (xv, yv), (xt, yt) = data.train, data.validation, data.test
    np.savez(path, x=x, y=y, xv=xv, yv=yv, xt=xt, yt=yt)


if __name__ == "__main__":
    write_data(Path(sys.argv[1]))
