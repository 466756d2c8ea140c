"""Count what fetch-group pruning saves on a sparse accelerator, and write the table and the plot of it.

    python -m bench.networks.accelerator --models FOLDER     run, write docs/benchmarks/accelerator.json, .md and .png
    python -m bench.networks.accelerator                     write .md and .png anew from accelerator.json

FOLDER holds ``pretrainedResnet.h5`` and ``vww_96.h5`` of the MLPerf Tiny benchmark, as in
https://github.com/mlcommons/tiny (folder ``benchmark/training``). Kernels are real, trained weights; no data come with
them, so nothing is fine-tuned here and no accuracy is stated.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from bench.measuring.machine import versions
from bench.networks.accelerator_page import page
from bench.networks.accelerator_plot import plot
from bench.networks.command import app
from bench.networks.study import Case, Row, Study

NETWORKS = {"ResNet-8": "pretrainedResnet.h5", "MobileNet": "vww_96.h5"}
SETTINGS = ((6, 8), (10, 16), (12, 16), (15, 16))
ELEMENTS = (1, 4, 16, 32)
BY_LAYER = (4, 6, 8, 10, 12)  # uniform p of 16 to compare with, two multipliers a processing element


def largest(kernel: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """Mask the largest weights of a kernel, wherever they are: pruning by magnitude without structure."""
    mask = np.zeros(kernel.size, dtype=bool)
    mask[np.argsort(-np.abs(kernel).ravel(), kind="stable")[:count]] = True
    return mask.reshape(kernel.shape)


def kept(kernels: dict[str, Any], masks: dict[str, Any]) -> Row:
    """Say what share of each layer's absolute weights is left: the mean, the geometric mean and the least."""
    shares = [np.abs(kernel * masks.get(name, 1)).sum() / np.abs(kernel).sum() for name, kernel in kernels.items()]
    geometric = math.exp(float(np.mean(np.log(shares))))
    return {"mean": float(np.mean(shares)), "geometric": geometric, "least": float(min(shares))}


def work(accelerator: Any, layers: Any, kernels: dict[str, Any], masks: dict[str, Any]) -> Row:
    """Add up what the layers make the accelerator do."""
    from knapprune.hardware.load import Load

    load = sum((accelerator.load(layer, kernels[layer.name] * masks.get(layer.name, 1)) for layer in layers), Load())
    return {
        "cycles": load.cycles,
        "unsynchronised": load.unsynchronised,
        "balance": load.balance,
        "utilisation": load.utilisation,
        "words": load.words,
        "packed_words": load.packed_words,
        "misaligned": load.misaligned / load.groups,
        "weights": sum(int(np.count_nonzero(kernels[layer.name] * masks.get(layer.name, 1))) for layer in layers),
        "kept": kept(kernels, masks),
    }


def cases(
    models: Annotated[
        Path | None, typer.Option(help="Folder of the networks; without it only page and plot are written.")
    ] = None,
) -> list[Case]:
    """List what is measured of each network, if there are models."""
    if models is None:
        return []
    made: list[Case] = []
    for network, file in NETWORKS.items():
        model = partial(load, models / file)
        made.append(Case({"kind": "network", "network": network}, partial(products, model)))
        for pruned, size in SETTINGS:
            for elements in ELEMENTS:
                about = {"kind": "throughput", "network": network, "pruned": pruned, "size": size, "elements": elements}
                made.append(Case(about, partial(throughput, model, pruned, size, elements)))
        for pruned in BY_LAYER:
            about = {"kind": "by layer", "network": network, "pruned": pruned}
            made.append(Case(about, partial(by_layer, model, pruned)))
    return made


@cache
def load(path: Path) -> Any:
    """Load a network."""
    from knapprune.adapters.keras.files import load_keras_model

    return load_keras_model(path)


def throughput(load: Callable[[], Any], pruned: int, size: int, elements: int) -> Row:
    """Compare a given p with no structure at equal density, layer by layer, and with the dense network."""
    import knapprune as kp
    from knapprune.hardware.accelerator import Accelerator

    model, accelerator = load(), Accelerator(size, size - pruned, elements)
    selection = kp.select(model, {}, structure=f"fetch-group:{pruned}/{size}", hardware=accelerator)
    layers = selection.before.layers
    kernels = counted(model, layers)
    equal = {name: largest(kernels[name], int(mask.sum())) for name, mask in selection.masks.items()}
    return {
        "dense": work(accelerator, layers, kernels, {}),
        "groups": work(accelerator, layers, kernels, selection.masks) | {"kept": kept(kernels, selection.masks)},
        "unstructured": work(accelerator, layers, kernels, equal) | {"kept": kept(kernels, equal)},
    }


def by_layer(load: Callable[[], Any], pruned: int) -> Row:
    """Compare p chosen by layer with one p for all at the same cycles."""
    import knapprune as kp
    from knapprune.hardware.accelerator import Accelerator

    model, accelerator = load(), Accelerator(16, 2, 16)
    uniform = kp.select(model, {}, structure=f"fetch-group:{pruned}/16", hardware=accelerator)
    kernels = counted(model, uniform.before.layers)
    started = time.perf_counter()
    chosen = kp.select(model, {}, {"cycles": uniform.resources["cycles"]}, hardware=accelerator)
    return {
        "dense": uniform.before["cycles"],
        "uniform": {"cycles": uniform.resources["cycles"], "value": uniform.solution.value}
        | kept(kernels, uniform.masks),
        "chosen": {"cycles": chosen.resources["cycles"], "value": chosen.solution.value} | kept(kernels, chosen.masks),
        "structures": dict(chosen.structures),
        "status": str(chosen.solution.status),
        "solver": chosen.solution.solver,
        "gap": chosen.solution.gap,
        "seconds": round(time.perf_counter() - started, 2),
    }


def counted(model: Any, layers: Iterable[Any]) -> dict[str, Any]:
    """Return the kernels of the layers that an accelerator counts: no depthwise convolution, no normalisation."""
    from knapprune.adapters.keras.adapter import KerasAdapter

    names = {layer.name for layer in layers}
    return {name: kernel for name, kernel in KerasAdapter().kernels(model).items() if name in names}


def products(load: Callable[[], Any]) -> Row:
    """Count the products of the layers that are counted here, and those of depthwise convolutions, which are not."""
    import knapprune as kp

    model = load()
    layers = [layer for layer in kp.estimate(model, {}, hardware="hls4ml").layers if "depthwise" not in layer.kind]
    depthwise = [layer for layer in model.layers if type(layer).__name__ == "DepthwiseConv2D"]
    left_out = sum(math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1]) for layer in depthwise)
    number = sum(layer.size * layer.pixels for layer in layers)
    return {"products": number, "depthwise": len(depthwise), "depthwise_products": left_out}


STUDY = Study(
    "accelerator",
    __doc__,
    page,
    cases,
    facts=partial(versions, "knapprune", "keras", "numpy"),
    more=lambda rows, out: plot(rows, out / "accelerator.png"),
)

if __name__ == "__main__":
    app(STUDY)()
