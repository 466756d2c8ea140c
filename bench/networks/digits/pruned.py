"""knapprune: values of few digits, narrower data, or zeros alone, within a budget of look-up tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from bench.networks.accuracy.baselines import BATCH, baseline, compiled
from bench.networks.accuracy.data import Data
from bench.networks.digits.calibration import ROOM, ranges
from bench.networks.digits.networks import Network
from bench.networks.digits.task import Task
from bench.networks.digits.traced import Design, Kind, Stage
from knapprune.network.rounding import Rounding

WEIGHT = "fixed<8,2>"
"""Type of the weights: steps of 2^-6, which hold values from -2 to 2."""

NEAREST = Rounding.parse(WEIGHT.replace(">", ",RND,SAT>"))
"""Rounds to it."""

BIAS = "fixed<12,3>"

STEPS, EPOCHS, FINAL = 5, 6, 90
"""Steps in which the budget tightens, epochs of each but the last, and of the last."""

FINER = (1, 3)
"""How many bits finer than results biases may be: each costs, and moves where a result is rounded."""

RATE = 2e-3
"""Of Adam, at its highest."""

WIDTHS = (5, 6, 7, 8, 10)
"""Bits of the data that a pruned network is counted and judged with."""

SAMPLES = 4096
"""Training samples that Fisher information is estimated on at each step."""


def configuration(model: Any, network: Network, integers: Mapping[str, int], bits: int) -> dict[str, Any]:
    """Configure every layer as an adder graph, with data of so many bits."""
    built = {"Strategy": "distributed_arithmetic", "ReuseFactor": 1}
    kind = network.signed, network.integer
    layers: dict[str, Any] = {model.inputs[0].name: {"Precision": {"result": fixed(*kind, bits - sum(kind))}}}
    for name in network.names:
        layers[name] = built | {"Precision": {"weight": WEIGHT, "bias": BIAS, "result": "auto"}}
        if name in integers:
            layers[f"{name}_relu"] = {"Precision": {"result": fixed(0, integers[name], bits - integers[name])}}
    return {"IOType": "io_parallel", "Model": built | {"Precision": "fixed<16,6>"}, "LayerName": layers}


def fixed(signed: int, integer: int, fraction: int) -> str:
    """Write a type that rounds to nearest, as hls4ml does: there, the sign is an integer bit."""
    return f"{'' if signed else 'u'}fixed<{signed + integer + fraction},{signed + integer},RND>"


def prune(task: Task) -> Iterator[tuple[Design, dict[str, Any]]]:
    """Prune to a budget; what may be chosen is in the setting."""
    import knapprune as kp

    model = start(task)
    bits, choose = task.setting["bits"], task.setting.get("choose")
    config = configuration(model, task.of, ranges(model, task.data), bits)
    pruned = kp.prune(
        model,
        config,
        train=task.data.train,
        validation=task.data.validation,
        budget={"lut": task.setting["lut"]},
        choose=asked(choose, model, task.of),
        saliency="fisher",
        normalise="none",
        saliency_data=tuple(part[:SAMPLES] for part in task.data.train),
        tolerance=1.0,
        steps=STEPS,
        epochs=EPOCHS,
        final_epochs=FINAL,
        batch_size=BATCH,
        learning_rate="restarts",
        seed=task.seed,
        progress=False,
    )
    if not pruned.met:
        raise RuntimeError(f"the budget was not met: {pruned.stopped}")
    matrices = {"matrices": pruned.resources["lut"]}
    if choose and "data_bits" in choose:
        kinds = chosen(pruned.model, pruned.hls_config, task.of)
        widths = [int(kind.width[0]) for kind in kinds]
        for finer in product(FINER, repeat=len(kinds) - 1):
            made = design(pruned.model, kinds, finer)
            yield made, matrices | {"bits": widths}
            yield wrapping(made, task.data), {"bits": widths}
        return
    whole = ranges(pruned.model, task.data)
    for width, more in product(WIDTHS, FINER):
        # What the matrices take was counted at the width of the data that the budget was kept with.
        kinds = [Kind.of(1, 0, integer, width - integer) for integer in whole.values()]
        inputs = Kind.of(1, task.of.signed, task.of.integer, width - task.of.signed - task.of.integer)
        made = design(pruned.model, [inputs, *kinds], [more] * len(kinds))
        yield made, {"bits": width} | (matrices if width == bits else {})


def asked(choose: Mapping[str, Any] | None, model: Any, network: Network) -> Any:
    """Let the widths of the inputs be chosen, too, which has to be said by name."""
    if not choose or "data_bits" not in choose:
        return choose
    return {**choose, "data_bits": dict.fromkeys((model.inputs[0].name, *network.names[:-1]), choose["data_bits"])}


def start(task: Task) -> Any:
    """Load the network that is pruned, its weights rounded to their type: others make adder graphs of many bits."""
    import keras

    path = task.folder.parent / f"{task.network}-{task.seed}.keras"
    model = baseline(task.of, task.data, task.seed, path)
    finer = Rounding.parse(BIAS.replace(">", ",RND,SAT>"))
    for layer in model.layers:
        kernel, bias = layer.get_weights()
        layer.set_weights([NEAREST(kernel), finer(bias)])
    return compiled(model, keras.optimizers.Adam(RATE))


def chosen(model: Any, config: Mapping[str, Any], network: Network) -> list[Kind]:
    """Read the types of the inputs and of the rectified results from a configuration."""
    kinds = []
    for name in (model.inputs[0].name, *(f"{name}_relu" for name in network.names[:-1])):
        read = Rounding.parse(config["LayerName"][name]["Precision"]["result"])
        signed = int(read.type.signed)
        kinds.append(Kind.of(1, signed, read.type.integer - signed, read.type.fraction, read.overflow == "SAT"))
    return kinds


def design(model: Any, kinds: Sequence[Kind], finer: Sequence[int]) -> Design:
    """Read a model whose inputs and rectified results have some types, with biases that are so many bits finer."""
    stages = []
    # The last layer's sums are compared as they are; what goes into them says how fine its biases are.
    fractions = [int(kind.fraction[0]) + more for kind, more in zip([*kinds[1:], kinds[-1]], [*finer, 3], strict=True)]
    for layer, kind, fraction in zip(model.layers, [*kinds[1:], None], fractions, strict=True):
        kernel, bias = (np.asarray(part, dtype=np.float64) for part in layer.get_weights())
        result = None if kind is None else kind.repeated(kernel.shape[1])
        # Where values are chosen these are of the type already.
        stages.append(Stage(NEAREST(kernel), np.round(np.ldexp(bias, fraction)) / 2.0**fraction, result))
    return Design(kinds[0].repeated(stages[0].kernel.shape[0]), stages)


def wrapping(made: Design, data: Data) -> Design:
    """Give results as many whole bits as the training data need, so that none has to be cut off."""
    rows, stages = made.inputs(data.train[0]), []
    for stage in made.stages:
        if stage.result is not None:
            largest = float((rows @ stage.kernel + stage.bias).max()) * ROOM
            size, fraction = len(stage.bias), int(stage.result.fraction[0])
            integer = int(np.ceil(np.log2(max(largest, 2.0 ** (1 - fraction)))))
            stage = replace(stage, result=Kind.of(size, 0, integer, fraction))
        stages.append(stage)
        rows = stage(rows)
    return Design(made.inputs, stages)
