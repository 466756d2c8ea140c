"""HGQ2: a width for each weight and each value, learnt beside the weights under a price on bit operations (EBOPs)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.networks.accuracy.baselines import compiled
from bench.networks.accuracy.data import Data
from bench.networks.digits.networks import Network
from bench.networks.digits.traced import Design, Kind, Stage

BATCH = 256
RATE = 4e-3
RESTART = 40
"""Epochs between two restarts of the learning rate, which falls along a cosine."""

WARM = 5e-7
"""The price at which a rising one starts."""


def build(network: Network, price: float) -> Any:
    """Make the network of QDense layers with the widths that HGQ2's guide recommends: kbi weights, kif data."""
    import keras
    from hgq.config import LayerConfigScope, QuantizerConfigScope
    from hgq.layers import QDense

    sizes = zip(network.names, network.widths[1:], strict=True)
    with (
        QuantizerConfigScope(place="all", default_q_type="kbi", overflow_mode="SAT_SYM"),
        QuantizerConfigScope(place="datalane", default_q_type="kif", overflow_mode="WRAP"),
        LayerConfigScope(enable_ebops=True, beta0=price),
    ):
        layers = [QDense(size, activation=None if name == "output" else "relu", name=name) for name, size in sizes]
        return keras.Sequential([keras.Input((network.widths[0],)), *layers])


def train(
    network: Network, data: Data, seed: int, price: float, end: float | None, epochs: int, folder: Path
) -> list[Path]:
    """Train at one price, or at one that rises to `end`; return weights, no other being better and smaller."""
    import keras
    from hgq.utils.sugar import BetaScheduler, FreeEBOPs, ParetoFront, PieceWiseSchedule

    keras.utils.set_random_seed(seed)
    model = build(network, price)
    steps = -(-len(data.train[0]) // BATCH)
    fall = keras.optimizers.schedules.CosineDecayRestarts(RATE, RESTART * steps, t_mul=1.0, m_mul=0.94, alpha=1e-2)
    compiled(model, keras.optimizers.Adam(fall), metrics=["accuracy"], jit_compile=False, steps_per_execution=16)
    front = ParetoFront(
        folder,
        ["val_accuracy", "ebops"],
        [1, -1],
        "{epoch}.weights.h5",
        # What is looked for in the first epochs of a constant price is not small yet.
        enable_if=lambda logs: bool(logs["epoch"] >= min(10, epochs // 2)),
    )
    callbacks = [FreeEBOPs(), front]
    if end is not None:
        rising = PieceWiseSchedule([(0, price, "log"), (epochs - 1, end, "constant")])
        callbacks.insert(0, BetaScheduler(rising))
    model.fit(
        *data.train,
        batch_size=BATCH,
        epochs=epochs,
        validation_data=data.validation,
        validation_batch_size=len(data.validation[0]),
        callbacks=callbacks,
        verbose=0,
    )
    kept = sorted(zip(front.record, front.paths, strict=True), key=lambda pair: float(pair[0][1]))
    return [path for _, path in thinned([(float(record[1]), float(record[0]), path) for record, path in kept])]


def thinned(front: list[tuple[float, float, Path]], points: int = 24) -> list[tuple[float, Path]]:
    """Keep the best by validation in each of so many equal ratios of EBOPs, and the best of all."""
    if not front:
        return []
    costs = np.log([max(cost, 1.0) for cost, _, _ in front])
    place = np.minimum((costs - costs.min()) / max(np.ptp(costs), 1e-9) * points, points - 1).astype(int)
    best: dict[int, tuple[float, float, Path]] = {}
    for bin_, point in zip(place, front, strict=True):
        if bin_ not in best or point[1] > best[bin_][1]:
            best[bin_] = point
    return [(cost, path) for cost, _, path in best.values()]


def design(model: Any, data: Data) -> tuple[Design, int]:
    """Find the integer bits of its data, as its guide says, and read it; return its EBOPs, too."""
    from hgq.utils import trace_minmax
    from keras.ops import convert_to_numpy

    known = np.concatenate([data.train[0], data.validation[0]])
    ebops = trace_minmax(model, known, batch_size=8192)
    kinds = [_kind(layer.iq.quantizer, layer.input.shape) for layer in model.layers]
    stages = [
        Stage(convert_to_numpy(layer.qkernel), convert_to_numpy(layer.qbias), result)
        for layer, result in zip(model.layers, [*kinds[1:], None], strict=True)
    ]
    return Design(kinds[0], stages), int(ebops)


def _kind(quantizer: Any, shape: tuple[int | None, ...]) -> Kind:
    """Read the types of a layer's inputs."""
    from keras.ops import convert_to_numpy

    row = (1, *shape[1:])
    signed, integer, fraction = (
        np.asarray(convert_to_numpy(quantizer.bw_mapper.bw_to_x(part, row))[0]).astype(np.int64)
        for part in quantizer.kif
    )
    return Kind(signed, integer, fraction)
